"""One round: a network is founded, killed many times under load, each time held to account, and drained at last."""

import asyncio
import contextlib
import random
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import plyvel
from cryptography.exceptions import InvalidTag

from tests.support.crash_audit import RecordAudit
from tests.support.crash_audit_bidders import check_bidders
from tests.support.crash_audit_log import LogAudit
from tests.support.crash_chain import Seen
from tests.support.crash_folder import lose_power, read_folder
from tests.support.crash_kills import Blow, draw, wait_for_moment
from tests.support.crash_load import Appender
from tests.support.crash_network import ENGINE, CrashNetwork, Settings
from tests.support.crash_nursery import Nursery
from tests.support.crash_tally import Tally
from tests.support.crash_wallets import Bidders

_DRAIN_SECONDS = 60.0
_KILLED = -9


class GaveUpError(Exception):
    """A process does not start any more; it was reported."""


@dataclass
class Accused:
    """One node with its clients and its audits."""

    appender: Appender
    bidders: Bidders
    records: RecordAudit
    log: LogAudit


class Round:
    """Use as `async with Round.open(...) as round`, then `kill` many times, then `drain`."""

    def __init__(self, network: CrashNetwork, seed: str, tally: Tally) -> None:
        self.network, self.tally, self.seen = network, tally, Seen()
        self._rng = random.Random(seed)
        self.accused = {name: self._accuse(name, seed) for name in network.names}
        clients = [
            client for accused in self.accused.values() for client in (accused.appender, accused.bidders)
        ]
        self._clients = [asyncio.create_task(client.run()) for client in clients]

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls, nursery: Nursery, seed: str, tally: Tally, store: str = "watched"
    ) -> AsyncIterator["Round"]:
        with tempfile.TemporaryDirectory(prefix="heqi-crash-") as folder:
            network = CrashNetwork(Path(folder), nursery, Settings.drawn(random.Random(f"{seed}/settings")))
            await network.found(store)
            one = cls(network, seed, tally)
            try:
                for name in network.names:
                    network.start(name)
                yield one
            finally:
                await _end_all(one._clients)
                for name, process in network.processes.items():
                    if process.pid:
                        network.kill(name)

    async def kill(self) -> None:
        """One kill, and the reckoning after it."""
        blow = draw(self._rng, self.network.names)
        if blow.moment == "starting":
            self._start_again(blow.victims)
        else:
            await self._all_ready()
        await wait_for_moment(self.network, blow, self._rng)
        self._strike(blow)
        if ENGINE in blow.victims:
            self.network.start(ENGINE)
            await self._expect_ready(ENGINE)
        self._look()
        for name in blow.victims:
            if name != ENGINE:
                self._audit(name)
                self.network.start(name)

    async def drain(self) -> None:
        """No new load: everything must become final and leave the outbox; then a last reckoning of all."""
        await self._all_ready()
        for accused in self.accused.values():
            accused.appender.is_draining = accused.bidders.is_draining = True
        try:
            async with asyncio.timeout(_DRAIN_SECONDS):
                await asyncio.gather(*self._clients)
                for name in self.network.names:
                    await self.network.outbox_empty(name)
        except TimeoutError:
            self._report("STALLED", f"not everything was final {_DRAIN_SECONDS:.0f} s after the last kill")
        for name in self.network.names:
            self._end(name)
        self.seen = Seen()  # the whole ledger again: what was told in parts must be what is told at once
        self._look()
        for name in self.network.names:
            left = self._audit(name)
            if left:
                self._report("STALLED", f"{name} still has {left} in its outbox")
        self._count()

    # -- steps -------------------------------------------------------------------------------------------

    def _start_again(self, names: tuple[str, ...]) -> None:
        for name in names:
            if self.network.processes[name].ready_at:
                self._end(name)
                self.tally.kills[name if name == ENGINE else "node"] += 1
                self.network.start(name)

    def _strike(self, blow: Blow) -> None:
        for name in blow.victims:
            self._end(name)
            self.tally.kills[name if name == ENGINE else "node"] += 1
            if blow.with_power:
                lost = [lose_power(folder, self._rng) for folder in self.network.processes[name].folders]
                self.tally.figures["power losses"] += 1
                self.tally.figures["of which cut off written bytes"] += any(lost)
        self.tally.moments[blow.moment] += 1

    def _end(self, name: str) -> None:
        code = self.network.kill(name)
        log = self.network.processes[name].log
        told = log.read_text(errors="replace")
        if code != _KILLED:
            self._report("STOPPED", f"{name} had ended by itself with {code}:\n{told[:3000]}")
        elif "Traceback" in told or "bug" in told:
            self._report("STOPPED", f"{name} logged a bug:\n{told[:3000]}")
        log.write_text("")

    def _look(self) -> None:
        if not self.network.chain.look(self.seen):
            self._report("CHANGED", "a block that the engine has shown is gone from the ledger")

    def _audit(self, name: str) -> list[str]:
        """Check a dead node; the objects that wait in its outbox, anchors aside."""
        accused = self.accused[name]
        try:
            picture = read_folder(self.network.home(name))
            found = list(accused.records.check(picture, accused.appender.told))
            known = accused.records.known
            found += accused.log.check(picture, known, accused.appender.told, self.seen)
            found += check_bidders(picture, known, accused.bidders.all, self.seen)
        except (KeyError, ValueError, InvalidTag, plyvel.Error) as error:
            # A sound store has every row that another one names.
            self._report("BROKEN", f"{name}: cannot be read: {error!r}")
            return []
        for rule, detail in found:
            self._report(rule, f"{name}: {detail}")
        self.tally.figures["audits"] += 1
        return [key.decode() for key, _ in picture.under(b"m/open/") if key != b"anchor"]

    def _count(self) -> None:
        figures = self.tally.figures
        for name, accused in self.accused.items():
            told = accused.appender.told
            figures["acknowledged messages"] += len(told.accepted)
            figures["final messages"] += len(told.final)
            figures["records checked"] += len(accused.records.known)
            figures["leaves checked"] += len(accused.log.tree.leaves)
            figures["anchors checked"] += len(self.seen.anchors.get(name, ()))
            figures["bidders"] += sum(bool(bidder.subject) for bidder in accused.bidders.all)
            figures["grants"] += sum(len(bidder.granted) for bidder in accused.bidders.all)
            figures["revocations"] += sum(len(bidder.revoked) for bidder in accused.bidders.all)

    async def _all_ready(self) -> None:
        for name in self.network.processes:
            await self._expect_ready(name)

    async def _expect_ready(self, name: str) -> None:
        process = self.network.processes[name]
        if not process.ready_at and not await self.network.ready(name):
            told = process.log.read_text(errors="replace")[-1500:]
            self._report("STOPPED", f"{name} does not start:\n{told}")
            raise GaveUpError(name)

    def _report(self, rule: str, detail: str) -> None:
        self.tally.violations.append((rule, detail))

    def _accuse(self, name: str, seed: str) -> Accused:
        network = self.network
        rng = random.Random(f"{seed}/{name}")
        other = next(one for one in network.names if one != name)
        keys, member = network.keys[name], network.members[name]
        return Accused(
            Appender(f"client-{name}", seed, lambda: network.operator_channel(name), rng, self._report),
            Bidders(
                name,
                other,
                network.descriptor,
                network.root,
                lambda: network.wallet_channel(name),
                rng,
                self._report,
            ),
            RecordAudit(name, keys.data[0], seed),
            LogAudit(name, network.descriptor.alliance, member.log_key),
        )


async def _end_all(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until all have ended: a cancellation that meets a call just failing is lost in gRPC's asyncio layer."""
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.5)
