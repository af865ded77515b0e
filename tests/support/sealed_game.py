"""The game of two worlds: what a node and the chain can see of who bids, for what, how many and with which bank.

Both worlds have the same public events: members, registrations, what customers gave their banks long before and
these read then, openings, the passing of time. They differ in what nobody may learn before the opening. **The
adversary** holds one node whole: a home of bidders, any other member, a bank, another tender's centre, or this
tender's centre but for its code service; and it has the chain. It sees (`sealed_views.py`) what the node stores, by
family, number and length; every message that it sends or gets, with caller, length of request and answer, time and
place in the order; its status; what all nodes log; every block with its time; every transaction with sender, length
and time.

Time is the world's: nodes work by their periods, wallets at any moment. How long a machine computes is not in it
(docs/threat-model.md says what that would tell).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from cryptography import x509
from msgspec.structs import replace

from node.domain.document import peek_document
from node.domain.grant import Grant
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE
from node.wallet.sealing import SealedPlan, SealedScribe
from tests.support.sealed_views import Views, Watch, batches_of, chain_of, look
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_guarantees import BANK, INSURER, Tender
from tests.support.world_sealed import HOLDERS, NAMES, SealedTender

T = TypeVar("T")
R = TypeVar("R")

SECTIONS = {"nanjing": "GC-2026-001/1", "suzhou": "水利-2026-77"}
BENEFICIARIES = {"nanjing": "虚构区住房和城乡建设局", "suzhou": "Another beneficiary with a long name"}
HOMES = ("hangzhou", "hangzhou", "hangzhou", "wuxi")
"""Of the bidders."""
CODE_SERVICE = (b"j/", b"ts/", b"m/reservations/")
"""Rows that a centre's code service leaves, which is trusted: marks of requests, what authorities said, a count."""
RESERVE = "reserve"
"""A wallet's call at the tender's centre, whose code service knows by its codes what is reserved anyhow."""


@dataclass(frozen=True, slots=True)
class Application:
    """Who applies where, for which centre's tender; it is issued."""

    bidder: int
    bank: str
    centre: str


@dataclass(frozen=True, slots=True)
class Secret:
    """What the worlds differ in."""

    applications: Sequence[Application]


FEW = Secret((Application(0, BANK, "nanjing"),))
MANY = Secret(
    (
        Application(0, BANK, "suzhou"),
        Application(1, INSURER, "suzhou"),
        Application(2, INSURER, "nanjing"),
        Application(3, INSURER, "suzhou"),
    )
)
"""For the first bank the same as `FEW`, but for the tender: its own customer applies with it in both."""


ANOTHER = Secret((Application(2, INSURER, "suzhou"),))
"""As many as in `FEW`: somebody else, with another bank, for another tender."""
BUSY = Secret(
    (
        Application(0, BANK, "suzhou"),
        Application(1, BANK, "nanjing"),
        Application(2, INSURER, "nanjing"),
        Application(3, BANK, "suzhou"),
    )
)
"""For the second guarantor the same as `ANOTHER`, but for the tender."""
ELSEWHERE = Secret(
    (Application(0, BANK, "suzhou"), Application(1, INSURER, "suzhou"), Application(3, BANK, "suzhou"))
)
"""Like `ANOTHER` nothing for the one centre's tender."""
_SIGNATURE_BYTES = 71
"""Of P-256 in DER, mostly."""
_SERIAL_BITS = 152
"""At most these are in fewer than 20 bytes."""
_READS = 50
_ROUNDS = 6
_WALLETS_SECONDS, _PERIOD_SECONDS = 11.0, 20.0
"""In a period wallets come first, at any time, and then nodes work."""


async def play(
    secret: Secret, *, sealed: bool = True, known: bool = True, chance: random.Random | None = None
) -> Views:
    """One world up to just before its openings.

    Args:
        secret: what differs.
        sealed: False for guarantees that are issued in the open, which the game must tell apart.
        known: False for banks that have read none of their customers before.
        chance: when wallets come.
    """
    views = Views()
    watch = Watch(views)
    with World(NAMES, guarantors=[BANK, INSURER], batch_size=32) as world, watch.over(world):
        table = _Table(world, watch, chance or random.Random())  # no secret
        await table.period()
        bidders = [_company(world) for _ in range(4)]
        for bidder, home in zip(bidders, HOMES, strict=True):
            world.register(bidder, world[home])
        await table.period()
        tenders = {name: _tender(world, name) for name in SECTIONS}
        for tender in tenders.values():
            opens = int(world.clock.now()) + 20 * 86_400
            holders = [name for name in HOLDERS if name != tender.centre.name] + ["hangzhou"]
            await tender.centre.services.openings.announce(
                tender.tender.section, opens, sorted(holders)[:3], 2
            )
        await table.period()
        table.tenders, table.bidders = tenders, bidders
        await table.open_accounts(known=known)
        await (table.bid(secret) if sealed else table.bid_openly(secret))
        views.chain = chain_of(world, table.began)
        views.nodes = {centre.name: look(world, centre, table.began) for centre in world.centres.values()}
        views.entropy = b"".join(
            part for event in batches_of(world) for part in (*event.nullifiers, *event.bindings)
        )
        return views


def _company(world: World) -> Bidder:
    """One whose certificate is as long as the others'.

    A signature in DER has a byte more or less by chance, and so has a serial number: that says nothing of who bids,
    and would be told as a difference of the worlds.
    """
    bidder = world.bidder()
    while not _is_of_usual_length(bidder.certificate.certificate):
        world.bidders.pop()
        bidder = world.bidder()
    return bidder


