"""LevelDB under py-evm: whole batches or nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

from adapters.ledger.embedded.store import LevelStore
from node.errors import StoreError


def test_a_batch_is_visible_inside_and_kept_after(tmp_path: Path) -> None:
    store = LevelStore(tmp_path / "db")
    with store.atomic_batch() as batch:
        batch[b"a"] = b"1"
        assert store[b"a"] == b"1"
        assert b"a" in store
    store.close()
    assert LevelStore(tmp_path / "db")[b"a"] == b"1"


def test_inner_batches_end_with_the_outermost(tmp_path: Path) -> None:
    store = LevelStore(tmp_path / "db")

    def fail_outside(store: LevelStore) -> None:
        with store.atomic_batch():
            with store.atomic_batch() as inner:
                inner[b"a"] = b"1"
            assert store[b"a"] == b"1"
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_outside(store)
    assert b"a" not in store


def test_deleting_in_a_batch_hides_and_then_removes(tmp_path: Path) -> None:
    store = LevelStore(tmp_path / "db")
    with store.atomic_batch():
        store[b"a"] = b"1"
    with store.atomic_batch():
        del store[b"a"]
        assert b"a" not in store
    with pytest.raises(KeyError):
        store[b"a"]


def test_a_write_outside_a_batch_is_a_bug(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        LevelStore(tmp_path / "db")[b"a"] = b"1"


def test_a_range_is_read_in_order_with_both_ends(tmp_path: Path) -> None:
    store = LevelStore(tmp_path / "db")
    with store.atomic_batch():
        for key in (b"c", b"a", b"d", b"b"):
            store[key] = key
    assert [key for key, _ in store.stored_range(b"a", b"c")] == [b"a", b"b", b"c"]


def test_a_folder_held_by_another_process_is_told(tmp_path: Path) -> None:
    script = (
        "import plyvel, sys; db = plyvel.DB(sys.argv[1], create_if_missing=True); print(flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(StoreError, match="cannot open"):
            LevelStore(tmp_path)
    finally:
        holder.communicate(b"\n")


def test_the_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    LevelStore(tmp_path / "db").close()
    assert (tmp_path / "db").stat().st_mode & 0o777 == 0o700
