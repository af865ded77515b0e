"""The observer of a public log tries to tell an hour with no bid from one with 3 or 30, and cannot.

It sees what `services/tiles.py` and the ledger show: when and how often a checkpoint came, its size, its anchor, and
every byte of every entry. All its figures are computed from these, and it learns from labelled hours before it
guesses.
"""

import math
import random
import statistics
from itertools import pairwise

from tests.support.world import World
from tests.support.world_records import incoming

LOADS = (0, 3, 30)
PERIODS = 12
BATCH = 8
LEARNT, GUESSED = 12, 24
"""Hours of each load."""


def hour(load: int, seed: int) -> tuple[list[bytes], list[int]]:
    """All that is public of one hour: entries and sizes."""
    rng = random.Random(seed)
    with World(("hangzhou",), batch_size=BATCH) as world:
        home, sizes = world.home, []
        arrivals = sorted(rng.randrange(PERIODS) for _ in range(load))
        for period in range(PERIODS):
            for place in [at for at, when in enumerate(arrivals) if when == period]:
                home.records.append("c", place + 1, [incoming(f"{seed}/{place}")])
            home.services.publish()
            sizes.append(home.services.log.size())
        raw = home.services.tiles.entries(0, sizes[-1])
    return [raw[at + 2 : at + 34] for at in range(0, len(raw), 34)], sizes


def figures(entries: list[bytes]) -> list[float]:
    """What one could think of measuring."""
    data = b"".join(entries)
    counts = [data.count(byte) for byte in range(256)]
    expected = len(data) / 256
    first = [entry[0] for entry in entries]
    return [
        sum((count - expected) ** 2 / expected for count in counts),  # chi square of the bytes
        sum(byte.bit_count() for byte in data) / len(data),
        statistics.fmean(data),
        statistics.fmean(abs(a - b) for a, b in pairwise(data)),  # serial correlation
        statistics.fmean(entry[0] for entry in entries[::BATCH]),  # places in a batch
        statistics.fmean(entry[-1] for entry in entries[BATCH - 1 :: BATCH]),
        statistics.stdev(first),
        len(set(entries)) / len(entries),
        float(sum(a < b for a, b in pairwise(entries))),  # order
    ]


def test_an_observer_tells_the_number_of_bids_no_better_than_by_chance():
    learnt: dict[int, list[list[float]]] = {load: [] for load in LOADS}
    for load in LOADS:
        for seed in range(LEARNT):
            entries, sizes = hour(load, seed)
            assert sizes == [BATCH * (period + 1) for period in range(PERIODS)], "size and rhythm would tell"
            learnt[load].append(figures(entries))
    everything = [row for rows in learnt.values() for row in rows]
    scale = [statistics.stdev(column) or 1.0 for column in zip(*everything, strict=True)]
    centres = {
        load: [statistics.fmean(column) for column in zip(*rows, strict=True)]
        for load, rows in learnt.items()
    }

    def guess(seen: list[float]) -> int:
        return min(LOADS, key=lambda load: math.dist(*_scaled(seen, centres[load], scale)))

    right = sum(
        guess(figures(hour(load, 1000 + seed)[0])) == load for load in LOADS for seed in range(GUESSED)
    )
    total = GUESSED * len(LOADS)
    # A third by chance; five standard deviations above it never happens by itself.
    chance = total / len(LOADS)
    assert right < chance + 5 * math.sqrt(chance * (1 - 1 / len(LOADS))), f"{right} of {total}"


def _scaled(a: list[float], b: list[float], scale: list[float]) -> tuple[list[float], list[float]]:
    return [x / s for x, s in zip(a, scale, strict=True)], [x / s for x, s in zip(b, scale, strict=True)]
