"""Other members' cosignatures on this node's own log."""

from node.domain.checkpoint import parse_checkpoint
from node.domain.cosignature import open_cosignature, with_cosignatures, witnesses_needed
from node.ports import Store
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
