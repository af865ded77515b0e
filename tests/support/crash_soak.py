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
from tests.support.crash_round import GaveUpError, Round, Tally

KILLS_PER_ROUND = 100
"""Then a new network with other settings: kills must strike young networks and grown ones."""


async def soak(kills: int, seed: str, *, say=lambda _: None, store: str = "watched") -> Tally:
    """Kill so many times; stops early after a round with violations."""
    tally, nursery, started = Tally(), Nursery(), time.monotonic()
    try:
        done = 0
        while done < kills and not tally.violations:
            count = min(KILLS_PER_ROUND, kills - done)
            with contextlib.suppress(GaveUpError):
                async with Round.open(nursery, f"{seed}/{done}", tally, store) as one:
                    for _ in range(count):
                        await one.kill()
                        if tally.violations:
                            break
                    else:
                        await one.drain()
            done += count
            rate = done / (time.monotonic() - started)
            messages = tally.figures["acknowledged messages"]
            say(
                f"{done:>6} of {kills} kills  {rate:5.2f}/s  {messages} messages  {len(tally.violations)} violations"
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
    cycles = sum(tally.moments.values())
    lines = [f"cycles: {cycles} in {tally.seconds:.0f} s, {cycles / tally.seconds:.2f}/s"]
    lines += [f"kills of {name}: {count}" for name, count in sorted(tally.kills.items())]
    lines += [f"killed {moment}: {count}" for moment, count in sorted(tally.moments.items())]
    lines += [f"{name}: {count}" for name, count in tally.figures.items()]
    lines += [f"violations: {len(tally.violations)}"]
    lines += [f"  {rule}: {detail}" for rule, detail in tally.violations[:20]]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
