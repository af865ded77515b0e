"""The game of two worlds: what a node and the chain can see of who bids, for what, how many and with which bank.

Both worlds have the same public events: members, registrations, what customers gave their banks long before,
openings, the passing of time. They differ in what nobody may learn before the opening. `look` is all that an
adversary has who holds one node whole: what it stores (keys by their family and length, values by their length), what
it was called with and in which order, its status, the blocks, and what was logged. Random bytes are random in both
worlds, so lengths and counts are what is left, and `Views.entropy`: the bytes of what could give a bid away.

Proofs of the ledger's state are counted, but their length is kept apart: it follows from where hashes lie in a trie,
and differs between any two runs. Whether it says anything is for `numbers` over many of them.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any

from node.domain.sealing import ApplicationsReserved
from node.wallet.sealing import SealedPlan
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_guarantees import BANK, INSURER, Tender
from tests.support.world_sealed import HOLDERS, NAMES, SealedTender

SECTIONS = {"nanjing": "GC-2026-001/1", "suzhou": "水利-2026-77"}
BENEFICIARIES = {"nanjing": "虚构区住房和城乡建设局", "suzhou": "Another beneficiary with a long name"}
CODE_SERVICE = (b"j/", b"ts/")
"""Rows that a centre's code service leaves, which is trusted: marks of requests, what authorities said."""
_ROUNDS = 6


@dataclass(frozen=True, slots=True)
class Application:
    """Who applies where, for which centre's tender; it is issued."""

    bidder: int
    bank: str
    centre: str


@dataclass(frozen=True, slots=True)
class Secret:
    """What the worlds differ in."""

    applications: Sequence[Application]


FEW = Secret((Application(0, BANK, "nanjing"),))
MANY = Secret(
    (
        Application(0, BANK, "suzhou"),
        Application(1, INSURER, "suzhou"),
        Application(2, INSURER, "nanjing"),
        Application(3, INSURER, "suzhou"),
    )
)
"""For the first bank the same as `FEW`, but for the tender: its own customer applies with it in both."""


