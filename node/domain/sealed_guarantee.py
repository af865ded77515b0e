"""Bid guarantees whose guarantor does not learn the tender before it is opened.

    sealed guarantee   the guarantor's signature on amount, validity and applicant; commitments for the rest
    hidden terms       section, centre, application code, beneficiary: with the applicant until the opening
    opened guarantee   both, as one file `<sealed guarantee>~<hidden terms>`; from then on a guarantee like any other

The ledger's terms of a guarantee are commitments anyhow (docs/formats/ledger.md), so the guarantor signs the issue
when it signs the document, and anybody brings it to the ledger once the hidden terms are known.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from node.domain.document import (
    Document,
    document_digest,
    open_members_document,
    peek_document,
    reopen_document,
)
from node.domain.encoding import (
    Hex32,
    Hex64,
    Seconds,
    canonical_json,
    decode_canonical,
    from_base64url,
    to_base64url,
)
from node.domain.guarantee import (
    EXAMINATION_DAYS,
    Amount,
    Currency,
    Guarantee,
    LegalNature,
    Text,
    check_guarantee,
    check_promise,
    end_on_ledger,
    guarantee_terms,
)
from node.domain.ledger import GuaranteeTerms
from node.domain.ledger_ids import Eip712Domain, issue_guarantee_digest
from node.domain.reservation_key import reservation_key
from node.domain.signature import verify_p256
from node.errors import DocumentFormatError, SignatureError, VerificationError

HIDDEN_TYPE: Final = "heqi.hidden-terms.v1"
CONTENT_TYPE: Final = "heqi.sealed-content.v1"
SEPARATOR = "~"
BEGIN_UNIT_SECONDS = 86_400
"""A sealed guarantee begins with a day."""
END_UNIT_SECONDS = 30 * 86_400
"""And ends with a month of 30 days since 1970: its exact validity would name the tender."""
MOST_RESERVATIONS = 16
LONGEST_RESERVATION_SECONDS = 14 * 86_400
RESERVATION_DAYS = 180
"""So long nodes keep what the ledger reserved; whoever has not bid by then reserves, and applies, anew."""

_HIDDEN_TAG = b"heqi.hidden-terms.v1\0"
_BINDING_TAG = b"heqi.binding.v1\0"


_SEALED_HEADER = to_base64url(canonical_json({"alg": "ES256", "typ": "heqi-sealed-guarantee+jwt"}))


class Reservation(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """For whom a nullifier was reserved: what its binding commits to, and how it ended if another followed."""

    guarantor: str
    subject: Hex32
    salt: Hex32
    until: Seconds
    """No issue under it afterwards."""
    refusal: str = ""
    """`ApplicationRefusal`, if its guarantor refused."""


class HiddenTerms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the guarantor does not see; canonical JSON."""

    type: Literal["heqi.hidden-terms.v1"]
    salt: Hex32
    centre: str
    code: str
    section: Text
    beneficiary_name: Text
    beneficiary_key: Hex64
    reservations: Annotated[tuple[Reservation, ...], msgspec.Meta(min_length=1, max_length=MOST_RESERVATIONS)]
    """One after the other; the last is this guarantee's."""


class SealedPart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an application says instead of the hidden terms."""

    hidden: Hex32
    """`hidden_digest`."""
    application: Hex32
    beneficiary: Hex32
    applicant: Hex32
    centre: Hex32
    """As `GuaranteeTerms` has them."""
    end_salt: Hex32
    """Opens the ledger's commitment to the end: the guarantor makes that itself, so that it says the end it signs."""
    nullifier: Hex32
    salt: Hex32
    """Opens the reservation's binding."""
    until: Seconds


