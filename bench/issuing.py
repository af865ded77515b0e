"""From application to issue by instant rules, a line drawn on, plainly and sealed: CPU of wallet and all nodes.

Over real connections between wallet, the tender's centre, the bank, the home and another member, all in one process,
so that its CPU time is everybody's. Taken off are:

- the engine's share: the ledger is the memory one, and what a thread spends in it is clocked and subtracted;
- idling: what the same nodes take while nobody applies, measured before each application, for as long as that takes.
  What an application leaves to be done is waited for a second, and is its own.

Nodes run with the periods they have in use. A sealed application is not kept waiting for them: it has a batch of
reservations, and a publication of the bank's log, of its own, and pays for all of both.
"""

import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import wraps
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from adapters.ledger.memory import MemoryChain
from node.config import LogConfig
from node.domain.desk import Stage
from node.domain.opening import Opening, open_terms
from node.services.sealing_rows import reservation_of
from node.wallet.guarantees import PURPOSE, GuaranteeScribe, Terms, needed_with
from node.wallet.keyfile import new_wallet_key
from node.wallet.sealing import SealedScribe, new_plan, seal
from tests.support.network import Network, open_network, until
from tests.support.network_bidder import Bidder, settled
from tests.support.world_desk import WIDE, source

HOME, CENTRE, OTHER, BANK = "centre-a", "centre-b", "centre-c", "bank-d"
APPLICATIONS = 20
MOST_MILLISECONDS = 150.0
"""That an application may take, all nodes together."""
_DAY = 86_400
_LINE = '[[rules]]\nid = "line"\ncheck = "line"\nzh = "额度"\nen = "line"\n'
_IDLE_SECONDS = 1.0
_AFTER_SECONDS = 1.0
_PATIENCE_SECONDS = 30.0


class Case:
    """A bidder with a line at the bank, and openings that its bids are sealed to."""

    def __init__(self, network: Network) -> None:
        self.network, self.bidder = network, Bidder(network, 91)
        self._beneficiary = new_wallet_key()
        self._openings: dict[str, Opening] = {}
        self._grant = ""

    @property
    def _writer(self) -> GuaranteeScribe:
        return GuaranteeScribe(self.bidder.scribe)

    @property
    def _sealing(self) -> SealedScribe:
        return SealedScribe(self.bidder.scribe)

    async def prepare(self) -> None:
        """What is there before anybody applies: registration, rules, line, openings, the bank's standing grant."""
        bank = self.network[BANK]
        await self.bidder.register(HOME)
        await settled(self.bidder)
        bank.rules = source(more=_LINE)
        bank.services.rules.load()
        ends = int(time.time()) + 300 * _DAY
        bank.services.lines.grant(self.bidder.subject, "CNY", Decimal(100_000_000), ends)
        for number in range(-1, APPLICATIONS):
            section = _section("S", number)
            openings = self.network[CENTRE].services.openings
            token = await openings.announce(section, int(time.time()) + 20 * _DAY, (HOME, OTHER), 2)
            self._openings[section] = open_terms(token, lambda name: self.network[name].member)
        self._grant = await self._give(uses=APPLICATIONS + 1)

    async def plain(self, number: int) -> None:
        """Grant, code, application, rules, issue."""
        section = _section("P", number)
        grant, code = await self._give(uses=3), await self._code(section)
        applied = self._writer.apply(BANK, code, grant, self._terms(section))
        await self._issued(await self.bidder.at(BANK, "apply", applied))

    async def sealed(self, number: int) -> None:
        """Code, reservation and its batch, application, rules, issue, proof, the file for the bid."""
        section, bidder, sealing = _section("S", number), self.bidder, self._sealing
        plan = sealing.begin(
            new_plan(await self._code(section), self._terms(section)), BANK, int(time.time())
        )
        await bidder.at(CENTRE, "reserve", sealing.reserve(CENTRE, plan))
        self.network[CENTRE].services.reserving.send_batch()
        stores = [self.network[name].store for name in (CENTRE, BANK)]
        await until(lambda: all(reservation_of(store, plan.nullifier) for store in stores))
        assert await bidder.at(CENTRE, "reserve", sealing.reserve(CENTRE, plan)) == "reserved"
        plan = replace(plan, application=await bidder.at(BANK, "apply", sealing.apply(plan, self._grant)))
        await self._issued(plan.application)
        bank = self.network[BANK].member
        self.network[BANK].services.publish()
        while not plan.proof:
            await asyncio.sleep(0.25)
            found = await bidder.at(BANK, "sealed_guarantee", sealing.ask(plan))
            plan = sealing.take(
                plan, bank, found.sealed_guarantee, found.issue_signature, found.proof, found.contract
            )
        seal(plan, self._openings[section])

    async def _code(self, section: str) -> str:
        asked = self._writer.ask_code(CENTRE, section, self.bidder.delegation())
        return await self.bidder.at(CENTRE, "application_code", asked)

    async def _give(self, uses: int) -> str:
        scribe, ends = self.bidder.scribe, int(time.time()) + 30 * _DAY
        grant = scribe.grant_unasked(BANK, HOME, needed_with(WIDE), PURPOSE, uses=uses, expires=ends)
        await self.bidder.at(HOME, "give_grant", scribe.give(HOME, grant))
        return grant

    def _terms(self, section: str) -> Terms:
        now = int(time.time())
        return Terms(
            beneficiary_name="虚构区住房和城乡建设局",
            beneficiary_key=self._beneficiary.beneficiary_key(section).public_key.hex(),
            section=section,
            guarantee_kind="bid",
            amount="80000.00",
            currency="CNY",
            nbf=now,
            exp=now + 90 * _DAY,
        )

    async def _issued(self, application: str) -> None:
        guarantor, deadline = self.network[BANK].services.guarantor, time.monotonic() + _PATIENCE_SECONDS
        while (row := guarantor.load(application)).stage is not Stage.ISSUED:
            assert not row.problem, row.problem
            assert time.monotonic() < deadline, "waited in vain"
            await asyncio.sleep(0.02)


