"""信用等级减免保证金: bid security that a credit grade waives, with a proof of the grade and of nothing else.

    evaluation         a record of `subject.evaluation` in the log of the bidder's home, on the evaluator's word
    bid-waiver         the bidder: this grade, for this section alone; it lies in the sealed bid
    evaluation-state   the home, asked by the tender's centre after the opening: how that evaluation stands

Before the opening nobody is asked: who asks about an evaluation tells who bids. The waiver itself says from when on
it may be asked about, and both sides keep to that. docs/formats/documents.md.
Source: waivers by grade as practised at 漯河 (AAA; evaluations by the housing, transport and water authorities) and
南通 (AA: 50% to 80% of the deposit).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, ClassVar, Literal

import msgspec

from node.domain.certificate import check_credit_code
from node.domain.controller import ControllerKey
from node.domain.document import Document, open_by_controller, open_members_document, peek_document
from node.domain.encoding import Hex32, Seconds
from node.domain.evidence import Evidence, VerifiedRecord
from node.domain.guarantee import Text
from node.domain.member import Member, check_member_name
from node.domain.registry import is_same_text
from node.domain.values import is_day
from node.errors import (
    CodeFormatError,
    DisclosureError,
    DocumentFormatError,
    RecordFormatError,
    SignatureError,
)

EVALUATION_CATEGORY = "subject.evaluation"
SHOWN_FIELDS = frozenset(
    {"body_code", "evaluator_name", "grade", "scale", "status", "valid_from", "valid_until"}
)
"""Exactly these are opened: whose grade, by whom, on which scale, from when until when."""
MAX_SECONDS = 366 * 86_400
"""From the opening until nobody may ask any more."""
IN_FORCE, WITHDRAWN = "in_force", "withdrawn"
MAX_RULES = 50
MAX_GRADES = 20
WHOLE = 100

State = Literal["current", "superseded", "withdrawn", "disputed", "erased"]


class BidWaiver(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the bidder's wallet."""

    kind: ClassVar[str] = "bid-waiver"

    centre: Text
    """Centre that runs the tender."""
    section: Text
    """标段编号."""
    key: ControllerKey
    """The wallet's key, or passkey; it signs the waiver."""
    delegation: str
    """The delegation of `key`, a compact JWS: it says whose waiver this is."""
    home: Text
    """Member whose log holds the evaluation."""
    evidence: Evidence
    """The evaluation, under a checkpoint of that log; one record, `SHOWN_FIELDS` opened and no other."""
    opening: Seconds
    """Bids are opened then, as the tender says: nobody may ask about the evaluation before."""
    exp: Seconds
    """Until when the centre may ask the home about it."""