def _is_of_usual_length(certificate: x509.Certificate) -> bool:
    return (
        len(certificate.signature) == _SIGNATURE_BYTES
        and certificate.serial_number.bit_length() > _SERIAL_BITS
    )


def _tender(world: World, centre: str) -> SealedTender:
    tender = SealedTender(world, SECTIONS[centre])
    tender.centre = tender.tender.centre = world[centre]
    return tender


@dataclass
class _Table:
    """A game under way."""

    world: World
    watch: Watch
    chance: random.Random
    tenders: dict[str, SealedTender] = field(default_factory=dict)
    bidders: Sequence[Bidder] = ()
    began: float = 0.0
    _begins: float = 0.0
    """Of the period that runs."""

    def __post_init__(self) -> None:
        self.began = self._begins = self.world.clock.now()

    async def open_accounts(self, *, known: bool) -> None:
        """All become customers of both banks, whether they ever bid or not: those ask, are let read, and read."""
        banks = [self.world[BANK], self.world[INSURER]]
        asked = [
            (bank, self.world.request(bank, bidder, NEEDED_SCOPE, purpose=PURPOSE, uses=_READS))
            for bank in banks
            for bidder in self.bidders
        ]
        await self.period()
        for bidder in [bidder for bidder in self.bidders for _ in banks]:
            token = self.world.grant(bidder)
            (reader,) = peek_document(token, Grant).aud
            for tender in self.tenders.values():
                tender.granted(bidder, self.world[reader], token)
        await self.period()
        for bank, request in asked if known else ():
            await bank.services.reading.fetch(request)
        await self.period()
        self.watch.forget()

    async def bid(self, secret: Secret) -> None:
        plans = await self._come(secret.applications, self._reserve)
        await self.period()
        applied = await self._come(plans, self._apply)
        await self.period()
        for number, (one, plan) in enumerate(applied):
            desk = self.world[one.bank].services.guarantor
            await desk.assess(plan.application)
            desk.issue(plan.application, f"MW-{number}")
        await self.period()
        await self._come(applied, self._collect)
        self._pass_to(_WALLETS_SECONDS)

    async def bid_openly(self, secret: Secret) -> None:
        for number, one in enumerate(secret.applications):
            tender: Tender = self.tenders[one.centre].tender
            bidder, bank = self.bidders[one.bidder], self.world[one.bank]
            application = tender.apply(bidder, bank=bank, grant=self.tenders[one.centre].grant(bidder, bank))
            await self.period()
            await bank.services.guarantor.assess(application)
            bank.services.guarantor.issue(application, f"MW-{number}")
        for _ in range(4 - len(secret.applications)):
            await self.period()

    async def _come(self, those: Sequence[T], what: Callable[[T], R]) -> list[R]:
        """Wallets, each at a moment of its own in the first part of the period."""
        moments = [(self.chance.uniform(0, _WALLETS_SECONDS), number) for number in range(len(those))]
        found: dict[int, R] = {}
        for moment, number in sorted(moments):
            self._pass_to(moment)
            found[number] = what(those[number])
        return [found[number] for number in range(len(those))]

    def _reserve(self, one: Application) -> tuple[Application, SealedPlan]:
        tender, bidder = self.tenders[one.centre], self.bidders[one.bidder]
        plan = tender.plan(bidder, beneficiary_name=BENEFICIARIES[one.centre])
        plan = tender.begin(bidder, plan, self.world[one.bank])
        token = SealedScribe(bidder.scribe).reserve(one.centre, plan)
        place = self.world[one.centre].services.reserving.reserve(token)
        self.watch.handed(one.centre, RESERVE, token, place.value)
        return one, plan

    def _apply(self, taken: tuple[Application, SealedPlan]) -> tuple[Application, SealedPlan]:
        one, plan = taken
        tender, bidder, bank = self.tenders[one.centre], self.bidders[one.bidder], self.world[one.bank]
        token = SealedScribe(bidder.scribe).apply(plan, tender.grant(bidder, bank))
        application = bank.services.guarantor.apply(token)
        self.watch.handed(one.bank, "apply", token, application)
        return one, replace(plan, application=application)

    def _collect(self, applied: tuple[Application, SealedPlan]) -> None:
        one, plan = applied
        bidder, bank = self.bidders[one.bidder], self.world[one.bank]
        token = SealedScribe(bidder.scribe).ask(plan)
        found = bank.services.sealed_issuing.collect(token)
        self.watch.handed(one.bank, "collect", token, (found.document, found.signature))
        assert found.proof, "the game was played to its end"

    async def period(self) -> None:
        """One log period, the same in every world: blocks come by the clock and not by what there is to do."""
        world = self.world
        self._pass_to(_WALLETS_SECONDS)
        nodes = list(world.centres.values())
        for node in nodes:
            node.services.publish()
            node.services.reserving.send_batch()
        for _ in range(_ROUNDS):
            for node in nodes:
                await world._work(node)  # the world's own turn, without its waiting for quiet
            world.seal()
        await world._corroborate()
        assert not [item for node in nodes for item in node.outbox()], (
            "a period is long enough for all there is to do"
        )
        self._pass_to(_PERIOD_SECONDS)
        self._begins += _PERIOD_SECONDS

    def _pass_to(self, moment: float) -> None:
        """Of the period."""
        self.world.clock.advance(max(0.0, self._begins + moment - self.world.clock.now()))
