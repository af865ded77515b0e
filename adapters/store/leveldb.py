"""LevelDB as the `Store`, through plyvel. Every write is one synced batch, every block read is checked: LevelDB
by itself hands over damaged values, and a counter or a tree node carries no check of its own. That nothing at the end
is missing is checked by the mark beside it (`mark.py`).

The key layout is drawn in `node/services/layout.py`.
"""

import re
from collections.abc import Collection, Iterator
from itertools import takewhile
from pathlib import Path

import plyvel

from adapters.store.mark import Mark
from node.errors import StoreError
from node.ports import Batch

_WRITE_BUFFER_BYTES = 32 << 20
"""Twice that is held at most. Keys in no order are merged into all that is there once for each full buffer."""
_CACHE_BYTES = 32 << 20
_TABLE = re.compile(r"([0-9]+)\.(?:ldb|sst)")
_LIVE_TABLE = re.compile(r"^ *([0-9]+):", re.MULTILINE)
_MOST_RANGES = 512
_EVERYTHING = (b"\0", b"\xff" * 64)
_COUNT = b"\xff\xff\xff\xffbatches"
"""How many batches were written; behind all keys of the node's, and no scan shows it."""


class LevelStore:
    """One LevelDB folder, held by this process alone."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, creating it with access for this user only.

        Raises:
            StoreError: it is locked by another process, damaged, not writable, or lacks what it has acknowledged.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._database = plyvel.DB(
                str(folder),
                # Of a database that has lost its CURRENT file LevelDB would make an empty one.
                create_if_missing=not any([*folder.glob("*.log"), *folder.glob("*.ldb")]),
                paranoid_checks=True,
                bloom_filter_bits=10,
                write_buffer_size=_WRITE_BUFFER_BYTES,
                lru_cache_size=_CACHE_BYTES,
                compression=None,  # ciphertext and hashes do not get smaller, and each rewriting would try again
            )
        except (plyvel.Error, OSError) as error:
            raise StoreError(f"cannot open the database {folder}: {error}") from error
        self._folder, self._failure = folder, ""
        try:
            self._count = int.from_bytes(self.get(_COUNT) or b"", "big")
            self._mark = Mark(folder, self._count)
        except OSError as error:
            self._database.close()
            raise StoreError(f"cannot open the database {folder}: {error}") from error
        except StoreError:
            self._database.close()
            raise

    def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        try:
            value: bytes | None = self._database.get(key, verify_checksums=True)
        except (plyvel.Error, OSError) as error:
            raise StoreError(f"the database cannot read: {error}") from error
        return value

    def scan(
        self, prefix: bytes, *, start: bytes = b"", stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """See `Store.scan`."""
        first, end = prefix + start, prefix + stop if stop is not None else _after(prefix)
        try:
            with self._database.iterator(
                # plyvel 1.5.1 finds nothing backwards if the only key in range is the start itself.
                start=None if reverse else first,
                stop=end,
                include_stop=False,
                reverse=reverse,
                verify_checksums=True,
            ) as entries:
                found = takewhile(lambda entry: entry[0] >= first, entries) if reverse else entries
                if _COUNT.startswith(
                    prefix
                ):  # as that of no key of the node's, but of a scan over everything
                    found = (entry for entry in found if entry[0] != _COUNT)
                yield from found
        except (plyvel.Error, OSError) as error:
            raise StoreError(f"the database cannot read: {error}") from error

    def write(self, batch: Batch) -> None:
        """See `Store.write`; after one that failed all others fail too, until the folder is opened again.

        A disk that is full leaves half a batch in the log. LevelDB would take further batches behind it, and find
        none of them when it is opened the next time.
        """
        if self._failure:
            raise StoreError(f"{self._failure}; start the node again once that is put right")
        count = self._count + 1
        try:
            with self._database.write_batch(transaction=True, sync=True) as written:
                for key, value in batch.changes.items():
                    if value is None:
                        written.delete(key)
                    else:
                        written.put(key, value)
                written.put(_COUNT, count.to_bytes(8, "big"))
            self._mark.set(count)
        except (plyvel.Error, OSError) as error:
            self._failure = f"the database cannot write: {error}"
            raise StoreError(self._failure) from error
        self._count = count

    def compactions(self) -> str:
        """A table of LevelDB's own: what lies on each level, and what rewriting it has cost."""
        return str((self._database.get_property(b"leveldb.stats") or b"").decode())

    def purge(self, keys: Collection[bytes] | None) -> bool:
        """See `Store.purge`.

        LevelDB keeps what was deleted until it merges the tables that hold it, and it never merges those of the
        lowest level by themselves: a value and its deletion that were in the log of writes together may lie in one
        such table for good. So: everything into tables; then deletions anew, above them; then merge those down.
        """
        ranges = [_EVERYTHING] if keys is None else _ranges(keys)
        try:
            self._compact(ranges)
            batch = Batch()
            for bounds in ranges:
                for bound in bounds:
                    batch.delete(bound)
            if ranges:
                self.write(batch)
            self._compact(ranges)
            live = set(
                _LIVE_TABLE.findall((self._database.get_property(b"leveldb.sstables") or b"").decode())
            )
        except (plyvel.Error, OSError) as error:
            raise StoreError(f"the database cannot be compacted: {error}") from error
        # Tables that a scan still reads stay until it ends.
        found = (_TABLE.fullmatch(path.name) for path in self._folder.iterdir())
        return all(str(int(table[1])) in live for table in found if table is not None)

    def _compact(self, ranges: Collection[tuple[bytes, bytes]]) -> None:
        for first, last in ranges:
            self._database.compact_range(start=first, stop=last)

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()
        self._mark.close()


def _after(prefix: bytes) -> bytes | None:
    """The first key behind all keys with this prefix; None if there is no such key."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else None


def _ranges(keys: Collection[bytes]) -> list[tuple[bytes, bytes]]:
    """Ranges that cover keys: each by itself, or those of one kind together where there are very many.

    Their ends are no keys of anybody: somebody may write to the keys themselves meanwhile.
    """
    if len(keys) <= _MOST_RANGES:
        return [(_below(key), _above(key)) for key in sorted(keys)]
    bounds: dict[bytes, tuple[bytes, bytes]] = {}
    for key in sorted(keys):
        first, _ = bounds.setdefault(key[:2], (key, key))
        bounds[key[:2]] = (first, key)
    return [(_below(first), _above(last)) for first, last in bounds.values()]


def _below(key: bytes) -> bytes:
    return key[:-1] + bytes([key[-1] - 1]) + b"\xff" * 8 if key[-1] else key[:-1]


def _above(key: bytes) -> bytes:
    return key + b"\0purged"
