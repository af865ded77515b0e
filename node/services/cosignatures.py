"""Other members' cosignatures on this node's own log."""

from node.domain.checkpoint import parse_checkpoint
from node.domain.cosignature import open_cosignature, with_cosignatures, witnesses_needed
from node.errors import MissingError
from node.ports import LogView, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.log import Log
from node.services.transaction import Transaction

_WITNESSED = "log-witnessed"


class Cosignatures:
    """Checks and keeps them; a checkpoint with enough of them is witnessed."""

    def __init__(self, store: Store, alliance: Alliance, log: Log) -> None:
        self._store, self._alliance, self._log = store, alliance, log

    def take(self, witness: str, size: int, line: str) -> None:
        """Keep a member's cosignature; the same again changes nothing.

        Args:
            witness: the member that hands it in.
            size: of the checkpoint.
            line: the signature line.

        Raises:
            MissingError: this log has no checkpoint of that size.
            NotMemberError: the witness is no active member.
            ProofFormatError: the line is malformed.
            SignatureError: it is not this member's over this checkpoint.
            StoreError: the database fails.
        """
        checkpoint = parse_checkpoint(self._log.checkpoint(size).note)
        open_cosignature(line, checkpoint, witness, self._alliance.projection.member(witness).log_key)
        key = layout.COSIGNATURE + layout.number(size) + witness.encode()
        transaction = Transaction(self._store)
        if transaction.get(key) is not None:
            return
        transaction.put(key, line.encode())
        have = len(self._lines(size)) + 1
        if have >= self.needed() and size > transaction.counter(_WITNESSED):
            transaction.set_counter(_WITNESSED, size)
        transaction.commit()

    def note(self, size: int) -> str:
        """The checkpoint of `size` with all its cosignatures.

        Raises:
            MissingError: there is no such checkpoint.
            StoreError: the database fails.
        """
        return with_cosignatures(self._log.checkpoint(size).note, self._lines(size).values())

    def first_witnessed(self, size: int) -> int | None:
        """Size of the first checkpoint at or after `size` that has enough cosignatures, as the alliance is now.

        Raises:
            StoreError: the database fails.
        """
        needed, have, current = self.needed(), 0, -1
        if not needed:
            return size
        for key, _ in self._store.scan(layout.COSIGNATURE, start=layout.number(size)):
            at = layout.from_number(key[len(layout.COSIGNATURE) :][:8])
            have, current = (have + 1 if at == current else 1), at
            if have >= needed:
                return at
        return None

    def witnessed_view(self, size: int) -> LogView:
        """The first witnessed checkpoint at or after `size`, and a consistency proof from `size` to it.

        Raises:
            MissingError: this log has none yet.
            StoreError: the database fails.
        """
        found = self.first_witnessed(size)
        if found is None or not 0 < size <= found <= self._log.size():
            raise MissingError(f"no checkpoint at or after {size} has enough cosignatures yet")
        return LogView(self.note(found), [self._log.consistency(size, found)])

    def needed(self) -> int:
        """How many make a checkpoint witnessed, as the alliance is now."""
        members = self._alliance.projection.members()
        return witnesses_needed(sum(row.active and row.member.name != self._alliance.me for row in members))

    def witnessed_size(self) -> int:
        """Size of the newest checkpoint that had enough cosignatures, zero if none had.

        Raises:
            StoreError: the database fails.
        """
        return Transaction(self._store).counter(_WITNESSED)

    def _lines(self, size: int) -> dict[str, str]:
        prefix = layout.COSIGNATURE + layout.number(size)
        return {key[len(prefix) :].decode(): raw.decode() for key, raw in self._store.scan(prefix)}
