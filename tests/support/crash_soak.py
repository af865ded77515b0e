"""Kills by the thousand: `make soak`. Ends with a report, and with exit code 1 if anything was violated.

HEQI_SOAK_KILLS   how many at least, 5000 by default
HEQI_SOAK_WORKERS rounds at a time, by default one for each core; every round is a network of its own
HEQI_SOAK_SEED    the seed that an earlier run printed; random by default. It fixes what is sent, whom a kill
                  strikes and about when; the processes' own timing nobody can repeat.
"""

import asyncio
import contextlib
import os
import secrets
import sys
import time
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed

from tests.support.crash_nursery import Nursery
from tests.support.crash_round import GaveUpError, Round
from tests.support.crash_tally import Tally

KILLS_PER_ROUND = 100
"""Then a new network with other settings: kills must strike young networks and grown ones."""


async def soak(kills: int, seed: str, *, store: str = "watched") -> Tally:
    """Kill so many times in one process; stops early after a round with violations."""
    tally, nursery, started = Tally(), Nursery(), time.monotonic()
    try:
        number = 0
        while tally.killed < kills and not tally.violations:
            goal = min(kills - tally.killed, KILLS_PER_ROUND)
            tally.add(await play_round(nursery, f"{seed}/{number}", goal, store))
            number += 1
    finally:
        nursery.close()
        tally.seconds = time.monotonic() - started
    return tally


async def play_round(nursery: Nursery, seed: str, kills: int, store: str = "watched") -> Tally:
    """Found a network, kill so many times, drain it."""
    tally = Tally()
    with contextlib.suppress(GaveUpError):
        async with Round.open(nursery, seed, tally, store) as one:
            while tally.killed < kills and not tally.violations:
                await one.kill()
            if not tally.violations:
                await one.drain()
    return tally


def main() -> int:
    kills = int(os.environ.get("HEQI_SOAK_KILLS", "5000"))
    seed = os.environ.get("HEQI_SOAK_SEED") or secrets.token_hex(4)
    workers = int(os.environ.get("HEQI_SOAK_WORKERS", str(os.cpu_count() or 1)))
    print(f"{kills} kills by {workers} at a time, HEQI_SOAK_SEED={seed}", flush=True)
    tally, started = Tally(), time.monotonic()
    with ProcessPoolExecutor(workers) as pool:
        rounds = [pool.submit(_round, f"{seed}/{number}") for number in range(-(-kills // KILLS_PER_ROUND))]
        for played in as_completed(rounds):
            tally.add(played.result())
            tally.seconds = time.monotonic() - started
            print(_progress(tally, kills), flush=True)
            if tally.violations:
                pool.shutdown(cancel_futures=True)
                break
    print(report(tally))
    return 1 if tally.violations else 0


def _round(seed: str) -> Tally:
    nursery = Nursery()
    try:
        return asyncio.run(play_round(nursery, seed, KILLS_PER_ROUND))
    except Exception:  # one round's trouble must not take the others' findings along
        return Tally(violations=[("HARNESS", f"{seed}: {traceback.format_exc()}")])
    finally:
        nursery.close()


def _progress(tally: Tally, kills: int) -> str:
    rate, messages = tally.killed / tally.seconds, tally.figures["acknowledged messages"]
    found = len(tally.violations)
    return f"{tally.killed:>6} of {kills} kills  {rate:5.2f}/s  {messages} messages  {found} violations"


def report(tally: Tally) -> str:
    """For people."""
    lines = [
        f"processes killed: {tally.killed} in {tally.seconds:.0f} s, {tally.killed / tally.seconds:.2f}/s"
    ]
    lines += [f"kills of {name}: {count}" for name, count in sorted(tally.kills.items())]
    lines += [f"killed {moment}: {count}" for moment, count in sorted(tally.moments.items())]
    lines += [f"{name}: {count}" for name, count in tally.figures.items()]
    lines += [f"violations: {len(tally.violations)}"]
    lines += [f"  {rule}: {detail}" for rule, detail in tally.violations[:20]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
