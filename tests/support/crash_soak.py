"""Kills by the thousand: `make soak`. Ends with a report, and with exit code 1 if anything was violated.

HEQI_SOAK_KILLS   how many, 5000 by default
HEQI_SOAK_SEED    the seed that an earlier run printed; random by default. It fixes what is sent, whom a kill
                  strikes and about when; the processes' own timing nobody can repeat.
"""

import asyncio
import contextlib
import os
import secrets
import sys
import time

from tests.support.crash_nursery import Nursery
from tests.support.crash_round import GaveUpError, Round
from tests.support.crash_tally import Tally

KILLS_PER_ROUND = 100
"""Then a new network with other settings: kills must strike young networks and grown ones."""


async def soak(kills: int, seed: str, *, say=lambda _: None, store: str = "watched") -> Tally:
    """Kill so many times; stops early after a round with violations."""
    tally, nursery, started = Tally(), Nursery(), time.monotonic()
    try:
        number = 0
        while tally.killed < kills and not tally.violations:
            goal = min(kills, tally.killed + KILLS_PER_ROUND)
            with contextlib.suppress(GaveUpError):
                async with Round.open(nursery, f"{seed}/{number}", tally, store) as one:
                    while tally.killed < goal and not tally.violations:
                        await one.kill()
                    if not tally.violations:
                        await one.drain()
            number += 1
            rate = tally.killed / (time.monotonic() - started)
            messages, violations = tally.figures["acknowledged messages"], len(tally.violations)
            say(
                f"{tally.killed:>6} of {kills} kills  {rate:5.2f}/s  {messages} messages  {violations} violations"
            )
    finally:
        nursery.close()
        tally.seconds = time.monotonic() - started
    return tally


def main() -> int:
    kills = int(os.environ.get("HEQI_SOAK_KILLS", "5000"))
    seed = os.environ.get("HEQI_SOAK_SEED") or secrets.token_hex(4)
    print(f"{kills} kills, HEQI_SOAK_SEED={seed}", flush=True)
    tally = asyncio.run(soak(kills, seed, say=lambda line: print(line, flush=True)))
    print(report(tally))
    return 1 if tally.violations else 0


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
