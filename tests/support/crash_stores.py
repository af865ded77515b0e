"""What the harness puts under a node's or engine's store: LevelDB watched, and LevelDB broken on purpose.

`watched` is the product's own store on plyvel with one addition: after every batch for which LevelDB was asked
to sync, the length of the write-ahead log is noted in a file beside the folder. Whatever lies behind that length
is what a power loss may take. (That sync means fdatasync, and that it comes before the answer, is not shown by
this but by `tests/crash/test_synced_before_answered.py`, from the system calls.)

The others are the same with one fault each, to show that the harness finds it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import plyvel

from adapters.store import mark

_DROP_ONE_IN = 40


class WatchedDatabase:
    """As much of `plyvel.DB` as the stores use."""

    def __init__(self, path: str, **options: Any) -> None:
        self._database = plyvel.DB(path, **options)
        self._path = Path(path)
        self._mark = os.open(mark_file(self._path), os.O_WRONLY | os.O_CREAT, 0o600)
        self.get, self.iterator = self._database.get, self._database.iterator
        self._note()

    @contextmanager
    def write_batch(self, *, transaction: bool = False, sync: bool = False) -> Iterator[Any]:
        with self._database.write_batch(transaction=transaction, sync=sync) as batch:
            yield batch
        if sync:
            self._note()

    def close(self) -> None:
        self._database.close()

    def _note(self) -> None:
        log = newest_log(self._path)
        # One write of fixed length: a kill cannot leave half of it.
        os.pwrite(self._mark, f"{log.name:<20}{log.stat().st_size:020d}".encode(), 0)


class UnsyncedDatabase(WatchedDatabase):
    """Acknowledges what is not on disk."""

    def write_batch(self, *, transaction: bool = False, sync: bool = False) -> Any:
        return super().write_batch(transaction=transaction, sync=False)


class DroppingDatabase(WatchedDatabase):
    """Loses one batch in a while."""

    _count = 0

    @contextmanager
    def write_batch(self, *, transaction: bool = False, sync: bool = False) -> Iterator[Any]:
        self._count += 1
        if self._count % _DROP_ONE_IN == 0:
            yield SimpleNamespace(put=lambda *_: None, delete=lambda *_: None)
            return
        with super().write_batch(transaction=transaction, sync=sync) as batch:
            yield batch


class SplittingDatabase(WatchedDatabase):
    """Writes a batch in two halves, with time to be killed in between."""

    @contextmanager
    def write_batch(self, *, transaction: bool = False, sync: bool = False) -> Iterator[Any]:
        changes: list[tuple[str, tuple[bytes, ...]]] = []
        yield SimpleNamespace(
            put=lambda *arguments: changes.append(("put", arguments)),
            delete=lambda *arguments: changes.append(("delete", arguments)),
        )
        half = len(changes) // 2
        for part in (changes[:half], changes[half:]):
            with super().write_batch(transaction=transaction, sync=sync) as batch:
                for name, arguments in part:
                    getattr(batch, name)(*arguments)
            time.sleep(0.01)


STORES = {
    "watched": WatchedDatabase,
    "unsynced": UnsyncedDatabase,
    "dropping": DroppingDatabase,
    "splitting": SplittingDatabase,
}


def install(kind: str) -> None:
    """Put a kind of database under the stores of this process."""
    import adapters.ledger.embedded.store as engine_store  # noqa: PLC0415
    import adapters.store.leveldb as node_store  # noqa: PLC0415

    node_store.plyvel = SimpleNamespace(DB=STORES[kind], Error=plyvel.Error)
    # The ledger is the witness: it stays sound while the node's store is broken.
    engine_store.plyvel = SimpleNamespace(DB=WatchedDatabase, Error=plyvel.Error)


def mark_file(folder: Path) -> Path:
    return folder.with_name(folder.name + ".durable")


def newest_log(folder: Path) -> Path:
    """LevelDB's present write-ahead log."""
    return max(folder.glob("*.log"))  # six digits at least; as many in all files of a young database


def durable_length(folder: Path) -> tuple[Path, int] | None:
    """The write-ahead log of a dead process and how much of it was synced; None if it wrote none."""
    try:
        mark = mark_file(folder).read_bytes()
    except FileNotFoundError:
        return None
    log = folder / mark[:20].decode().strip()
    return (log, int(mark[20:])) if log.exists() else None


def rewind(folder: Path, acknowledged: int) -> None:
    """Set a store's mark back to a moment at which so many batches were acknowledged."""
    with (folder / mark.NAME).open("r+b") as file:
        for count in (max(acknowledged - 1, 0), acknowledged):
            file.seek(count % mark._SLOTS * mark._SLOT_BYTES)
            file.write(mark._slot(count))
        if not acknowledged:
            file.seek(mark._SLOT_BYTES)
            file.write(bytes(16))
