"""What is owed in a section, derived from its records and the guarantees that are held, by the rules of `obligation`.

The same facts on the same day give the same; nothing is owed before the bids are opened.
Source: 招标投标法实施条例 art. 35, 57, 58, 74.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from node.domain.obligation import (
    COMPLETION,
    DEFECTS_END,
    PAYMENT_KINDS,
    AddWorkingDays,
    Held,
    Kind,
    Obligation,
    Proof,
    Rule,
    last_day,
    obligation_id,
)
from node.domain.section import (
    ByParty,
    Contract,
    Milestone,
    Party,
    Payment,
    SectionFacts,
    bids,
    contracts,
    day_at,
    milestones,
    opened_at,
    payments,
    refused,
)


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
