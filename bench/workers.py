"""Records a second with worker processes against the same without, and what the node's own process spends."""

import asyncio
import os
import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from heqi.v1.record_service_pb2 import AppendRecordsRequest

from adapters.crypto.clock import SystemClock
from adapters.crypto.keys import memory_keys
from bench.appending import folder, open_records
from bench.sample import MESSAGE_RECORDS, message
from node.api.preparing import Preparing, PreparingBeside, PreparingHere
from node.services.preparing import Preparer

MESSAGES = 40
ALLIANCE, ME = "0" * 64, "centre-a"


@dataclass(frozen=True, order=True)
class Cost:
    """Of one run."""

    rate: float
    """Records a second."""
    own: float
    """CPU microseconds a record in the node's process: what one writer can take at most."""
    all: float
    """The same in all processes."""


def measure(count: int = 2, rounds: int = 3) -> dict[str, Cost]:
    """The best run of each, measured in turn."""
    raw = [message("bench", n + 1).SerializeToString() for n in range(MESSAGES)]
    best: dict[str, Cost] = {}
    for _ in range(rounds):
        for name, workers in (("no worker", 0), (f"{count} workers", count)):
            found = asyncio.run(_append(raw, workers))
            best[name] = max(best.get(name, found), found)
    return best


async def _append(raw: list[bytes], workers: int) -> Cost:
    index_key, clock = memory_keys().index, SystemClock()
    preparing: Preparing
    if workers:
        preparing = PreparingBeside(workers, index_key, ALLIANCE, ME, clock)
    else:
        preparing = PreparingHere(Preparer(index_key, os.urandom, ALLIANCE, ME), clock)
    with ExitStack() as stack:
        stack.callback(preparing.close)
        records = stack.enter_context(open_records(stack.enter_context(folder()) / "data"))
        await asyncio.gather(*(preparing.prepare(message("warm", 1)) for _ in range(preparing.ahead)))
        messages, waiting = iter(enumerate(raw, 1)), deque()
        start, own, others = time.perf_counter(), time.process_time(), _children_seconds(preparing)

        def follow() -> None:
            for sequence, one in messages:
                request = AppendRecordsRequest.FromString(one)
                waiting.append((sequence, asyncio.ensure_future(preparing.prepare(request))))
                return

        for _ in range(preparing.ahead):
            follow()
        while waiting:
            sequence, prepared = waiting.popleft()
            done = await prepared
            follow()
            records.accept("bench", sequence, done)
        count = len(raw) * MESSAGE_RECORDS
        seconds, own = time.perf_counter() - start, time.process_time() - own
        others = _children_seconds(preparing) - others
    return Cost(count / seconds, own / count * 1e6, (own + others) / count * 1e6)


def _children_seconds(preparing: Preparing) -> float:
    """CPU seconds of the worker processes until now. Source: proc(5), utime and stime of /proc/PID/stat."""
    if not isinstance(preparing, PreparingBeside):
        return 0.0
    ticks = 0
    for pid in preparing.process_ids():
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
