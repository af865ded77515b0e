"""A unit of work on the store: what is read sees what was written before in it, and all becomes durable at once.

Counters live in the store and nowhere else, so a write that fails leaves neither half a change nor a counter in
memory that runs ahead of the disk.
"""

from node.ports import Batch, Store
from node.services import layout


class Transaction:
    """Reads through its own changes to the store; `commit` writes them in one synced batch."""

    __slots__ = ("_batch", "_store")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._batch = Batch()

    def get(self, key: bytes) -> bytes | None:
        """The value as this unit of work sees it.

        Raises:
            StoreError: the database fails.
        """
        changes = self._batch.changes
        return changes[key] if key in changes else self._store.get(key)

    def put(self, key: bytes, value: bytes) -> None:
        """Set a key."""
        self._batch.changes[key] = value

    def delete(self, key: bytes) -> None:
        """Remove a key."""
        self._batch.changes[key] = None

    def scan(self, prefix: bytes, stop: bytes) -> list[tuple[bytes, bytes]]:
        """Entries under a prefix and before `stop`, as this unit of work sees them, in byte order of keys.

        It goes over all that the unit of work has changed: not for every item of a large one.

        Raises:
            StoreError: the database fails.
        """
        found: dict[bytes, bytes | None] = dict(self._store.scan(prefix, stop=stop))
        found |= {
            key: value
            for key, value in self._batch.changes.items()
            if key.startswith(prefix) and key[len(prefix) :] < stop
        }
        return sorted((key, value) for key, value in found.items() if value is not None)

    def counter(self, name: str) -> int:
        """Where a counter stands; zero if it was never set.

        Raises:
            StoreError: the database fails.
        """
        raw = self.get(layout.COUNTER + name.encode())
        return 0 if raw is None else layout.from_number(raw)

    def set_counter(self, name: str, value: int) -> None:
        """Move a counter."""
        self.put(layout.COUNTER + name.encode(), layout.number(value))

    def take(self, name: str, count: int = 1) -> int:
        """Reserve `count` numbers of a counter and return the first.

        Raises:
            StoreError: the database fails.
        """
        first = self.counter(name)
        self.set_counter(name, first + count)
        return first

    def commit(self) -> None:
        """Make everything durable.

        Raises:
            StoreError: the database fails; then nothing was changed.
        """
        if self._batch.changes:
            self._store.write(self._batch)
            self._batch = Batch()