class EvaluationState(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the home: how the evaluation in a waiver stands when it is asked."""

    kind: ClassVar[str] = "evaluation-state"

    iss: str
    """The home."""
    aud: str
    """The tender's centre."""
    waiver: Hex32
    """Id of the bid-waiver."""
    state: State
    since: Seconds
    """When that came; 0 if it is current."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a waiver shows of an evaluation."""

    subject: str
    """Subject id, 64 hex digits."""
    thing: str
    version: int
    code: str
    """Credit code of the company that was evaluated."""
    evaluator: str
    scale: str
    grade: str
    is_withdrawn: bool
    first: date
    last: date
    """Both days included, in China's time."""


@dataclass(frozen=True, slots=True)
class WaiverRule:
    """What a section waives for the grades of one evaluator on one scale."""

    evaluator: str
    scale: str
    shares: tuple[tuple[str, int], ...]
    """Each grade that counts, and the share of the bid security that it waives, 1 to 100 per cent."""
    recorders: tuple[str, ...] = ()
    """Members whose record of such an evaluation counts; the tender's own centre alone if empty."""

    def __post_init__(self) -> None:
        """Refuse a rule that says nothing clear.

        Raises:
            DocumentFormatError: names what is wrong with it.
        """
        for text in (self.evaluator, self.scale, *(grade for grade, _ in self.shares)):
            if not 1 <= len(text) <= 200 or not text.isprintable():
                raise DocumentFormatError("evaluator, scale and grades have 1 to 200 printable characters")
        if not 1 <= len(self.shares) <= MAX_GRADES:
            raise DocumentFormatError(f"a waiver rule names 1 to {MAX_GRADES} grades")
        if any(type(share) is not int or not 1 <= share <= WHOLE for _, share in self.shares):
            raise DocumentFormatError("a grade waives 1 to 100 per cent")
        grades = [grade for grade, _ in self.shares]
        if any(is_same_text(one, other) for i, one in enumerate(grades) for other in grades[:i]):
            raise DocumentFormatError("a waiver rule names each grade once")
        try:
            for name in self.recorders:
                check_member_name(name)
        except CodeFormatError as error:
            raise DocumentFormatError(f"recorders are members: {error}") from error

    def is_about(self, evaluation: Evaluation) -> bool:
        """Whether the evaluation is that evaluator's, on that scale."""
        return is_same_text(self.evaluator, evaluation.evaluator) and is_same_text(
            self.scale, evaluation.scale
        )

    def share(self, grade: str) -> int:
        """What a grade waives, per cent; 0 if the tender does not count it."""
        return next((share for one, share in self.shares if is_same_text(one, grade)), 0)


def open_waiver(token: str) -> BidWaiver:
    """A waiver that the key in it has signed; its delegation says whose key that is.

    What its evidence shows is not looked at.

    Raises:
        DocumentFormatError: malformed.
        SignatureError: not signed by that key.
    """
    waiver = open_by_controller(token, BidWaiver, peek_document(token, BidWaiver).key)
    if not waiver.iat <= waiver.opening < waiver.exp <= waiver.opening + MAX_SECONDS:
        raise DocumentFormatError(
            "a waiver is signed before the opening, and ends after it, at most 366 days later"
        )
    if len(waiver.evidence.records) != 1:
        raise DocumentFormatError("a waiver shows one evaluation")
    return waiver


def read_evaluation(record: VerifiedRecord) -> Evaluation:
    """What a verified record says as an evaluation.

    Raises:
        DisclosureError: it is another kind of record, or other fields of it are opened than a waiver opens.
        RecordFormatError: a field is not what evaluations have there.
    """
    fields = record.fields
    if record.header.category != EVALUATION_CATEGORY:
        raise DisclosureError(f"a waiver shows an evaluation, and no record of {record.header.category}")
    if fields.keys() != SHOWN_FIELDS:
        more, less = sorted(fields.keys() - SHOWN_FIELDS), sorted(SHOWN_FIELDS - fields.keys())
        raise DisclosureError(
            f"a waiver opens exactly the fields of a grade; too many: {', '.join(more) or 'none'}; "
            f"lacking: {', '.join(less) or 'none'}"
        )
    if not all(isinstance(value, str) and value for value in fields.values()):
        raise RecordFormatError("the fields of an evaluation are texts")
    said = {name: str(value) for name, value in fields.items()}
    try:
        check_credit_code(said["body_code"])
    except CodeFormatError as error:
        raise RecordFormatError(f"body_code: {error}") from error
    if not is_day(said["valid_from"]) or not is_day(said["valid_until"]):
        raise RecordFormatError("an evaluation counts from a day until a day")
    if said["status"] not in {IN_FORCE, WITHDRAWN}:
        raise RecordFormatError("an evaluation is in force or withdrawn")
    return Evaluation(
        subject=record.header.owner,
        thing=record.header.thing,
        version=record.header.version,
        code=said["body_code"],
        evaluator=said["evaluator_name"],
        scale=said["scale"],
        grade=said["grade"],
        is_withdrawn=said["status"] == WITHDRAWN,
        first=date.fromisoformat(said["valid_from"]),
        last=date.fromisoformat(said["valid_until"]),
    )


def open_state(token: str, *, waiver: str, alliance: str, home: Member, centre: str) -> EvaluationState:
    """What a home says of the evaluation in a waiver.

    Args:
        token: its evaluation-state document.
        waiver: id of the waiver, 64 hex digits.
        alliance: id of the alliance.
        home: who must have signed.
        centre: whom it must be for.

    Raises:
        DocumentFormatError: malformed.
        SignatureError: not that home's, or about another waiver.
    """
    state = open_members_document(token, EvaluationState, home.identity_keys)
    if (state.alliance, state.iss, state.aud, state.waiver) != (alliance, home.name, centre, waiver):
        raise SignatureError("the home signed for another waiver, centre or alliance")
    if (state.state == "current") is not (state.since == 0):
        raise DocumentFormatError("what is not current says since when")
    return state


def rule_for(rules: Sequence[WaiverRule], evaluation: Evaluation) -> WaiverRule | None:
    """The rule that counts evaluations of this evaluator on this scale."""
    return next((rule for rule in rules if rule.is_about(evaluation)), None)


class _WrittenRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    evaluator: Annotated[str, msgspec.Meta(max_length=200)]
    scale: Annotated[str, msgspec.Meta(max_length=200)]
    grades: dict[Annotated[str, msgspec.Meta(max_length=200)], Annotated[int, msgspec.Meta(ge=1, le=WHOLE)]]
    recorders: Annotated[tuple[str, ...], msgspec.Meta(max_length=MAX_RULES)] = ()


def rules_from(value: object) -> tuple[WaiverRule, ...]:
    """The rules as tenders' records and files write them.

    Args:
        value: a list of objects with `evaluator`, `scale`, `grades` (share in per cent by grade) and, if wanted,
            `recorders`.

    Raises:
        DocumentFormatError: it is no such list.
    """
    try:
        written = msgspec.convert(
            value, Annotated[tuple[_WrittenRule, ...], msgspec.Meta(max_length=MAX_RULES)]
        )
    except msgspec.ValidationError as error:
        raise DocumentFormatError(f"not a list of waiver rules: {error}") from error
    return tuple(
        WaiverRule(one.evaluator, one.scale, tuple(one.grades.items()), tuple(one.recorders))
        for one in written
    )
