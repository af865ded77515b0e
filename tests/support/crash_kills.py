"""How and when a process is killed: somewhere, while it starts, around the publishing tick, in the synced write."""

import asyncio
import contextlib
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.crash_network import ENGINE, CrashNetwork, Process
from tests.support.crash_stores import newest_log

_LIFE_SECONDS = 0.35
_START_SECONDS = 0.12
_WRITE_WAIT_SECONDS = 0.5


@dataclass(frozen=True)
class Blow:
    """One kill to be."""

    victims: tuple[str, ...]
    moment: str
    """`anywhere`, `starting`, `ticking` or `writing`."""
    with_power: bool
    """Whether what was not synced goes too."""


def draw(rng: random.Random, nodes: tuple[str, ...]) -> Blow:
    node = rng.choice(nodes)
    victims = rng.choices(((node,), (ENGINE,), (node, ENGINE), nodes), (60, 20, 12, 8))[0]
    moment = rng.choices(("anywhere", "starting", "ticking", "writing"), (30, 15, 20, 35))[0]
    return Blow(victims, moment, rng.random() < 0.4)


async def wait_for_moment(network: CrashNetwork, blow: Blow, rng: random.Random) -> None:
    """Let the processes live until it is time. Those that are killed while starting were started just now."""
    if blow.moment == "starting":
        await asyncio.sleep(rng.random() * _START_SECONDS)
        return
    process = network.processes[blow.victims[0]]
    await asyncio.sleep(rng.random() * _LIFE_SECONDS)
    if blow.moment == "ticking":
        await asyncio.sleep(_until_tick(process, network.settings.period_seconds) + rng.uniform(0, 0.025))
    elif blow.moment == "writing":
        # The log grows by write(); fdatasync() follows, and the answer after it. In a thread, so that the load
        # goes on.
        await asyncio.to_thread(_spin_until_written, process.folders[0], rng.random() * 0.0006)


def _until_tick(process: Process, period_seconds: float) -> float:
    """The first batch is published just after the ports are open, the others a period apart."""
    return period_seconds - 0.012 - (time.monotonic() - process.ready_at) % period_seconds


def _spin_until_written(folder: Path, then_seconds: float) -> None:
    deadline = time.monotonic() + _WRITE_WAIT_SECONDS
    with contextlib.suppress(FileNotFoundError, ValueError):  # the log was replaced just now
        log = newest_log(folder)
        length = os.stat(log).st_size
        while os.stat(log).st_size == length and time.monotonic() < deadline:
            pass
    until = time.perf_counter() + then_seconds
    while time.perf_counter() < until:
        pass
