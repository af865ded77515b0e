"""The list of erasures in a folder of its own: copied by itself, and never put back with the data.

list.jsonl    the lines, only ever added to
reach.json    how far the node's log was when nothing was missing from the list
"""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

import msgspec

from adapters.crypto.files import sync_folder
from node.errors import StoreError

LIST_FILE, REACH_FILE = "list.jsonl", "reach.json"
_PIECE = 65_536


class _Reach(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reach.json`; belongs to one state of the list and to no other."""

    size: int
    """Of the node's own log."""
    length: int
    """Of the list, bytes."""
    sha256: str
    """Of the list's last 4096 bytes."""


class FileErasureList:
    """`ErasureList` in a folder."""

    def __init__(self, folder: Path) -> None:
        """Open the folder, creating it with access for this user only; half a line that a crash left goes.

        Raises:
            StoreError: it cannot be read or written.
        """
        self._folder, self._file = folder, folder / LIST_FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                with os.fdopen(handle, "r+b", closefd=False) as file:
                    whole = _whole(file)
                    file.truncate(whole)
                os.fsync(handle)
            finally:
                os.close(handle)
            sync_folder(folder)
            sync_folder(folder.parent)
        except OSError as error:
            raise StoreError(f"cannot open {self._file}: {error.strerror}") from error
        self._length = whole

    def read(self, start: int) -> bytes:
        """See `ErasureList.read`."""
        try:
            with self._file.open("rb") as file:
                file.seek(start)
                return file.read(max(self._length - start, 0))
        except OSError as error:
            raise StoreError(f"cannot read {self._file}: {error.strerror}") from error

    def append(self, line: bytes) -> None:
        """See `ErasureList.append`."""
        try:
            with self._file.open("r+b") as file:
                # What a failed attempt left behind the last whole line is written over.
                file.truncate(self._length)
                file.seek(self._length)
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StoreError(f"cannot write {self._file}: {error.strerror}") from error
        self._length += len(line)

    def reach(self) -> int:
        """See `ErasureList.reach`."""
        try:
            known = msgspec.json.decode((self._folder / REACH_FILE).read_bytes(), type=_Reach)
        except FileNotFoundError:
            return 0
        except (OSError, msgspec.MsgspecError) as error:
            raise StoreError(f"cannot read {self._folder / REACH_FILE}: {error}") from error
        # Of another state of the list it says nothing.
        return (
            known.size if known.length <= self._length and known.sha256 == self._digest(known.length) else 0
        )

    def note_reach(self, size: int) -> None:
        """See `ErasureList.note_reach`."""
        content = msgspec.json.encode(_Reach(size, self._length, self._digest(self._length)))
        draft = self._folder / f"{REACH_FILE}.new"
        try:
            draft.write_bytes(content)
            draft.replace(self._folder / REACH_FILE)
        except OSError as error:
            raise StoreError(f"cannot write {self._folder / REACH_FILE}: {error.strerror}") from error

    def _digest(self, length: int) -> str:
        return hashlib.sha256(self.read(max(length - 4096, 0))[: min(length, 4096)]).hexdigest()


def _whole(file: BinaryIO) -> int:
    """Length of the whole lines, found from the end: the list grows for ever."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - _PIECE, 0)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


class MemoryErasureList:
    """`ErasureList` that lasts as long as the process: the twin that tests use."""

    def __init__(self) -> None:
        self.content, self._reach = b"", 0

    def read(self, start: int) -> bytes:
        """See `ErasureList.read`."""
        return self.content[start:]

    def append(self, line: bytes) -> None:
        """See `ErasureList.append`."""
        self.content += line

    def reach(self) -> int:
        """See `ErasureList.reach`."""
        return self._reach

    def note_reach(self, size: int) -> None:
        """See `ErasureList.note_reach`."""
        self._reach = size
