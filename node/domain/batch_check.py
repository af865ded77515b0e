"""What only all guarantees of a section together show, beside the verdict on each: findings, never a decision.

    before all   the section's terms: from the centre's records, or as its caller gives them
    each item    `Batch.take`: is it of this section, for this bidder, enough, long enough, from the one named
    at the end   `Batch.close`: bidders that have shown nothing

A finding says what was expected and what was found; whether the bid is rejected is for the evaluation. Nothing is
kept but codes, numbers and names of the batch, so an item costs the same wherever it stands.
Source: 招标投标法实施条例 art. 26 (bid security at most 2% of the estimate, valid as long as the bid) and art. 58
(performance security at most 10% of the contract).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from node.domain.batch_finding import Fault, Finding
from node.domain.batch_waivers import ShownWaiver, Wanted, judge_waiver, rest_of, share_of_bid
from node.domain.guarantee import Guarantee
from node.domain.pledge import BidPledge
from node.domain.registry import is_same_text
from node.domain.section import Party
from node.domain.waiver import WHOLE, WaiverRule

MAX_ITEMS = 10_000
"""In one batch."""
LEGAL_SHARE = {"bid": Decimal("0.02"), "performance": Decimal("0.10")}
"""Most that may be demanded, of the estimate and of the contract."""


_NOBODY = Party("", "")


@dataclass(frozen=True, slots=True)
class Expected:
    """One bid on the list."""

    parties: tuple[Party, ...]
    """Its bidder; of a joint bid all members, any of which may bring the security."""
    guarantor: str = ""
    """The member it has named as its guarantor; empty if it has named none."""
    number: str = ""
    """The number it has named."""
    valid_until: int = 0
    """Until when its bid is valid, seconds since 1970 UTC; 0 if that is not known."""
    is_secured: bool = False
    """Whether it has given security in a form of which no document is checked here: money, as a rule."""


@dataclass(frozen=True, slots=True)
class SectionTerms:
    """What guarantees of a section are compared with; what is None or empty is not compared."""

    section: str
    centre: str
    """Member that runs the tender."""
    kind: str = "bid"
    demanded: Decimal | None = None
    """What the tender demands."""
    base: Decimal | None = None
    """What the legal limit is a share of: the estimate for bids, the contract's amount for performance."""
    currency: str = "CNY"
    opening: int = 0
    """When bids were opened, seconds since 1970 UTC; 0 if they were not."""
    valid_until: int = 0
    """Until when a bid is valid, seconds since 1970 UTC."""
    beneficiary_name: str = ""
    beneficiary_key: str = ""
    """128 hex digits."""
    takes_pledges: bool = False
    """Whether a pledge stands for a guarantee."""
    pledge_text: str = ""
    """SHA-256 of the text that is to be pledged, 64 hex digits."""
    waivers: tuple[WaiverRule, ...] = ()
    """For which grades bid security is waived; empty if it is not."""
    bidders: tuple[Expected, ...] | None = None
    """None: the list is not known, or not opened; then nothing is said about who is on it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One checked item."""

    number: int
    """From 0."""
    verdict: str
    is_valid: bool
    guarantee_id: str = ""
    """64 hex digits; empty if it could not be told."""
    terms: Guarantee | None = None
    bidder: str = ""
    """Credit code of who has shown it, as the caller says; empty if it does not."""


@dataclass(frozen=True, slots=True)
class ShownPledge:
    """One checked pledge."""

    number: int
    """From 0."""
    verdict: str
    is_valid: bool
    digest: str = ""
    terms: BidPledge | None = None
    party: Party = _NOBODY
    """Whose it is, as a certificate says."""
    bidder: str = ""
    """Credit code of who has shown it, as the caller says; empty if it does not."""


