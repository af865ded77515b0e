"""A trial register: a file of JSON lines that stands for a company register, for trials and nothing else.

Each line is one entry with the members of `RegistryEntry`; a later line of a code takes the place of an earlier one.
Blank lines and lines that begin with `#` are passed over. The file is read again when it has changed. Where a line
cannot be read, nobody can say whose it was: a code that is found nowhere else is then not called unknown.
"""

import asyncio
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from node.domain.registry import MAX_ENTRY_BYTES, RegistryEntry, check_entry, parse_entry
from node.errors import RegistryAnswerError, RegistryUnavailableError

MAX_FILE_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class _Content:
    stamp: tuple[int, int, int]
    """Of the file when it was read: inode, size, time of change in nanoseconds."""
    entries: Mapping[str, RegistryEntry]
    unreadable: int
    """Number of the first line that cannot be read; 0 if all can."""


class TrialFileRegistry:
    """The `Registry` port over a file."""

    def __init__(self, path: Path, name: str) -> None:
        """Args:
        path: of the file; need not exist yet.
        name: under which attestations name it.
        """
        self._path, self._name = path, name
        self._content: _Content | None = None
        # A disk may hang: whoever waits is given up, and takes no thread that others need.
        self._reader = ThreadPoolExecutor(1, "trial-registry")

    @property
    def name(self) -> str:
        """See `Registry.name`."""
        return self._name

    async def look_up(self, credit_code: str) -> RegistryEntry | None:
        """See `Registry.look_up`."""
        content = await asyncio.get_running_loop().run_in_executor(self._reader, self._read)
        entry = content.entries.get(credit_code)
        if entry is not None:
            check_entry(entry, credit_code)
        elif content.unreadable:
            raise RegistryAnswerError(f"line {content.unreadable} of the trial register cannot be read")
        return entry

    def close(self) -> None:
        """Give up what is still being read. The object MUST NOT be used afterwards."""
        self._reader.shutdown(wait=False, cancel_futures=True)

    def _read(self) -> _Content:
        try:
            with self._path.open("rb") as file:
                about = os.fstat(file.fileno())
                stamp = (about.st_ino, about.st_size, about.st_mtime_ns)
                if self._content is None or self._content.stamp != stamp:
                    self._content = _parse(file.read(MAX_FILE_BYTES + 1), stamp)
        except OSError as error:
            raise RegistryUnavailableError(f"the trial register cannot be read: {error.strerror}") from error
        return self._content


def _parse(raw: bytes, stamp: tuple[int, int, int]) -> _Content:
    if len(raw) > MAX_FILE_BYTES:
        raise RegistryAnswerError(f"a trial register has at most {MAX_FILE_BYTES} bytes")
    entries: dict[str, RegistryEntry] = {}
    unreadable = 0
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip() or line.startswith(b"#"):
            continue
        try:
            entry = parse_entry(line[: MAX_ENTRY_BYTES + 1])
        except RegistryAnswerError:
            unreadable = unreadable or number
            continue
        entries[entry.credit_code] = entry
    return _Content(stamp, entries, unreadable)


class MemoryRegistry:
    """The in-memory twin of a register; a test says what it holds and what goes wrong."""

    def __init__(self, name: str = "试用登记机关 Trial register") -> None:
        """Args:
        name: under which attestations name it.
        """
        self._name = name
        self.entries: dict[str, RegistryEntry] = {}
        """What is answered, by the code that is asked about."""
        self.is_absent = False
        """Whether it does not answer."""
        self.hangs: asyncio.Event | None = None
        """Answers wait for it."""
        self.asked: list[str] = []
        """Every code that was asked about, in vain too."""

    @property
    def name(self) -> str:
        """See `Registry.name`."""
        return self._name

    async def look_up(self, credit_code: str) -> RegistryEntry | None:
        """See `Registry.look_up`."""
        self.asked.append(credit_code)
        if self.hangs is not None:
            await self.hangs.wait()
        if self.is_absent:
            raise RegistryUnavailableError("the register does not answer")
        entry = self.entries.get(credit_code)
        if entry is not None:
            check_entry(entry, credit_code)
        return entry
