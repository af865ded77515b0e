"""Follows the ledger block by block and keeps the projection true.

Blocks with the configured number of confirmations are final and go into the projection together with the cursor,
in one synced batch. If the block at the cursor is gone from the chain, the projection is built again from the
alliance's first block: a node must not go on believing what the ledger no longer says.
"""

import logging
from collections.abc import Callable, Sequence

import msgspec

from node.domain import alliance_life, ledger
from node.domain.alliance_life import BookEntry, ContractSet
from node.domain.ledger import Block, Event
from node.errors import LedgerUnavailableError, ProjectionStaleError
from node.ports import Clock, Ledger, Store
from node.services import layout
from node.services.projecting import apply_event, put_contract
from node.services.projection import FirstSight, Projection
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_CHUNK_BLOCKS = 500
_MAX_AHEAD_SECONDS = 300
"""How far a block's time may be ahead of this node's clock: as far as a wallet's request may be."""

Observer = Callable[[Transaction, Event], None]
"""Told of every final event, inside the unit of work that makes it durable."""


class Follower:
    """Reads the ledger; the only writer of the projection."""

    def __init__(
        self,
        store: Store,
        ledger_port: Ledger,
        projection: Projection,
        clock: Clock,
        observers: Sequence[Observer],
        *,
        first_block: int,
        confirmations: int,
        staleness_seconds: float,
    ) -> None:
        """Args:
        store: holds the projection.
        ledger_port: what is followed.
        projection: what is kept.
        clock: tells how old the newest block is.
        observers: see `Observer`.
        first_block: block of the alliance's first contract.
        confirmations: blocks above one that make it final; 0 on engines with immediate finality.
        staleness_seconds: age of the newest block beyond which reads that need the ledger fail.
        """
        self._store, self._ledger, self._projection, self._clock = store, ledger_port, projection, clock
        self._observers = observers
        self._first_block, self._confirmations, self._staleness = (
            first_block,
            confirmations,
            staleness_seconds,
        )
        self._head: Block | None = None
        self._knows_book = False

    @property
    def head(self) -> Block | None:
        """The newest block seen since the start of the process."""
        return self._head

    def final_number(self) -> int:
        """Number of the newest block in the projection; below the first block if there is none.

        Raises:
            StoreError: the database fails.
        """
        cursor = self._projection.cursor()
        return self._first_block - 1 if cursor is None else cursor.number

    def check_fresh(self) -> Block:
        """The newest block, if it is young enough to rely on.

        Raises:
            ProjectionStaleError: no block was seen yet, or the newest is older than the limit, or so far ahead of
                this node's clock that its age cannot be told.
        """
        if self._head is None:
            raise ProjectionStaleError("this node has not reached the ledger since it started")
        age = self._clock.now() - self._head.time
        if age > self._staleness:
            raise ProjectionStaleError(
                f"the newest block this node has seen is {age:.0f} s old by this node's clock; the limit is "
                f"{self._staleness:.0f} s: the ledger is not reached, or the clocks differ"
            )
        if -age > max(self._staleness, _MAX_AHEAD_SECONDS):
            # A clock that is late would take a block of long ago for a fresh one.
            raise ProjectionStaleError(
                f"the newest block is {-age:.0f} s ahead of this node's clock: the clocks differ"
            )
        return self._head

    async def step(self) -> bool:
        """Take in what is new; whether there may be more at once.

        Raises:
            LedgerUnavailableError: the engine does not answer.
            StoreError: the database fails.
        """
        head = await self._ledger.head()
        if await self._cursor_is_gone():
            logger.error(
                "a block that was final is gone from the ledger; reading it again from the beginning"
            )
            self._forget()
        if not self._knows_book:
            await self._open_book()
        first = self.final_number() + 1
        final = head.number - self._confirmations
        last = min(final, first + _CHUNK_BLOCKS - 1)
        if first <= last:
            await self._take_in(first, last)
        if last < final:
            return True
        await self._look_ahead(max(final + 1, self._first_block), head.number)
        self._head = head
        return False

    async def _open_book(self) -> None:
        """Once after the start: which contracts are in force, and whether this software knows them."""
        entries = self._projection.contracts()
        for entry in entries:
            voted = ContractSet(entry.name, entry.address, entry.code_hash)
            if await self._ledger.knows(voted) != entry.is_known:
                logger.warning("this software knows other contracts than before; reading the ledger again")
                self._forget()
                entries = []
                break
        self._ledger.use(entries)
        self._knows_book = True

    async def _take_in(self, first: int, last: int) -> None:
        # The same block at both ends: all that was asked in between is of one chain, the cursor included.
        block = await self._ledger.block(last)
        is_gone = await self._cursor_is_gone()
        events = await self._ledger.events(first, last)
        added: dict[object, BookEntry] = {}
        page = next((event.block for event in events if _replaces(event)), None)
        if page is not None:
            # A new contract may report from the very block on that puts it in force: what has been read ends
            # there, and is read again with the new contract in use.
            added, last = await self._add_contracts(page, events), page
            block, events = await self._ledger.block(last), await self._ledger.events(first, last)
        again = await self._ledger.block(last)
        if block is None or again != block or is_gone:
            raise LedgerUnavailableError("the chain changed while it was read")
        transaction = Transaction(self._store)
        for event in events:
            apply_event(transaction, event)
            if event.happening in added:
                put_contract(transaction, event, added[event.happening])
            for observe in self._observers:
                observe(transaction, event)
        transaction.put(layout.LEDGER_CURSOR, msgspec.msgpack.encode(block))
        transaction.commit()
        self._knows_book = True

    async def _add_contracts(self, block: int, events: Sequence[Event]) -> dict[object, BookEntry]:
        """Use the contracts that a block puts in force."""
        added: dict[object, BookEntry] = {}
        for event in events:
            voted = event.happening
            if event.block != block or not isinstance(voted, ContractSet) or not _replaces(event):
                continue
            is_known = await self._ledger.knows(voted)
            if not is_known:
                logger.error(
                    "%s was replaced by a version that this node does not know: update it", voted.name
                )
            added[voted] = BookEntry(voted.name, voted.address, voted.code_hash, is_known)
        self._knows_book = False  # until it is durable
        self._ledger.use([*self._projection.contracts(), *added.values()])
        return added

    async def _look_ahead(self, first: int, last: int) -> None:
        seen = FirstSight()
        for event in await self._ledger.events(first, last) if first <= last else ():
            match event.happening:
                case ledger.GrantRevoked(grant):
                    seen.revoked.add(grant)
                case ledger.MemberStanding(name, active) if not active:
                    seen.suspended.add(name)
                case ledger.TrustSet(anchor, _, entry):
                    seen.trust[anchor] = entry
                case alliance_life.MemberAbsent(name, absent) if absent:
                    seen.suspended.add(name)
                case alliance_life.MemberLeft(name):
                    seen.suspended.add(name)
        self._projection.first_sight = seen

    async def _cursor_is_gone(self) -> bool:
        cursor = self._projection.cursor()
        if cursor is None:
            return False
        block = await self._ledger.block(cursor.number)
        return block is None or block.hash != cursor.hash

    def _forget(self) -> None:
        transaction = Transaction(self._store)
        for key, _ in self._store.scan(layout.LEDGER):
            transaction.delete(key)
        transaction.commit()
        # Until all of it is read again the projection lacks revocations that the ledger has: nothing may rely
        # on it.
        self._head = None
        self._ledger.use(())


def _replaces(event: Event) -> bool:
    """Whether it puts another contract in force; what the founding sets is in the descriptor."""
    return isinstance(event.happening, ContractSet) and any(event.happening.code_hash)
