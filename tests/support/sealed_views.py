"""What there is to see in a world of the game: at one node, on the chain, on the wires of that node, and when.

Lengths stand for contents: what is random is random in both worlds. A message's length is that of all texts, bytes
and numbers in it. Proofs of the ledger's state are counted, but their length is kept apart: it follows from where
hashes lie in a trie, and differs between any two runs; so is that of transactions, whose signatures drop leading
zeros. Whether they say anything is for `numbers` over many runs.
"""

import inspect
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, NamedTuple
from unittest import mock

import msgspec

from adapters.ledger.memory import MemoryLedger
from node.domain.sealing import ApplicationsReserved
from tests.support.world import World
from tests.support.world_centre import Centre
from tests.support.world_network import WorldPeers

_BUCKETS = 16


class Message(NamedTuple):
    """Between two nodes, or from a wallet (then `sender` is empty)."""

    at: float
    sender: str
    receiver: str
    call: str
    request: int
    """Length of what was asked, bytes."""
    answer: int


class Sent(NamedTuple):
    """A transaction."""

    at: float
    sender: str
    length: int


@dataclass
class Views:
    """What there is to see in one world, by node."""

    nodes: dict[str, dict[str, Any]] = field(default_factory=dict)
    chain: list[Any] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    transactions: list[Sent] = field(default_factory=list)
    queries: Counter[tuple[str, str]] = field(default_factory=Counter)
    """What nodes asked their engine, by node and method: seen by whoever runs an engine that others use."""
    entropy: bytes = b""
    """All that batches of reservations held."""

    def seen_by(self, name: str) -> list[Message]:
        """Messages that a node got or sent."""
        return [one for one in self.messages if name in {one.sender, one.receiver}]

    def of(self, name: str) -> dict[str, Any]:
        """All that the adversary at one node has, as far as it is the same in any two runs of one world."""
        mine = self.seen_by(name)
        return {
            **self.nodes[name],
            "chain": self.chain,
            "logs": self.logs,
            "calls": [one for one in mine if one.sender],
            "wallets": [one[1:] for one in mine if not one.sender],
            "transactions": [one[:2] for one in self.transactions],
        }


