"""Erasures at rest: each with what became of it, what is still to be done, and what a legal period holds."""

from collections.abc import Collection, Iterator

import msgspec

from node.domain.erasure import ErasedLine
from node.domain.retention import DAY_SECONDS
from node.errors import MissingError
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction


class Erasure(msgspec.Struct, frozen=True):
    """An erasure and what became of it."""

    line: ErasedLine
    receipt: str = ""
    """The signed receipt, once nothing is left."""
    position: int = -1
    """Of the record about it."""


class OpenErasure(msgspec.Struct, frozen=True, array_like=True):
    """What is still to be done."""

    keys: list[bytes]
    """Of which the database's files must not keep anything."""
    epoch: bytes
    """Names the data key that was present when keys were deleted."""


class ErasureRows:
    """Rows about erasures; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def load(self, number: int) -> Erasure:
        """One erasure.

        Raises:
            MissingError: there is none by that number.
        """
        raw = self._store.get(layout.ERASURE + layout.number(number)) if number > 0 else None
        if raw is None:
            raise MissingError(f"there is no erasure {number}")
        return msgspec.msgpack.decode(raw, type=Erasure)

    def all(self, first: int = 0) -> Iterator[Erasure]:
        """All erasures from a number on, oldest first."""
        for _, raw in self._store.scan(layout.ERASURE, start=layout.number(first)):
            yield msgspec.msgpack.decode(raw, type=Erasure)

    def of_request(self, digest: bytes) -> list[Erasure]:
        """The erasures that a wallet's request led to, oldest first."""
        keys = [key for key, _ in self._store.scan(layout.ERASURE_OF + digest)]
        return [self.load(layout.from_number(key[-8:])) for key in keys]

    def open(self) -> list[tuple[int, OpenErasure]]:
        """Erasures that are not done, oldest first."""
        return [
            (
                layout.from_number(key[len(layout.ERASURE_OPEN) :]),
                msgspec.msgpack.decode(raw, type=OpenErasure),
            )
            for key, raw in self._store.scan(layout.ERASURE_OPEN)
        ]

    def is_open(self, number: int) -> bool:
        """Whether an erasure is not done."""
        return self._store.get(layout.ERASURE_OPEN + layout.number(number)) is not None

    def held(self, owner: str, parts: Collection[str], before: int) -> list[tuple[bytes, int]]:
        """What is noted about parts that a legal period held until earlier than `before`: its key, whose erasure."""
        found: list[tuple[bytes, int]] = []
        for key, raw in self._store.scan(layout.ERASURE_HELD, stop=layout.number(before)):
            holder, _, part = key[len(layout.ERASURE_HELD) + 8 :].decode().partition("\0")
            if holder == owner and part in parts:
                found.append((key, layout.from_number(raw)))
        return found

    @staticmethod
    def put(transaction: Transaction, erasure: Erasure) -> None:
        """Write an erasure, and file it under the request that asked for it."""
        place = layout.number(erasure.line.number)
        transaction.put(layout.ERASURE + place, msgspec.msgpack.encode(erasure))
        if erasure.line.request:
            transaction.put(layout.ERASURE_OF + bytes.fromhex(erasure.line.request) + place, b"")

    @staticmethod
    def put_open(transaction: Transaction, number: int, row: OpenErasure) -> None:
        """Note what is still to be done."""
        transaction.put(layout.ERASURE_OPEN + layout.number(number), msgspec.msgpack.encode(row))

    def close(self, number: int) -> None:
        """An erasure is done."""
        transaction = Transaction(self._store)
        transaction.delete(layout.ERASURE_OPEN + layout.number(number))
        transaction.commit()

    def note_held(self, transaction: Transaction, line: ErasedLine) -> None:
        """Note what a line leaves held, and until when; what it erases of that is held no more."""
        for key, _ in self.held(line.owner, line.parts, line.at + 1):
            transaction.delete(key)
        for part, until in line.held.items():
            place = layout.number(until) + f"{line.owner}\0{part}".encode()
            transaction.put(layout.ERASURE_HELD + place, layout.number(line.number))


def overdue(store: Store, now: float) -> tuple[int, float]:
    """Parts that are held past their end by a day, and seconds since the oldest erasure that is not done.

    Raises:
        StoreError: the database fails.
    """
    stop = layout.number(max(int(now) - DAY_SECONDS, 0))
    late = sum(1 for _ in store.scan(layout.ERASURE_HELD, stop=stop))
    oldest = next(store.scan(layout.ERASURE_OPEN), None)
    if oldest is None:
        return late, 0.0
    number = layout.from_number(oldest[0][len(layout.ERASURE_OPEN) :])
    return late, now - ErasureRows(store).load(number).line.at
