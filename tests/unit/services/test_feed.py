"""The journal that systems watch."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from adapters.store.memory import MemoryStore
from node.services import feed as feed_module
from node.services.feed import Feed, FeedEntry
from node.services.transaction import Transaction


def add(feed: Feed, store: MemoryStore, *kinds: str) -> None:
    transaction = Transaction(store)
    for kind in kinds:
        feed.add(transaction, FeedEntry(kind, 1.5, {"a": "b"}))
    transaction.commit()
    feed.wake()


async def take(watching: AsyncIterator[tuple[int, FeedEntry]], count: int) -> list[tuple[int, str]]:
    async with asyncio.timeout(5):
        return [(number, entry.kind) for number, entry in [await anext(watching) for _ in range(count)]]


async def test_a_watcher_gets_what_was_and_what_comes_in_order() -> None:
    store = MemoryStore()
    feed = Feed(store)
    add(feed, store, "a", "b")
    watching = feed.watch(0)
    assert await take(watching, 2) == [(0, "a"), (1, "b")]
    waiting = asyncio.ensure_future(take(watching, 2))
    await asyncio.sleep(0)
    assert not waiting.done()
    add(feed, store, "c", "d")
    assert await waiting == [(2, "c"), (3, "d")]


async def test_a_watcher_that_was_woken_waits_again() -> None:
    store = MemoryStore()
    feed = Feed(store)
    watching = feed.watch(0)
    for number, kind in enumerate("abc"):
        waiting = asyncio.ensure_future(take(watching, 1))
        await asyncio.sleep(0)
        assert not waiting.done()
        feed.wake()  # for nothing
        await asyncio.sleep(0)
        assert not waiting.done()
        add(feed, store, kind)
        assert await waiting == [(number, kind)]


async def test_a_watcher_goes_on_from_any_number_in_a_later_process() -> None:
    store = MemoryStore()
    add(Feed(store), store, "a", "b", "c")
    assert await take(Feed(store).watch(2), 1) == [(2, "c")]


async def test_what_is_added_while_a_watcher_is_busy_is_not_missed() -> None:
    store = MemoryStore()
    feed = Feed(store)
    add(feed, store, "a")
    watching = feed.watch(0)
    await take(watching, 1)
    add(feed, store, "b")  # before it waits
    assert await take(watching, 1) == [(1, "b")]


async def test_every_watcher_is_woken() -> None:
    store = MemoryStore()
    feed = Feed(store)
    waiting = [asyncio.ensure_future(take(feed.watch(0), 1)) for _ in range(3)]
    await asyncio.sleep(0)
    add(feed, store, "a")
    assert await asyncio.gather(*waiting) == [[(0, "a")]] * 3


async def test_nothing_is_left_of_a_watcher_that_went_away() -> None:
    store = MemoryStore()
    feed = Feed(store)
    add(feed, store, "a")
    watching = feed.watch(0)
    await take(watching, 1)
    await watching.aclose()
    assert feed._bells == set()


async def test_old_entries_go_and_numbers_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "_KEPT", 3)
    store = MemoryStore()
    feed = Feed(store)
    add(feed, store, *"abcde")
    assert await take(feed.watch(0), 3) == [(2, "c"), (3, "d"), (4, "e")]
    assert sum(1 for _ in store.scan(b"f/")) == 3


async def test_an_entry_of_a_unit_of_work_that_failed_is_not_seen() -> None:
    store = MemoryStore()
    feed = Feed(store)
    feed.add(Transaction(store), FeedEntry("lost", 1.0, {}))
    add(feed, store, "a")
    assert await take(feed.watch(0), 1) == [(0, "a")]
