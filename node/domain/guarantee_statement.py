"""What whoever moves a guarantee states: one kind of document, with content by the event.

The document names its place in the guarantee's life (number, digest of the step before), and the ledger's step names
the document. So a statement is of one step of one guarantee, and the last one on the ledger commits to all before it.
A release has a kind of its own (`node.domain.guarantee`).

Source: URDG 758 art. 11 (amendment), 15 (demand with a statement of breach), 20, 23, 24 (one notice with every
discrepancy); 最高人民法院 独立保函规定 法释〔2016〕24号 art. 6, 8 (documents only), 14 to 17 (止付).
"""

from decimal import Decimal
from typing import Annotated, ClassVar, Literal

import msgspec

from node.domain.document import Document, peek_document
from node.domain.encoding import Hex32, Seconds, parse_readable_json
from node.domain.guarantee import Amount, GuaranteeRelease, LegalNature, Text
from node.domain.guarantee_table import Event
from node.errors import DocumentFormatError

LongText = Annotated[str, msgspec.Meta(min_length=1, max_length=2000)]
Date = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")]
Ground = Literal["document", "defence", "cover"]
"""A document does not comply · a defence of the debtor · not insured."""
GROUNDS: dict[LegalNature, tuple[Ground, ...]] = {
    "independent": ("document",),
    "suretyship": ("document", "defence"),
    "insurance": ("document", "cover"),
}
"""On what a claim can be refused. An independent guarantee pays against documents (法释〔2016〕24号 art. 6, 8); a
surety has the debtor's defences (民法典 art. 701), and an insurer its policy: both read as the field has them, not
checked against the text."""


class _Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    """Content of a statement; its `type` tells which."""


class Amendment(_Says, frozen=True, forbid_unknown_fields=True, tag="amendment"):
    """批改/展期: the terms as they are to be, also those that stay."""

    amount: Amount
    exp: Seconds
    reason: Text


class Enclosure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A document that comes with a claim."""

    name: Text
    sha256: Hex32


class Claim(_Says, frozen=True, forbid_unknown_fields=True, tag="claim"):
    """索赔."""

    amount: Amount
    breach: LongText
    """In which respect the applicant is in breach."""
    enclosed: Annotated[tuple[Enclosure, ...], msgspec.Meta(max_length=100)]
    payee: Text
    """Account to pay to."""
    extend_to: Seconds
    """The longer term that would settle the claim; 0 in a claim that no extension settles."""


class Discrepancy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One reason why a claim does not comply."""

    ground: Ground
    text: LongText


class Notice(_Says, frozen=True, forbid_unknown_fields=True, tag="notice"):
    """不符通知: all discrepancies at once; what is not in it cannot be said later."""

    discrepancies: Annotated[tuple[Discrepancy, ...], msgspec.Meta(min_length=1, max_length=100)]


class Payment(_Says, frozen=True, forbid_unknown_fields=True, tag="payment"):
    """付款."""

    amount: Amount
    proof: Hex32
    """SHA-256 of the proof of payment."""


class Order(_Says, frozen=True, forbid_unknown_fields=True, tag="order"):
    """What a court or tribunal has decided, or that it has the case."""

    court: Text
    number: Text
    """案号."""
    date: Date
    """In Beijing."""


class Reduction(_Says, frozen=True, forbid_unknown_fields=True, tag="reduction"):
    """减额."""

    amount: Amount
    """That stays in force."""
    document: Hex32
    """SHA-256 of the paper by which it is reduced."""


class FailedTender(_Says, frozen=True, forbid_unknown_fields=True, tag="failed-tender"):
    """流标."""

    section: Text
    reason: Text


class Reason(_Says, frozen=True, forbid_unknown_fields=True, tag="reason"):
    """Where the law asks for no content of its own."""

    reason: Text


Says = Amendment | Claim | Notice | Payment | Order | Reduction | FailedTender | Reason

CONTENT: dict[Event, type[Says]] = {
    Event.PROPOSE: Amendment,
    Event.CLAIM: Claim,
    Event.CLAIM_EXTEND_OR_PAY: Claim,
    Event.FIND_DISCREPANT: Notice,
    Event.PAY_PART: Payment,
    Event.PAY: Payment,
    Event.REDUCE: Reduction,
    Event.STAY: Order,
    Event.RECORD_SUIT: Order,
    Event.LIFT: Order,
    Event.LIFT_ON_ORDER: Order,
    Event.PROHIBIT: Order,
    Event.ATTEST_VOID: FailedTender,
}
"""Of every other event it is `Reason`."""
_OWN_KIND = (Event.ISSUE, Event.RELEASE)


class Statement(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the step's mover."""

    kind: ClassVar[str] = "guarantee-step"

    guarantee: Hex32
    """Id on the ledger."""
    sequence: Annotated[int, msgspec.Meta(ge=2, le=1 << 32)]
    """Number of the step."""
    previous: Hex32
    """Digest of the document of the step before, of the first one that of the guarantee."""
    event: Annotated[str, msgspec.Meta(pattern=r"^[A-Z_]{3,32}\Z")]
    """Name in `node.domain.guarantee_table.Event`."""
    says: Says


StepDocument = Statement | GuaranteeRelease


def event_of(document: StepDocument) -> Event:
    """What a document moves a guarantee by.

    Raises:
        DocumentFormatError: there is no such event, or it is stated otherwise.
    """
    if isinstance(document, GuaranteeRelease):
        return Event.RELEASE
    event = Event.__members__.get(document.event)
    if event is None or event in _OWN_KIND:
        raise DocumentFormatError(f"{document.event} is no event that a guarantee-step can state")
    return event


def peek_step(token: str) -> StepDocument:
    """Read and check what states a step, apart from its signature.

    Raises:
        DocumentFormatError: it is none, or its content is not that of its event.
    """
    try:
        statement = peek_document(token, Statement)
    except DocumentFormatError:
        try:
            return peek_document(token, GuaranteeRelease)
        except DocumentFormatError:
            pass
        raise
    check_statement(statement)
    return statement


def read_says(raw: bytes) -> Says:
    """The content of a statement from JSON in any layout; whether it is its event's `check_statement` says.

    Raises:
        DocumentFormatError: it is none.
    """
    try:
        says: Says = msgspec.convert(parse_readable_json(raw), type=Says)
    except msgspec.ValidationError as error:
        raise DocumentFormatError(f"malformed content of a step: {error}") from error
    return says


def check_statement(statement: Statement) -> None:
    """Check that the content is the event's, and can be meant.

    Raises:
        DocumentFormatError: it is not.
    """
    event, says = event_of(statement), statement.says
    if type(says) is not CONTENT.get(event, Reason):
        wanted = CONTENT.get(event, Reason).__struct_config__.tag
        raise DocumentFormatError(f"{event.name} states a {wanted}, not a {says.__struct_config__.tag}")
    if isinstance(says, Amendment | Claim | Payment | Reduction) and not Decimal(says.amount):
        raise DocumentFormatError("the amount is zero")
    if isinstance(says, Claim) and bool(says.extend_to) != (event is Event.CLAIM_EXTEND_OR_PAY):
        raise DocumentFormatError("extend_to is for a claim that an extension settles, and for no other")
