"""At a guarantor: what the steps of its guarantees draw on their applicants' lines, and what they return.

An offer that would raise the amount draws when it is made: the beneficiary can accept it at any time, and nobody can
take it back. All else is counted when the ledger has the step and its document is here.
"""

import logging
from decimal import Decimal

from node.domain.guarantee_life import Life, most
from node.domain.guarantee_statement import Amendment, Statement, StepDocument
from node.domain.sealed_guarantee import reopen_guarantee
from node.errors import LineError
from node.ports import Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.credit_lines import CreditLines
from node.services.guarantee_lives import GuaranteeLives
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)


class LineKeeping:
    """Tells the lines what can be claimed under a guarantee."""

    def __init__(self, store: Store, alliance: Alliance, lives: GuaranteeLives, lines: CreditLines) -> None:
        self._store, self._alliance, self._lives, self._lines = store, alliance, lives, lines

    def offer(self, transaction: Transaction, raw_id: bytes, life: Life, document: StepDocument) -> None:
        """Draw what a step offers, in the batch that brings it to the ledger; other steps draw nothing.

        Raises:
            LineError: the line does not allow the rise.
            StoreError: the database fails.
        """
        if isinstance(document, Statement) and isinstance(offered := document.says, Amendment):
            amount = max(life.amount, Decimal(offered.amount))
            self._lines.change(transaction, raw_id, amount, max(life.end, offered.exp))

    async def step(self) -> None:
        """Count what can be claimed under the guarantees that have moved.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in list(self._store.scan(layout.EXPOSURE_MOVED)):
            raw_id = key[len(layout.EXPOSURE_MOVED) :]
            row, kept = (
                self._alliance.projection.guarantee(raw_id),
                self._store.get(layout.GUARANTEE + raw_id),
            )
            if row is None or kept is None:
                continue
            life = self._lives.of(raw_id, reopen_guarantee(kept.decode()), row)
            if not life.is_complete:
                continue  # a document is still on its way; until it is here nothing returns
            transaction = Transaction(self._store)
            transaction.delete(key)
            try:
                self._lines.change(transaction, raw_id, *most(life))
            except LineError as error:
                logger.warning("guarantee %s is beyond its applicant's line: %s", raw_id.hex(), error)
                continue
            transaction.commit()
