"""That guarantor or centre has a step's document: signed at once, kept, and the same whenever it is asked for.

With such a receipt a step is in time on the ledger also when the ledger could not be reached in time.
"""

import msgspec

from node.domain.ledger_ids import step_receipt_digest
from node.domain.wallet import StepReceipt
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.guarantee_checks import WALLETS, CheckedStep, StepChecks, member_of
from node.services.guarantee_lives import GuaranteeLives
from node.services.signing import Signing
from node.services.transaction import Transaction


class StepReceipts:
    """This node's receipts, and those it was given."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        lives: GuaranteeLives,
        checks: StepChecks,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._lives, self._checks = store, alliance, lives, checks
        self._signing, self._clock = signing, clock

    def own(self, step: CheckedStep) -> StepReceipt | None:
        """That this node has the document, if it is guarantor or centre, not the mover, and has no other.

        Raises:
            StoreError: the database fails.
        """
        me = self._alliance.me
        is_mover = step.rule.mover not in WALLETS and me == member_of(step.guarantee, step.rule.mover)
        if is_mover or me not in {step.guarantee.iss, step.guarantee.centre}:
            return None
        known = self.kept(step.raw_id, step.digest)
        if known is not None or self._lives.has_another(step.step):
            return known  # who had receipts for several would choose among them after the time
        lodged = int(self._clock.now())
        told = (step.raw_id, step.event, step.digest, lodged)
        signature = self._signing.sign_message(step_receipt_digest(self._checks.domain(step.row), *told))
        return StepReceipt(me, lodged, self._signing.public_key.hex(), signature.hex())

    def kept(self, raw_id: bytes, digest: bytes) -> StepReceipt | None:
        """The receipt for a step's document, if there is one here.

        Raises:
            StoreError: the database fails.
        """
        raw = self._store.get(layout.GUARANTEE_RECEIPT + raw_id + digest)
        return None if raw is None else msgspec.msgpack.decode(raw, type=StepReceipt)

    @staticmethod
    def keep(transaction: Transaction, step: CheckedStep, receipt: StepReceipt | None) -> None:
        """Keep a checked receipt; none is nothing to keep."""
        if receipt is not None:
            key = layout.GUARANTEE_RECEIPT + step.raw_id + step.digest
            transaction.put(key, msgspec.msgpack.encode(receipt))
