"""What a centre's own records say about one section, for whoever asks what follows from it.

Records arrive in any order, twice, and corrected: of every thing the newest version counts, so taking them in again
changes nothing. What a field means is said here once; where a source leaves something out, nothing is guessed.
Source: 公共资源交易平台系统数据规范 V2.0 502, 506, 507, 512, 513, 522, 523; OCDS 1.1 for the shape of lists.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Generic, TypeVar

import msgspec

T = TypeVar("T")
_KEPT = {
    "trade.tender": ("procuring_entity_name", "buyer_name"),
    "trade.section": ("section_name", "estimate_amount", "estimate_currency", "opening_time", "details"),
    "trade.opening": ("opening_time",),
    "trade.bid": ("status", "tenderers", "validity_period_end", "release_date", "date"),
    "trade.award": ("status", "suppliers"),
    "trade.contract": (
        "status",
        "date_signed",
        "value_amount",
        "value_currency",
        "suppliers",
        "guarantees",
        "milestones",
        "buyer_name",
        "buyer_code",
    ),
    "trade.performance": ("milestones", "transactions", "contract_id"),
    "trade.guarantee": ("guarantee_number", "guarantor_name", "bidder_name", "bidder_code"),
}
CATEGORIES = frozenset(_KEPT)
"""Whose records are read."""
READING = hashlib.sha256(repr(sorted(_KEPT.items())).encode()).digest()
"""What is read of them, 32 bytes: where it was something else before, records are read anew."""
_SECURITIES = {
    "performance": "performance",
    "fulfillment": "performance",
    "quality": "quality",
    "latentDefects": "quality",
}
"""`obligations` of a contract's guarantees: which kind of guarantee secures them."""
WAIVERS = "bid_security_waivers"
"""In `details` of a section's record: for which grades bid security is waived (`waiver.rules_from`)."""
_DETAILS = "details"
CHINA = timezone(timedelta(hours=8))
"""Days of Chinese law are counted in China's time."""

_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?")
_CODE = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}\Z")
_ENDED = frozenset({"cancelled", "terminated", "superseded"})
_REFUSED = frozenset({"cancelled", "unsuccessful"})
MAX_SECTION_LENGTH = 200
_YEARS = range(1990, 2200)


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """What is read of one version of one record."""

    category: str
    thing: str
    version: int
    position: int
    """Of the record in the centre's log."""
    occurred: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        """A text field; empty if there is none."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else ""

    def day(self, name: str) -> date | None:
        """A day, in China's time; None if the field holds none."""
        return day_of(self.fields.get(name))


class SectionFacts(msgspec.Struct, frozen=True, array_like=True):
    """Everything that is known about a section."""

    section: str
    """标段编号, or the source's project where it numbers no sections."""
    facts: dict[str, Fact]
    """By category and thing."""


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody in a record."""

    code: str
    """Credit code; empty if the source gives none."""
    name: str

    def is_same(self, code: str, name: str) -> bool:
        """Whether that is the same party: by credit code where both have one, otherwise by name."""
        if self.code and code:
            return self.code == code
        return bool(self.name) and self.name == name


class ByParty(Generic[T]):
    """Things that belong to parties, found as `Party.is_same` tells parties, without going over all of them."""

    def __init__(self, things: Iterable[tuple[Party, T]]) -> None:
        """Args:
        things: each with its party.
        """
        self._by_code: dict[str, list[T]] = {}
        self._by_name: dict[str, list[tuple[Party, T]]] = {}
        for party, thing in things:
            if party.code:
                self._by_code.setdefault(party.code, []).append(thing)
            self._by_name.setdefault(party.name, []).append((party, thing))

    def of(self, party: Party) -> list[T]:
        """What belongs to a party."""
        named = self._by_name.get(party.name, []) if party.name else []
        if not party.code:
            return [thing for _, thing in named]
        return [*self._by_code.get(party.code, []), *(thing for one, thing in named if not one.code)]


@dataclass(frozen=True, slots=True)
class Bid:
    """One bid on the list of bidders."""

    bidder: Party
    status: str
    valid_until: date | None
    withdrawn: date | None
    """When it was withdrawn, by its status; None if it was not."""
    position: int


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract of the section that stands."""

    thing: str
    suppliers: tuple[Party, ...]
    buyer: Party
    signed: date
    amount: Decimal | None
    currency: str
    position: int
    securities: tuple[tuple[str, Decimal | None, str], ...] = ()
    """What security it asks of the supplier: kind of guarantee, amount if it is said, currency."""

    @property
    def wants_performance(self) -> bool:
        """Whether it says that the supplier gives performance security."""
        return any(kind == "performance" for kind, _, _ in self.securities)


