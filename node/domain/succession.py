"""Following a member's keys by the changes that it signed, without a ledger."""

from collections.abc import Iterable

from node.domain.keys import Succession, succeed
from node.domain.ledger_ids import Eip712Domain, key_change_digest
from node.domain.member import Member
from node.domain.signature import verify_p256
from node.errors import SignatureError


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
