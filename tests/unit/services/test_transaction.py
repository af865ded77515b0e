"""A unit of work sees its own changes and leaves nothing behind when it fails."""

import pytest

from adapters.store.memory import MemoryStore
from node.errors import StoreError
from node.services.transaction import Transaction
from tests.support.world_faults import FrailStore


def test_what_was_written_is_read_before_the_commit_and_only_here() -> None:
    store = MemoryStore()
    transaction = Transaction(store)
    transaction.put(b"a", b"1")
    assert transaction.get(b"a") == b"1"
    assert store.get(b"a") is None
    transaction.commit()
    assert store.get(b"a") == b"1"
    transaction.delete(b"a")
    assert transaction.get(b"a") is None
    assert store.get(b"a") == b"1"


def test_a_scan_sees_what_was_written_and_deleted_before_the_commit() -> None:
    store = MemoryStore()
    first = Transaction(store)
    for key in (b"p/1", b"p/2", b"p/9", b"q/1"):
        first.put(key, key)
    first.commit()
    transaction = Transaction(store)
    transaction.put(b"p/0", b"new")
    transaction.put(b"p/2", b"other")
    transaction.delete(b"p/1")
    transaction.put(b"p/8", b"too far")
    assert transaction.scan(b"p/", b"5") == [(b"p/0", b"new"), (b"p/2", b"other")]


def test_numbers_are_reserved_once() -> None:
    store = MemoryStore()
    transaction = Transaction(store)
    assert (transaction.take("n"), transaction.take("n", 3), transaction.take("n", 0)) == (0, 1, 4)
    transaction.commit()
    assert Transaction(store).counter("n") == 4


def test_an_empty_unit_of_work_writes_nothing() -> None:
    store = FrailStore(MemoryStore())
    transaction = Transaction(store)
    transaction.commit()
    transaction.put(b"a", b"1")
    transaction.commit()
    transaction.commit()
    assert store.writes == 1


def test_a_counter_stays_where_it_was_when_the_store_fails() -> None:
    store = FrailStore(MemoryStore())
    store.before = fail_writes
    transaction = Transaction(store)
    transaction.take("n")
    with pytest.raises(StoreError):
        transaction.commit()
    assert Transaction(store).counter("n") == 0


def fail_writes(name: str) -> None:
    if name == "write":
        raise StoreError("no room")
