"""What a proof costs: making it from stored nodes, its store reads, checking it, verifying a whole bundle."""

import statistics
import time
from collections.abc import Callable

from node.domain import merkle

LEAVES = 1 << 17


def measure() -> dict[str, float]:
    """Microseconds; and store reads for one proof in a tree of `LEAVES` leaves and a few more."""
    nodes: dict[tuple[int, int], bytes] = {}
    reads = 0

    def read(level: int, index: int) -> bytes:
        nonlocal reads
        reads += 1
        return nodes[level, index]

    size = LEAVES + 12_345
    leaves = [merkle.leaf_hash(n.to_bytes(32, "big")) for n in range(size)]
    for level, index, value in merkle.grow(0, leaves, read):
        nodes[level, index] = value
    root = merkle.root_hash(size, read)
    places = range(0, size, size // 200)
    reads = 0
    most = 0
    for place in places:
        before = reads
        merkle.inclusion_proof(place, size, read)
        most = max(most, reads - before)
    proofs = {place: merkle.inclusion_proof(place, size, read) for place in places}
    return {
        "leaves": size,
        "store reads for a proof": most,
        "make a proof, µs": _median(lambda place: merkle.inclusion_proof(place, size, read), places),
        "check a proof, µs": _median(
            lambda place: merkle.verify_inclusion(place, size, leaves[place], proofs[place], root), places
        ),
    }


def _median(work: Callable[[int], object], places: range) -> float:
    times = []
    for place in places:
        start = time.perf_counter()
        work(place)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6
