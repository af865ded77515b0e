"""What a section's batch makes of waivers: which secure a bid, by which share, and what is said of the others."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from node.domain.batch_finding import Fault, Finding
from node.domain.section import Party, day_at
from node.domain.waiver import WHOLE, BidWaiver, Evaluation, State, WaiverRule, rule_for

Standing = State | Literal["unknown"]
"""`unknown`: the home has not said."""
_NOBODY = Party("", "")
_OF_STATE = {
    "superseded": Fault.EVALUATION_SUPERSEDED,
    "withdrawn": Fault.EVALUATION_WITHDRAWN,
    "erased": Fault.EVALUATION_WITHDRAWN,
    "disputed": Fault.EVALUATION_DISPUTED,
    "unknown": Fault.EVALUATION_UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class ShownWaiver:
    """One checked waiver."""

    number: int
    """From 0."""
    verdict: str
    is_valid: bool
    digest: str = ""
    """Of the document, 64 hex digits; empty if it is false."""
    terms: BidWaiver | None = None
    evaluation: Evaluation | None = None
    party: Party = _NOBODY
    """Whose it is, as a certificate says."""
    state: Standing = "unknown"
    """How the evaluation stands, as its home says after the opening."""
    since: int = 0
    """Seconds since 1970 UTC; 0 if it is current, or unknown."""
    bidder: str = ""
    """Credit code of who has shown it, as the caller says; empty if it does not."""
    checked: date = date.max
    """When it was checked, in China."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What waivers of a section are compared with."""

    section: str
    centre: str
    kind: str
    opening: int
    """When bids were opened, seconds since 1970 UTC; 0 if that is not on record."""
    rules: Sequence[WaiverRule]


def judge_waiver(shown: ShownWaiver, wanted: Wanted) -> tuple[list[Finding], int]:
    """What is to be said of a waiver by itself, and which share of the security it waives, per cent.

    The share is 0 if anything at all is said: nothing that is in doubt waives money.
    """
    found = list(_of_waiver(shown, wanted))
    if found or shown.evaluation is None or not shown.is_valid:
        return found, 0
    rule = rule_for(wanted.rules, shown.evaluation)
    return found, 0 if rule is None else rule.share(shown.evaluation.grade)


def share_of_bid(parties: Sequence[Party], waived: dict[str, int]) -> int:
    """Which share of a bid's security is waived, per cent.

    Of a joint bid every member must have shown a waiver, and the smallest share counts, as the law has it for
    qualification (招标投标法 art. 31: the lower grade).

    Args:
        parties: the bidder, or all members of the joint bid.
        waived: share by credit code, or by name where there is no code.
    """
    return min((waived.get(one.code or one.name, 0) for one in parties), default=0)


def rest_of(parties: Sequence[Party], waived: dict[str, int]) -> int:
    """The share that is still to be secured, per cent."""
    return WHOLE - share_of_bid(parties, waived)


def _of_waiver(shown: ShownWaiver, wanted: Wanted) -> Iterator[Finding]:
    number, waiver, evaluation = shown.number, shown.terms, shown.evaluation
    if not shown.is_valid:
        yield Finding(Fault.NOT_VALID, "VALID", shown.verdict, number)
    if not wanted.rules or wanted.kind != "bid":
        yield Finding(Fault.WAIVER_NOT_TAKEN, item=number)
    if waiver is None or evaluation is None:
        return
    if (waiver.section, waiver.centre) != (wanted.section, wanted.centre):
        expected, found = f"{wanted.section} @ {wanted.centre}", f"{waiver.section} @ {waiver.centre}"
        yield Finding(Fault.OTHER_SECTION, expected, found, number)
    if shown.bidder and shown.bidder != shown.party.code:
        yield Finding(Fault.OTHER_APPLICANT, shown.bidder, shown.party.code, number)
    yield from _grade(evaluation, waiver.home, wanted, number)
    # Where no opening is on record its day is the bidder's word: then the evaluation must count today, too.
    days = (day_at(wanted.opening),) if wanted.opening else (day_at(waiver.opening), shown.checked)
    for day in days:
        if not evaluation.first <= day <= evaluation.last:
            validity = f"{evaluation.first}/{evaluation.last}"
            yield Finding(Fault.EVALUATION_ENDED, str(day), validity, number)
            break
    if evaluation.is_withdrawn:
        yield Finding(Fault.EVALUATION_WITHDRAWN, "current", "withdrawn", number)
    elif shown.is_valid and (fault := _OF_STATE.get(shown.state)) is not None:
        since = f" {shown.since}" if shown.since else ""
        yield Finding(fault, "current", f"{shown.state}{since}", number)


def _grade(evaluation: Evaluation, home: str, wanted: Wanted, number: int) -> Iterator[Finding]:
    if not wanted.rules:
        return
    rule = rule_for(wanted.rules, evaluation)
    if rule is None:
        expected = "; ".join(f"{one.evaluator} / {one.scale}" for one in wanted.rules)
        yield Finding(Fault.OTHER_SCALE, expected, f"{evaluation.evaluator} / {evaluation.scale}", number)
        return
    if not rule.share(evaluation.grade):
        expected = ", ".join(grade for grade, _ in rule.shares)
        yield Finding(Fault.LOW_GRADE, expected, evaluation.grade, number)
    recorders = rule.recorders or (wanted.centre,)
    if home not in recorders:
        yield Finding(Fault.NOT_ENTITLED, ", ".join(recorders), home, number)
