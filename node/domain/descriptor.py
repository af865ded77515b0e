"""The alliance descriptor `alliance.json`: the root that nodes, wallets and `heqi verify` trust.

It names the ledger, the contracts, the founders with their keys, and the recognised certificate authorities,
and every founder signs it. A node that joins checks it against the ledger; a verifier without network trusts
it as it stands.
"""

import hashlib
from typing import Annotated, ClassVar

import msgspec

from node.domain.certificate import TrustAnchor, check_anchor
from node.domain.document import Document, open_document, peek_document, sign_document
from node.domain.encoding import canonical_json
from node.domain.member import Member, Role
from node.domain.signature import Sign
from node.errors import DescriptorError, DocumentFormatError, NodeError

Hex20 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{40}$")]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{128}$")]
DESCRIPTOR_TYPE = "heqi.alliance.v1"


class MemberCard(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A member's public keys and addresses, signed by its own identity key.

    `alliance` is empty: a card is made before the alliance, and may serve in more than one.
    """

    kind: ClassVar[str] = "member-card"

    iss: str
    roles: int
    account: Hex20
    identity_key: Hex64
    log_key: Hex32
    sealing_key: Hex32
    endpoint: str
    wallet_endpoint: str

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
    created: int
    """Seconds since 1970 UTC."""
    chain_id: int
    genesis_hash: Hex32
    deployed_block: int
    """Block of the first contract: nothing before it concerns the alliance."""
    contracts: dict[str, DeployedContract]
    founders: tuple[str, ...]
    """Member cards, compact JWS, sorted by member name."""
    trust_anchors: tuple[TrustAnchor, ...]


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
        return card.member()
    except (NodeError, ValueError) as error:
        raise DescriptorError(f"the member card is not valid: {error}") from error


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
        file = msgspec.json.decode(raw, type=AllianceFile)
    except msgspec.MsgspecError as error:
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
        except (NodeError, DocumentFormatError) as error:
            raise DescriptorError(f"the signature of {name} on alliance.json is false: {error}") from error
        if (signature.iss, signature.descriptor, signature.alliance) != (
            name,
            digest,
            file.descriptor.alliance,
        ):
            raise DescriptorError(f"{name} signed another descriptor")
    for anchor in file.descriptor.trust_anchors:
        try:
            check_anchor(anchor)
        except NodeError as error:
            raise DescriptorError(str(error)) from error
    return file.descriptor
