"""Records a second, in process and over gRPC, against the floor in the same run."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from heqi.v1.record_service_pb2 import AppendRecordsRequest

from adapters.crypto.clock import SystemClock
from adapters.crypto.keys import memory_keys
from adapters.store.leveldb import LevelStore
from bench import floor
from bench.sample import message
from node.services.feed import Feed
from node.services.parking import Parking
from node.services.preparing import Preparer
from node.services.records import Records
from node.services.vault import Vault
from node.wire.incoming import incoming_of

MESSAGES = 20


def measure(rounds: int = 3) -> dict[str, float]:
    """Best records a second of each, measured in turn."""
    raw = [message("bench", n + 1).SerializeToString() for n in range(MESSAGES)]
    best = {"floor": 0.0, "in process": 0.0, "over gRPC": 0.0}
    for _ in range(rounds):
        best["floor"] = max(best["floor"], _rate(lambda place: floor.append(raw, place)))
        best["in process"] = max(best["in process"], _rate(lambda place: _in_process(raw, place)))
        best["over gRPC"] = max(best["over gRPC"], _over_grpc())
    return best


def measure_parking(rounds: int = 6) -> float:
    """CPU time of a good record among all good ones, against one among whom one in a hundred is bad: the ratio.

    Not by the clock: what a busy machine does to it is larger than what is measured.
    """
    good = [message("bench", n + 1).SerializeToString() for n in range(MESSAGES)]
    mixed = []
    for raw in good:
        request = AppendRecordsRequest.FromString(raw)
        for record in request.records[::100]:
            record.category = "trade.nothing"
        mixed.append(request.SerializeToString())
    least = {"good": float("inf"), "mixed": float("inf")}
    for _ in range(rounds):
        least["good"] = min(least["good"], _seconds_each(good))
        least["mixed"] = min(least["mixed"], _seconds_each(mixed))
    return least["good"] / least["mixed"]


def _rate(run: Callable[[Path], int]) -> float:
    with folder() as place:
        start = time.perf_counter()
        count = run(place / "data")
        return count / (time.perf_counter() - start)


def _seconds_each(raw: list[bytes]) -> float:
    with folder() as place:
        start = time.process_time()
        count = _in_process(raw, place / "data")
        return (time.process_time() - start) / count


def _in_process(raw: list[bytes], place: Path) -> int:
    with open_records(place) as records:
        count = 0
        for sequence, one in enumerate(raw, 1):
            request = AppendRecordsRequest.FromString(one)
            count += records.append("bench", sequence, incoming_of(request)).count
        return count


@contextlib.contextmanager
def open_records(place: Path) -> Iterator[Records]:
    """The node's records on LevelDB, and nothing else of a node."""
    store, keyring = LevelStore(place), LevelStore(place.with_name("keyring"))
    vault = Vault(keyring, memory_keys(), os.urandom)
    feed, clock = Feed(store), SystemClock()
    parking = Parking(store, vault, feed, clock, "centre-a")
    preparer = Preparer(memory_keys().index, os.urandom, "0" * 64, "centre-a")
    yield Records(store, vault, feed, parking, clock, preparer, "centre-a")
    store.close()
    keyring.close()


def _over_grpc() -> float:
    """A node in a process of its own, its client in another."""
    with folder() as place:
        command = [sys.executable, "-m", "bench.grpc_append", str(place), str(MESSAGES)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that is gone afterwards."""
    made = Path(tempfile.mkdtemp(prefix="heqi-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made)
