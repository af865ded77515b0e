"""A guarantee's present terms at this node: the ledger's steps, and of their documents those that are here."""

from collections.abc import Iterator
from dataclasses import replace

from node.domain.document import document_digest
from node.domain.guarantee import Guarantee
from node.domain.guarantee_life import Life, begin, replay
from node.domain.guarantee_statement import StepDocument, peek_step
from node.domain.ledger import GuaranteeStep
from node.ports import Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.projection import GuaranteeRow
from node.services.transaction import Transaction


class GuaranteeLives:
    """Keeps the documents of steps, each under its guarantee."""

    def __init__(self, store: Store, alliance: Alliance) -> None:
        self._store, self._alliance = store, alliance

    def of(self, raw_id: bytes, guarantee: Guarantee, row: GuaranteeRow | None) -> Life:
        """The present terms of a guarantee that stands on the ledger as `row` says.

        Raises:
            StoreError: the database fails.
        """
        if row is None or row.sequence == 1:  # most never take a step before their last
            return begin(guarantee)
        steps = self._alliance.projection.guarantee_steps(raw_id)
        documents: dict[bytes, StepDocument] = {}
        for step in steps:
            token = self.document(raw_id, step.document)
            if token:
                documents[step.document] = peek_step(token)
        life = replay(guarantee, steps, documents)
        # A database from before steps were kept one by one knows the last one only.
        return life if len(steps) == row.sequence - 1 else replace(life, is_complete=False)

    def document(self, raw_id: bytes, digest: bytes) -> str:
        """The document of a step, a compact JWS; empty if it is not here.

        Raises:
            StoreError: the database fails.
        """
        kept = self._store.get(layout.GUARANTEE_STEP + raw_id + digest)
        return "" if kept is None else kept.decode()

    def is_final(self, raw_id: bytes, sequence: int, digest: bytes) -> bool:
        """Whether the ledger has this document as that step.

        Raises:
            StoreError: the database fails.
        """
        steps = self._alliance.projection.guarantee_steps(raw_id)
        return any((step.sequence, step.document) == (sequence, digest) for step in steps)

    def announced(self, raw_id: bytes, row: GuaranteeRow) -> Iterator[StepDocument]:
        """Documents that are here of steps that come next, and that the ledger does not have.

        A release does not say its place: the one counts for which its mover signed.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.GUARANTEE_STEP_AT + raw_id + row.document):
            token = self.document(raw_id, key[-len(row.document) :])
            if token:
                yield peek_step(token)

    def has_another(self, step: GuaranteeStep) -> bool:
        """Whether another document of the same step, at the same place, is here.

        Raises:
            StoreError: the database fails.
        """
        place = _place(step)
        return any(key != place + step.document for key, _ in self._store.scan(place))

    @classmethod
    def announce(cls, transaction: Transaction, step: GuaranteeStep, token: str) -> None:
        """Keep the document of a step that was checked, and that the ledger does not have yet."""
        cls.keep(transaction, step.guarantee, token)
        transaction.put(_place(step) + step.document, b"")

    @staticmethod
    def keep(transaction: Transaction, raw_id: bytes, token: str) -> None:
        """Keep a document that was checked; what follows from the guarantee's terms is looked at again."""
        transaction.put(layout.GUARANTEE_STEP + raw_id + document_digest(token), token.encode())
        transaction.put(layout.SECTION_NEWS + raw_id, b"")


def _place(step: GuaranteeStep) -> bytes:
    """Of an event of one mover, behind one document."""
    return layout.GUARANTEE_STEP_AT + step.guarantee + step.previous + bytes([step.event])
