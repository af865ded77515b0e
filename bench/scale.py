"""`make scale`: what a long history costs. A node's store is filled, and what must not grow is measured on the way.

    python -m bench.scale [--records 1000000] [--small] [--folder FOLDER]

The rate of the last records is set against that around the first hundred thousand of the same run: by the clock, by
CPU time of the process with LevelDB's own threads, and by that CPU time against what preparing the same records
takes, which knows nothing of the store: what a busy machine does to both does not count. The log is published on the
way.
"""

import argparse
import asyncio
import math
import os
import random
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from heqi.v1 import record_service_pb2 as pb

from adapters.authorities.http import HttpAuthorities
from adapters.crypto.clock import SystemClock
from adapters.crypto.leaves import IdentityCertifier
from adapters.ledger.memory import MemoryLedger
from adapters.signatures.reader import ProcessSignatureReader
from adapters.signatures.sealing import PyhankoSeal
from adapters.store.erasure_file import FileErasureList
from adapters.store.leveldb import LevelStore
from adapters.typefaces.noto import NotoSansSc
from bench.appending import folder
from bench.sample import MESSAGE_RECORDS, message
from node.cli.output import print_table
from node.config import ERASURES_FOLDER
from node.ports import Store
from node.services.listing import Listed, Query
from node.services.log import Log
from node.services.records import POSITION
from node.services.transaction import Transaction
from node.wire.incoming import incoming_of
from node.wiring import Outside, Services
from tests.support.network import Centre, Network, Stubs, open_network, running

BATCH_SIZE = 4_096
EARLY = 100_000
_SMALL = ("title", "amount", "status")


