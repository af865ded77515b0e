"""A dead node's folder: read without the node, and cut back to what a power loss would have left.

Source of the layout: the drawing at the top of `node/services/layout.py`, read by people, not imported.
"""

import functools
import os
import random
import shutil
import tempfile
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import plyvel

from tests.support.crash_stores import durable_length

_MEMORY = Path("/dev/shm")


@dataclass(frozen=True)
class Picture:
    """Everything that one node holds at one moment."""

    rows: dict[bytes, bytes]
    """Ascending, as LevelDB tells them."""
    keyring: dict[bytes, bytes]

    @functools.cached_property
    def _keys(self) -> list[bytes]:
        return list(self.rows)

    def under(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows by their key behind the prefix, ascending."""
        place = bisect_left(self._keys, prefix)
        while place < len(self._keys) and (key := self._keys[place]).startswith(prefix):
            yield key[len(prefix) :], self.rows[key]
            place += 1

    def numbered(self, prefix: bytes) -> dict[int, bytes]:
        """Rows whose key is the prefix and one number."""
        return {number(key): value for key, value in self.under(prefix)}

    def counter(self, name: str) -> int:
        return number(self.rows.get(b"m/" + name.encode(), b""))


def number(raw: bytes) -> int:
    return int.from_bytes(raw, "big")


def read_folder(home: Path) -> Picture:
    """What a dead node holds for sure: copies of both databases, cut back to what was synced.

    Copies, because opening the originals would repair what the node has to repair itself.
    """
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as scratch:
        return Picture(_read(home / "data", Path(scratch)), _read(home / "keyring", Path(scratch)))


def lose_power(folder: Path, rng: random.Random) -> int:
    """Take away a part of what a dead process wrote and did not sync; how many bytes went.

    Every write is a synced batch appended to one log, so what is not synced is the tail of that log, and a disk
    may have kept any beginning of it. Not shown: a disk that keeps later pages and loses earlier ones, or that
    lies about syncs; tables and manifests that LevelDB was writing when the power went, whose syncs LevelDB
    orders itself (`test_synced_before_answered.py` watches it do so).
    """
    found = durable_length(folder)
    if found is None:
        return 0
    log, durable = found
    written = log.stat().st_size
    kept = rng.choice((durable, rng.randint(durable, written)))
    os.truncate(log, kept)
    return written - kept


def _read(folder: Path, scratch: Path) -> dict[bytes, bytes]:
    if not (folder / "CURRENT").exists():
        return {}  # killed before it was first opened
    copy = scratch / folder.name
    shutil.copytree(folder, copy)
    found = durable_length(folder)
    if found is not None:
        log, durable = found
        os.truncate(copy / log.name, durable)
    database = plyvel.DB(str(copy), paranoid_checks=True)
    try:
        return dict(database.iterator(verify_checksums=True))
    finally:
        database.close()
