"""The alliance descriptor `alliance.json`: the root that nodes, wallets and `heqi verify` trust.

It names the ledger, the contracts, the founders with their keys, and the recognised certificate authorities,
and every founder signs it. A node that joins checks it against the ledger; a verifier without network trusts
it as it stands.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar

import msgspec

from node.domain.controller import Verifiers
from node.domain.document import Document, open_document, peek_document, sign_document
from node.domain.encoding import Hex20, Hex32, Hex64, Seconds, canonical_json, parse_readable_json
from node.domain.ledger_ids import Eip712Domain
from node.domain.member import Member, Role
from node.domain.signature import Sign
from node.domain.trust import TrustAnchor, check_anchors
from node.errors import DescriptorError, DocumentFormatError, NodeError

DESCRIPTOR_TYPE = "heqi.alliance.v2"
CONTRACTS = frozenset(
    {
        "Alliance",
        "Anchors",
        "Calendar",
        "Catalogue",
        "ES256Verifier",
        "Grants",
        "Guarantees",
        "Openings",
        "Reservations",
        "Subjects",
        "TrustList",
        "WebAuthnVerifier",
    }
)
"""What every alliance has; later contracts come by vote."""

# The same bounds as in the contracts (`Names.sol`, `Membership.sol`).
Endpoint = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{0,255}\Z")]
RoleMask = Annotated[int, msgspec.Meta(ge=1, le=7)]
ContractName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9]{0,30}\Z")]


class MemberCard(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member's public keys and addresses, signed by its own identity key.

    `alliance` is empty: a card is made before the alliance, and may serve in more than one.
    """

    kind: ClassVar[str] = "member-card"

    iss: str
    roles: RoleMask
    account: Hex20
    identity_key: Hex64
    log_key: Hex32
    sealing_key: Hex32
    endpoint: Endpoint
    wallet_endpoint: Endpoint

    def member(self) -> Member:
        """The member that the card describes.

        Raises:
            CodeFormatError: the name is not a member name.
        """
        return Member(
            name=self.iss,
            roles=Role(self.roles),
            account=bytes.fromhex(self.account),
            identity_key=bytes.fromhex(self.identity_key),
            log_key=bytes.fromhex(self.log_key),
            sealing_key=bytes.fromhex(self.sealing_key),
            endpoint=self.endpoint,
            wallet_endpoint=self.wallet_endpoint,
        )


class DeployedContract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One contract of the alliance."""

    address: Hex20
    code_hash: Hex32
    """keccak256 of the runtime code."""


class Descriptor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the founders sign."""

    type: str
    alliance: Hex32
    name: str
    created: Seconds
    """When it was written."""
    chain_id: Annotated[int, msgspec.Meta(ge=1)]
    genesis_hash: Hex32
    deployed_block: Annotated[int, msgspec.Meta(ge=0)]
    """Block of the first contract: nothing before it concerns the alliance."""
    contracts: dict[ContractName, DeployedContract]
    founders: tuple[str, ...]
    """Member cards, compact JWS, sorted by member name."""
    trust_anchors: tuple[TrustAnchor, ...]
    """The founding entries of the trust list; from the founding on the ledger's list counts."""


