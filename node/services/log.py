"""The node's RFC 6962 log: one batch of fixed size per period, signed, anchored, proven.

Entries wait until the period ends; then as many as fit are shuffled together with random cover entries up to the
fixed size, so that neither the number nor the order of what happened shows. What does not fit waits for the next
batch. Entries and the Merkle tree's complete nodes are stored; a proof reads about 2·log2(n) of them.
"""

import logging
import random
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from node.domain import merkle
from node.domain.checkpoint import Checkpoint, add_signature, sign_checkpoint
from node.domain.disclosure import SEED_BYTES
from node.domain.ledger import AnchorCheckpoint, Call
from node.domain.record import ENTRY_BYTES
from node.errors import AnchorError, MissingError, StoreError
from node.ports import Keys, LogView, Store
from node.services import layout
from node.services.outbox import Outbox
from node.services.records import POSITION
from node.services.transaction import Transaction
from node.services.vault import Entropy

logger = logging.getLogger(__name__)

ANCHOR_OBJECT = "anchor"
SIZE = "log-size"
_THROUGH = "log-through"


class CheckpointRow(msgspec.Struct, frozen=True, array_like=True):
    """One published batch."""

    note: str
    through: int
    """All records at positions below this are in the log."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Where a record stands in the log, under one checkpoint."""

    index: int
    path: Sequence[bytes]
    note: str