@dataclass
class Views:
    """What there is to see in one world, by node."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    chain: list[Any] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    entropy: bytes = b""
    """All that batches of reservations held."""

    def of(self, name: str) -> dict[str, Any]:
        """All that the adversary at one node has."""
        return {**self.nodes[name], "chain": self.chain, "logs": self.logs}


async def play(secret: Secret, *, sealed: bool = True) -> Views:
    """One world up to just before its openings.

    Args:
        secret: what differs.
        sealed: False for guarantees that are issued in the open, which the game must tell apart.
    """
    with World(NAMES, guarantors=[BANK, INSURER], batch_size=32) as world, _logged() as logs:
        began = world.clock.now()
        await _period(world)
        bidders = [world.bidder() for _ in range(4)]
        for bidder in bidders:
            world.register(bidder)
        await _period(world)
        tenders = {name: _tender(world, name) for name in SECTIONS}
        for tender in tenders.values():
            for bidder in bidders:  # customers of both banks, whether they ever bid or not
                tender.grant(bidder, world[BANK])
                tender.grant(bidder, world[INSURER])
            opens = int(world.clock.now()) + 20 * 86_400
            holders = [name for name in HOLDERS if name != tender.centre.name] + ["hangzhou"]
            await tender.centre.services.openings.announce(
                tender.tender.section, opens, sorted(holders)[:3], 2
            )
        await _period(world)
        if sealed:
            await _bid(world, tenders, bidders, secret)
        else:
            await _bid_openly(world, tenders, bidders, secret)
        views = Views(logs=list(logs))
        views.chain = _chain(world, began)
        views.nodes = {centre.name: look(world, centre, began) for centre in world.centres.values()}
        views.entropy = b"".join(
            part for event in _events(world) for part in (*event.nullifiers, *event.bindings)
        )
        return views


def _tender(world: World, centre: str) -> SealedTender:
    tender = SealedTender(world, SECTIONS[centre])
    tender.centre = tender.tender.centre = world[centre]
    return tender


async def _bid(
    world: World, tenders: dict[str, SealedTender], bidders: Sequence[Bidder], secret: Secret
) -> None:
    plans: list[tuple[Application, SealedPlan]] = []
    for one in secret.applications:
        tender, bidder = tenders[one.centre], bidders[one.bidder]
        plan = tender.begin(
            bidder, tender.plan(bidder, beneficiary_name=BENEFICIARIES[one.centre]), world[one.bank]
        )
        tender.reserve(bidder, plan)
        plans.append((one, plan))
    await _period(world)
    applied = [
        (one, tenders[one.centre].apply(bidders[one.bidder], plan, world[one.bank])) for one, plan in plans
    ]
    await _period(world)
    for number, (one, plan) in enumerate(applied):
        desk = world[one.bank].services.guarantor
        await desk.assess(plan.application)
        desk.issue(plan.application, f"MW-{number}")
    await _period(world)
    for one, plan in applied:
        found = tenders[one.centre].collect(bidders[one.bidder], plan, world[one.bank])
        assert found.proof, "the game was played to its end"


async def _bid_openly(
    world: World, tenders: dict[str, SealedTender], bidders: Sequence[Bidder], secret: Secret
) -> None:
    for number, one in enumerate(secret.applications):
        tender: Tender = tenders[one.centre].tender
        bidder, bank = bidders[one.bidder], world[one.bank]
        application = tender.apply(bidder, bank=bank, grant=tenders[one.centre].grant(bidder, bank))
        await _period(world)
        await bank.services.guarantor.assess(application)
        bank.services.guarantor.issue(application, f"MW-{number}")
    for _ in range(3 - len(secret.applications)):
        await _period(world)
    await _period(world)


async def _period(world: World) -> None:
    """One log period, the same in every world: blocks come by the clock and not by what there is to do."""
    world.clock.advance(11)
    nodes = list(world.centres.values())
    for node in nodes:
        node.services.publish()
        node.services.reserving.send_batch()
    for _ in range(_ROUNDS):
        for node in nodes:
            await world._work(node)  # the world's own turn, without its waiting for quiet
        world.seal()
    await world._corroborate()
    assert not [item for node in nodes for item in node.outbox()], (
        "a period is long enough for all there is to do"
    )


# -- what there is to see ------------------------------------------------------------------------------


def look(world: World, centre: Centre, began: float) -> dict[str, Any]:
    """Everything at one node, as far as it can be compared between worlds."""
    calls = [
        (caller, called, call)
        for caller, called, call in world.network.delivered
        if centre.name in {caller, called}
    ]
    return {
        "store": _rows(centre.store),
        "keyring": _rows(centre.keyring),
        "calls": calls,
        "outbox": [(item.object, item.state.value) for item in centre.outbox()],
        "status": _shape(centre.services.status.now()),
        "time": world.clock.now() - began,
        "proof bytes": sum(len(value) for _, value in centre.store.scan(b"lp/")),
    }


def _rows(store: Any) -> Counter[tuple[bytes, int, int]]:
    """Rows by family, length of key and length of value."""
    found: Counter[tuple[bytes, int, int]] = Counter()
    for key, value in store.scan(b""):
        family = b"/".join(key.split(b"/")[: 2 if key.startswith(b"l/") else 1])
        length = 0 if family == b"lp" else len(value)
        found[family + b"/", len(key), length] += 1
    return found


def without(view: dict[str, Any], families: Sequence[bytes]) -> dict[str, Any]:
    """A view without some families of rows."""
    rows = {row: count for row, count in view["store"].items() if row[0] not in families}
    return {**view, "store": Counter(rows)}


def numbers(view: dict[str, Any], entropy: bytes) -> dict[str, float]:
    """Whatever can be counted in a view, for a distinguisher."""
    found: dict[str, float] = {"proof bytes": view["proof bytes"], "calls": len(view["calls"])}
    for (family, _, length), count in [*view["store"].items(), *view["keyring"].items()]:
        for name, value in ((f"rows {family!r}", count), (f"bytes {family!r}", count * length)):
            found[name] = found.get(name, 0.0) + value
    found["blocks"], found["logged"] = len(view["chain"]), len(view["logs"])
    found["events"] = sum(len(events) for _, _, events in view["chain"])
    found["batches"] = len(entropy)
    for place in range(0, 256, 16):
        found[f"bytes from {place}"] = sum(place <= byte < place + 16 for byte in entropy) / max(
            1, len(entropy)
        )
    return found


def accuracy(one: Sequence[dict[str, float]], other: Sequence[dict[str, float]]) -> float:
    """How often the best single threshold, found on half of the runs, tells the other half apart."""
    half = len(one) // 2
    best, rule = -1.0, ("", 0.0, 1.0)
    for name in one[0]:
        first, second = (sum(run.get(name, 0.0) for run in runs[:half]) / half for runs in (one, other))
        threshold, sign = (first + second) / 2, 1.0 if second >= first else -1.0
        right = _right(one[:half], other[:half], (name, threshold, sign))
        if right > best:
            best, rule = right, (name, threshold, sign)
    return _right(one[half:], other[half:], rule)


def _right(
    one: Sequence[dict[str, float]], other: Sequence[dict[str, float]], rule: tuple[str, float, float]
) -> float:
    name, threshold, sign = rule
    hits = sum(sign * (run.get(name, 0.0) - threshold) <= 0 for run in one)
    hits += sum(sign * (run.get(name, 0.0) - threshold) > 0 for run in other)
    return hits / (len(one) + len(other))


def _chain(world: World, began: float) -> list[Any]:
    """Every block: its time, and what was reported in it, by kind and lengths, in order."""
    head, seen = world.chain.head().number, []
    for number in range(head + 1):
        block = world.chain.block(number)
        assert block is not None
        events = [
            (type(event.happening).__name__, _shape(event.happening))
            for event in world.chain.events(number, number)
        ]
        seen.append((number, round(block.time - began), events))
    return seen


def _events(world: World) -> list[ApplicationsReserved]:
    found = world.chain.events(0, world.chain.head().number)
    return [event.happening for event in found if isinstance(event.happening, ApplicationsReserved)]


def _shape(value: Any) -> Any:
    """Lengths instead of bytes; texts and small numbers as they are."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, int | float) and value > 1_000_000:
        return "large"
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: _shape(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, tuple | list):
        return [_shape(one) for one in value]
    return value


@contextmanager
def _logged() -> Iterator[list[str]]:
    """What all nodes log meanwhile, by level and wording."""
    seen: list[str] = []

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(f"{record.levelname} {record.name} {record.msg}")

    keeper, logger = Keeper(), logging.getLogger()
    before = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    try:
        yield seen
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(before)
