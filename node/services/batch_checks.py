"""At a tender's centre: all guarantees of a section at once, against what its records say of the section.

What of the section is sealed counts only once bids are opened; before that the check knows no bidders, and says
nothing about them, as if there were none.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from node.domain.batch_check import MAX_ITEMS, Batch, Expected, SectionTerms, Shown, ShownPledge
from node.domain.batch_finding import Finding
from node.domain.batch_waivers import ShownWaiver
from node.domain.section import (
    ByParty,
    Party,
    SectionFacts,
    begin_of,
    bids,
    contracts,
    demanded,
    estimate,
    named_guarantees,
    opened_at,
    payments,
    stated_waivers,
    tenderer,
)
from node.domain.waiver import WaiverRule, rules_from
from node.errors import DocumentFormatError, InvalidError, NodeError, StoreError, TooLargeError
from node.ports import Clock
from node.services.alliance import Alliance
from node.services.guarantees import Checked, Verdict
from node.services.pledges import PledgeChecked
from node.services.sections import Sections
from node.services.waivers import WaiverChecked

T = TypeVar("T")
_DAY_SECONDS = 86_400
_WITHDRAWN = "withdrawn"
_ROUNDS = 8
"""Of taking in what the log has brought, before a batch begins; the node does the rest beside it."""
BID_DEPOSIT = "bid-deposit"
"""Purpose of a payment by which a bidder gives security in money."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One item of a batch."""

    number: int
    """From 0."""
    checked: Checked | None
    """None if no check could be made of it."""
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class JudgedPledge:
    """One pledge of a batch."""

    number: int
    """From 0."""
    checked: PledgeChecked | None
    """None if no check could be made of it."""
    findings: list[Finding]


@dataclass(frozen=True, slots=True)
class JudgedWaiver:
    """One waiver of a batch."""

    number: int
    """From 0."""
    checked: WaiverChecked | None
    """None if no check could be made of it."""
    findings: list[Finding]
    share: int = 0
    """Which share of the security it waives, per cent."""


class BatchChecks:
    """Checks the guarantees of a section together."""

    def __init__(self, sections: Sections, alliance: Alliance, clock: Clock) -> None:
        self._sections, self._alliance, self._clock = sections, alliance, clock

    def begin(self, given: SectionTerms) -> Batch:
        """Begin a batch: what is not given is taken from the centre's records.

        Args:
            given: with this node's name as its centre, or empty.

        Raises:
            InvalidError: no section is named.
            StoreError: the database fails.
        """
        if not given.section:
            raise InvalidError("name the section first")
        for _ in range(_ROUNDS):
            if not self._sections.catch_up():
                break
        known = self._sections.facts(self._sections.digest(given.section))
        terms = replace(given, centre=given.centre or self._alliance.me)
        if known is not None:
            terms = _filled(terms, known, self._clock.now())
        return Batch(terms)

    @staticmethod
    def check(batch: Batch, look: Callable[[], Checked], bidder: str = "") -> Judged:
        """Check the next item.

        Args:
            batch: which it belongs to.
            look: checks the guarantee by itself.
            bidder: credit code of who has shown it; empty if that is not said.

        Raises:
            TooLargeError: the batch is too long.
            StoreError: the database fails.
        """
        number = _next(batch)
        checked = _looked(look)
        if isinstance(checked, str):
            return Judged(number, None, batch.unreadable(number, checked))
        shown = Shown(
            number,
            checked.verdict.value,
            checked.verdict is Verdict.VALID,
            checked.guarantee_id,
            checked.in_force,
            bidder,
        )
        return Judged(number, checked, batch.take(shown))

    @staticmethod
    def check_pledge(batch: Batch, look: Callable[[], PledgeChecked], bidder: str = "") -> JudgedPledge:
        """Check a pledge as the next item.

        Raises:
            TooLargeError: the batch is too long.
            StoreError: the database fails.
        """
        number = _next(batch)
        checked = _looked(look)
        if isinstance(checked, str):
            return JudgedPledge(number, None, batch.unreadable(number, checked))
        shown = ShownPledge(
            number,
            checked.verdict.value,
            checked.verdict is Verdict.VALID,
            checked.digest,
            checked.terms,
            Party(checked.credit_code, checked.organisation),
            bidder,
        )
        return JudgedPledge(number, checked, batch.take_pledge(shown))

    @staticmethod
    def check_waiver(batch: Batch, look: Callable[[], WaiverChecked], bidder: str = "") -> JudgedWaiver:
        """Check a waiver as the next item.

        Raises:
            TooLargeError: the batch is too long.
            StoreError: the database fails.
        """
        number = _next(batch)
        checked = _looked(look)
        if isinstance(checked, str):
            return JudgedWaiver(number, None, batch.unreadable(number, checked))
        shown = ShownWaiver(
            number,
            checked.verdict.value,
            checked.verdict is Verdict.VALID,
            checked.digest,
            checked.terms,
            checked.evaluation,
            Party(checked.credit_code, checked.organisation),
            checked.state,
            checked.since,
            bidder,
            checked.day,
        )
        findings, share = batch.take_waiver(shown)
        return JudgedWaiver(number, checked, findings, share)


