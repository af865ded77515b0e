"""三金一款: what is owed in a section, by whom to whom, when, and what proves that it was done.

    bid security         back to losers and winner after the contract, to who withdrew in time at once
    performance security back after completion
    quality security     back after the defects period
    progress pay         as the contract's milestones say

Everything follows from the section's records, the guarantees that are held and the day that is asked about; the same
again gives the same. A rule says how long its debtor has, by which law or agreement, and how days are counted; a day
that ends a period and is no working day moves it to the next working day. Of the law's own periods a centre can only
shorten; the others are its contracts' business, and the defaults here are to be reviewed before they are relied on.
Source: 招标投标法实施条例 art. 35, 57, 58, 74; 民法典 art. 201, 203 (how days are counted).
"""

import enum
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import msgspec

from node.domain.calendar import Calendar, add_working_days
from node.domain.encoding import canonical_json
from node.domain.guarantee_table import GRACE_SECONDS, LAPSING
from node.domain.guarantee_table import State as Standing
from node.domain.section import (
    Party,
    begin_of,
    day_at,
)
from node.errors import InvalidError

AddWorkingDays = Callable[[date, int], date]
"""(day, n) → the n-th working day after that day."""
Counted = Literal["calendar", "working"]

COMPLETION, DEFECTS_END = "completion", "defects-liability-end"
"""`code` of the milestones at which performance and quality security are due back."""
PAYMENT_KINDS = frozenset({"financing", "payment"})
"""`type` of the milestones that are payments."""
_TAG = b"heqi.obligation.v1\0"
_MOST_DAYS = 3_650


class Kind(enum.Enum):
    """What is owed; the words are stable."""

    BID_RETURN = "bid-return"
    """投标保证金退还."""
    PERFORMANCE_RETURN = "performance-return"
    """履约保证金退还."""
    QUALITY_RETURN = "quality-return"
    """质量保证金返还."""
    PROGRESS_PAY = "progress-pay"
    """工程进度款支付."""


class State(enum.Enum):
    """How an obligation stands on a day; the words are stable."""

    WAITING = "waiting"
    """What it depends on has not come about."""
    DUE = "due"
    """Owed, and in time."""
    LATE = "late"
    """Owed, and its time is over."""
    DONE = "done"
    """A record or a step on the ledger shows that it was done."""


class Rule(msgspec.Struct, frozen=True):
    """How long a debtor has."""

    name: str
    days: int
    counted: Counted
    source: str
    """Law or agreement."""
    is_law: bool
    """Whether the law sets it: a centre's configuration can then only shorten it."""


RULES = {
    rule.name: rule
    for rule in (
        Rule("bid-return", 5, "calendar", "招标投标法实施条例 art. 57", is_law=True),
        Rule("bid-return-withdrawn", 5, "calendar", "招标投标法实施条例 art. 35", is_law=True),
        Rule(
            "performance-return", 28, "calendar", "the contract; 28 days if it is not set here", is_law=False
        ),
        Rule("quality-return", 14, "calendar", "the contract; 14 days if it is not set here", is_law=False),
        Rule("progress-pay", 0, "calendar", "the contract's milestone", is_law=False),
    )
}
"""By name; the day counts that are not law are defaults for a centre to review."""


class Proof(msgspec.Struct, frozen=True):
    """What shows that something was done."""

    source: Literal["record", "ledger"]
    reference: str
    """Position of the record; or `<guarantee id>/<step>`, the step on the ledger."""
    says: str
    """A word: the guarantee's state, or `paid`."""
    day: date | None = None