@dataclass(frozen=True, slots=True)
class Milestone:
    """A point in the course of a contract, as the newest record has it."""

    contract: str
    """The contract's thing."""
    id: str
    title: str
    kind: str
    """OCDS `type`."""
    code: str
    due: date | None
    met: date | None
    amount: Decimal | None
    currency: str
    position: int


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that was moved."""

    id: str
    purpose: str
    milestone: str
    payer: Party
    payee: Party
    amount: Decimal
    currency: str
    day: date | None
    position: int


def section_of(category: str, fields: Mapping[str, object], project: str) -> str:
    """To which section a record belongs; empty if to none.

    Args:
        category: of the record.
        fields: plain JSON values.
        project: under which its source files it.
    """
    if category not in _KEPT:
        return ""
    code = fields.get("section_code")
    found = code if isinstance(code, str) and code else project
    return found if len(found) <= MAX_SECTION_LENGTH else ""


def kept_fields(category: str, fields: Mapping[str, object]) -> dict[str, Any]:
    """Those fields of a record that are read here."""
    kept = {name: fields[name] for name in _KEPT[category] if name in fields}
    details = kept.pop(_DETAILS, None)
    if isinstance(details, Mapping) and WAIVERS in details:
        kept[_DETAILS] = {WAIVERS: details[WAIVERS]}
    return kept


def take_fact(known: SectionFacts, fact: Fact) -> bool:
    """Add a record to what is known of a section; whether it was news, and no newer version is there."""
    key = f"{fact.category}/{fact.thing}"
    before = known.facts.get(key)
    if before is not None and (before.version, before.position) >= (fact.version, fact.position):
        return False
    known.facts[key] = fact
    return True


def opened_at(known: SectionFacts, now: float) -> int:
    """When bids were opened, seconds since 1970 UTC; 0 as long as they are not, whatever the plan was.

    Args:
        known: the section.
        now: seconds since 1970 UTC.
    """
    times = [moment for fact in _of(known, "trade.opening") if (moment := _moment(fact.text("opening_time")))]
    return min((moment for moment in times if moment <= now), default=0)


def opens_next(known: SectionFacts, now: float) -> int:
    """The next opening on record that is still to come, seconds since 1970 UTC; 0 if there is none."""
    times = [_moment(fact.text("opening_time")) for fact in _of(known, "trade.opening")]
    return min((moment for moment in times if moment > now), default=0)


def estimate(known: SectionFacts) -> tuple[Decimal, str] | None:
    """The estimated value of the section and its currency."""
    for fact in _of(known, "trade.section"):
        amount = amount_of(fact.fields.get("estimate_amount"))
        if amount is not None:
            return amount, fact.text("estimate_currency") or "CNY"
    return None


def tenderer(known: SectionFacts) -> str:
    """In whose name the tender is held; empty where no record says so, or records say two things."""
    said = (
        fact.text("procuring_entity_name") or fact.text("buyer_name") for fact in _of(known, "trade.tender")
    )
    names = {name for name in said if name}
    return names.pop() if len(names) == 1 else ""


def demanded(known: SectionFacts, kind: str, currency: str) -> Decimal | None:
    """Which amount of security the section's one contract asks for; None if it does not say, or there are several.

    Args:
        known: the section, opened.
        kind: of the guarantee, `performance` or `quality`; what a bid is to be secured with is in no record.
        currency: ISO 4217; an amount in another is no measure.
    """
    standing = contracts(known)
    if len(standing) != 1:
        return None
    found = [
        amount
        for of, amount, of_currency in standing[0].securities
        if of == kind and of_currency == currency and amount is not None
    ]
    return found[0] if len(found) == 1 else None


def stated_waivers(known: SectionFacts) -> object:
    """What the section's record says of waivers of bid security, as it came; None if it says nothing."""
    for fact in _of(known, "trade.section"):
        details = fact.fields.get(_DETAILS)
        if isinstance(details, Mapping) and WAIVERS in details:
            return details[WAIVERS]
    return None