class SealedGuarantee(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the guarantor's identity key."""

    kind: ClassVar[str] = "sealed-guarantee"

    iss: str
    number: Text
    applicant: Hex32
    applicant_name: Text
    applicant_code: str
    applicant_key: Hex64
    guarantee_kind: Literal["bid"]
    legal_nature: LegalNature
    amount: Amount
    currency: Currency
    nbf: Seconds
    exp: Seconds
    hidden: Hex32
    application: Hex32
    beneficiary: Hex32
    applicant_mover: Hex32
    """The `applicant` of `GuaranteeTerms`."""
    centre_mover: Hex32
    """The `centre` of `GuaranteeTerms`."""
    end: Hex32
    """As `GuaranteeTerms` has it."""
    nullifier: Hex32
    """Of the reservation that it was issued under."""


class ApplicationRefusal(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the guarantor: nothing was issued under this reservation, and nothing will be."""

    kind: ClassVar[str] = "application-refusal"

    iss: str
    nullifier: Hex32


class SealedContent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a sealed file decrypts to; canonical JSON."""

    type: Literal["heqi.sealed-content.v1"]
    guarantee: str
    """The opened guarantee."""
    signature: Hex64
    """The guarantor's over EIP-712 IssueGuarantee."""
    proof: str
    """That its log had the issue: evidence (docs/formats/bundle.md), base64url."""


_COMMITMENTS = (
    "hidden",
    "application",
    "beneficiary",
    "applicant_mover",
    "centre_mover",
    "end",
    "nullifier",
)
"""Of a sealed guarantee: what a plain one says openly, or follows from it."""


def nullifier_of(code: str, generation: int) -> bytes:
    """What is reserved for the `generation`-th application under a code, counted from 0; 32 bytes."""
    return reservation_key(code, generation).nullifier


def binding_of(reservation: Reservation) -> bytes:
    """What the ledger holds beside a nullifier; without the salt it says nothing."""
    bound = msgspec.structs.replace(reservation, refusal="")
    return hashlib.sha256(_BINDING_TAG + canonical_json(msgspec.to_builtins(bound))).digest()


def hidden_digest(hidden: HiddenTerms) -> bytes:
    """The commitment to hidden terms, 32 bytes; they hold a salt."""
    return hashlib.sha256(_HIDDEN_TAG + canonical_json(msgspec.to_builtins(hidden))).digest()


def round_validity(nbf: int, exp: int) -> tuple[int, int]:
    """The shortest validity of a sealed guarantee that covers another."""
    return nbf - nbf % BEGIN_UNIT_SECONDS, -(-exp // END_UNIT_SECONDS) * END_UNIT_SECONDS


def check_rounded(nbf: int, exp: int) -> None:
    """Raises:
    DocumentFormatError: the validity is so exact that it could name a tender.
    """
    if (nbf, exp) != round_validity(nbf, exp):
        raise DocumentFormatError(
            "a sealed guarantee begins at a full day and ends at a multiple of 30 days since 1970"
        )


def opened_file(sealed: str, hidden: HiddenTerms) -> str:
    """The one file of an opened guarantee."""
    return sealed + SEPARATOR + to_base64url(canonical_json(msgspec.to_builtins(hidden)))


def is_opened(file: str) -> bool:
    """Whether a guarantee file is of the opened kind."""
    return SEPARATOR in file


def signed_part(file: str) -> str:
    """The document in a guarantee file that its guarantor signed, a compact JWS."""
    return file.partition(SEPARATOR)[0]


def file_digest(file: str) -> bytes:
    """`document_digest` of what the guarantor signed."""
    return document_digest(signed_part(file))


def hidden_of(file: str) -> HiddenTerms:
    """The hidden terms in an opened guarantee; not checked against anything.

    Raises:
        DocumentFormatError: it has none, or they are malformed.
    """
    return decode_canonical(from_base64url(file.partition(SEPARATOR)[2]), HiddenTerms)


def peek_guarantee(file: str) -> Guarantee:
    """Read a guarantee file of either kind *without* checking signatures.

    Raises:
        DocumentFormatError: it is none.
    """
    if not is_opened(file):
        return peek_document(file, Guarantee)
    return _merge(peek_document(signed_part(file), SealedGuarantee), hidden_of(file))


def reopen_guarantee(file: str) -> Guarantee:
    """Read a guarantee file that was checked when it was kept."""
    if not is_opened(file):
        return reopen_document(file, Guarantee)
    return _merge(reopen_document(signed_part(file), SealedGuarantee), hidden_of(file))


def open_guarantee(file: str, keys_at: Callable[[float], Sequence[bytes]], verifier: bytes) -> Guarantee:
    """Check that a guarantor signed what a guarantee file of either kind says.

    Args:
        file: a compact JWS, or an opened guarantee.
        keys_at: the guarantor's `Member.identity_keys`.
        verifier: address of the alliance's ES256 verifier, 20 bytes.

    Raises:
        NodeError: it did not, or the file is malformed.
    """
    if not is_opened(file):
        guarantee = open_members_document(file, Guarantee, keys_at)
        check_guarantee(guarantee)
        return guarantee
    sealed = open_members_document(signed_part(file), SealedGuarantee, keys_at)
    hidden = hidden_of(file)
    if hidden_digest(hidden).hex() != sealed.hidden:
        raise VerificationError("these are not the terms that the guarantor signed a commitment to")
    guarantee = _merge(sealed, hidden)
    check_guarantee(guarantee)
    check_rounded(guarantee.nbf, guarantee.exp)
    terms = guarantee_terms(guarantee, file_digest(file), verifier)
    if ledger_terms(sealed, file_digest(file)) != terms:
        raise VerificationError("the hidden terms do not fit what the ledger was to be told")
    return guarantee


def check_issue_signature(
    keys: Iterable[bytes], domain: Eip712Domain, raw_id: bytes, signature: bytes
) -> None:
    """Check the signature by which the ledger will take the row.

    Raises:
        SignatureError: it is by none of the keys over the issue of this guarantee.
    """
    if not is_issue_signed(keys, domain, raw_id, signature):
        raise SignatureError("the guarantor's signature for the ledger is not over this guarantee")


def is_issue_signed(keys: Iterable[bytes], domain: Eip712Domain, raw_id: bytes, signature: bytes) -> bool:
    """Whether a contract will take the row by a signature.

    Args:
        keys: the guarantor's identity keys that count, 64 bytes each.
        domain: of the contract.
        raw_id: id of the guarantee on the ledger.
        signature: 64 bytes.
    """
    digest = issue_guarantee_digest(domain, raw_id)
    for key in keys:
        try:
            verify_p256(key, digest, signature)
        except SignatureError:
            continue
        return True
    return False


def check_sealed(sealed: SealedGuarantee) -> None:
    """Check the form of what a guarantor is about to sign.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
    """
    check_promise(sealed)
    check_rounded(sealed.nbf, sealed.exp)


def ledger_terms(sealed: SealedGuarantee, digest: bytes) -> GuaranteeTerms:
    """What the ledger will be told; every word of it is known while the hidden terms are not.

    Args:
        sealed: a checked document.
        digest: `document_digest` of its token.
    """
    return GuaranteeTerms(
        digest=digest,
        application=bytes.fromhex(sealed.application),
        expires=end_on_ledger(sealed.exp),
        guarantor=sealed.iss,
        beneficiary=bytes.fromhex(sealed.beneficiary),
        applicant=bytes.fromhex(sealed.applicant_mover),
        centre=bytes.fromhex(sealed.centre_mover),
        end=bytes.fromhex(sealed.end),
        examination=EXAMINATION_DAYS[sealed.legal_nature],
    )


def is_sealed(token: str) -> bool:
    """Whether a document that a guarantor issued is a sealed one, without its hidden terms."""
    return token.partition(".")[0] == _SEALED_HEADER


def promised(token: str, verifier: bytes) -> tuple[int, GuaranteeTerms]:
    """The end of what this guarantor itself issued, and what the ledger knows or will know of it.

    Args:
        token: as it was signed and kept.
        verifier: address of the alliance's ES256 verifier, 20 bytes.
    """
    digest = document_digest(token)
    if is_sealed(token):
        sealed = reopen_document(token, SealedGuarantee)
        return sealed.exp, ledger_terms(sealed, digest)
    guarantee = reopen_document(token, Guarantee)
    return guarantee.exp, guarantee_terms(guarantee, digest, verifier)


def parse_content(raw: bytes) -> SealedContent:
    """Read what a sealed file decrypts to.

    Raises:
        DocumentFormatError: it is something else.
    """
    return decode_canonical(raw, SealedContent)


def _merge(sealed: SealedGuarantee, hidden: HiddenTerms) -> Guarantee:
    told: dict[str, Any] = msgspec.structs.asdict(sealed)
    for name in _COMMITMENTS:
        del told[name]
    shown = ("centre", "code", "section", "beneficiary_name", "beneficiary_key")
    return Guarantee(**told, **{name: getattr(hidden, name) for name in shown})