def _next(batch: Batch) -> int:
    if batch.count >= MAX_ITEMS:
        raise TooLargeError(f"a batch has at most {MAX_ITEMS} items; divide it by sections")
    return batch.count


def _looked(look: Callable[[], T]) -> T | str:
    """What a look at one item found, or why it cannot be read: a bad item does not stop the others."""
    try:
        return look()
    except StoreError:
        raise
    except NodeError as error:
        return f"{error.reason}: {error}"


def _filled(terms: SectionTerms, known: SectionFacts, now: float) -> SectionTerms:
    """The terms with what is public, and, once bids are opened, with the list of bidders."""
    if terms.base is None and terms.kind == "bid" and (found := estimate(known)) is not None:
        base, currency = found
        # The limit is a share of the estimate: one in another currency is no measure.
        terms = replace(terms, base=base) if currency == terms.currency else terms
    if not terms.waivers and terms.kind == "bid":
        terms = replace(terms, waivers=_waivers(known))
    if not terms.beneficiary_name and not terms.beneficiary_key:
        terms = replace(terms, beneficiary_name=tenderer(known))
    opened = opened_at(known, now)
    if not opened:
        return terms
    terms = replace(terms, opening=terms.opening or opened)
    if terms.demanded is None:
        terms = replace(terms, demanded=demanded(known, terms.kind, terms.currency))
    if terms.base is None and terms.kind == "performance":
        amounts = [one for one in contracts(known) if one.currency == terms.currency]
        known_amount = amounts[0].amount if len(amounts) == 1 else None
        terms = replace(terms, base=known_amount)
    if terms.bidders is None and terms.kind == "bid" and (listed := _listed(known)):
        terms = replace(terms, bidders=listed)
    return terms


def _waivers(known: SectionFacts) -> tuple[WaiverRule, ...]:
    """What the section's record says; what it says unclearly waives nothing."""
    try:
        return rules_from(stated_waivers(known) or ())
    except DocumentFormatError:
        return ()


def _listed(known: SectionFacts) -> tuple[Expected, ...]:
    named = {bidder.code: number for bidder, number, _ in named_guarantees(known) if bidder.code}
    paid = ByParty((one.payer, one) for one in payments(known) if one.purpose == BID_DEPOSIT)
    found: dict[int, Expected] = {}
    for bid in bids(known):
        if bid.status == _WITHDRAWN:
            continue
        before = found.get(bid.position)
        parties = (*(before.parties if before is not None else ()), bid.bidder)
        until = 0 if bid.valid_until is None else begin_of(bid.valid_until) + _DAY_SECONDS - 1
        found[bid.position] = Expected(
            parties,
            number=next((named[one.code] for one in parties if one.code in named), ""),
            valid_until=until,
            is_secured=any(paid.of(one) for one in parties),
        )
    return tuple(found.values())
