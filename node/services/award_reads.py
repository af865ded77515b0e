"""At a tender's centre: which lender fetched the proof of whose award, under which grant; told to the winner."""

from collections.abc import Iterator

import msgspec

from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault

_COUNTER = "award-reads"
MOST = 1_000
"""So many of the newest are told."""


class AwardRead(msgspec.Struct, frozen=True):
    """One fetch."""

    time: float
    """When the centre answered, seconds since 1970 UTC."""
    reader: str
    """The lender."""
    grant: str
    """Id on the ledger, 64 hex digits."""
    project: str


class AwardReads:
    """The rows, sealed under the node's own key: a winner need not be registered here."""

    def __init__(self, store: Store, vault: Vault, me: str) -> None:
        self._store, self._vault, self._me = store, vault, me

    def note(self, transaction: Transaction, subject: str, read: AwardRead) -> None:
        """Note a fetch of a winner's proof in the unit of work that must be durable before the proof leaves.

        Args:
            transaction: its.
            subject: the winner's id, 64 hex digits.
            read: what is noted.
        """
        key = _place(subject) + layout.number(transaction.take(_COUNTER))
        transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(read)))

    def of(self, subject: str) -> list[AwardRead]:
        """A winner's, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return list(self._newest_first(subject))[::-1]

    def _newest_first(self, subject: str) -> Iterator[AwardRead]:
        for number, (key, sealed) in enumerate(self._store.scan(_place(subject), reverse=True)):
            if number == MOST:
                return
            yield msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=AwardRead)


def _place(subject: str) -> bytes:
    return layout.AWARD_READ + layout.text(subject)