def bids(known: SectionFacts) -> Iterator[Bid]:
    """The list of bidders; a joint bid stands under each of its members' names."""
    for fact in _of(known, "trade.bid"):
        withdrawn = None
        if fact.text("status") == "withdrawn":
            withdrawn = day_of(fact.occurred) or fact.day("release_date") or fact.day("date")
        for bidder in parties(fact.fields.get("tenderers")):
            until = fact.day("validity_period_end")
            yield Bid(bidder, fact.text("status"), until, withdrawn, fact.position)


def named_guarantees(known: SectionFacts) -> Iterator[tuple[Party, str, str]]:
    """Bidder, number and guarantor's name of every guarantee that the trading system has on record."""
    for fact in _of(known, "trade.guarantee"):
        bidder = Party(fact.text("bidder_code"), fact.text("bidder_name"))
        yield bidder, fact.text("guarantee_number"), fact.text("guarantor_name")


def refused(known: SectionFacts) -> list[Party]:
    """Who was awarded the contract and lost that again; art. 74 leaves their security to the tenderer."""
    return [
        party
        for fact in _of(known, "trade.award")
        if fact.text("status") in _REFUSED
        for party in parties(fact.fields.get("suppliers"))
    ]


def contracts(known: SectionFacts) -> list[Contract]:
    """The contracts that were signed and stand, oldest first; a superseded or cancelled one is none."""
    found = []
    for fact in _of(known, "trade.contract"):
        signed = fact.day("date_signed")
        if signed is None or fact.text("status") in _ENDED - {"terminated"}:
            continue
        contract = Contract(
            thing=fact.thing,
            suppliers=tuple(parties(fact.fields.get("suppliers"))),
            buyer=Party(fact.text("buyer_code"), fact.text("buyer_name")),
            signed=signed,
            amount=amount_of(fact.fields.get("value_amount")),
            currency=fact.text("value_currency") or "CNY",
            position=fact.position,
            securities=tuple(_securities(fact.fields.get("guarantees"))),
        )
        found.append(contract)
    return sorted(found, key=lambda one: (one.signed, one.position))


def milestones(known: SectionFacts) -> list[Milestone]:
    """The milestones of all contracts that stand; what a record of performance says of one comes on top."""
    standing = {contract.thing for contract in contracts(known)}
    said: dict[tuple[str, str], tuple[dict[str, Any], int]] = {}
    for fact in (*_of(known, "trade.contract"), *_of(known, "trade.performance")):
        contract = fact.thing if fact.category == "trade.contract" else fact.text("contract_id")
        if contract not in standing:
            if fact.category == "trade.contract" or contract or len(standing) != 1:
                continue
            (contract,) = standing
        for entry in _objects(fact.fields.get("milestones")):
            key = (contract, _text(entry.get("id")) or _text(entry.get("title")))
            before = said.get(key, ({}, 0))[0]
            said[key] = ({**before, **entry}, fact.position)
    return [_milestone(contract, name, *said[contract, name]) for contract, name in said]


