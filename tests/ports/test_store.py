"""The `Store` port: one behaviour on every implementation, and what only a store on disk can be asked."""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from adapters.store.leveldb import LevelStore
from adapters.store.memory import MemoryStore
from node.errors import StoreError
from node.ports import Batch, Store

Open = Callable[[Path], Store]
STORES: dict[str, Open] = {"memory": lambda _: MemoryStore(), "leveldb": LevelStore}
Entries = dict[bytes, bytes]

# Few bytes, the ends of the range among them, so that keys often share beginnings and scans meet borders.
PARTS = st.lists(st.sampled_from([b"\0", b"a", b"b", b"\xff"]), max_size=4).map(b"".join)
KEYS = PARTS.filter(bool)
VALUES = st.binary(max_size=3)


@pytest.fixture(params=STORES)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    with closing(STORES[request.param](tmp_path)) as store:
        yield store


def batch(**entries: bytes | None) -> Batch:
    made = Batch()
    for name, value in entries.items():
        if value is None:
            made.delete(name.encode())
        else:
            made.put(name.encode(), value)
    return made


def expected(
    entries: Entries, prefix: bytes, start: bytes, stop: bytes | None, *, reverse: bool
) -> list[object]:
    """What a scan means, said as plainly as possible."""
    wanted = [
        (key, value)
        for key, value in entries.items()
        if key.startswith(prefix) and key >= prefix + start and (stop is None or key < prefix + stop)
    ]
    return sorted(wanted, reverse=reverse)


def test_a_key_has_its_last_value_or_none(store: Store) -> None:
    assert store.get(b"a") is None
    store.write(batch(a=b"1", b=b""))
    assert (store.get(b"a"), store.get(b"b")) == (b"1", b"")
    store.write(batch(a=b"2", b=None))
    assert (store.get(b"a"), store.get(b"b")) == (b"2", None)


def test_deleting_what_is_not_there_is_nothing(store: Store) -> None:
    store.write(batch(a=None))
    assert list(store.scan(b"")) == []


def test_the_last_change_of_a_key_in_a_batch_counts(store: Store) -> None:
    made = batch(a=b"1", b=b"1")
    made.put(b"a", b"2")
    made.delete(b"b")
    store.write(made)
    assert list(store.scan(b"")) == [(b"a", b"2")]


def test_an_empty_batch_changes_nothing(store: Store) -> None:
    store.write(Batch())
    assert list(store.scan(b"")) == []


def test_a_scan_is_in_byte_order_whatever_the_order_of_writing(store: Store) -> None:
    for number in (300, 2, 255, 256, 1):
        made = Batch()
        made.put(b"n/" + number.to_bytes(8, "big"), b"")
        store.write(made)
    found = [int.from_bytes(key[2:], "big") for key, _ in store.scan(b"n/")]
    assert found == [1, 2, 255, 256, 300]
    backwards = [int.from_bytes(key[2:], "big") for key, _ in store.scan(b"n/", reverse=True)]
    assert backwards == found[::-1]


def test_a_scan_shows_one_moment(store: Store) -> None:
    store.write(batch(a=b"1", b=b"1", c=b"1"))
    for reverse in (False, True):
        scan = store.scan(b"", reverse=reverse)
        seen = [next(scan)]
        store.write(batch(a=None, b=b"2", c=None, aa=b"new"))
        seen += scan
        assert sorted(seen) == [(b"a", b"1"), (b"b", b"1"), (b"c", b"1")]
        store.write(batch(a=b"1", b=b"1", c=b"1", aa=None))


def test_what_a_scan_yields_may_be_changed_on_the_way(store: Store) -> None:
    store.write(batch(a=b"1", b=b"1", c=b"1"))
    for key, _ in store.scan(b""):
        made = Batch()
        made.delete(key)
        made.put(b"z" + key, b"moved")
        store.write(made)
    assert [key for key, _ in store.scan(b"")] == [b"za", b"zb", b"zc"]


def test_a_scan_may_be_left_unfinished(store: Store) -> None:
    store.write(batch(a=b"1", b=b"1", c=b"1"))
    for _ in range(100):
        assert list(islice(store.scan(b""), 1)) == [(b"a", b"1")]


@contextmanager
def filled(kind: str, entries: Entries) -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder, closing(STORES[kind](Path(folder))) as store:
        made = Batch()
        for key, value in entries.items():
            made.put(key, value)
        store.write(made)
        yield store


Scan = tuple[bytes, bytes, bytes | None, bool]
SCANS: st.SearchStrategy[list[Scan]] = st.lists(
    st.tuples(PARTS, PARTS, st.none() | PARTS, st.booleans()), max_size=40
)


