"""An operator's decisions about what is parked: try it again, or give it up. Each is recorded as an act."""

from node.domain.act import ActKind
from node.domain.draft import RecordDraft
from node.ports import Store
from node.services.acts import Acts
from node.services.feed import Feed
from node.services.outbox import Outbox
from node.services.preparing import Problem
from node.services.records import Records
from node.services.transaction import Transaction


class Decisions:
    """Releases and drops parked records and transactions."""

    def __init__(self, store: Store, records: Records, outbox: Outbox, acts: Acts, feed: Feed) -> None:
        self._store, self._records, self._outbox = store, records, outbox
        self._acts, self._feed = acts, feed

    def release_record(self, number: int, item: RecordDraft | Problem) -> int:
        """Try a parked item again, for example after a rule has changed.

        Args:
            number: of the parked item.
            item: what its raw form means now.

        Returns:
            The new record's position.

        Raises:
            MissingError: nothing is parked under that number.
            RecordFormatError: it still cannot be used; it stays parked.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        position = self._records.release(transaction, number, item)
        self._commit(transaction, ActKind.RECORD_RELEASED, {"number": str(number), "position": str(position)})
        return position

    def drop_record(self, number: int) -> None:
        """Give a parked item up.

        Raises:
            MissingError: nothing is parked under that number.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        self._records.drop(transaction, number)
        self._commit(transaction, ActKind.RECORD_DROPPED, {"number": str(number)})

    def release_transaction(self, number: int) -> None:
        """Try a parked item of the outbox again.

        Raises:
            MissingError: there is no such item.
            ConflictError: it is not parked.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        item = self._outbox.release(transaction, number)
        self._commit(transaction, ActKind.OUTBOX_RELEASED, {"number": str(number), "object": item.object})

    def drop_transaction(self, number: int) -> None:
        """Give a parked item of the outbox up; the next one of its object goes out.

        Raises:
            MissingError: there is no such item.
            ConflictError: it is not parked.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        item = self._outbox.drop(transaction, number)
        self._commit(transaction, ActKind.OUTBOX_DROPPED, {"number": str(number), "object": item.object})

    def _commit(self, transaction: Transaction, kind: ActKind, about: dict[str, str]) -> None:
        self._acts.record(transaction, kind, about)
        transaction.commit()
        self._feed.wake()
