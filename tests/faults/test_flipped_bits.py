"""One flipped bit anywhere in a store's files: the store is refused, or stops where it is read, or is whole.

LevelDB alone does not keep this promise: see `adapters/store/mark.py`.
"""

import contextlib
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from adapters.store import mark
from adapters.store.leveldb import LevelStore
from node.errors import StoreError
from node.ports import Batch
from tests.support.crash_stores import rewind

FLIPS_PER_FILE = 60
State = dict[bytes, bytes]


def write(store: LevelStore, number: int, size: int) -> State:
    batch = Batch()
    for part in range(3):
        batch.put(b"%04d/%d" % (number, part), random.Random(number).randbytes(size))
    store.write(batch)
    return dict(batch.changes)


@pytest.fixture(scope="module")
def lived(tmp_path_factory):
    """A store with a table, with a manifest that has grown, and with a log; left as a kill leaves it."""
    folder, state = tmp_path_factory.mktemp("store") / "data", {}
    for first in (0, 20):
        with closing(LevelStore(folder)) as store:  # opening moves the log into a table
            for number in range(first, first + 20):
                state |= write(store, number, 300)
    store = LevelStore(folder)
    for number in range(40, 60):
        state |= write(store, number, 30)
    left = shutil.copytree(folder, folder.with_name("left"))
    store.close()
    (left / "LOCK").unlink()
    return left, state


def read(folder: Path) -> State:
    with closing(LevelStore(folder)) as store:
        return dict(store.scan(b""))


def test_without_damage_everything_is_there(lived, tmp_path):
    assert read(shutil.copytree(lived[0], tmp_path / "copy")) == lived[1]


@pytest.mark.parametrize("kind", ["*.log", "*.ldb", "MANIFEST-*", "CURRENT", mark.NAME])
def test_a_flipped_bit_is_never_a_silent_loss(lived, tmp_path, kind):
    left, state = lived
    dice, outcomes = random.Random(kind), {"refused": 0, "whole": 0}
    for file in sorted(left.glob(kind)):
        raw = file.read_bytes()
        # Every byte of what frames the last batches, and a sample of all else.
        places = {*range(min(64, len(raw))), *range(max(len(raw) - 64, 0), len(raw))}
        places |= {dice.randrange(len(raw)) for _ in range(FLIPS_PER_FILE)}
        if kind == "*.log":
            places |= {at + off for at in _records(raw) for off in range(7)}
        for place in sorted(places):
            copy = shutil.copytree(left, tmp_path / "copy")
            spoilt = bytearray(raw)
            spoilt[place] ^= 1 << dice.randrange(8)
            (copy / file.name).write_bytes(spoilt)
            try:
                assert read(copy) == state, (file.name, place)
                outcomes["whole"] += 1
            except StoreError:
                outcomes["refused"] += 1
            shutil.rmtree(copy)
    assert outcomes["refused"] or kind in {mark.NAME, "CURRENT"}


def _records(raw: bytes) -> list[int]:
    """Where the records of a LevelDB log begin: checksum 4, length 2, type 1."""
    found, at = [], 0
    while at + 7 <= len(raw):
        found.append(at)
        at += 7 + int.from_bytes(raw[at + 4 : at + 6], "little")
    return found


@pytest.mark.parametrize("kind", ["*.log", "*.ldb", "MANIFEST-*", "CURRENT", mark.NAME])
def test_a_file_that_is_gone_is_never_a_silent_loss(lived, tmp_path, kind):
    left, _ = lived
    for file in left.glob(kind):
        copy = shutil.copytree(left, tmp_path / "copy")
        (copy / file.name).unlink()
        with pytest.raises(StoreError):
            read(copy)
        shutil.rmtree(copy)


@pytest.mark.parametrize("kind", ["*.log", "MANIFEST-*"])
def test_a_file_that_was_cut_off_is_never_a_silent_loss(lived, tmp_path, kind):
    left, state = lived
    [file] = left.glob(kind)
    size = file.stat().st_size
    for length in {*range(0, size, max(size // 60, 1)), *range(max(size - 20, 0), size)}:
        copy = shutil.copytree(left, tmp_path / "copy")
        with (copy / file.name).open("r+b") as cut:
            cut.truncate(length)
        with contextlib.suppress(StoreError):
            assert read(copy) == state, length
        shutil.rmtree(copy)


def test_a_batch_that_was_never_acknowledged_may_be_there(lived, tmp_path):
    """The process died between the batch and its mark."""
    copy = shutil.copytree(lived[0], tmp_path / "copy")
    rewind(copy, 59)
    assert read(copy) == lived[1]


def test_a_mark_that_was_being_written_is_no_damage(lived, tmp_path):
    """Batch 61 was never acknowledged: of its slot half is there."""
    copy = shutil.copytree(lived[0], tmp_path / "copy")
    with (copy / mark.NAME).open("r+b") as file:
        file.seek(61 % 2 * 4096)
        file.write(mark._slot(61)[:9])
    assert read(copy) == lived[1]


def test_two_damaged_slots_are_refused(lived, tmp_path):
    copy = shutil.copytree(lived[0], tmp_path / "copy")
    raw = bytearray((copy / mark.NAME).read_bytes())
    raw[3] ^= 1
    raw[4099] ^= 1
    (copy / mark.NAME).write_bytes(raw)
    with pytest.raises(StoreError, match="damaged"):
        read(copy)


def test_an_older_store_gets_its_mark(tmp_path):
    import plyvel  # noqa: PLC0415

    with closing(plyvel.DB(str(tmp_path / "data"), create_if_missing=True)) as old:
        old.put(b"a", b"1", sync=True)
    assert read(tmp_path / "data") == {b"a": b"1"}
    assert (tmp_path / "data" / mark.NAME).exists()


def test_a_full_disk_under_the_mark_is_not_acknowledged(tmp_path, monkeypatch):
    store = LevelStore(tmp_path / "data")
    write(store, 0, 10)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.pwrite", full)
    with pytest.raises(StoreError, match="cannot write"):
        write(store, 1, 10)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="start the node again"):
        write(store, 2, 10)
    store.close()
    assert set(read(tmp_path / "data")) >= {b"0000/0", b"0000/1", b"0000/2"}