class DescriptorSignature(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One founder's signature on the descriptor."""

    kind: ClassVar[str] = "alliance"

    iss: str
    descriptor: Hex32
    """SHA-256 of the descriptor's canonical JSON."""


class AllianceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The file `alliance.json`."""

    descriptor: Descriptor
    signatures: dict[str, str]
    """Compact JWS of `DescriptorSignature` by founder."""


def descriptor_digest(descriptor: Descriptor) -> str:
    """SHA-256 of the canonical JSON, 64 hex digits: what people compare by telephone."""
    return hashlib.sha256(canonical_json(msgspec.to_builtins(descriptor))).hexdigest()


def open_card(token: str) -> Member:
    """Check a member card: it is signed by the identity key that it names.

    Raises:
        DescriptorError: it is not, or it is malformed.
    """
    try:
        claimed = peek_document(token, MemberCard)
        card = open_document(token, MemberCard, bytes.fromhex(claimed.identity_key))
        member = card.member()
    except NodeError as error:
        raise DescriptorError(f"the member card is not valid: {error}") from error
    if card.alliance:
        raise DescriptorError(f"the card of {card.iss} names an alliance; a card stands before any")
    return member


def founders_of(descriptor: Descriptor) -> dict[str, Member]:
    """The founders by name.

    Raises:
        DescriptorError: a card is false, or two have one name.
    """
    members = [open_card(token) for token in descriptor.founders]
    names = [member.name for member in members]
    if not names or names != sorted(set(names)):
        raise DescriptorError("the descriptor's founders must be sorted by name, each once")
    return {member.name: member for member in members}


def alliance_domain(descriptor: Descriptor) -> Eip712Domain:
    """The EIP-712 domain of signatures that the alliance contract checks."""
    contract = bytes.fromhex(descriptor.contracts["Alliance"].address)
    return Eip712Domain(descriptor.chain_id, contract, bytes.fromhex(descriptor.alliance))


def verifiers_of(descriptor: Descriptor) -> Verifiers:
    """Where the alliance's verifiers of controllers are."""
    return Verifiers(
        *(bytes.fromhex(descriptor.contracts[name].address) for name in ("ES256Verifier", "WebAuthnVerifier"))
    )


def known_members(descriptor: Descriptor, cards: Sequence[str] = ()) -> dict[str, Member]:
    """The founders, and the members whose cards the caller trusts besides, by name.

    Raises:
        DescriptorError: a card is false, or names a founder or another card's member with other keys.
    """
    members = founders_of(descriptor)
    for card in map(open_card, cards):
        known = members.setdefault(card.name, card)
        # Whoever hands over a card must not be able to put his own key in the place of a founder's.
        if (known.identity_key, known.log_key) != (card.identity_key, card.log_key):
            raise DescriptorError(f"the card of {card.name} has other keys than are known for that member")
    return members


def member_of(members: Mapping[str, Member], name: str) -> Member:
    """A member whose keys a verifier trusts.

    Raises:
        DescriptorError: it trusts none by that name.
    """
    member = members.get(name)
    if member is None:
        raise DescriptorError(
            f"{name} is no founder of the alliance; give its member card to check its records"
        )
    return member


def sign_descriptor(descriptor: Descriptor, member: str, sign: Sign, *, iat: int, jti: str) -> str:
    """One founder's signature."""
    return sign_document(
        DescriptorSignature(
            alliance=descriptor.alliance,
            iat=iat,
            jti=jti,
            iss=member,
            descriptor=descriptor_digest(descriptor),
        ),
        sign,
    )


def parse_alliance_file(raw: bytes) -> AllianceFile:
    """Read `alliance.json` without believing it.

    Raises:
        DescriptorError: it is malformed.
    """
    try:
        file = msgspec.convert(parse_readable_json(raw), type=AllianceFile)
    except (DocumentFormatError, msgspec.ValidationError) as error:
        raise DescriptorError(f"alliance.json is malformed: {error}") from error
    if file.descriptor.type != DESCRIPTOR_TYPE:
        raise DescriptorError(f"alliance.json has the unknown type {file.descriptor.type!r}")
    return file


def open_alliance_file(raw: bytes) -> Descriptor:
    """Read `alliance.json` and check that every founder signed exactly this.

    Raises:
        DescriptorError: malformed, a signature is missing or false, or a trust anchor is unusable.
    """
    file = parse_alliance_file(raw)
    lacking = sorted(CONTRACTS - file.descriptor.contracts.keys())
    if lacking:
        raise DescriptorError(f"alliance.json lacks the contracts {', '.join(lacking)}")
    digest = descriptor_digest(file.descriptor)
    founders = founders_of(file.descriptor)
    missing = sorted(founders.keys() - file.signatures.keys())
    if missing:
        raise DescriptorError(f"alliance.json is not yet signed by {', '.join(missing)}")
    for name, token in file.signatures.items():
        if name not in founders:
            raise DescriptorError(f"alliance.json is signed by {name}, who is no founder")
        try:
            signature = open_document(token, DescriptorSignature, founders[name].identity_key)
        except NodeError as error:
            raise DescriptorError(f"the signature of {name} on alliance.json is false: {error}") from error
        if (signature.iss, signature.descriptor, signature.alliance) != (
            name,
            digest,
            file.descriptor.alliance,
        ):
            raise DescriptorError(f"{name} signed another descriptor")
    try:
        check_anchors(file.descriptor.trust_anchors)
    except NodeError as error:
        raise DescriptorError(str(error)) from error
    return file.descriptor
