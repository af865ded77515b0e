"""How many batches a store has acknowledged, beside its database: what LevelDB alone cannot know after damage.

LevelDB takes a record of its log whose length reaches beyond the file for one that was being written when the
process died, and drops it and all behind it without a word. A flipped bit in that length looks the same, and so do a
file that is gone or was cut off. The count of batches is in every batch, and here, in a file of two slots that are
written by turns and synced before a batch is acknowledged. A database that counts less than its mark has lost
something.

    slot   8 bytes count, big endian ‖ 8 bytes of its SHA-256; at 0 and at 4096
"""

import hashlib
import os
from pathlib import Path

from node.errors import StoreError

NAME = "MARK"
_SLOTS, _SLOT_BYTES, _CHECK_BYTES = 2, 4096, 8


class Mark:
    """The mark of one database folder."""

    def __init__(self, folder: Path, count: int) -> None:
        """Open it, or make it for a database that has never had one.

        Args:
            folder: of the database.
            count: that the database knows of; zero if it was never written to since marks are kept.

        Raises:
            StoreError: the database has lost acknowledged batches, or the mark is missing or damaged.
            OSError: it cannot be written.
        """
        path = folder / NAME
        found = _read(path)
        if found is None and count:
            raise StoreError(f"{path} is missing: whether {folder} is complete cannot be told")
        if found is not None and found > count:
            raise StoreError(
                f"the database {folder} has lost the last {found - count} of its {found} acknowledged batches"
            )
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if found is None:
            os.ftruncate(self._file, _SLOTS * _SLOT_BYTES)
            os.fsync(self._file)
            self.set(count)
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def set(self, count: int) -> None:
        """Note durably that so many batches are acknowledged.

        Raises:
            OSError: the disk fails.
        """
        os.pwrite(self._file, _slot(count), count % _SLOTS * _SLOT_BYTES)
        os.fdatasync(self._file)

    def close(self) -> None:
        """Release the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _read(path: Path) -> int | None:
    """The higher of the counts; None if there is no mark."""
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        return None
    slots = [raw[at : at + 8 + _CHECK_BYTES] for at in range(0, _SLOTS * _SLOT_BYTES, _SLOT_BYTES)]
    # One slot may be half written, by a batch that was never acknowledged; or never have been written.
    counts = [int.from_bytes(slot[:8], "big") for slot in slots]
    valid = [count for count, slot in zip(counts, slots, strict=True) if slot == _slot(count)]
    if not valid and any(raw):
        raise StoreError(f"{path} is damaged: whether the database is complete cannot be told")
    return max(valid, default=None)


def _slot(count: int) -> bytes:
    number = count.to_bytes(8, "big")
    return number + hashlib.sha256(number).digest()[:_CHECK_BYTES]
