"""The guarantee as a sealed file: one attachment that a machine reads, a page made from it, an organisation's seal.

    attachment   the signed guarantee, where the ledger has it, and by which certificate its guarantor seals it
    page         `guarantee_page.py`, and the bytes of the file `guarantee_pdf.py`: nothing but the attachment's
    seal         PAdES by the guarantor's organisation certificate, over all of it

Three keys have to agree: the guarantor's identity key names the certificate in a statement about this guarantee, the
certificate's key seals the file, and a recognised authority says that the certificate is of that credit code.

Source: 电子签名法 art. 13; ETSI EN 319 142-1 5.3; `docs/formats/guarantee-file.md`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import ClassVar, Final, Literal

import msgspec

from node.domain.certificate import check_credit_code
from node.domain.document import Document, document_digest, open_members_document, peek_document
from node.domain.encoding import Hex20, Hex32, canonical_json, decode_canonical
from node.domain.guarantee import Guarantee, check_guarantee, guarantee_terms
from node.domain.guarantee_page import GlyphOf, compose, lines_of
from node.domain.guarantee_pdf import Unsealed, read_attachment, read_seal, write
from node.domain.ledger_ids import guarantee_id
from node.domain.member import Member, Role
from node.domain.signed_file import Verdict
from node.domain.succession import ShownSuccession
from node.errors import CodeFormatError, DocumentFormatError, NotMemberError, SignatureError

FORMAT: Final = "heqi.guarantee-file.v1"


class GuaranteeSeal(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """By the guarantor's identity key: this certificate is ours, and we seal this guarantee with it."""

    kind: ClassVar[str] = "guarantee-seal"

    iss: str
    """Guarantor."""
    guarantee: Hex32
    """Id on the ledger."""
    credit_code: str
    """The guarantor's own."""
    certificate: Hex32
    """SHA-256 of the certificate's DER."""


class Attachment(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the machine reads, as canonical JSON."""

    format: Literal["heqi.guarantee-file.v1"]
    alliance: Hex32
    contract: Hex20
    """Address of the contract that has the guarantee."""
    guarantee: Hex32
    """Id on the ledger."""
    document: str
    """The guarantee, compact JWS."""
    seal: str
    """`GuaranteeSeal`, compact JWS."""
    successions: tuple[ShownSuccession, ...] = ()
    """Changes of the guarantor's keys, so that who knows those of the descriptor can follow."""


@dataclass(frozen=True, slots=True)
class OpenedFile:
    """A file of which everything was checked that needs no certificate and no ledger."""

    attachment: Attachment
    terms: Guarantee
    statement: GuaranteeSeal
    unsealed: Unsealed
    seal: bytes
    """CMS, DER; not checked."""


def prepare(attachment: Attachment, glyph_of: GlyphOf) -> Unsealed:
    """The file for an attachment, without its seal.

    Raises:
        DocumentFormatError: a document in it is none, or too long for a page.
    """
    terms = peek_document(attachment.document, Guarantee)
    statement = peek_document(attachment.seal, GuaranteeSeal)
    lines = lines_of(
        msgspec.to_builtins(terms), attachment.guarantee, attachment.contract, msgspec.to_builtins(statement)
    )
    # The contract and the guarantee are told as they are in the attachment, which the seal covers.
    raw = canonical_json(msgspec.to_builtins(attachment))
    return write(raw, compose(lines, glyph_of), glyph_of, statement.iat)


def peek_attachment(raw: bytes) -> Attachment:
    """The attachment of a file; nothing of it is checked yet.

    Raises:
        DocumentFormatError: it is no guarantee file, or the attachment is not in its one encoding.
    """
    try:
        return decode_canonical(read_attachment(raw), Attachment)
    except UnicodeDecodeError as error:
        raise DocumentFormatError("the attached document is no text") from error


def open_file(
    raw: bytes,
    glyph_of: GlyphOf,
    *,
    alliance: str,
    members: Mapping[str, Member],
    verifier: bytes,
) -> OpenedFile:
    """Check a file by the keys of the alliance's members: documents first, then every byte around them.

    Args:
        raw: the file.
        glyph_of: the typeface.
        alliance: id, 64 hex digits.
        members: by name, with the keys they have had.
        verifier: address of the alliance's ES256 verifier, 20 bytes.

    Raises:
        DocumentFormatError: it is no guarantee file of this alliance, or a byte of it is altered.
        SignatureError: guarantee or statement is not signed by the guarantor.
        NotMemberError: its guarantor is no member, or no guarantor.
    """
    attachment = peek_attachment(raw)
    if attachment.alliance != alliance:
        raise DocumentFormatError("the guarantee file is of another alliance")
    guarantor = members.get(peek_document(attachment.document, Guarantee).iss)
    if guarantor is None or not guarantor.roles & Role.GUARANTOR:
        raise NotMemberError("the guarantee names a guarantor that is none in this alliance")
    terms = open_members_document(attachment.document, Guarantee, guarantor.identity_keys)
    statement = open_members_document(attachment.seal, GuaranteeSeal, guarantor.identity_keys)
    check_guarantee(terms)
    _check_together(attachment, terms, statement, verifier)
    # Only now, so that nobody but a member can have a page set.
    unsealed = prepare(attachment, glyph_of)
    return OpenedFile(attachment, terms, statement, unsealed, read_seal(raw, unsealed))


def _check_together(
    attachment: Attachment, terms: Guarantee, statement: GuaranteeSeal, verifier: bytes
) -> None:
    if {terms.alliance, statement.alliance} != {attachment.alliance}:
        raise DocumentFormatError("a document in the file is of another alliance")
    raw_id = guarantee_id(
        bytes.fromhex(attachment.alliance),
        guarantee_terms(terms, document_digest(attachment.document), verifier),
    )
    if attachment.guarantee != raw_id.hex() or statement.guarantee != raw_id.hex():
        raise DocumentFormatError("the file names another guarantee on the ledger than the one that it holds")
    if statement.iss != terms.iss:
        raise SignatureError("another guarantor seals the file than the one whose guarantee it holds")
    try:
        check_credit_code(statement.credit_code)
    except CodeFormatError as error:
        raise DocumentFormatError(str(error)) from error


def check_seal(opened: OpenedFile, verdicts: list[Verdict]) -> Verdict:
    """That the file is sealed once, by the certificate that the guarantor names.

    Args:
        opened: the file.
        verdicts: what its signatures are worth, all of them.

    Returns:
        The verdict on the seal.

    Raises:
        SignatureError: there is not exactly one, or it does not count, or is by another certificate.
    """
    if len(verdicts) != 1:
        raise SignatureError(f"a guarantee file has one seal, and this one has {len(verdicts)}")
    (verdict,) = verdicts
    if not verdict.is_valid:
        raise SignatureError(f"the seal does not count: {verdict.problem}: {verdict.detail}")
    leaf = sha256(verdict.finding.chain[0]).hexdigest()
    if (leaf, verdict.credit_code) != (opened.statement.certificate, opened.statement.credit_code):
        raise SignatureError("the seal is of another organisation or certificate than the guarantor names")
    if not verdict.finding.covers_whole:
        raise SignatureError("the seal leaves out a part of the file")
    return verdict
