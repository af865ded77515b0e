"""Records a second, in process and over gRPC, against the floor in the same run."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
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


def measure_parking(rounds: int = 3) -> float:
    """Good records a second with one bad among a hundred, against all good: the ratio."""
    good = [message("bench", n + 1).SerializeToString() for n in range(MESSAGES)]
    mixed = []
    for raw in good:
        request = AppendRecordsRequest.FromString(raw)
        for record in request.records[::100]:
            record.category = "trade.nothing"
        mixed.append(request.SerializeToString())
    best = {"good": 0.0, "mixed": 0.0}
    for _ in range(rounds):
        best["good"] = max(best["good"], _rate(lambda place: _in_process(good, place)))
        best["mixed"] = max(best["mixed"], _rate(lambda place: _in_process(mixed, place)))
    return best["mixed"] / best["good"]


def _rate(run: object) -> float:
    with folder() as place:
        start = time.perf_counter()
        count = run(place / "data")
        return count / (time.perf_counter() - start)


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