class CountingStore:
    """A store that counts what is read."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.reads = 0

    def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        self.reads += 1
        return self._store.get(key)

    def __getattr__(self, name: str) -> object:
        return getattr(self._store, name)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--small", action="store_true", help="three fields instead of fifteen")
    parser.add_argument("--folder", type=Path, help="where; temporary if missing")
    args = parser.parse_args()
    if args.folder:
        args.folder.mkdir()
        asyncio.run(_measure(args.folder, args.records, small=args.small))
        return
    with folder() as made:
        asyncio.run(_measure(made, args.records, small=args.small))


async def _measure(place: Path, records: int, *, small: bool) -> None:
    load = os.getloadavg()[0]
    kind = "3 fields" if small else "15 fields"
    print(f"{records:,} records of {kind}, log published; load of the machine at the beginning {load:.1f}")
    async with open_network(place, ("centre-a",)) as network:
        pass
    centre = network["centre-a"]
    empty = await _start(centre, network)
    rates = _fill(centre, network, records, small=small)
    full = await _start(centre, network)
    figures = _read(centre, network)
    early, late = rates.early, rates.late
    limit = 2 * math.log2(figures["leaves"]) + 3
    print_table(
        ("", "measured", "bound"),
        [
            ("rate at the end / rate at 100,000", f"{early.of_preparing / late.of_preparing:.2f}", ">= 0.8"),
            ("the same by bare CPU time", f"{early.cpu / late.cpu:.2f}", ""),
            ("the same by the clock", f"{late.clock / early.clock:.2f}", ""),
            ("records/s at 100,000", f"{early.clock:,.0f}", ""),
            ("records/s at the end", f"{late.clock:,.0f}", ""),
            ("CPU µs a record at 100,000", f"{early.cpu:.0f}", ""),
            ("CPU µs a record at the end", f"{late.cpu:.0f}", ""),
            ("resident memory, MB, with what LevelDB maps", f"{rates.resident[0]:.0f}", "<= 400"),
            ("resident memory, MB, the process's own", f"{rates.resident[1]:.0f}", ""),
            ("start to serving, s, empty", f"{empty:.2f}", "<= 1"),
            ("start to serving, s, full", f"{full:.2f}", "<= 1"),
            ("leaves of the log", f"{figures['leaves']:,.0f}", ""),
            ("store reads for a proof, most", f"{figures['reads']:.0f}", f"<= {limit:.0f}"),
            ("a proof, ms, median", f"{figures['proof ms']:.2f}", ""),
            ("a page of 100 of a category, ms, median", f"{figures['page ms']:.1f}", ""),
            ("a project, ms, median", f"{figures['project ms']:.1f}", ""),
        ],
    )
    print(f"load of the machine at the end {os.getloadavg()[0]:.1f}")


class _Mark(NamedTuple):
    """Where the filling stood."""

    count: int
    clock: float
    cpu: float
    preparing: float
    """CPU seconds for what knows nothing of the store: the yardstick for how busy the machine was meanwhile."""


class _Rate(NamedTuple):
    clock: float
    """Records a second."""
    cpu: float
    """Microseconds a record."""
    of_preparing: float
    """The same against that of preparing alone, at the same time."""


@dataclass
class _Rates:
    """Of the records around the hundred-thousandth and of the last ones; and what was resident in the end."""

    early: _Rate
    late: _Rate
    resident: tuple[float, float]
    """Megabytes: all, and without files that are mapped."""


def _fill(centre: Centre, network: Network, records: int, *, small: bool) -> _Rates:
    """Append and publish."""
    with services_of(centre, network) as (store, services):
        log = log_of(centre, network, store, services)
        yardstick = 0.0
        marks = [_Mark(0, time.perf_counter(), time.process_time(), yardstick)]
        window = min(EARLY, records // 4)
        for sequence in range(1, records // MESSAGE_RECORDS + 1):
            request = _request(sequence, small=small)
            start = time.thread_time()
            prepared = services.preparer.message(incoming_of(request), time.time())
            yardstick += time.thread_time() - start
            services.records.accept("bench", sequence, prepared)
            if sequence * MESSAGE_RECORDS % BATCH_SIZE < MESSAGE_RECORDS:
                log.publish(0)
            if sequence * MESSAGE_RECORDS % (window // 2) < MESSAGE_RECORDS:
                count = sequence * MESSAGE_RECORDS
                marks.append(_Mark(count, time.perf_counter(), time.process_time(), yardstick))
                _tell(marks)
        # From half a window to one and a half; and the last window.
        print(store.compactions(), file=sys.stderr)
        return _Rates(_between(marks[1], marks[3]), _between(marks[-3], marks[-1]), resident())


def _request(sequence: int, *, small: bool) -> pb.AppendRecordsRequest:
    request = message("bench", sequence)
    if small:
        for record in request.records:
            kept = [field for field in record.fields if field.name in _SMALL]
            del record.fields[:]
            record.fields.extend(kept)
    return request


def _between(start: _Mark, end: _Mark) -> _Rate:
    count = end.count - start.count
    spent, preparing = end.cpu - start.cpu, end.preparing - start.preparing
    return _Rate(count / (end.clock - start.clock), spent / count * 1e6, spent / preparing)


def _tell(marks: list[_Mark]) -> None:
    rate = _between(marks[-2], marks[-1])
    shared, own = resident()
    print(
        f"{marks[-1].count:>12,} records  {rate.clock:>7,.0f}/s  {rate.cpu:>5.0f} CPU µs, "
        f"{rate.of_preparing:.2f} of preparing  {shared:.0f} MB, own {own:.0f} MB",
        file=sys.stderr,
        flush=True,
    )


async def _start(centre: Centre, network: Network) -> float:
    """Seconds from opening the node to the first answer; its modules are loaded."""
    start = time.perf_counter()
    async with running(centre, network):
        request = pb.GetLastSequenceRequest(client_id="bench")
        async with centre.operator_channel() as connection:
            await Stubs(connection).records.GetLastSequence(request, wait_for_ready=True)
            return time.perf_counter() - start


def _read(centre: Centre, network: Network) -> dict[str, float]:
    chance = random.Random(1)  # a sample of places, nothing secret
    with services_of(centre, network) as (store, services):
        counting = CountingStore(store)
        log = log_of(centre, network, counting, services)
        size, count = log.size(), Transaction(store).counter(POSITION)
        published = log.checkpoint(size).through
        reads, proofs, pages, projects = [], [], [], []
        for _ in range(300):
            position = chance.randrange(published)
            counting.reads, start = 0, time.perf_counter()
            log.prove(position, size)
            proofs.append(time.perf_counter() - start)
            reads.append(counting.reads)
        for _ in range(30):
            [item] = services.listing.page(_about(services, chance.randrange(count)), 1, "").items
            since = Query(is_operator=True, category="trade.award", since=item.captured)
            pages.append(_seconds(lambda: services.listing.page(since, 100, "")))  # noqa: B023
            assert isinstance(item, Listed)
            assert item.record is not None
            project = Query(is_operator=True, project=item.record.project)
            projects.append(_seconds(lambda: services.listing.page(project, 100, "")))  # noqa: B023
    return {
        "leaves": size,
        "reads": max(reads),
        "proof ms": statistics.median(proofs) * 1000,
        "page ms": statistics.median(pages) * 1000,
        "project ms": statistics.median(projects) * 1000,
    }


def _about(services: Services, position: int) -> Query:
    return Query(is_operator=True, project=services.records.load(position).project)


def _seconds(work: object) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@contextmanager
def services_of(centre: Centre, network: Network) -> Iterator[tuple[LevelStore, Services]]:
    """A node's use cases over its store, without the node."""
    store, keyring = LevelStore(centre.home / "data"), LevelStore(centre.home / "keyring")
    outside = Outside(
        store,
        keyring,
        MemoryLedger(network.chain, centre.keys.account),
        None,
        HttpAuthorities(),
        SystemClock(),
        os.urandom,
        ProcessSignatureReader(),
        IdentityCertifier(centre.name, centre.keys.identity),
        FileErasureList(centre.home / ERASURES_FOLDER),
        NotoSansSc(),
        PyhankoSeal(centre.keys.organisation_seal),
    )
    try:
        yield store, Services(centre.config, network.descriptor, centre.keys, outside)
    finally:
        store.close()
        keyring.close()


def log_of(centre: Centre, network: Network, store: Store, services: Services) -> Log:
    """The node's log over a store, with batches of a busy centre."""
    alliance = network.descriptor.alliance
    return Log(store, services.outbox, centre.keys, os.urandom, alliance, centre.name, BATCH_SIZE)


def resident() -> tuple[float, float]:
    """Megabytes of this process: all, and without files that are mapped. Source: proc(5), VmRSS, RssAnon."""
    found = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text("ascii").splitlines())
    return int(found["VmRSS"].split()[0]) / 1024, int(found["RssAnon"].split()[0]) / 1024


if __name__ == "__main__":
    main()
