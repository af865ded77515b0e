"""Items that could not be used: kept with their reason, visible, released or dropped by an operator's decision."""

from collections.abc import Iterator, Sequence

import msgspec

from node.errors import MissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.feed import Feed, FeedEntry
from node.services.transaction import Transaction
from node.services.vault import Vault

_NUMBER = "parked"
OPEN = "parked-open"


class ParkedRow(msgspec.Struct, frozen=True):
    """An item that could not be used."""

    client: str
    sequence: int
    place: int
    """Which item of the message, from 0."""
    reason: str
    message: str
    raw: bytes
    """As it came, in the client's encoding."""


class Parking:
    """Holds what waits for a decision."""

    def __init__(self, store: Store, vault: Vault, feed: Feed, clock: Clock, member: str) -> None:
        self._store, self._vault, self._feed = store, vault, feed
        self._clock, self._member = clock, member

    def park_all(self, transaction: Transaction, rows: Sequence[ParkedRow]) -> None:
        """Put items of one message aside, together with whatever else the unit of work does."""
        first = transaction.take(_NUMBER, len(rows))
        transaction.take(OPEN, len(rows))
        for number, row in enumerate(rows, first):
            key = layout.PARKED + layout.number(number)
            # What cannot be used may hold what nobody may see: it is sealed like any record.
            transaction.put(key, self._vault.seal(self._member, key, msgspec.msgpack.encode(row)))
            about = {"client": row.client, "sequence": str(row.sequence), "reason": row.reason}
            self._feed.add(transaction, FeedEntry("item.parked", self._clock.now(), about))

    def rows(self, first: int = 0) -> Iterator[tuple[int, ParkedRow]]:
        """Everything that is parked from number `first` on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        for key, sealed in self._store.scan(layout.PARKED, start=layout.number(first)):
            yield layout.from_number(key[len(layout.PARKED) :]), self._open(key, sealed)

    def row(self, number: int) -> ParkedRow:
        """One parked item.

        Raises:
            MissingError: there is none by that number.
            StoreError: the database fails.
        """
        key = layout.PARKED + layout.number(number)
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError(f"nothing is parked under number {number}")
        return self._open(key, sealed)

    def remove(self, transaction: Transaction, number: int, outcome: str) -> None:
        """Take an item out; `outcome` is `item.released` or `item.dropped`."""
        row = self.row(number)
        transaction.delete(layout.PARKED + layout.number(number))
        transaction.set_counter(OPEN, transaction.counter(OPEN) - 1)
        about = {"client": row.client, "sequence": str(row.sequence), "number": str(number)}
        self._feed.add(transaction, FeedEntry(outcome, self._clock.now(), about))

    def count(self) -> int:
        """How many items are parked.

        Raises:
            StoreError: the database fails.
        """
        return Transaction(self._store).counter(OPEN)

    def _open(self, key: bytes, sealed: bytes) -> ParkedRow:
        return msgspec.msgpack.decode(self._vault.open(self._member, key, sealed), type=ParkedRow)