class Obligation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is owed."""

    id: str
    """32 hex digits: the same whenever the same thing is derived."""
    kind: str
    rule: str
    section: str
    debtor: str
    creditor: str
    creditor_code: str
    amount: str
    """In yuan, or the main unit of its currency; empty if nobody says how much."""
    currency: str
    trigger: date | None = None
    """The day from which it is owed; None as long as what it depends on has not come about."""
    due: date | None = None
    """The last day in time."""
    waits_for: str = ""
    """Why it is not owed yet, a stable word."""
    because: tuple[int, ...] = ()
    """Positions of the records that it follows from."""
    guarantee: str = ""
    """The guarantee that is to be given back; empty if it is money."""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A guarantee for the section that the centre holds, as the ledger has it."""

    id: str
    kind: str
    applicant: Party
    beneficiary: str
    amount: str
    """In force; empty if that is not known here."""
    currency: str
    begins: int
    """Seconds since 1970 UTC."""
    ends: int
    """The end in force; if that is not known here, the latest one that the ledger allows."""
    state: str
    """The ledger's word."""
    step: int
    """Number of the last step."""
    is_over: bool
    """Whether the ledger takes no further step."""
    is_quiet: bool
    """Whether it is issued and nothing is open: no claim, no amendment."""
    is_known: bool = True
    """Whether every document is here on which its amount and end depend."""

    def is_in_force(self, now: float) -> bool:
        """Whether it secures anything."""
        return not self.is_over and self.begins <= now < self.ends

    @property
    def lapses(self) -> int:
        """When it is over by time alone, seconds since 1970 UTC; 0 while a claim keeps it alive, open or refused.

        What was left open without a claim, such as an amendment, leaves a claim that was in time its time of grace.
        """
        if self.is_quiet:
            return self.ends
        return self.ends + GRACE_SECONDS if Standing[self.state] in LAPSING else 0


def rules_with(changes: Mapping[str, tuple[int | None, Counted | None]]) -> dict[str, Rule]:
    """The rules as a centre has set them.

    Args:
        changes: by rule: days and how they are counted; None leaves what is.

    Raises:
        InvalidError: there is no such rule, the number is absurd, or a period of the law would become longer.
    """
    rules = dict(RULES)
    for name, (days, counted) in changes.items():
        if name not in rules:
            raise InvalidError(f"there is no rule {name!r}; there are {', '.join(rules)}")
        rule = rules[name]
        changed = msgspec.structs.replace(
            rule, days=rule.days if days is None else days, counted=counted or rule.counted
        )
        if not 0 <= changed.days <= _MOST_DAYS:
            raise InvalidError(f"{name}: days must be 0 to {_MOST_DAYS}")
        # n working days are never fewer than n days.
        if rule.is_law and (changed.days > rule.days or changed.counted != rule.counted):
            raise InvalidError(f"{name}: {rule.source} gives {rule.days} {rule.counted} days, and no more")
        rules[name] = changed
    return rules


def counting_by(calendar: Calendar) -> AddWorkingDays:
    """How working days are counted by a calendar; in a year that nobody voted on, Monday to Friday are."""

    def add(day: date, count: int) -> date:
        # What follows the last of them is told as a moment; the second before lies in it.
        return day_at(add_working_days(calendar, begin_of(day), count) - 1)

    return add


def last_day(rule: Rule, trigger: date, nth_working_day: AddWorkingDays) -> date:
    """The last day in time; the day of the trigger itself is not counted.

    Source: 民法典 art. 201, 203.
    """
    if rule.counted == "working":
        return nth_working_day(trigger, rule.days) if rule.days else trigger
    last = trigger + timedelta(rule.days)
    return nth_working_day(last - timedelta(1), 1)


def state_of(obligation: Obligation, today: date) -> State:
    """How it stands on a day, in China's time."""
    if obligation.proof is not None:
        return State.DONE
    if obligation.trigger is None or obligation.due is None or today < obligation.trigger:
        return State.WAITING
    return State.DUE if today <= obligation.due else State.LATE


def next_moment(obligation: Obligation, today: date) -> int:
    """When its state changes by time alone, seconds since 1970 UTC; 0 if it does not."""
    match state_of(obligation, today):
        case State.WAITING if obligation.trigger is not None and obligation.due is not None:
            return begin_of(obligation.trigger)
        case State.DUE if obligation.due is not None:
            return begin_of(obligation.due + timedelta(1))
        case _:
            return 0


def releasable(obligation: Obligation, held: Held, now: float) -> bool:
    """Whether a guarantee is to be given back now: it is owed, in force, and nothing about it is open."""
    owed = state_of(obligation, day_at(now)) in {State.DUE, State.LATE}
    return owed and obligation.guarantee == held.id and held.is_quiet and held.is_in_force(now)


def obligation_id(section: str, kind: Kind, key: str) -> str:
    """The id of what is owed, 32 hex digits.

    Args:
        section: where.
        kind: what.
        key: the guarantee's id; payer and currency of a deposit; contract and milestone of a payment.
    """
    return hashlib.sha256(_TAG + canonical_json([section, kind.value, key])).hexdigest()[:32]
