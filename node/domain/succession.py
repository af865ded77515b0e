"""Following a member's keys by the changes that it signed, without a ledger."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from node.domain.encoding import Hex20, Hex32, Hex64
from node.domain.keys import KeyChange, KeyProofs, KeySet, Succession, succeed
from node.domain.ledger_ids import Eip712Domain, key_change_digest
from node.domain.member import Member
from node.domain.signature import verify_p256
from node.errors import ProofFormatError, SignatureError

HexProof = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{128}|)\Z")]
HexAccountProof = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{130}|)\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]


class ShownSuccession(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A change of keys as a bundle or a file shows it; bytes in hex."""

    member: str
    version: Count
    time: Count
    account: Hex20
    identity_key: Hex64
    log_key: Hex32
    sealing_key: Hex32
    log_size: Count
    overlap_until: Count
    by_identity: HexProof
    by_new_identity: HexProof
    by_new_account: HexAccountProof


def show_succession(succession: Succession) -> ShownSuccession:
    """For a bundle or a file."""
    change, keys, proofs = succession.change, succession.change.keys, succession.proofs
    return ShownSuccession(
        member=succession.member,
        version=succession.version,
        time=succession.time,
        account=keys.account.hex(),
        identity_key=keys.identity_key.hex(),
        log_key=keys.log_key.hex(),
        sealing_key=keys.sealing_key.hex(),
        log_size=change.log_size,
        overlap_until=change.overlap_until,
        by_identity=proofs.identity.hex(),
        by_new_identity=proofs.new_identity.hex(),
        by_new_account=proofs.new_account.hex(),
    )


def read_succession(shown: ShownSuccession) -> Succession:
    """The inverse; nothing is believed yet."""
    keys = (shown.account, shown.identity_key, shown.log_key, shown.sealing_key)
    proofs = (shown.by_identity, shown.by_new_identity, shown.by_new_account)
    return Succession(
        shown.member,
        shown.version,
        shown.time,
        KeyChange(KeySet(*map(bytes.fromhex, keys)), shown.log_size, shown.overlap_until),
        KeyProofs(*map(bytes.fromhex, proofs)),
    )


def encode_successions(successions: Iterable[Succession]) -> bytes:
    """A file of changes: a JSON array of what `show_succession` shows."""
    shown = [show_succession(one) for one in successions]
    return msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n"


def parse_successions(raw: bytes) -> list[Succession]:
    """Read a file of changes; nothing is believed yet.

    Raises:
        ProofFormatError: it is none.
    """
    try:
        return [read_succession(one) for one in msgspec.json.decode(raw, type=list[ShownSuccession])]
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProofFormatError(f"not a file of key changes: {error}") from error


def follow(member: Member, succession: Succession, domain: Eip712Domain) -> Member:
    """The member after a change that somebody shows, checked against the identity key before it.

    Raises:
        SignatureError: the change is not signed by the identity key before and the one after, is of another member,
            or does not follow the last.
        CodeFormatError: a key is malformed.
    """
    change, proofs = succession.change, succession.proofs
    if (succession.member, succession.version) != (member.name, len(member.former) + 1):
        raise SignatureError(f"change {succession.version} of keys does not follow the last of {member.name}")
    digest = key_change_digest(domain, member.name, succession.version, change)
    verify_p256(member.identity_key, digest, proofs.identity)
    if change.keys.identity_key != member.identity_key:
        verify_p256(change.keys.identity_key, digest, proofs.new_identity)
    followed = succeed(member, succession)
    if change.keys.log_key != member.log_key and change.log_size < _last_log_size(member):
        raise SignatureError("a later log key cannot count for an earlier part of the log")
    return followed


def follow_all(
    members: dict[str, Member], successions: Iterable[Succession], domain: Eip712Domain
) -> dict[str, Member]:
    """The members after all changes that somebody shows; changes of members who are not known are passed over.

    Raises:
        SignatureError: as `follow`.
        CodeFormatError: as `follow`.
    """
    followed = dict(members)
    for succession in successions:
        member = followed.get(succession.member)
        if member is not None and succession.version > len(member.former):
            followed[member.name] = follow(member, succession, domain)
    return followed


def _last_log_size(member: Member) -> int:
    return max((one.log_size for one in member.former if one.log_size is not None), default=0)