def payments(known: SectionFacts) -> list[Payment]:
    """Money that was moved, each transaction once."""
    found: dict[str, Payment] = {}
    for fact in _of(known, "trade.performance"):
        for number, entry in enumerate(_objects(fact.fields.get("transactions"))):
            amount, currency = _value(entry.get("value") or entry.get("amount"))
            if amount is None:
                continue
            name = _text(entry.get("id")) or f"{fact.thing}/{number}"
            related = entry.get("relatedImplementationMilestone")
            found[name] = Payment(
                id=name,
                purpose=_text(entry.get("purpose")),
                milestone=_text(related.get("id")) if isinstance(related, Mapping) else "",
                payer=_party(entry.get("payer")),
                payee=_party(entry.get("payee")),
                amount=amount,
                currency=currency,
                day=day_of(entry.get("date")),
                position=fact.position,
            )
    return list(found.values())


def parties(value: object) -> Iterator[Party]:
    """The parties in a list; whoever has neither code nor name is left out."""
    for entry in _objects(value):
        party = _party(entry)
        if party.code or party.name:
            yield party


def amount_of(value: object) -> Decimal | None:
    """A plain decimal, never negative and never in units of 10,000; None if it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return Decimal(value) if isinstance(value, str) and _AMOUNT.fullmatch(value) else None


def day_of(value: object) -> date | None:
    """A date, or the day of a time in China; None if it is neither, or in no year of electronic tendering."""
    if not isinstance(value, str) or not value.isascii():
        return None
    try:
        day = date.fromisoformat(value) if len(value) == len("2026-01-01") else _in_china(value)
    except (ValueError, OverflowError):
        return None
    return day if day is not None and day.year in _YEARS else None


def day_at(seconds: float) -> date:
    """The day in China at a moment, seconds since 1970 UTC."""
    return datetime.fromtimestamp(seconds, UTC).astimezone(CHINA).date()


def begin_of(day: date) -> int:
    """When a day begins in China, seconds since 1970 UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp())


def _in_china(text: str) -> date | None:
    moment = datetime.fromisoformat(text)
    return None if moment.tzinfo is None else moment.astimezone(CHINA).date()


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return 0
    return 0 if moment.tzinfo is None else max(0, int(moment.timestamp()))


def _of(known: SectionFacts, category: str) -> list[Fact]:
    found = [fact for fact in known.facts.values() if fact.category == category]
    return sorted(found, key=lambda fact: fact.position)


def _objects(value: object) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list | tuple) else []


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _party(value: object) -> Party:
    if not isinstance(value, Mapping):
        return Party("", "")
    identifier = value.get("identifier")
    inner = identifier.get("id") if isinstance(identifier, Mapping) else ""
    for text in (value.get("code"), inner, value.get("id")):
        if isinstance(text, str) and (found := _CODE.search(text)):
            return Party(found.group(), _text(value.get("name")))
    return Party("", _text(value.get("name")))


def _value(value: object) -> tuple[Decimal | None, str]:
    if not isinstance(value, Mapping):
        return None, ""
    return amount_of(value.get("amount")), _text(value.get("currency")) or "CNY"


def _securities(value: object) -> Iterator[tuple[str, Decimal | None, str]]:
    # OCDS guarantees extension: `obligations`; a plain `kind` is read too.
    for entry in _objects(value):
        said = entry.get("obligations")
        words = said if isinstance(said, list | tuple) else [said, entry.get("kind")]
        amount, currency = _value(entry.get("value"))
        for kind in {_SECURITIES[word] for word in words if isinstance(word, str) and word in _SECURITIES}:
            yield kind, amount, currency


def _milestone(contract: str, name: str, entry: Mapping[str, Any], position: int) -> Milestone:
    amount, currency = _value(entry.get("value"))
    return Milestone(
        contract=contract,
        id=name,
        title=_text(entry.get("title")),
        kind=_text(entry.get("type")),
        code=_text(entry.get("code")),
        due=day_of(entry.get("dueDate")),
        met=day_of(entry.get("dateMet")) if entry.get("status", "met") == "met" else None,
        amount=amount,
        currency=currency,
        position=position,
    )