@pytest.mark.parametrize("kind", STORES)
@settings(max_examples=40, deadline=None)
@given(entries=st.dictionaries(KEYS, VALUES, max_size=40), scans=SCANS)
def test_a_scan_yields_what_its_bounds_say(kind: str, entries: Entries, scans: list[Scan]) -> None:
    with filled(kind, entries) as store:
        for prefix, start, stop, reverse in scans:
            found = list(store.scan(prefix, start=start, stop=stop, reverse=reverse))
            assert found == expected(entries, prefix, start, stop, reverse=reverse)


class StoreLife(RuleBasedStateMachine):
    """Both stores and a dictionary, under the same changes; the one on disk is closed and opened now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.model: Entries = {}
        self.memory = MemoryStore()
        self.level = LevelStore(Path(self.folder.name))

    def teardown(self) -> None:
        self.level.close()
        self.folder.cleanup()

    @rule(changes=st.dictionaries(KEYS, st.none() | VALUES, max_size=6))
    def write(self, changes: dict[bytes, bytes | None]) -> None:
        made = Batch()
        for key, value in changes.items():
            if value is None:
                made.delete(key)
                self.model.pop(key, None)
            else:
                made.put(key, value)
                self.model[key] = value
        self.memory.write(made)
        self.level.write(made)

    @rule()
    def reopen(self) -> None:
        self.level.close()
        self.level = LevelStore(Path(self.folder.name))

    @rule(key=KEYS)
    def get(self, key: bytes) -> None:
        assert self.memory.get(key) == self.level.get(key) == self.model.get(key)

    @invariant()
    def both_hold_what_was_written(self) -> None:
        assert dict(self.memory.scan(b"")) == dict(self.level.scan(b"")) == self.model


StoreLife.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestStoreLife = StoreLife.TestCase


# -- on disk ---------------------------------------------------------------------------------------------


def test_a_second_process_on_the_same_folder_is_told_so(tmp_path: Path) -> None:
    with closing(LevelStore(tmp_path)), multiprocessing.get_context("spawn").Pool(1) as pool:
        told = pool.apply(_try_to_open, (tmp_path,))
    assert "cannot open the database" in told
    assert "lock" in told


def _try_to_open(folder: Path) -> str:
    try:
        LevelStore(folder).close()
    except StoreError as error:
        return str(error)
    return "it opened"


def test_a_second_open_in_the_same_process_is_told_so(tmp_path: Path) -> None:
    with closing(LevelStore(tmp_path)), pytest.raises(StoreError, match="cannot open the database"):
        LevelStore(tmp_path)
    LevelStore(tmp_path).close()


def test_the_folder_is_for_this_user_only(tmp_path: Path) -> None:
    with closing(LevelStore(tmp_path / "data")):
        assert (tmp_path / "data").stat().st_mode & 0o077 == 0


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot open the database"):
        LevelStore(tmp_path / "file" / "data")


_WRITER = """
import sys
from pathlib import Path
from adapters.store.leveldb import LevelStore
from node.ports import Batch

store, number = LevelStore(Path(sys.argv[1])), 0
while True:
    batch = Batch()
    for half in (b"a", b"b"):
        batch.put(half + number.to_bytes(8, "big"), b"x" * 1000)
    store.write(batch)
    print(number, flush=True)
    number += 1