@dataclass(slots=True)
class Batch:
    """The batch so far."""

    terms: SectionTerms
    count: int = 0
    valid: int = 0
    faulty: int = 0
    """Items with a finding."""
    _codes: dict[str, int] = field(default_factory=dict)
    _ids: dict[str, tuple[int, str]] = field(default_factory=dict)
    _secured: set[str] = field(default_factory=set)
    _waived: dict[str, int] = field(default_factory=dict)
    """Share in per cent, by credit code, or by name where there is no code."""
    _listed: dict[str, Expected] = field(default_factory=dict)
    """By credit code, or by name where there is no code."""

    def __post_init__(self) -> None:
        """Index the list of bidders."""
        for one in self.terms.bidders or ():
            self._listed |= {party.code or party.name: one for party in one.parties}

    def take(self, shown: Shown) -> list[Finding]:
        """What is to be said about one item, itself and beside those before it."""
        found = list(self._of_item(shown))
        self.count += 1
        self.valid += shown.is_valid
        self.faulty += bool(found)
        if shown.is_valid and shown.terms is not None and not _is_strangers(found):
            self._secured |= {shown.terms.applicant_code, shown.terms.applicant_name}
        return found

    def take_pledge(self, shown: ShownPledge) -> list[Finding]:
        """What is to be said about one pledge."""
        found = list(self._of_pledge(shown))
        self.count += 1
        self.valid += shown.is_valid
        self.faulty += bool(found)
        if shown.is_valid and not {one.fault for one in found} & _NO_SECURITY:
            self._secured |= {shown.party.code, shown.party.name}
        return found

    def take_waiver(self, shown: ShownWaiver) -> tuple[list[Finding], int]:
        """What is to be said about one waiver, and which share of the security it waives, per cent.

        A guarantee or pledge for the rest is compared with that rest only if it comes later.
        """
        wanted = Wanted(
            self.terms.section, self.terms.centre, self.terms.kind, self.terms.opening, self.terms.waivers
        )
        found, share = judge_waiver(shown, wanted)
        if shown.digest:
            before = self._ids.setdefault(shown.digest, (shown.number, shown.party.code))
            if before[0] != shown.number:
                found.append(Finding(Fault.SHOWN_TWICE, item=shown.number, other=before[0]))
        if shown.terms is not None and self.terms.bidders is not None and self._on_list(shown.party) is None:
            named = f"{shown.party.name} {shown.party.code}"
            found.append(Finding(Fault.NOT_A_BIDDER, found=named, item=shown.number, bidder=shown.party))
        self.count += 1
        self.valid += shown.is_valid
        self.faulty += bool(found)
        if share:
            for name in {shown.party.code, shown.party.name} - {""}:
                self._waived[name] = max(share, self._waived.get(name, 0))
        return found, share

    def unreadable(self, number: int, why: str) -> list[Finding]:
        """An item that no check can be made of; the rest goes on."""
        self.count += 1
        self.faulty += 1
        return [Finding(Fault.UNREADABLE, found=why, item=number)]

    def close(self) -> list[Finding]:
        """Who on the list has shown nothing that counts."""
        return [
            Finding(Fault.WITHOUT_SECURITY, expected=self._lacking(one), bidder=one.parties[0])
            for one in self.terms.bidders or ()
            if not one.is_secured
            and share_of_bid(one.parties, self._waived) < WHOLE
            and not any((p.code or p.name) in self._secured for p in one.parties)
        ]

    def not_compared(self) -> list[Finding]:
        """What nothing was compared with, because nobody knows it: no finding about it is no word for it."""
        known = {
            "beneficiary": bool(self.terms.beneficiary_name or self.terms.beneficiary_key),
            "demanded-amount": self.terms.demanded is not None,
        }
        return [
            Finding(Fault.NOT_COMPARED, expected=name) for name, is_known in known.items() if not is_known
        ]

    def _lacking(self, one: Expected) -> str:
        share = share_of_bid(one.parties, self._waived)
        return f"{self.terms.kind}, {WHOLE - share}%" if share else self.terms.kind

    def _demanded(self, party: Party) -> Decimal | None:
        """What the tender demands of a bidder, less what is waived."""
        if self.terms.demanded is None or not self._waived:
            return self.terms.demanded
        listed = self._on_list(party)
        parties = (party,) if listed is None else listed.parties
        return self.terms.demanded * rest_of(parties, self._waived) / WHOLE

    def _of_item(self, shown: Shown) -> Iterator[Finding]:
        number = shown.number
        if not shown.is_valid:
            yield Finding(Fault.NOT_VALID, "VALID", shown.verdict, number)
        yield from self._repeated(shown)
        if shown.terms is None:
            if shown.is_valid or shown.guarantee_id:
                yield Finding(Fault.NO_TERMS, item=number)
            return
        yield from self._belongs(shown.terms, number)
        yield from self._bidder(shown, shown.terms)
        yield from self._amount(shown.terms, number)
        yield from self._time(shown.terms, number)

    def _of_pledge(self, shown: ShownPledge) -> Iterator[Finding]:
        number, wanted, pledge = shown.number, self.terms, shown.terms
        if not shown.is_valid:
            yield Finding(Fault.NOT_VALID, "VALID", shown.verdict, number)
        if not wanted.takes_pledges or wanted.kind != "bid":
            yield Finding(Fault.PLEDGE_NOT_TAKEN, item=number)
        if pledge is None:
            return
        before = self._ids.setdefault(shown.digest, (number, shown.party.code))
        if before[0] != number:
            yield Finding(Fault.SHOWN_TWICE, item=number, other=before[0])
        if (pledge.section, pledge.centre) != (wanted.section, wanted.centre):
            expected, found = f"{wanted.section} @ {wanted.centre}", f"{pledge.section} @ {pledge.centre}"
            yield Finding(Fault.OTHER_SECTION, expected, found, number)
        if wanted.pledge_text and pledge.text != wanted.pledge_text:
            yield Finding(Fault.OTHER_TEXT, wanted.pledge_text, pledge.text, number)
        if shown.bidder and shown.bidder != shown.party.code:
            yield Finding(Fault.OTHER_APPLICANT, shown.bidder, shown.party.code, number)
        listed = self._on_list(shown.party)
        if wanted.bidders is not None and listed is None:
            found = f"{shown.party.name} {shown.party.code}"
            yield Finding(Fault.NOT_A_BIDDER, found=found, item=number, bidder=shown.party)
        if wanted.demanded is not None and pledge.currency != wanted.currency:
            yield Finding(Fault.OTHER_CURRENCY, wanted.currency, pledge.currency, number)
        elif (least := self._demanded(shown.party)) is not None and Decimal(pledge.amount) < least:
            yield Finding(Fault.TOO_SMALL, f"{least:f}", pledge.amount, number)
        until = max(wanted.valid_until, 0 if listed is None else listed.valid_until)
        if pledge.exp < until:
            yield Finding(Fault.TOO_SHORT, str(until), str(pledge.exp), number)

    def _repeated(self, shown: Shown) -> Iterator[Finding]:
        if shown.guarantee_id:
            bidder = shown.bidder or (shown.terms.applicant_code if shown.terms else "")
            before = self._ids.setdefault(shown.guarantee_id, (shown.number, bidder))
            if before[0] != shown.number:
                fault = Fault.SHOWN_TWICE if before[1] == bidder else Fault.TWO_BIDDERS
                yield Finding(fault, before[1], bidder, shown.number, before[0])
                return  # the same guarantee has the same code, of course
        if shown.terms is not None:
            first = self._codes.setdefault(shown.terms.code, shown.number)
            if first != shown.number:
                yield Finding(Fault.SAME_CODE, item=shown.number, other=first)

    def _belongs(self, terms: Guarantee, number: int) -> Iterator[Finding]:
        wanted = self.terms
        if (terms.section, terms.centre) != (wanted.section, wanted.centre):
            expected, found = f"{wanted.section} @ {wanted.centre}", f"{terms.section} @ {terms.centre}"
            yield Finding(Fault.OTHER_SECTION, expected, found, number)
        if terms.guarantee_kind != wanted.kind:
            yield Finding(Fault.OTHER_KIND, wanted.kind, terms.guarantee_kind, number)
        if wanted.beneficiary_name and not is_same_text(terms.beneficiary_name, wanted.beneficiary_name):
            yield Finding(Fault.OTHER_BENEFICIARY, wanted.beneficiary_name, terms.beneficiary_name, number)
        elif wanted.beneficiary_key and terms.beneficiary_key != wanted.beneficiary_key:
            yield Finding(Fault.OTHER_BENEFICIARY, wanted.beneficiary_key, terms.beneficiary_key, number)

    def _bidder(self, shown: Shown, terms: Guarantee) -> Iterator[Finding]:
        number, party = shown.number, Party(terms.applicant_code, terms.applicant_name)
        if shown.bidder and shown.bidder != terms.applicant_code:
            yield Finding(Fault.OTHER_APPLICANT, shown.bidder, terms.applicant_code, number)
        if self.terms.bidders is None:
            return
        listed = self._on_list(party)
        if listed is None:
            yield Finding(Fault.NOT_A_BIDDER, found=f"{party.name} {party.code}", item=number, bidder=party)
            return
        named = (listed.guarantor or terms.iss, listed.number or terms.number)
        if named != (terms.iss, terms.number):
            yield Finding(
                Fault.OTHER_GUARANTOR, ":".join(named), f"{terms.iss}:{terms.number}", number, bidder=party
            )

    def _on_list(self, party: Party) -> Expected | None:
        return self._listed.get(party.code) or self._listed.get(party.name)

    def _amount(self, terms: Guarantee, number: int) -> Iterator[Finding]:
        wanted, amount = self.terms, Decimal(terms.amount)
        share = LEGAL_SHARE.get(wanted.kind)
        limit = None if wanted.base is None or share is None else wanted.base * share
        if wanted.demanded is None and limit is None:
            return
        if terms.currency != wanted.currency:
            yield Finding(Fault.OTHER_CURRENCY, wanted.currency, terms.currency, number)
            return
        least = self._demanded(Party(terms.applicant_code, terms.applicant_name))
        if least is not None and amount < least:
            yield Finding(Fault.TOO_SMALL, f"{least:f}", terms.amount, number)
        if limit is not None and amount > limit:
            yield Finding(Fault.OVER_LEGAL_LIMIT, f"{limit:f}", terms.amount, number)

    def _time(self, terms: Guarantee, number: int) -> Iterator[Finding]:
        wanted, listed = self.terms, self._on_list(Party(terms.applicant_code, terms.applicant_name))
        until = max(wanted.valid_until, 0 if listed is None else listed.valid_until)
        if terms.exp < until:
            yield Finding(Fault.TOO_SHORT, str(until), str(terms.exp), number)
        elif wanted.opening and terms.nbf > wanted.opening:
            yield Finding(Fault.TOO_SHORT, str(wanted.opening), str(terms.nbf), number)


_NO_SECURITY = frozenset(
    {Fault.PLEDGE_NOT_TAKEN, Fault.OTHER_SECTION, Fault.OTHER_TEXT, Fault.OTHER_APPLICANT}
)
_STRANGERS = frozenset(
    {Fault.OTHER_SECTION, Fault.OTHER_KIND, Fault.OTHER_BENEFICIARY, Fault.OTHER_APPLICANT, Fault.TWO_BIDDERS}
)


def _is_strangers(found: list[Finding]) -> bool:
    """Whether an item secures nobody's bid here, valid as it is."""
    return any(one.fault in _STRANGERS for one in found)
