"""py-evm's database on LevelDB: everything that belongs to one block is written in one synced batch.

py-evm writes a block in many small steps (state, transactions, receipts, header, head). Here they gather in
memory until the outermost `atomic_batch` ends, then go to disk together. A kill at any moment therefore
leaves either the whole block or nothing of it, and a block costs one fsync.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import plyvel
from eth.abc import AtomicWriteBatchAPI
from eth.db.backends.base import BaseAtomicDB

from node.errors import StoreError


class LevelStore(BaseAtomicDB, AtomicWriteBatchAPI):
    """LevelDB as the atomic key-value store that py-evm expects. Not thread-safe: one event loop owns it."""

    def __init__(self, folder: Path) -> None:
        """Open or create the database in `folder`.

        Raises:
            StoreError: another process holds it, it is damaged, or the disk refuses.
        """
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._db = plyvel.DB(str(folder), create_if_missing=True, bloom_filter_bits=10)
        except (plyvel.Error, OSError) as error:
            raise StoreError(f"cannot open the chain in {folder}: {error}") from error
        self._pending: dict[bytes, bytes | None] | None = None

    def close(self) -> None:
        """Give the folder back; the object must not be used afterwards."""
        self._db.close()

    def __getitem__(self, key: bytes) -> bytes:
        value = self._read(key)
        if value is None:
            raise KeyError(key)
        return value

    def _exists(self, key: bytes) -> bool:
        return self._read(key) is not None

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._writes()[key] = value

    def __delitem__(self, key: bytes) -> None:
        self._writes()[key] = None

    @contextmanager
    def atomic_batch(self) -> Iterator["LevelStore"]:
        """Gather writes until the outermost batch ends; drop all of them if anything raises on the way.

        Raises:
            StoreError: the batch cannot be written; nothing of it is there.
        """
        if self._pending is not None:
            yield self  # inside another batch: its end decides
            return
        self._pending = {}
        try:
            yield self
            self._flush(self._pending)
        finally:
            self._pending = None

    def stored_range(self, first: bytes, last: bytes) -> Iterator[tuple[bytes, bytes]]:
        """What is on disk from key `first` to key `last`, both included, ascending."""
        with self._db.iterator(start=first, stop=last, include_stop=True) as entries:
            yield from entries

    def _read(self, key: bytes) -> bytes | None:
        if self._pending is not None and key in self._pending:
            return self._pending[key]
        try:
            value: bytes | None = self._db.get(key)
        except plyvel.Error as error:
            raise StoreError(f"the chain's database cannot be read: {error}") from error
        return value

    def _writes(self) -> dict[bytes, bytes | None]:
        if self._pending is None:
            raise RuntimeError("a write outside a batch would not be atomic")
        return self._pending

    def _flush(self, writes: dict[bytes, bytes | None]) -> None:
        try:
            with self._db.write_batch(sync=True) as batch:
                for key, value in writes.items():
                    if value is None:
                        batch.delete(key)
                    else:
                        batch.put(key, value)
        except plyvel.Error as error:
            raise StoreError(f"the chain's database cannot be written: {error}") from error
