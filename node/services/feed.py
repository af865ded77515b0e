"""What happened at this node, in order, for systems that watch: durable, and read from any place again.

Entries say that something happened and to which identifiers, never what a record holds.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import msgspec

from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction

_COUNTER = "feed"
_KEPT = 100_000


class FeedEntry(msgspec.Struct, frozen=True):
    """One happening."""

    kind: str
    """A stable word such as `record.accepted`, `record.final`, `item.parked`, `subject.registered`, `subject.erased`,
    `subject.final`, `request.received`, `grant.received`, `grant.final`, `grant.revoked`, `read.answered`,
    `read.received`, `read.withheld`, `award.read`, `evaluation.asked`, `obligation.due`, `obligation.late`,
    `release.prepared`, `line.exceeded`, `application.received`, `application.referred`, `system.problem`,
    `system.parked`, `bank.parked`, `bank.recalling`, `payment.due`, `payment.released`, `payment.paid`,
    `payment.unstated`, `payment.given-up`, `guarantee.step`, `guarantee.revealed`, `guarantee.lodged`,
    `guarantee.moved`, `guarantee.claimed`, `guarantee.due-soon`, `guarantee.overdue`, `member.admitted`,
    `proposal.made`."""
    time: float
    """Seconds since 1970 UTC."""
    about: dict[str, str]
    """Identifiers by name."""


class Feed:
    """The node's journal of happenings."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._bells: set[asyncio.Event] = set()

    def add(self, transaction: Transaction, entry: FeedEntry) -> None:
        """Write an entry together with what it reports; call `wake` after the commit."""
        place = transaction.take(_COUNTER)
        transaction.put(layout.FEED + layout.number(place), msgspec.msgpack.encode(entry))
        if place >= _KEPT:
            transaction.delete(layout.FEED + layout.number(place - _KEPT))

    def wake(self) -> None:
        """Tell those who watch to look again."""
        for bell in self._bells:
            bell.set()

    @contextmanager
    def bell(self) -> Iterator[asyncio.Event]:
        """An event that is set whenever something new may be there; the listener clears it."""
        bell = asyncio.Event()
        self._bells.add(bell)
        try:
            yield bell
        finally:
            self._bells.discard(bell)

    async def watch(self, after: int) -> AsyncIterator[tuple[int, FeedEntry]]:
        """All entries from number `after` on, those to come included; ends only with its consumer.

        Raises:
            StoreError: the database fails.
        """
        with self.bell() as bell:
            while True:
                bell.clear()
                for key, raw in self._store.scan(layout.FEED, start=layout.number(after)):
                    after = layout.from_number(key[len(layout.FEED) :]) + 1
                    yield after - 1, msgspec.msgpack.decode(raw, type=FeedEntry)
                await bell.wait()
