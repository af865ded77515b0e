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
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Literal

import msgspec

from node.domain.calendar import Calendar, add_working_days
from node.domain.encoding import canonical_json
from node.domain.guarantee_table import GRACE_SECONDS, LAPSING
from node.domain.guarantee_table import State as Standing
from node.domain.section import (
    ByParty,
    Contract,
    Milestone,
    Party,
    Payment,
    SectionFacts,
    begin_of,
    bids,
    contracts,
    day_at,
    milestones,
    opened_at,
    payments,
    refused,
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


@dataclass(frozen=True, slots=True)
class _Security:
    """What somebody has given, a guarantee or money."""

    party: Party
    amount: str
    currency: str
    key: str
    held: Held | None
    paid: tuple[int, ...]
    proof: Proof | None


@dataclass(frozen=True, slots=True)
class _Trigger:
    rule: str
    day: date | None
    waits_for: str = ""
    because: tuple[int, ...] = ()


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


def derive(
    known: SectionFacts,
    guarantees: Iterable[Held],
    rules: Mapping[str, Rule],
    nth_working_day: AddWorkingDays,
    now: float,
) -> list[Obligation]:
    """Everything that is owed in a section; nothing before its bids are opened.

    Args:
        known: its records.
        guarantees: those for it that the centre holds and the ledger has.
        rules: as `rules_with` makes them.
        nth_working_day: by the calendar in force.
        now: seconds since 1970 UTC.
    """
    if not opened_at(known, now):
        return []
    return list(_Section(known, list(guarantees), rules, nth_working_day, now).all())


class _Section:
    """One derivation."""

    def __init__(
        self,
        known: SectionFacts,
        guarantees: list[Held],
        rules: Mapping[str, Rule],
        nth_working_day: AddWorkingDays,
        now: float,
    ) -> None:
        self._known, self._held, self._rules = known, guarantees, rules
        self._nth_working_day, self._now = nth_working_day, now
        self._contracts = contracts(known)
        self._payments = payments(known)
        self._milestones = milestones(known)
        found = list(bids(known))
        self._bids_of = ByParty((bid.bidder, bid) for bid in found)
        self._sides: dict[int, list[Party]] = {}
        for bid in found:
            self._sides.setdefault(bid.position, []).append(bid.bidder)
        # Otherwise a loser might be the winner, misspelt.
        self._knows_winners = all(
            any(not found or self._bids_of.of(won) for won in contract.suppliers)
            for contract in self._contracts
        )
        self._refunds_to = {
            deposit: ByParty(
                (one.payee, one) for one in self._payments if one.purpose == f"{deposit}-deposit-refund"
            )
            for deposit in ("bid", "performance", "quality")
        }
        self._refused = refused(known)
        self._opened = day_at(opened_at(known, now))
        names = [contract.buyer.name for contract in self._contracts if contract.buyer.name]
        self._buyer = names[0] if names else ""

    def all(self) -> Iterator[Obligation]:
        for kind, deposit, trigger in (
            (Kind.BID_RETURN, "bid", self._after_bid),
            (Kind.PERFORMANCE_RETURN, "performance", self._after_completion),
            (Kind.QUALITY_RETURN, "quality", self._after_defects),
        ):
            for security in self._securities(deposit):
                yield self._back(kind, security, trigger(security.party))
        for milestone in self._milestones:
            if milestone.kind in PAYMENT_KINDS:
                yield self._pay(milestone)

    def _securities(self, deposit: str) -> Iterator[_Security]:
        for held in self._held:
            if held.kind == deposit:
                yield _Security(
                    held.applicant,
                    held.amount,
                    held.currency,
                    held.id,
                    held,
                    (),
                    _given_back(held, self._now),
                )
        given: dict[tuple[str, str], list[Payment]] = {}
        for payment in self._payments:
            if payment.purpose == f"{deposit}-deposit":
                who = payment.payer.code or payment.payer.name
                given.setdefault((who, payment.currency), []).append(payment)
        for (who, currency), paid in given.items():
            amount = sum((one.amount for one in paid), Decimal(0))
            party = paid[0].payer
            back = [one for one in self._refunds_to[deposit].of(party) if one.currency == currency]
            positions = tuple(sorted({one.position for one in paid}))
            yield _Security(
                party, f"{amount:f}", currency, f"{who}/{currency}", None, positions, _paid(back, amount)
            )

    def _back(self, kind: Kind, security: _Security, trigger: _Trigger) -> Obligation:
        held = security.held
        if held is not None and not held.is_over and not held.is_quiet:
            trigger = _Trigger(trigger.rule, None, "claim-or-amendment-open", trigger.because)
        return self._obligation(
            kind,
            trigger,
            key=security.key,
            debtor=held.beneficiary if held is not None else self._buyer,
            creditor=security.party,
            amount=security.amount,
            currency=security.currency,
            guarantee="" if held is None else held.id,
            because=(*security.paid, *trigger.because),
            proof=security.proof,
        )

    def _pay(self, milestone: Milestone) -> Obligation:
        contract = next(one for one in self._contracts if one.thing == milestone.contract)
        paid = [
            one
            for one in self._payments
            if one.milestone == milestone.id
            and one.purpose in {"", "progress"}
            and one.currency == (milestone.currency or one.currency)
        ]
        day = min((one for one in (milestone.met, milestone.due) if one is not None), default=None)
        trigger = _Trigger("progress-pay", day, "" if day else "no-date", (milestone.position,))
        amount = Decimal(0) if milestone.amount is None else milestone.amount
        return self._obligation(
            Kind.PROGRESS_PAY,
            trigger,
            key=f"{milestone.contract}/{milestone.id}",
            debtor=contract.buyer.name,
            creditor=contract.suppliers[0] if contract.suppliers else Party("", ""),
            amount="" if milestone.amount is None else f"{amount:f}",
            currency=milestone.currency,
            because=trigger.because,
            proof=_paid(paid, amount),
            counts_from=milestone.due,
        )

    def _obligation(  # what an obligation says
        self,
        kind: Kind,
        trigger: _Trigger,
        *,
        key: str,
        debtor: str,
        creditor: Party,
        amount: str,
        currency: str,
        because: tuple[int, ...],
        proof: Proof | None,
        guarantee: str = "",
        counts_from: date | None = None,
    ) -> Obligation:
        rule, day = self._rules[trigger.rule], trigger.day
        due = None if day is None else last_day(rule, counts_from or day, self._nth_working_day)
        return Obligation(
            id=obligation_id(self._known.section, kind, key),
            kind=kind.value,
            rule=rule.name,
            section=self._known.section,
            debtor=debtor,
            creditor=creditor.name,
            creditor_code=creditor.code,
            amount=amount,
            currency=currency,
            trigger=day,
            due=due,
            waits_for=trigger.waits_for,
            because=because,
            guarantee=guarantee,
            proof=proof,
        )

    def _after_bid(self, party: Party) -> _Trigger:
        """Source: 招标投标法实施条例 art. 35, 57, 74."""
        for bid in self._bids_of.of(party):
            if bid.withdrawn is not None:
                if bid.withdrawn <= self._opened:
                    return _Trigger("bid-return-withdrawn", bid.withdrawn, because=(bid.position,))
                return _Trigger("bid-return", None, "revoked-after-deadline", (bid.position,))
        won = self._contract_of(party)
        if won is None and any(one.is_same(party.code, party.name) for one in self._refused):
            return _Trigger("bid-return", None, "award-lost")
        if not self._contracts:
            return _Trigger("bid-return", None, "no-contract")
        if won is None:
            last = self._contracts[-1]
            if not self._knows_winners:
                return _Trigger("bid-return", None, "winner-not-on-list", (last.position,))
            return _Trigger("bid-return", last.signed, because=(last.position,))
        return self._after_award(won, party)

    def _after_award(self, won: Contract, party: Party) -> _Trigger:
        if not won.wants_performance:
            return _Trigger("bid-return", won.signed, because=(won.position,))
        covered = self._covered_since(party)
        if covered is None:
            is_known = all(held.is_known for held in self._covers_of(party))
            lacking = "no-performance-security" if is_known else "documents-missing"
            return _Trigger("bid-return", None, lacking, (won.position,))
        return _Trigger("bid-return", max(won.signed, covered), because=(won.position,))

    def _covered_since(self, party: Party) -> date | None:
        """Since when performance security is in force; None if none is."""
        # Under terms that are not known it may have ended, and a winner without security would have its bid's back.
        days = [day_at(held.begins) for held in self._covers_of(party) if held.is_known]
        for security in self._securities("performance"):
            if security.held is None and security.party == party and security.proof is None:
                days += [
                    payment.day
                    for payment in self._payments
                    if payment.day is not None and payment.position in security.paid
                ]
        return min(days, default=None)

    def _covers_of(self, party: Party) -> Iterator[Held]:
        """Performance guarantees of a party that are in force, or may be."""
        for held in self._held:
            is_theirs = held.kind == "performance" and held.applicant.is_same(party.code, party.name)
            if is_theirs and held.is_in_force(self._now):
                yield held

    def _after_completion(self, party: Party) -> _Trigger:
        found = self._milestone_of(party, COMPLETION)
        if found is None or found.met is None:
            return _Trigger("performance-return", None, "no-completion")
        return _Trigger("performance-return", found.met, because=(found.position,))

    def _after_defects(self, party: Party) -> _Trigger:
        found = self._milestone_of(party, DEFECTS_END)
        day = None if found is None else found.met or found.due
        if found is None or day is None:
            return _Trigger("quality-return", None, "no-end-of-defects-period")
        return _Trigger("quality-return", day, because=(found.position,))

    def _contract_of(self, party: Party) -> Contract | None:
        """The contract that a party has won, by itself or in a joint bid."""
        side = [party, *(one for bid in self._bids_of.of(party) for one in self._sides[bid.position])]
        for contract in self._contracts:
            if any(won.is_same(one.code, one.name) for won in contract.suppliers for one in side):
                return contract
        return None

    def _milestone_of(self, party: Party, code: str) -> Milestone | None:
        contract = self._contract_of(party)
        if contract is None:
            return None
        found = [one for one in self._milestones if one.code == code and one.contract == contract.thing]
        return found[0] if found else None


def obligation_id(section: str, kind: Kind, key: str) -> str:
    """The id of what is owed, 32 hex digits.

    Args:
        section: where.
        kind: what.
        key: the guarantee's id; payer and currency of a deposit; contract and milestone of a payment.
    """
    return hashlib.sha256(_TAG + canonical_json([section, kind.value, key])).hexdigest()[:32]


def _given_back(held: Held, now: float) -> Proof | None:
    if held.is_over:
        return Proof("ledger", f"{held.id}/{held.step}", held.state)
    if held.lapses and now >= held.lapses:
        day = day_at(held.ends) if held.is_known else None
        return Proof("ledger", f"{held.id}/{held.step}", "EXPIRED", day)
    return None


def _paid(found: list[Payment], amount: Decimal) -> Proof | None:
    """The payment that completed an amount."""
    total = Decimal(0)
    for payment in sorted(found, key=lambda one: (one.day or date.max, one.position)):
        total += payment.amount
        if total >= amount:
            return Proof("record", str(payment.position), "paid", payment.day)
    return None
