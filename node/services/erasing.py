"""Bringing erasures to their end in the background, and erasing what has fallen due.

1 a new data key, under which all other keys are wrapped again, and the end of the older: copies of the keyring in
  backups open no more
2 the files of keyring and database are made to hold nothing of what was deleted
3 the receipt, and a record of it in the log

Whatever is interrupted goes on at the next start. Erasures that come together go through this together.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence

from node.domain.erasure import (
    ErasedLine,
    ErasureReceipt,
    ReceiptLine,
    by_category,
    due_at,
    held_until,
    latest,
)
from node.domain.keys import KeyKind
from node.domain.retention import RetentionRules
from node.ports import Clock, Keys, Store
from node.services.erasure_book import ErasureBook
from node.services.signing import Signing
from node.services.vault import Vault

logger = logging.getLogger(__name__)

_REWRAP_BATCH = 2_000
_SWEEP_BATCH = 2_000
_SWEEP_EVERY_SECONDS = 3_600
_REST = 10.0
"""Rounds rest so many times as long as they took."""


class Erasing:
    """The background work of erasure."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        book: ErasureBook,
        rules: RetentionRules,
        keys: Keys,
        clock: Clock,
        signing: Signing,
    ) -> None:
        """Args:
        store: the node's database.
        vault: its keyring.
        book: where lines are written.
        rules: what the law holds, and what falls due.
        keys: has the data keys.
        clock: tells what is due.
        signing: of receipts.
        """
        self._store, self._vault, self._book, self._rules = store, vault, book, rules
        self._keys, self._clock, self._signing = keys, clock, signing
        self._sweep: tuple[bool, bytes] | None = None
        self._next_sweep = self._next_round = 0.0
        self._began = clock.now()

    async def step(self) -> bool:
        """One round; whether there is more to do at once.

        Raises:
            ConfigError: the folder of the keys cannot be written.
            StoreError: the database, the keyring or the list fails.
        """
        waiting, present = self._book.rows.open(), self._keys.present(KeyKind.DATA)
        # Those whose data key is the last but one or older: what came since waits for the next round.
        ready = [(number, row) for number, row in waiting if row.epoch != present]
        if not ready:
            now = self._clock.now()
            if not waiting or now < self._next_round:
                return self._sweep_some()
            self._began, ready = now, waiting
            self._keys.make(KeyKind.DATA)
            logger.warning("something was erased: a new data key wraps the keyring from now on")
        if len(self._keys.data) > 1:
            if self._vault.rewrap(_REWRAP_BATCH):
                return True
            self._keys.forget(KeyKind.DATA)
        keys = sorted({key for _, row in ready for key in row.keys})
        if not await self._purge_aside(keys):
            return False  # somebody still reads what was there before
        for number, _ in ready:
            self._finish(number)
        # A round goes over the whole keyring: whoever asks again and again shall not keep the node busy with it.
        now = self._clock.now()
        self._next_round = now + _REST * (now - self._began)
        return False

    async def _purge_aside(self, keys: Sequence[bytes]) -> bool:
        """`_purge` in a thread, which must have ended before anybody closes the stores."""
        purging = asyncio.ensure_future(asyncio.to_thread(self._purge, keys))
        try:
            return await asyncio.shield(purging)
        except asyncio.CancelledError:
            await asyncio.wait([purging])
            raise

    def _purge(self, keys: Sequence[bytes]) -> bool:
        is_clean = self._vault.purge()
        return self._store.purge(keys) and is_clean

    def _finish(self, number: int) -> None:
        erasure = self._book.rows.load(number)
        if not erasure.receipt:
            self._book.catch_up()
            mark = self._book.mark()
            receipt = self._signing.sign(self._receipt(erasure.line))
            line = ReceiptLine(number=mark.number + 1, previous=mark.head, erasure=number, receipt=receipt)
            self._book.add(line)
            logger.warning("erasure %d is done: nothing of it is left in any file", number)
        self._book.rows.close(number)

    def _receipt(self, line: ErasedLine) -> ErasureReceipt:
        return ErasureReceipt(
            **self._signing.issued(),
            subject=line.owner,
            request=line.request,
            number=line.number,
            asked=line.at,
            whole=line.whole,
            erased=by_category(line.parts),
            held=latest(line.held),
        )

    def _sweep_some(self) -> bool:
        """Erase what has fallen due, some at a time; whether the pass goes on."""
        now = self._clock.now()
        if self._sweep is None:
            if now < self._next_sweep:
                return False
            self._sweep = (False, b"")
        is_blocked, after = self._sweep
        found, after = self._vault.all_parts(blocked=is_blocked, after=after, limit=_SWEEP_BATCH)
        due: defaultdict[str, list[str]] = defaultdict(list)
        for owner, part in found:
            ends = held_until(part, self._rules) if is_blocked else due_at(part, self._rules)
            if ends is not None and ends <= now:
                due[owner].append(part)
        for owner, parts in due.items():
            self._erase(owner, parts, is_blocked=is_blocked)
        if after or not is_blocked:
            self._sweep = (is_blocked, after) if after else (True, b"")
            return True
        self._sweep, self._next_sweep = None, now + _SWEEP_EVERY_SECONDS
        return bool(due)

    def _erase(self, owner: str, parts: Sequence[str], *, is_blocked: bool) -> None:
        self._book.catch_up()
        # What was held until now goes on the request that asked for it then.
        asked = self._book.rows.held(owner, parts, int(self._clock.now()) + 1) if is_blocked else []
        request = self._book.rows.load(asked[0][1]).line.request if asked else ""
        self._book.erase(owner, parts, request)
