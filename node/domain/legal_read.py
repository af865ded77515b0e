"""Reads on a legal basis: without the owner's grant, on a case number, by two officers, with notice to the owner.

Four documents carry one read. An officer of the reading member asks (`LegalRequest`); a second officer signs the very
same request (`LegalCountersignature`); the member's identity key vouches for both officers' keys when it sends them
(`LegalRead`); the home signs what it answered (`LegalAnswer`). The receipt is that of any read.
One request is one read: whoever needs more asks again, with two officers.

Source: design invariant 2; PIPL art. 13 (statutory duty as a basis), 18 and 35 (when notice may wait), 行政处罚法 42
(two officers at least). Articles that were not checked against the text say so.
"""

import enum
import re
from dataclasses import dataclass
from typing import Annotated, ClassVar

import msgspec

from node.domain.document import Document, document_digest, open_document, peek_document
from node.domain.duties import Act, concerns
from node.domain.encoding import Hex32, Hex64, Seconds
from node.domain.erasure import OptionalHex32
from node.domain.grant import CLOCK_SKEW_SECONDS, Purpose, Scope, check_scope
from node.domain.member import Role
from node.domain.system import check_system_name
from node.errors import CodeFormatError, DocumentFormatError, LegalBasisError, ReplayError

DAY_SECONDS = 86_400
REQUEST_SECONDS = 7 * DAY_SECONDS
"""Within which a request is countersigned and used: an old one answers a case of its time."""
LEGAL_LOG = "access.legal"
"""Category of the home's records about such reads."""
_BASE, _CODE = "subject.base", "credit_code"
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")

Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=31)]
OptionalCode = Annotated[str, msgspec.Meta(pattern=r"^([0-9A-Z]{18})?\Z")]


class LegalBasis(enum.Enum):
    """On what basis a member may read; the closed list of docs/formats/documents.md."""

    SUPERVISION = (
        "supervision", "行政监督", Act.SUPERVISE, False, 90,
        "招标投标法 7 (not checked against the text)",
    )  # fmt: skip
    COMPLAINT = (
        "complaint", "处理投诉", Act.SUPERVISE, False, 90,
        "招标投标法实施条例 62: may consult and copy files (not checked against the text)",
    )  # fmt: skip
    PENALTY = (
        "penalty", "行政处罚案件", Act.SUPERVISE, False, 90,
        "行政处罚法 42, 54: two officers at least (not checked against the text)",
    )  # fmt: skip
    COURT = (
        "court", "法院调查取证", Act.PRESENT_ORDER, True, 180,
        "民事诉讼法 70 (not checked against the text)",
    )  # fmt: skip
    CRIMINAL = (
        "criminal", "刑事侦查取证", Act.PRESENT_ORDER, True, 365,
        "刑事诉讼法 54 (not checked against the text)",
    )  # fmt: skip
    DISCIPLINARY = (
        "disciplinary", "监察调查取证", Act.PRESENT_ORDER, True, 365,
        "监察法 18 (not checked against the text)",
    )  # fmt: skip
    OWN_PROCEDURE = (
        "own-procedure", "中心依职责办理", Act.OWN_PROCEDURE, False, 0,
        "个人信息保护法 13(3): the home's own statutory duty",
    )  # fmt: skip

    def __init__(  # noqa: PLR0917
        self,
        code: str,
        chinese: str,
        act: Act,
        needs_instrument: bool,  # noqa: FBT001
        most_deferred_days: int,
        law: str,
    ) -> None:
        self.code, self.chinese, self.law = code, chinese, law
        self.act = act
        """Row of the table of duties: members of which roles may."""
        self.needs_instrument = needs_instrument
        """Whether an order of another authority is presented, whose digest the request names."""
        self.most_deferred_days = most_deferred_days
        """By how many days at most the notice to the owner may wait; 0: it is given at once."""


class DeferralLaw(enum.Enum):
    """By which law the notice to the owner may wait."""

    SECRECY = ("pipl-18", "法律、行政法规规定应当保密", "个人信息保护法 18")
    HINDRANCE = ("pipl-35", "告知将妨碍履行法定职责", "个人信息保护法 35")

    def __init__(self, code: str, chinese: str, law: str) -> None:
        self.code, self.chinese, self.law = code, chinese, law


_BASES = {basis.code: basis for basis in LegalBasis}
_LAWS = {law.code: law for law in DeferralLaw}


