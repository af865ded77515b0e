"""The documents of a guarantee: application code, guarantee, release. Who signs what decides who can do what.

    application code   the tender's centre says: this wallet may apply once for one section
    guarantee          the guarantor's own signature on all terms; the ledger holds only a salted digest
    release            the beneficiary's own signature that it gives the guarantee back

Source: 招标投标法实施条例 art. 26 (bid guarantee at most 2%, valid as long as the bid); 法释〔2016〕24号 art. 1
(independent guarantees only by banks and non-bank financial institutions).
"""

import hashlib
import re
from typing import Annotated, ClassVar, Literal, Protocol

import msgspec

from node.domain.certificate import check_credit_code
from node.domain.controller import ControllerKey
from node.domain.document import Document
from node.domain.encoding import Hex32, Hex64, Seconds, from_hex
from node.domain.guarantee_table import EXPIRY_UNIT_SECONDS
from node.domain.ledger import GuaranteeTerms
from node.domain.ledger_ids import centre_commitment, end_commitment, mover_commitment
from node.domain.member import member_name_to_bytes32
from node.errors import CodeFormatError, DocumentFormatError

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Amount = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?\Z")]
"""Plain decimal, N16,6 as in the e-guarantee interfaces in use; never in units of 10,000."""
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")]
Kind = Literal["bid", "performance", "quality", "advance"]
"""投标 · 履约 · 质量 · 预付款."""
LegalNature = Literal["independent", "suretyship", "insurance"]
"""独立保函 · 保证 · 保证保险: they differ in how a claim is judged."""

_CODE = re.compile(r"[A-Za-z0-9_-]{43}")
_BENEFICIARY_SALT_TAG = b"heqi.beneficiary-salt.v1\0"
_APPLICANT_SALT_TAG = b"heqi.applicant-salt.v1\0"
_CENTRE_SALT_TAG = b"heqi.centre-salt.v1\0"
_END_SALT_TAG = b"heqi.end-salt.v1\0"
EXAMINATION_DAYS = {"independent": 5, "suretyship": 30, "insurance": 30}
"""Working days for examining a claim: of an independent guarantee as URDG 758 art. 20 has it; insurers have thirty
days in difficult cases (保险法 art. 23), and sureties, for whom no law says, the longest that the ledger takes."""
MAX_VALIDITY_SECONDS = 10 * 366 * 86_400


