"""What must reach the ledger, kept durably until it has: the queue between the node's own work and the engine.

Items of one object (a subject, a grant, the anchors) go out in order, one after the other; different objects do
not wait for each other. An item that a contract refuses is parked with the reason and stops only its object.
"""

import enum
from collections.abc import Iterator
from typing import Any

import msgspec

from node.domain import ledger
from node.domain.ledger import Call, SignedCall
from node.errors import ConflictError, MissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.transaction import Transaction

_COUNTER = "outbox"
_OPEN = "open/"
_CALLS: dict[str, type[Any]] = {kind.__name__: kind for kind in Call.__args__}


class State(enum.Enum):
    """Where an item stands."""

    WAITING = "waiting"
    SENT = "sent"
    PARKED = "parked"


class OutboxItem(msgspec.Struct, frozen=True):
    """One transaction to be."""

    object: str
    """Items of one object keep their order."""
    call: tuple[str, msgspec.Raw]
    """Name of the call's class and its content."""
    state: State = State.WAITING
    attempts: int = 0
    problem: str = ""
    nonce: int = 0
    raw: bytes = b""
    """The signed transaction, stored before it is sent, so that a restart sends the same one."""
    hash: bytes = b""
    sender: bytes = b""
    """Account that signed it, 20 bytes: nonces count by account, and a member's account changes."""
    queued: float = 0.0
    """When it was queued, seconds since 1970 UTC; 0 if that was not written down."""

    @property
    def kind(self) -> str:
        """What it does: the name of the call's class."""
        return self.call[0]

    def unsigned(self, state: State, problem: str) -> "OutboxItem":
        """The same item without the transaction that was signed for it."""
        return OutboxItem(
            self.object, self.call, state=state, attempts=self.attempts, problem=problem, queued=self.queued
        )

    def decoded(self) -> Call:
        """The call."""
        name, content = self.call
        call: Call = msgspec.msgpack.decode(content, type=_CALLS[name])
        return call

    def signed(self) -> SignedCall:
        """The transaction as it was signed; only in state SENT."""
        return SignedCall(self.nonce, self.raw, self.hash)


def guarantee_object(raw_id: bytes) -> str:
    """The object that all calls about a guarantee are of: they go out in order.

    Args:
        raw_id: 32 bytes.
    """
    return f"guarantee/{raw_id.hex()}"


class Outbox:
    """The durable queue."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock

    def add(self, transaction: Transaction, name: str, call: ledger.Call) -> int:
        """Queue a call behind the others of its object; returns the item's number."""
        number = transaction.take(_COUNTER)
        content = msgspec.Raw(msgspec.msgpack.encode(call))
        item = OutboxItem(name, (type(call).__name__, content), queued=self._clock.now())
        self._put(transaction, number, item)
        transaction.set_counter(_OPEN + name, transaction.counter(_OPEN + name) + 1)
        return number

    def is_open(self, transaction: Transaction, name: str) -> bool:
        """Whether anything of the object is still to be done, parked items included.

        Raises:
            StoreError: the database fails.
        """
        return transaction.counter(_OPEN + name) > 0

    def items(self) -> Iterator[tuple[int, OutboxItem]]:
        """All open items, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return open_items(self._store)

    def of(self, name: str) -> Iterator[OutboxItem]:
        """The open items of one object, oldest first.

        Raises:
            StoreError: the database fails.
        """
        if self.is_open(Transaction(self._store), name):
            yield from (item for _, item in self.items() if item.object == name)

    def parked(self, name: str) -> tuple[int, OutboxItem] | None:
        """The oldest open item of an object, if it is parked.

        Raises:
            StoreError: the database fails.
        """
        head = next(((number, item) for number, item in self.items() if item.object == name), None)
        return head if head is not None and head[1].state is State.PARKED else None

    def replace(self, transaction: Transaction, number: int, call: ledger.Call) -> None:
        """Put another call into the place of a parked one.

        Raises:
            MissingError: there is no such item.
            ConflictError: it is not parked.
            StoreError: the database fails.
        """
        item = self._parked(number)
        content = msgspec.Raw(msgspec.msgpack.encode(call))
        self._put(
            transaction, number, OutboxItem(item.object, (type(call).__name__, content), queued=item.queued)
        )

    def heads(self) -> dict[str, tuple[int, OutboxItem]]:
        """The oldest open item of every object: what can go out now.

        Raises:
            StoreError: the database fails.
        """
        found: dict[str, tuple[int, OutboxItem]] = {}
        for number, item in self.items():
            found.setdefault(item.object, (number, item))
        return found

    def update(self, number: int, item: OutboxItem) -> None:
        """Record how far an item is.

        Raises:
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        self._put(transaction, number, item)
        transaction.commit()

    def remove(self, number: int, item: OutboxItem) -> None:
        """Take an item out: it is final on the ledger.

        Raises:
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        self._remove(transaction, number, item)
        transaction.commit()

    def release(self, transaction: Transaction, number: int) -> OutboxItem:
        """Try a parked item again, together with whatever else the unit of work does.

        Raises:
            MissingError: there is no such item.
            ConflictError: it is not parked.
            StoreError: the database fails.
        """
        item = self._parked(number)
        self._put(transaction, number, OutboxItem(item.object, item.call, queued=item.queued))
        return item

    def drop(self, transaction: Transaction, number: int) -> OutboxItem:
        """Give a parked item up, together with whatever else the unit of work does.

        Raises:
            MissingError: there is no such item.
            ConflictError: it is not parked.
            StoreError: the database fails.
        """
        item = self._parked(number)
        self._remove(transaction, number, item)
        return item

    def yield_place(self, transaction: Transaction, name: str, *kinds: type[Any]) -> None:
        """Give up what is parked at the head of an object, if it is of these kinds: its signer has signed anew.

        Raises:
            StoreError: the database fails.
        """
        parked = self.parked(name) if self.is_open(transaction, name) else None
        if parked is not None and isinstance(parked[1].decoded(), kinds):
            self._remove(transaction, *parked)

    @staticmethod
    def _remove(transaction: Transaction, number: int, item: OutboxItem) -> None:
        transaction.delete(layout.OUTBOX + layout.number(number))
        still_open = transaction.counter(_OPEN + item.object) - 1
        transaction.set_counter(_OPEN + item.object, still_open)
        if still_open == 0:
            transaction.delete(layout.COUNTER + (_OPEN + item.object).encode())

    def _parked(self, number: int) -> OutboxItem:
        raw = self._store.get(layout.OUTBOX + layout.number(number))
        if raw is None:
            raise MissingError(f"there is no outbox item {number}")
        item = msgspec.msgpack.decode(raw, type=OutboxItem)
        if item.state is not State.PARKED:
            raise ConflictError(f"outbox item {number} is not parked")
        return item

    @staticmethod
    def _put(transaction: Transaction, number: int, item: OutboxItem) -> None:
        transaction.put(layout.OUTBOX + layout.number(number), msgspec.msgpack.encode(item))


def open_items(store: Store) -> Iterator[tuple[int, OutboxItem]]:
    """All open items of a node's database, oldest first.

    Raises:
        StoreError: the database fails.
    """
    for key, raw in store.scan(layout.OUTBOX):
        yield layout.from_number(key[len(layout.OUTBOX) :]), msgspec.msgpack.decode(raw, type=OutboxItem)
