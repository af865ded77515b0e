"""The database and the keyring, and the list of erasures beside them."""

from collections.abc import Collection, Iterator
from typing import Protocol


class Batch:
    """Changes that become durable together or not at all."""

    __slots__ = ("changes",)

    def __init__(self) -> None:
        self.changes: dict[bytes, bytes | None] = {}
        """New value by key; None deletes."""

    def put(self, key: bytes, value: bytes) -> None:
        """Set `key` to `value`."""
        self.changes[key] = value

    def delete(self, key: bytes) -> None:
        """Remove `key`, if it is there."""
        self.changes[key] = None


class Store(Protocol):
    """An ordered map from bytes to bytes that survives power loss.

    All methods raise `StoreError` when the database fails, and nothing else.
    """

    def get(self, key: bytes) -> bytes | None:
        """The value, or None."""
        ...

    def scan(
        self, prefix: bytes, *, start: bytes = b"", stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """Entries whose key begins with `prefix`, in byte order of keys.

        MUST show one moment: writes during the scan are not seen.

        Args:
            prefix: common beginning of the keys; the keys yielded still have it.
            start: first key wanted, without the prefix.
            stop: first key no longer wanted, without the prefix; None for all.
            reverse: descending.
        """
        ...

    def write(self, batch: Batch) -> None:
        """Apply all changes. MUST NOT return before they are on stable storage, and MUST apply all or none."""
        ...

    def purge(self, keys: Collection[bytes] | None) -> bool:
        """Let no file keep what keys held that were deleted or overwritten, nor the log of writes.

        May take long, and MAY be called from another thread while the other methods go on. MUST NOT change what `get`
        and `scan` find.

        Args:
            keys: which were; None for all there ever were.

        Returns:
            Whether that is so. False while somebody still reads what was there before: to be asked again.
        """
        ...

    def close(self) -> None:
        """Release the database. The object MUST NOT be used afterwards."""
        ...


class ErasureList(Protocol):
    """The list of erasures: bytes that only grow, kept apart from everything that is put back from a backup.

    All methods raise `StoreError` when it cannot be read or written, and nothing else.
    """

    def read(self, start: int) -> bytes:
        """From an offset to the end; whole lines only. Empty where the list is shorter."""
        ...

    def append(self, line: bytes) -> None:
        """Add a line, newline included. MUST add all or none of it, on stable storage when this returns."""
        ...

    def reach(self) -> int:
        """Size of the node's own log up to which this list is known to lack nothing."""
        ...

    def note_reach(self, size: int) -> None:
        """Remember that. It may be lost with the power: then the list is known to lack nothing up to less."""
        ...
