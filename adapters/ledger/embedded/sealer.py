"""When a block is made: at most one per `seal_seconds` when there is work, a heartbeat when there is none.

Rules:
- Block time is the clock's, and later than the parent's. With `seal_seconds` of 1 or more it cannot run ahead
  of the clock; less is for tests, where a busy chain's time may run ahead by up to a second a block.
- Between two transactions the event loop gets its turn, so a full block does not hold up answers.
- A transaction that the EVM does not take is dropped with a log line; the block goes on without it.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from adapters.ledger.embedded.admission import Candidate
from adapters.ledger.embedded.chain import BlockFullError, Draft, EmbeddedChain
from adapters.ledger.embedded.pool import Pool

MAX_BLOCK_TRANSACTIONS = 200

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often blocks are made."""

    seal_seconds: float = 1.0
    """Least time between two blocks."""
    heartbeat_seconds: float = 15.0
    """Most time between two blocks: an empty one tells quiet from down."""


class Sealer:
    """Makes blocks from what waits in the pool."""

    def __init__(
        self, chain: EmbeddedChain, pool: Pool, pace: Pace, clock: Callable[[], float] = time.time
    ) -> None:
        self._chain = chain
        self._pool = pool
        self._pace = pace
        self._clock = clock
        self._work = asyncio.Event()

    def wake(self) -> None:
        """Tell that the pool may have work."""
        self._work.set()

    async def run(self) -> None:
        """Make blocks until cancelled.

        Raises:
            StoreError: a block cannot be written; the process should stop and be looked at.
        """
        ahead = self._chain.head.timestamp + 1 - self._clock()  # restarted within the head's own second
        await asyncio.sleep(min(max(0.0, ahead), self._pace.seal_seconds))
        while True:
            started = time.monotonic()
            await self.seal_block()
            await asyncio.sleep(max(0.0, self._pace.seal_seconds - (time.monotonic() - started)))
            await self._wait_for_work(self._pace.heartbeat_seconds - (time.monotonic() - started))

    async def seal_block(self) -> None:
        """Make one block of what is ready, perhaps of nothing.

        Raises:
            StoreError: it cannot be written; the chain is as it was.
        """
        parent = self._chain.head
        draft = self._chain.draft(max(parent.timestamp + 1, int(self._clock())))
        accounts: set[bytes] = set()
        stuck: set[bytes] = set()
        for candidate in self._pool.ready(MAX_BLOCK_TRANSACTIONS):
            if candidate.sender in stuck:
                continue
            accounts.add(candidate.sender)
            if not self._try_apply(draft, candidate):
                stuck.add(candidate.sender)
            await asyncio.sleep(0)
        header = draft.seal()
        self._pool.forget_used(accounts)
        _log.debug("block %d sealed, %d transactions", header.block_number, draft.size)

    def _try_apply(self, draft: Draft, candidate: Candidate) -> bool:
        """Whether the block has it now; if not, later ones of the account have to wait too."""
        try:
            draft.apply(candidate.transaction)
        except BlockFullError:
            return False
        except Exception as error:  # noqa: BLE001  one bad transaction must not keep the others out
            _log.warning("transaction %s is dropped: %s", candidate.hash.hex(), error)
            self._pool.drop(candidate)
            return False
        return True

    async def _wait_for_work(self, at_most_seconds: float) -> None:
        self._work.clear()
        if self._pool.has_ready() or at_most_seconds <= 0:
            return
        try:
            async with asyncio.timeout(at_most_seconds):
                while not self._pool.has_ready():
                    await self._work.wait()
                    self._work.clear()
        except TimeoutError:
            pass  # quiet: time for a heartbeat
