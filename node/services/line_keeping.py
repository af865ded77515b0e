"""At a guarantor: what the steps of its guarantees draw on their applicants' lines, and what they return.

An offer that would raise the amount draws when it is made: the beneficiary can accept it at any time, and nobody can
take it back. All else is counted when the ledger has the step and its document is here. A rise that the ledger has
and the line does not allow is told once and parked: it is tried again when the line has changed, or the guarantee.
"""

import logging
from decimal import Decimal

from node.domain.guarantee_life import Life, most
from node.domain.guarantee_statement import Amendment, Statement, StepDocument
from node.domain.sealed_guarantee import reopen_guarantee
from node.errors import ConflictError, MissingError, NodeError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.credit_lines import NOT_COUNTED, CreditLines
from node.services.feed import Feed, FeedEntry
from node.services.guarantee_lives import GuaranteeLives
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)


class LineKeeping:
    """Tells the lines what can be claimed under a guarantee."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        lives: GuaranteeLives,
        lines: CreditLines,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._lives, self._lines = store, alliance, lives, lines
        self._feed, self._clock = feed, clock

    def offer(self, transaction: Transaction, raw_id: bytes, life: Life, document: StepDocument) -> None:
        """Draw what a step offers, in the batch that brings it to the ledger; other steps draw nothing.

        Raises:
            LineError: the line does not allow the rise.
            StoreError: the database fails.
        """
        if isinstance(document, Statement) and isinstance(offered := document.says, Amendment):
            self._lines.change(transaction, raw_id, max(life.amount, Decimal(offered.amount)))

    async def step(self) -> None:
        """Count what can be claimed under the guarantees that have moved.

        Raises:
            StoreError: the database fails.
        """
        for key, mark in list(self._store.scan(layout.EXPOSURE_MOVED)):
            raw_id = key[len(layout.EXPOSURE_MOVED) :]
            row, kept = (
                self._alliance.projection.guarantee(raw_id),
                self._store.get(layout.GUARANTEE + raw_id),
            )
            if row is None or kept is None:
                continue
            guarantee = reopen_guarantee(kept.decode())
            line = self._lines.find(guarantee.applicant)
            at = layout.number(0 if line is None else line.number)
            if mark == at:
                continue
            life = self._lives.of(raw_id, guarantee, row)
            if not life.is_complete:
                continue  # a document is still on its way; until it is here nothing returns
            transaction = Transaction(self._store)
            transaction.delete(key)
            try:
                self._lines.change(transaction, raw_id, most(life), life.end)
            except (ConflictError, MissingError) as error:
                self._park(raw_id, life.end, at, error, is_told=mark != NOT_COUNTED)
            else:
                transaction.commit()

    def _park(self, raw_id: bytes, end: int, at: bytes, error: NodeError, *, is_told: bool) -> None:
        transaction = Transaction(self._store)
        counted = self._lines.exposures.find(transaction, raw_id)
        if counted is not None:  # the end counts whatever the line says
            self._lines.change(transaction, raw_id, Decimal(counted.amount), end)
        transaction.put(layout.EXPOSURE_MOVED + raw_id, at)
        if not is_told:
            logger.warning("guarantee %s is beyond its applicant's line: %s", raw_id.hex(), error)
            about = {"guarantee": raw_id.hex()}
            self._feed.add(transaction, FeedEntry("line.exceeded", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
