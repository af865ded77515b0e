"""Whether this node can know everything that was erased here: it must, before it shows any subject's data.

The ledger's anchors of the own log are the clock. A database that holds the log up to its last anchor followed the
list of erasures up to there too. One that does not was put back from a backup, and then the list must reach that far:
else an erasure may have been made and lost. A receipt for an erasure leaves only when the record of it is anchored,
so no erasure that somebody holds a receipt for can be lost unseen.
"""

from node.errors import ErasureListError
from node.ports import ErasureList, Store
from node.services.log import SIZE
from node.services.projection import Projection
from node.services.transaction import Transaction

ACCEPTED = "erasures-accepted"
"""Counter: size of the own log up to which the operator answers for the list."""


class Reach:
    """Compares the list of erasures with the ledger."""

    def __init__(self, store: Store, projection: Projection, erasures: ErasureList, me: str) -> None:
        self._store, self._projection, self._erasures, self._me = store, projection, erasures, me

    def check(self) -> None:
        """That no erasure can be missing.

        Raises:
            ErasureListError: one can.
            StoreError: the database fails.
        """
        if trouble := self.trouble():
            raise ErasureListError(trouble)

    def trouble(self) -> str:
        """What is missing, for people; empty if nothing can be.

        Raises:
            StoreError: the database fails.
        """
        missing = self.missing()
        if missing is None:
            return ""
        known, anchored = missing
        return (
            "this node was put back from a backup, and its list of erasures is known to be complete up to log size "
            f"{known} only, while the ledger has {anchored}: something that was erased may be back"
        )

    def missing(self) -> tuple[int, int] | None:
        """Up to which log size the list is known to be complete, and how far the ledger is; None if it suffices.

        Raises:
            StoreError: the database fails.
        """
        anchored = self._projection.anchored_size(self._me)
        counters = Transaction(self._store)
        if anchored <= counters.counter(SIZE):
            return None
        known = max(self._erasures.reach(), counters.counter(ACCEPTED))
        return None if known >= anchored else (known, anchored)

    def note(self) -> None:
        """Nothing is missing now: remember how far the log is.

        Raises:
            StoreError: the database or the list fails.
        """
        if self.missing() is None:
            self._erasures.note_reach(Transaction(self._store).counter(SIZE))