class Log:
    """Grows only; whoever holds an anchor can check that."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        outbox: Outbox,
        keys: Keys,
        entropy: Entropy,
        alliance: str,
        member: str,
        batch_size: int,
    ) -> None:
        self._store, self._outbox, self._keys, self._entropy = store, outbox, keys, entropy
        self._alliance, self._member, self._batch_size = alliance, member, batch_size

    def publish(self, anchored_size: int) -> Checkpoint:
        """Publish one batch and see to its anchor; called once per period, whether or not there is work.

        Args:
            anchored_size: size of this log's last final anchor, zero before the first.

        Raises:
            AnchorError: the ledger holds an anchor of this log that this store does not know.
            StoreError: the database fails; then nothing was published.
        """
        transaction = Transaction(self._store)
        if anchored_size and transaction.get(layout.CHECKPOINT + layout.number(anchored_size)) is None:
            # An older copy of the store was restored: another batch of that size would fork the log.
            raise AnchorError(f"the ledger has this log at size {anchored_size}, and this store does not")
        size, through = transaction.counter(SIZE), transaction.counter(_THROUGH)
        staged = min(transaction.counter(POSITION) - through, self._batch_size)
        slots: list[int | None] = [*range(through, through + staged), *[None] * (self._batch_size - staged)]
        # Seeded from the operating system; Random itself need not be secret-grade to permute.
        random.Random(self._entropy(SEED_BYTES)).shuffle(slots)  # noqa: S311
        entries = [self._take_entry(transaction, slot, size + i) for i, slot in enumerate(slots)]
        for index, entry in enumerate(entries, size):
            transaction.put(layout.node(0, index), entry)
        for level, index, value in merkle.grow(
            size, map(merkle.leaf_hash, entries), self._reader(transaction)
        ):
            if level:
                transaction.put(layout.node(level, index), value)
        size += len(entries)
        transaction.set_counter(SIZE, size)
        transaction.set_counter(_THROUGH, through + staged)
        root = merkle.root_hash(size, self._reader(transaction))
        checkpoint = Checkpoint(self._alliance, self._member, size, root)
        row = CheckpointRow(self._sign(checkpoint), through + staged)
        transaction.put(layout.CHECKPOINT + layout.number(size), msgspec.msgpack.encode(row))
        self._anchor(transaction, size, root, anchored_size)
        transaction.commit()
        return checkpoint

    def size(self) -> int:
        """Number of leaves.

        Raises:
            StoreError: the database fails.
        """
        return Transaction(self._store).counter(SIZE)

    def root(self, size: int) -> bytes:
        """The tree head at a size.

        Raises:
            StoreError: the database fails.
        """
        return merkle.root_hash(size, self._reader(Transaction(self._store)))

    def checkpoint(self, size: int) -> CheckpointRow:
        """The batch that ended at `size`.

        Raises:
            MissingError: none did.
            StoreError: the database fails.
        """
        raw = self._store.get(layout.CHECKPOINT + layout.number(size))
        if raw is None:
            raise MissingError(f"no checkpoint of size {size}")
        return msgspec.msgpack.decode(raw, type=CheckpointRow)

    def index_of(self, position: int) -> int | None:
        """Where the record at `position` stands in the log; None before publication.

        Raises:
            StoreError: the database fails.
        """
        raw = self._store.get(layout.INDEX + layout.number(position))
        return None if raw is None else layout.from_number(raw)

    def prove(self, position: int, size: int) -> Proof:
        """Prove a record under the checkpoint of `size`.

        Raises:
            MissingError: there is no such checkpoint, or the record is not under it.
            StoreError: the database fails.
        """
        row, index = self.checkpoint(size), self.index_of(position)
        if index is None or index >= size:
            raise MissingError("the record is not yet in the log at that size; wait for the next anchor")
        return Proof(
            index, merkle.inclusion_proof(index, size, self._reader(Transaction(self._store))), row.note
        )

    def consistency(self, old_size: int, new_size: int) -> list[bytes]:
        """RFC 6962 2.1.2 proof between two sizes of this log.

        Raises:
            InclusionError: no such sizes.
            StoreError: the database fails.
        """
        return merkle.consistency_proof(old_size, new_size, self._reader(Transaction(self._store)))

    def view(self, sizes: Sequence[int]) -> LogView:
        """The newest checkpoint, and a consistency proof to it from each size that it contains.

        Raises:
            MissingError: nothing was published yet.
            StoreError: the database fails.
        """
        newest = self.size()
        note = self.checkpoint(newest).note
        return LogView(note, [self.consistency(size, newest) if 0 < size <= newest else [] for size in sizes])

    def _take_entry(self, transaction: Transaction, position: int | None, index: int) -> bytes:
        """The entry of a staged record, or a cover entry that nobody can tell from one."""
        if position is None:
            return self._entropy(ENTRY_BYTES)
        key = layout.number(position)
        entry = transaction.get(layout.ENTRY + key)
        if entry is None:
            raise StoreError(f"the entry of record {position} is missing")
        transaction.delete(layout.ENTRY + key)
        transaction.put(layout.INDEX + key, layout.number(index))
        return entry

    def _sign(self, checkpoint: Checkpoint) -> str:
        """By the present log key, and by a newer one that others are yet to learn of."""
        first, *newer = self._keys.log_signers
        note = sign_checkpoint(checkpoint, first.public_key, first.sign)
        for signer in newer:
            note = add_signature(note, signer.public_key, signer.sign)
        return note

    def _anchor(self, transaction: Transaction, size: int, root: bytes, anchored_size: int) -> None:
        # One anchor at a time: while one is under way the next waits for the next period and then covers
        # everything since, so an outage of hours is caught up with a single transaction.
        is_open = self._outbox.is_open(transaction, ANCHOR_OBJECT)
        parked = self._outbox.parked(ANCHOR_OBJECT) if is_open else None
        if is_open and (
            parked is None or not self._is_outdated(transaction, parked[1].decoded(), anchored_size)
        ):
            return
        anchor = AnchorCheckpoint(size, root, self._consistency(transaction, anchored_size, size))
        if parked is None:
            self._outbox.add(transaction, ANCHOR_OBJECT, anchor)
        else:
            logger.warning("the parked anchor of this log gives way to one of size %d", size)
            self._outbox.replace(transaction, parked[0], anchor)

    def _is_outdated(self, transaction: Transaction, call: Call, anchored_size: int) -> bool:
        """Whether an anchor is of this log as it is, but does not follow from the ledger's last: a block that was
        final is gone, or the anchor arrived after all. One that this log would make again stays parked, and so does
        one of another log.
        """
        if not isinstance(call, AnchorCheckpoint) or call.size > transaction.counter(SIZE):
            return False
        if merkle.root_hash(call.size, self._reader(transaction)) != call.root:
            return False
        if anchored_size >= call.size:
            return True
        return call.consistency != self._consistency(transaction, anchored_size, call.size)

    def _consistency(self, transaction: Transaction, old_size: int, size: int) -> tuple[bytes, ...]:
        return tuple(merkle.consistency_proof(old_size, size, self._reader(transaction))) if old_size else ()

    @staticmethod
    def _reader(transaction: Transaction) -> merkle.ReadNode:
        def read(level: int, index: int) -> bytes:
            value = transaction.get(layout.node(level, index))
            if value is None:
                raise StoreError(f"tree node {level}/{index} is missing")
            return value if level else merkle.leaf_hash(value)

        return read