class Notice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the owner is told."""

    until: Seconds = 0
    """Not before this; 0: at once."""
    law: Annotated[str, msgspec.Meta(max_length=31)] = ""
    """Code of a `DeferralLaw`; empty if it is given at once."""
    reason: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Why it waits, in this case; empty if it is given at once."""


class LegalRequest(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the first officer's own key, `key`."""

    kind: ClassVar[str] = "legal-request"

    iss: str
    """The member whose officer asks."""
    aud: str
    """Home of the subject."""
    subject: OptionalHex32
    """Subject id; or empty, and then `credit_code` says whom."""
    credit_code: OptionalCode
    """For subjects whose id nobody outside knows; then the scope shows `credit_code` of subject.base."""
    scope: tuple[Scope, ...]
    purpose: Purpose
    basis: Annotated[str, msgspec.Meta(max_length=31)]
    """Code of a `LegalBasis`."""
    authority: Title
    """In whose name the case is: the body that supervises, sits or investigates."""
    case: Title
    """The case number."""
    instrument: OptionalHex32
    """SHA-256 of the order that is presented; empty where the basis wants none."""
    notice: Notice
    officer: Name
    """The first officer, as this member's node knows it."""
    key: Hex64
    """The first officer's key."""
    second: Name
    """Who is to sign as the second officer."""


class LegalCountersignature(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The second officer has read the very same request and stands for it; signed by its own key, `key`."""

    kind: ClassVar[str] = "legal-countersignature"

    iss: str
    """The same member."""
    request: Hex32
    """Id of the request."""
    officer: Name
    key: Hex64


class LegalRead(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the member's identity key: these are two of our officers; answer them now."""

    kind: ClassVar[str] = "legal-read"

    iss: str
    """Reader."""
    aud: str
    """Home centre."""
    request: Hex32
    """Id of the request."""
    countersignature: Hex32
    """Id of the countersignature."""


class LegalAnswer(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the home's identity key: this read was logged, and answered with exactly this evidence."""

    kind: ClassVar[str] = "legal-answer"

    iss: str
    """Home centre."""
    aud: str
    """Reader."""
    read: Hex32
    """Id of the read."""
    evidence: Hex32
    """SHA-256 of the evidence bytes."""
    as_of: Seconds
    """The home states: at this time its log held nothing newer of the same things. Not after `iat`."""


@dataclass(frozen=True, slots=True)
class LegalPapers:
    """The documents that a reader hands over, as they came."""

    read: str
    request: str
    countersignature: str


def basis_of(code: str) -> LegalBasis:
    """The basis by that code.

    Raises:
        DocumentFormatError: the list has none.
    """
    found = _BASES.get(code)
    if found is None:
        raise DocumentFormatError(f"unknown basis {code!r}; known are {', '.join(_BASES)}")
    return found


def law_of(code: str) -> DeferralLaw:
    """The law by that code under which a notice may wait.

    Raises:
        DocumentFormatError: the list has none.
    """
    found = _LAWS.get(code)
    if found is None:
        raise DocumentFormatError(f"unknown law {code!r} for a later notice; known are {', '.join(_LAWS)}")
    return found


def check_legal_request(request: LegalRequest) -> LegalBasis:
    """Check a request's form and terms, apart from its signature and from who may make it.

    Returns:
        Its basis.

    Raises:
        DocumentFormatError: a member of the document breaks a rule.
        LegalBasisError: the basis does not allow this at all.
    """
    check_scope(request.scope)
    basis = basis_of(request.basis)
    for name, text in (
        ("authority", request.authority),
        ("case", request.case),
        ("reason", request.notice.reason),
    ):
        if text != text.strip() or _UNSEEN.search(text):
            raise DocumentFormatError(f"{name} begins or ends with a blank, or holds what cannot be seen")
    for name in (request.officer, request.second):
        _check_officer(name)
    if bool(request.subject) is bool(request.credit_code):
        raise DocumentFormatError("a request names a subject or a credit code, and not both")
    if request.credit_code and not any(p.category == _BASE and _CODE in p.fields for p in request.scope):
        raise DocumentFormatError(
            f"who asks by credit code asks for {_CODE} of {_BASE} too, to see whose the data is"
        )
    if bool(request.instrument) is not basis.needs_instrument:
        lacks = "names the order that is presented" if basis.needs_instrument else "presents no order"
        raise DocumentFormatError(f"a request on the basis {basis.code} {lacks}")
    if request.officer == request.second:
        raise LegalBasisError("the second officer is another than the first")
    _check_notice(request, basis)
    return basis


def check_may_read(basis: LegalBasis, roles: Role, *, is_own: bool) -> None:
    """Check that a member may read on a basis.

    Args:
        basis: of the request.
        roles: of the reading member.
        is_own: whether it is the subject's home itself.

    Raises:
        LegalBasisError: it may not.
    """
    if not concerns(basis.act, roles):
        raise LegalBasisError(f"the basis {basis.code} is for members of another role")
    if is_own is not (basis is LegalBasis.OWN_PROCEDURE):
        raise LegalBasisError("a home reads in its own procedure, and nobody else does")


def open_papers(papers: LegalPapers, read: LegalRead, now: float) -> LegalRequest:
    """Both officers' signatures on the very same request, checked, and the request itself.

    That the keys are those of two officers, the reading member says by its own signature on `read`, which the caller
    has checked.

    Args:
        papers: as they came.
        read: the first of them, opened under the member's keys.
        now: seconds since 1970 UTC.

    Raises:
        DocumentFormatError: a document is malformed, or they do not belong together.
        SignatureError: an officer's signature is not by the key that it names.
        LegalBasisError: it is one officer twice, or the basis does not allow this.
        ReplayError: the request is of another time.
    """
    claimed = peek_document(papers.request, LegalRequest)
    request = open_document(papers.request, LegalRequest, bytes.fromhex(claimed.key))
    check_legal_request(request)
    check_age(request, now)
    second = open_countersignature(papers.request, request, papers.countersignature)
    digests = (document_digest(papers.request).hex(), document_digest(papers.countersignature).hex())
    if (read.request, read.countersignature) != digests or read.iss != request.iss or read.aud != request.aud:
        raise DocumentFormatError("the read is about another request or countersignature")
    if len({read.alliance, request.alliance, second.alliance}) > 1:
        raise DocumentFormatError("the documents are of different alliances")
    return request


def open_countersignature(request_token: str, request: LegalRequest, token: str) -> LegalCountersignature:
    """The second officer's signature on a request that was checked.

    Raises:
        DocumentFormatError: it is malformed, or about another request.
        SignatureError: it is not by the key that it names.
        LegalBasisError: it is by the first officer, or by another than the request names.
    """
    claimed = peek_document(token, LegalCountersignature)
    second = open_document(token, LegalCountersignature, bytes.fromhex(claimed.key))
    if (second.iss, second.alliance, second.request) != (
        request.iss, request.alliance, document_digest(request_token).hex(),
    ):  # fmt: skip
        raise DocumentFormatError("the countersignature is on another request")
    if second.officer != request.second:
        raise LegalBasisError("the request names another second officer")
    if second.key == request.key:
        raise LegalBasisError("one key has signed for both officers")
    if second.iat < request.iat - CLOCK_SKEW_SECONDS:
        raise DocumentFormatError("the countersignature is older than the request")
    return second


def check_age(request: LegalRequest, now: float) -> None:
    """Check that a request is of this time.

    Raises:
        ReplayError: it is not.
    """
    if not -CLOCK_SKEW_SECONDS <= now - request.iat <= REQUEST_SECONDS:
        raise ReplayError(
            f"the request is from another time; it is good for {REQUEST_SECONDS // DAY_SECONDS} days: ask again"
        )


def notice_due(request: LegalRequest, answered: float) -> float:
    """When the owner sees a read that was answered at a moment; seconds since 1970 UTC."""
    return max(answered, float(request.notice.until))


def _check_notice(request: LegalRequest, basis: LegalBasis) -> None:
    notice = request.notice
    if not notice.until:
        if notice.law or notice.reason:
            raise DocumentFormatError("a notice that is given at once needs no law and no reason")
        return
    law_of(notice.law)
    if not notice.reason:
        raise DocumentFormatError("a notice that waits says why")
    if notice.until <= request.iat:
        raise DocumentFormatError("a notice that waits has a date after the request")
    if notice.until > request.iat + basis.most_deferred_days * DAY_SECONDS:
        raise LegalBasisError(
            f"on the basis {basis.code} the owner is told within {basis.most_deferred_days} days"
        )


def _check_officer(name: str) -> None:
    try:
        check_system_name(name)
    except CodeFormatError as error:
        raise DocumentFormatError(f"an officer: {error}") from error