Engine = Callable[[], float]
"""Seconds of CPU that went into the ledger so far."""


def measure() -> dict[str, float]:
    """Milliseconds of CPU, medians: an application plain and sealed, and what idling takes in a second."""

    async def run(folder: Path) -> dict[str, float]:
        with _clocked() as engine:
            names, period, size = (HOME, CENTRE, OTHER), LogConfig().period_seconds, LogConfig().batch_size
            running = open_network(folder, names, guarantors=(BANK,), period_seconds=period, batch_size=size)
            async with running as network:
                return await _measure(Case(network), engine)

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


async def _measure(case: Case, engine: Engine) -> dict[str, float]:
    await case.prepare()
    found: dict[str, float] = {}
    ways = {"application to issue": case.plain, "application to sealed issue, in the bid": case.sealed}
    for name, way in ways.items():
        await way(-1)
        idle, runs = [], []
        for number in range(APPLICATIONS):
            await asyncio.sleep(_AFTER_SECONDS)
            idle.append(await _spent(lambda: asyncio.sleep(_IDLE_SECONDS), engine))
            runs.append(await _spent(lambda way=way, number=number: _followed(way, number), engine))
        rate = sum(cpu for cpu, _ in idle) / sum(took for _, took in idle)
        found[name] = statistics.median(cpu - rate * took for cpu, took in runs) * 1000
        found["idling, a second"] = rate * 1000
    return found


async def _followed(way: Callable[[int], Awaitable[None]], number: int) -> None:
    """An application, and what it leaves the nodes to do in the background."""
    await way(number)
    await asyncio.sleep(_AFTER_SECONDS)


async def _spent(work: Callable[[], Awaitable[None]], engine: Engine) -> tuple[float, float]:
    """Seconds of CPU outside the engine, and seconds that passed."""
    start, cpu, apart = time.perf_counter(), time.process_time(), engine()
    await work()
    return time.process_time() - cpu - (engine() - apart), time.perf_counter() - start


@contextmanager
def _clocked() -> Iterator[Engine]:
    """Clock what threads spend in the memory ledger; a call inside another is counted once."""
    spent, depth = [0.0], threading.local()
    true = {name: one for name, one in vars(MemoryChain).items() if name[0] != "_" and callable(one)}

    def clock(method: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(method)
        def clocked(*args: Any, **named: Any) -> Any:
            if getattr(depth, "inside", False):
                return method(*args, **named)
            depth.inside, start = True, time.thread_time()
            try:
                return method(*args, **named)
            finally:
                depth.inside = False
                spent[0] += time.thread_time() - start

        return clocked

    for name, method in true.items():
        setattr(MemoryChain, name, clock(method))
    try:
        yield lambda: spent[0]
    finally:
        for name, method in true.items():
            setattr(MemoryChain, name, method)


def _section(way: str, number: int) -> str:
    return f"GC-2026-{way}{number}"