class Watch:
    """Sees messages, transactions and queries while a world is played."""

    def __init__(self, views: Views) -> None:
        self.views = views
        self._world: World | None = None
        self._began = 0.0

    @contextmanager
    def over(self, world: World) -> Iterator[None]:
        """Watch a world from now on."""
        self._world, self._began = world, world.clock.now()
        with ExitStack() as stack:
            for name, method in vars(WorldPeers).items():
                if not name.startswith("_") and inspect.iscoroutinefunction(method):
                    stack.enter_context(mock.patch.object(WorldPeers, name, self._seen(name, method)))
            for name in ("send", "prove", "dry_run"):
                seen = self._asked(name, getattr(MemoryLedger, name))
                stack.enter_context(mock.patch.object(MemoryLedger, name, seen))
            stack.enter_context(_logged(self.views.logs))
            yield

    def forget(self) -> None:
        """Of what was sent until now: all know it, and its order is of chance."""
        self.views.messages.clear()
        self.views.transactions.clear()
        self.views.queries.clear()

    def handed(self, receiver: str, call: str, request: object, answer: object) -> None:
        """A wallet's call."""
        self._note("", receiver, call, request, answer)

    def _note(self, sender: str, receiver: str, call: str, request: object, answer: object) -> None:
        self.views.messages.append(
            Message(self._now(), sender, receiver, call, length(request), length(answer))
        )

    def _seen(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        async def seen(peers: WorldPeers, member: Any, *args: Any) -> Any:
            answer = await method(peers, member, *args)
            self._note(peers._me, member.name, name, args, answer)
            return answer

        return seen

    def _asked(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        async def asked(ledger: MemoryLedger, *args: Any) -> Any:
            node = self._node_of(ledger)
            self.views.queries[node, name] += 1
            if name == "send":
                self.views.transactions.append(Sent(self._now(), node, len(args[0].raw)))
            return await method(ledger, *args)

        return asked

    def _node_of(self, ledger: MemoryLedger) -> str:
        assert self._world is not None
        return next(name for name, one in self._world.centres.items() if one.ledger is ledger)

    def _now(self) -> float:
        assert self._world is not None
        return round(self._world.clock.now() - self._began, 6)


def length(value: object) -> int:
    """Of all that a message says, bytes."""
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value.encode())
    if isinstance(value, int | float):
        return len(str(value))
    if isinstance(value, dict):
        return sum(length(key) + length(one) for key, one in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return sum(map(length, value))
    if is_dataclass(value) and not isinstance(value, type):
        return sum(length(getattr(value, one.name)) for one in fields(value))
    if isinstance(value, msgspec.Struct):
        return length(msgspec.structs.asdict(value))
    assert value is None, f"a message with {type(value)} in it"
    return 0


def look(world: World, centre: Centre, began: float) -> dict[str, Any]:
    """Everything at one node, as far as it can be compared between worlds."""
    return {
        "store": _rows(centre.store),
        "keyring": _rows(centre.keyring),
        "outbox": [(item.object, item.state.value) for item in centre.outbox()],
        "status": _shape(centre.services.status.now()),
        "time": world.clock.now() - began,
        "proof bytes": sum(len(value) for _, value in centre.store.scan(b"lp/")),
    }


def _rows(store: Any) -> Counter[tuple[bytes, int, int]]:
    """Rows by family, length of key and length of value."""
    found: Counter[tuple[bytes, int, int]] = Counter()
    for key, value in store.scan(b""):
        family = b"/".join(key.split(b"/")[: 2 if key.startswith((b"l/", b"m/")) else 1])
        length = 0 if family == b"lp" else len(value)
        found[family + b"/", len(key), length] += 1
    return found


def without(view: dict[str, Any], families: Sequence[bytes]) -> dict[str, Any]:
    """A view without some families of rows."""
    rows = {row: count for row, count in view["store"].items() if row[0] not in families}
    return {**view, "store": Counter(rows)}


def numbers(views: Views, name: str, families: Sequence[bytes]) -> dict[str, float]:
    """Whatever can be counted, measured or timed by whoever holds a node, for a distinguisher.

    Args:
        views: of one world.
        name: the node.
        families: of rows that are left out.
    """
    view, found = without(views.of(name), families), Counter[str]()
    found["proof bytes"] = view["proof bytes"]
    for (family, key, value), count in [*view["store"].items(), *view["keyring"].items()]:
        found[f"rows {family!r}"] += count
        found[f"bytes {family!r}"] += count * (key + value)
        found[f"rows {family!r} of {value}"] += count
    for place, one in enumerate(one for one in views.messages if name in {one.sender, one.receiver}):
        about = f"{one.sender} {one.receiver} {one.call}"
        found[f"calls {about}"] += 1
        found[f"request bytes {about}"] += one.request
        found[f"answer bytes {about}"] += one.answer
        found[f"time {about}"] += one.at
        found[f"place {about}"] += place
    for sent in views.transactions:
        found[f"transactions {sent.sender}"] += 1
        found[f"transaction bytes {sent.sender}"] += sent.length
        found[f"transaction time {sent.sender}"] += sent.at
    for number, time, events in view["chain"]:
        found["blocks"] += 1
        found[f"block {number} time"] += time
        found[f"block {number} events"] += len(events)
    for number, bytes_ in block_bytes(views):
        found[f"block {number} bytes"] += bytes_
    found["logged"], found["batches"] = len(view["logs"]), len(views.entropy)
    for byte in views.entropy:
        found[f"bytes from {byte - byte % _BUCKETS}"] += 1
    return dict(found)


def block_bytes(views: Views) -> Iterator[tuple[int, int]]:
    """Bytes of transactions by block: what was sent since the one before is in it."""
    waiting = sorted(views.transactions)
    for number, time, _ in views.chain:
        taken = [one for one in waiting if one.at <= time]
        waiting = waiting[len(taken) :]
        yield number, sum(one.length for one in taken)


def chain_of(world: World, began: float) -> list[Any]:
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


def batches_of(world: World) -> list[ApplicationsReserved]:
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
def _logged(seen: list[str]) -> Iterator[None]:
    """What all nodes log meanwhile, by level and wording."""

    class Keeper(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(f"{record.levelname} {record.name} {record.msg}")

    keeper, logger = Keeper(), logging.getLogger()
    before = logger.level
    logger.addHandler(keeper)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(keeper)
        logger.setLevel(before)
