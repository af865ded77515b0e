"""What a proof costs: making it from stored nodes, its store reads, checking it, verifying a whole bundle."""

import statistics
import time
from collections.abc import Callable

from node.domain import merkle
from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.signature import verify_ed25519, verify_p256
from tests.vectors import keys, story, world

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


def measure_bundles() -> dict[str, float]:
    """Milliseconds of CPU, warm, and bytes: a whole bundle read from its bytes and verified.

    The bundles of the vectors: two records read elsewhere with the authority, one own record; four members.
    """
    verifier = Verifier(world.descriptor())
    figures: dict[str, float] = {}
    for name, raw in (("read elsewhere", story.bundle()), ("own record", story.own_bundle())):
        figures[f"{name}, bytes"] = len(raw)
        figures[f"{name}, ms of CPU"] = min(_cpu_ms(raw, verifier) for _ in range(7))
    figures["two P-256 and two Ed25519 checks, ms of CPU"] = min(_signatures_ms() for _ in range(7))
    return figures


def _cpu_ms(raw: bytes, verifier: Verifier) -> float:
    rounds, start = 20, time.process_time()
    for _ in range(rounds):
        verify_bundle(parse_bundle(raw), verifier)
    return (time.process_time() - start) / rounds * 1e3


def _signatures_ms() -> float:
    """Side by side, because the machine is shared: what a bundle cannot do without, as a measure of the rest."""
    p256, ed25519 = keys.p256("bench"), keys.log_key("bench")
    signed = p256.sign(b"bench"), ed25519.sign(b"bench")
    rounds, start = 20, time.process_time()
    for _ in range(rounds):
        for _ in range(2):
            verify_p256(p256.public, b"bench", signed[0])
            verify_ed25519(ed25519.public, b"bench", signed[1])
    return (time.process_time() - start) / rounds * 1e3


def _median(work: Callable[[int], object], places: range) -> float:
    times = []
    for place in places:
        start = time.perf_counter()
        work(place)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e6