"""


@pytest.mark.parametrize("acknowledged", [1, 50])
def test_what_was_written_survives_a_kill_and_no_batch_is_cut_in_two(
    tmp_path: Path, acknowledged: int
) -> None:
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path)], cwd=root, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        told = [int(line) for line in islice(writer.stdout, acknowledged)]
        os.kill(writer.pid, signal.SIGKILL)
        told += [int(line) for line in writer.stdout if line.endswith("\n")]
    with closing(LevelStore(tmp_path)) as store:
        halves = [[int.from_bytes(key[1:], "big") for key, _ in store.scan(half)] for half in (b"a", b"b")]
    assert halves[0] == halves[1], "all of a batch or nothing"
    assert halves[0][: len(told)] == told == list(range(len(told)))


def _write_much(folder: Path) -> None:
    with closing(LevelStore(folder)) as store:
        for number in range(200):
            made = Batch()
            made.put(number.to_bytes(8, "big"), os.urandom(1000))
            store.write(made)
    # Opening once more moves the journal into a table file.
    LevelStore(folder).close()


def _read_everything(folder: Path) -> None:
    with closing(LevelStore(folder)) as store:
        list(store.scan(b""))


@pytest.mark.parametrize("pattern", ["CURRENT", "MANIFEST-*", "*.ldb"])
def test_a_damaged_file_is_a_store_error(tmp_path: Path, pattern: str) -> None:
    _write_much(tmp_path)
    [victim] = tmp_path.glob(pattern)
    raw = bytearray(victim.read_bytes())
    for place in range(0, len(raw), 7):
        raw[place] ^= 0xFF
    victim.write_bytes(bytes(raw))
    with pytest.raises(StoreError):
        _read_everything(tmp_path)


def test_a_missing_file_is_a_store_error(tmp_path: Path) -> None:
    _write_much(tmp_path)
    [victim] = tmp_path.glob("*.ldb")
    victim.unlink()
    with pytest.raises(StoreError):
        _read_everything(tmp_path)


@pytest.mark.parametrize(
    "read", [lambda store: store.get((0).to_bytes(8, "big")), lambda store: list(store.scan(b""))]
)
def test_a_damaged_value_is_a_store_error_when_read(tmp_path: Path, read: Callable[[Store], object]) -> None:
    _write_much(tmp_path)
    [table] = tmp_path.glob("*.ldb")
    raw = bytearray(table.read_bytes())
    raw[500] ^= 1  # within the first block of data, which opening does not read
    table.write_bytes(bytes(raw))
    with closing(LevelStore(tmp_path)) as store, pytest.raises(StoreError, match="cannot read"):
        read(store)


def files_with(folder: Path, value: bytes) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.is_file() and value in path.read_bytes()]


@pytest.mark.parametrize("starts", [0, 1, 3])
@pytest.mark.parametrize("everything", [False, True])
def test_purging_leaves_no_byte_of_what_was_deleted(tmp_path: Path, starts: int, everything: bool) -> None:
    value, kept = os.urandom(200), {b"k/%03d" % n: os.urandom(100) for n in range(50)}
    store = LevelStore(tmp_path)
    store.write(batch(secret=value))
    for _ in range(starts):  # each start moves the log of writes into a table
        store.close()
        store = LevelStore(tmp_path)
        made = Batch()
        for key, other in kept.items():
            made.put(key, other)
        store.write(made)
    assert files_with(tmp_path, value)
    store.write(batch(secret=None))
    assert files_with(tmp_path, value)
    assert store.purge(None if everything else [b"secret"])
    assert files_with(tmp_path, value) == []
    assert dict(store.scan(b"k/")) == (kept if starts else {})
    store.close()
    with closing(LevelStore(tmp_path)) as again:
        assert again.get(b"secret") is None
        assert dict(again.scan(b"k/")) == (kept if starts else {})


def test_purging_leaves_no_byte_of_what_was_overwritten(tmp_path: Path) -> None:
    value = os.urandom(200)
    with closing(LevelStore(tmp_path)) as store:
        store.write(batch(a=value))
        store.write(batch(a=b"new"))
        assert store.purge([b"a"])
        assert files_with(tmp_path, value) == []
        assert store.get(b"a") == b"new"


def test_purging_says_when_a_scan_still_holds_the_files(tmp_path: Path) -> None:
    value = os.urandom(200)
    LevelStore(tmp_path).close()
    with closing(LevelStore(tmp_path)) as store:
        store.write(batch(a=value, b=b""))
        assert store.purge([b"a"])  # into a table
        scan = store.scan(b"")
        next(scan)
        store.write(batch(a=None))
        assert not store.purge([b"a"])
        scan.close()  # type: ignore[attr-defined]
        assert store.purge([b"a"])
        assert files_with(tmp_path, value) == []


def test_purging_many_keys_at_once_takes_nothing_else(tmp_path: Path) -> None:
    values = {b"r/%06d" % n: os.urandom(40) for n in range(3_000)}
    with closing(LevelStore(tmp_path)) as store:
        made = Batch()
        for key, value in values.items():
            made.put(key, value)
        store.write(made)
        gone = [key for n, key in enumerate(values) if n % 3]
        made = Batch()
        for key in gone:
            made.delete(key)
        store.write(made)
        assert store.purge(gone)
        assert dict(store.scan(b"r/")) == {
            key: value for key, value in values.items() if key not in set(gone)
        }
        content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
        assert not any(values[key] in content for key in gone)


def test_purging_is_nothing_where_nothing_was(store: Store) -> None:
    store.write(batch(a=b"1"))
    assert store.purge([])
    assert store.purge([b"x"])
    assert store.purge(None)
    assert list(store.scan(b"")) == [(b"a", b"1")]