class ApplicationCode(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the tender's centre: the bearer of this wallet key may use this code for one guarantee."""

    kind: ClassVar[str] = "application-code"

    iss: str
    """Centre that runs the tender."""
    code: str
    """HMAC-SHA-256 of the credit code under the section's key, base64url: the same for every application of
    this bidder for this section, and meaningless to anybody else."""
    key: ControllerKey
    """The key of the bidder that the centre has authenticated."""
    exp: Seconds


class Guarantee(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the guarantor's identity key."""

    kind: ClassVar[str] = "guarantee"

    iss: str
    """Guarantor."""
    number: Text
    """The guarantor's own number."""
    centre: Text
    """Centre that runs the tender and gave the application code; it alone can tell whether the code is of this
    section and this applicant."""
    code: str
    """The application code."""
    applicant: Hex32
    """Subject id."""
    applicant_name: Text
    applicant_code: str
    """Credit code."""
    applicant_key: Hex64
    """One-time P-256 key that signs the applicant's steps: the wallet's own key stands on the ledger beside its
    subject, and its hash would tell whose guarantee this is."""
    beneficiary_name: Text
    beneficiary_key: Hex64
    """P-256 key that signs the beneficiary's steps. The ledger sees it when it signs one."""
    section: Text
    """标段编号."""
    guarantee_kind: Kind
    legal_nature: LegalNature
    amount: Amount
    currency: Currency
    nbf: Seconds
    exp: Seconds


class Promise(Protocol):
    """What a guarantee says in whatever form."""

    @property
    def alliance(self) -> str: ...  # noqa: D102
    @property
    def applicant_code(self) -> str: ...  # noqa: D102
    @property
    def amount(self) -> str: ...  # noqa: D102
    @property
    def nbf(self) -> int: ...  # noqa: D102
    @property
    def exp(self) -> int: ...  # noqa: D102


class GuaranteeRelease(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the beneficiary's key."""

    kind: ClassVar[str] = "guarantee-release"

    guarantee: Hex32
    """Id on the ledger."""
    reason: Text


def check_guarantee(guarantee: Guarantee) -> None:
    """Check a guarantee's form, apart from its signature and its state on the ledger.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
    """
    if not _CODE.fullmatch(guarantee.code):
        raise DocumentFormatError("the application code is malformed")
    try:
        member_name_to_bytes32(guarantee.centre)
    except CodeFormatError as error:
        raise DocumentFormatError(str(error)) from error
    check_promise(guarantee)


def check_promise(promise: Promise) -> None:
    """The part of `check_guarantee` that concerns what the guarantor itself decides on.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
    """
    if not promise.amount.strip("0."):
        raise DocumentFormatError("the amount is zero")
    if not promise.nbf < promise.exp <= promise.nbf + MAX_VALIDITY_SECONDS:
        raise DocumentFormatError("the guarantee must end after it begins, and within ten years")
    try:
        check_credit_code(promise.applicant_code)
        from_hex(promise.alliance, 32)
    except CodeFormatError as error:
        raise DocumentFormatError(str(error)) from error


def guarantee_terms(guarantee: Guarantee, digest: bytes, verifier: bytes) -> GuaranteeTerms:
    """What the ledger learns of a guarantee.

    Args:
        guarantee: a checked document.
        digest: `document_digest` of its token.
        verifier: address of the alliance's ES256 verifier, 20 bytes.
    """
    beneficiary = verifier + bytes.fromhex(guarantee.beneficiary_key)
    applicant = verifier + bytes.fromhex(guarantee.applicant_key)
    return GuaranteeTerms(
        digest=digest,
        application=code_digest(guarantee.code),
        expires=end_on_ledger(guarantee.exp),
        guarantor=guarantee.iss,
        beneficiary=mover_commitment(beneficiary_salt(guarantee.code), beneficiary),
        applicant=mover_commitment(applicant_salt(guarantee.code), applicant),
        centre=centre_commitment(centre_salt(guarantee.code), guarantee.centre),
        end=end_commitment(end_salt(guarantee.code, 1), guarantee.exp),
        examination=EXAMINATION_DAYS[guarantee.legal_nature],
    )


def code_digest(code: str) -> bytes:
    """What the ledger knows an application code by, 32 bytes."""
    return hashlib.sha256(code.encode()).digest()


def beneficiary_salt(code: str) -> bytes:
    """Hides the beneficiary's signer, 32 bytes: its key is in the tender's papers and the same for the whole section.

    Who holds the guarantee has the application code and finds the salt again; the ledger learns it when the
    beneficiary makes a step.
    """
    return hashlib.sha256(_BENEFICIARY_SALT_TAG + code.encode()).digest()


def applicant_salt(code: str) -> bytes:
    """Hides the applicant's signer, 32 bytes; another one, so that a beneficiary's step does not lay it open."""
    return hashlib.sha256(_APPLICANT_SALT_TAG + code.encode()).digest()


def centre_salt(code: str) -> bytes:
    """Hides the name of the centre that runs the tender, 32 bytes: a centre's name is guessed by everybody."""
    return hashlib.sha256(_CENTRE_SALT_TAG + code.encode()).digest()


def end_salt(code: str, sequence: int) -> bytes:
    """Hides an exact end, 32 bytes; another one for each, because a step that opens an end shows its salt.

    Args:
        code: the application code.
        sequence: number of the step that brings the end: 1 for that of the guarantee itself.
    """
    return hashlib.sha256(_END_SALT_TAG + code.encode() + sequence.to_bytes(32, "big")).digest()


def end_on_ledger(exp: int) -> int:
    """The end of a guarantee as the ledger is told it: rounded up, so that it does not betray the section."""
    return -(-exp // EXPIRY_UNIT_SECONDS) * EXPIRY_UNIT_SECONDS
