"""What a guarantor answers for at the moment 敞口: its guarantees that are not over, by applicant and by end."""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from node.domain.issue_facts import Total
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault

_ID_BYTES = 32


class Exposure(msgspec.Struct, frozen=True):
    """One guarantee that is not over."""

    subject: str
    amount: str
    """Plain decimal: what can still be claimed."""
    currency: str
    exp: int
    """The end in force, seconds since 1970 UTC."""
    on_line: bool
    """Whether it was drawn on the subject's credit line."""
    steps: int = 1
    """How often its amount was set, the issue included: numbers the orders to the core bank."""


class Exposures:
    """The rows, sealed under the node's own key; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store, vault: Vault, me: str) -> None:
        self._store, self._vault, self._me = store, vault, me

    def add(self, transaction: Transaction, guarantee: bytes, row: Exposure, *, is_sent: bool) -> None:
        """From now on the guarantor answers for it.

        Args:
            transaction: of the issue.
            guarantee: its id, 32 bytes.
            row: what it is answered for.
            is_sent: whether the issue is in the outbox, so that without item and row it never came about.
        """
        self.put(transaction, guarantee, row)
        if is_sent:
            transaction.put(layout.EXPOSURE_SENT + guarantee, b"")
        transaction.put(layout.EXPOSURE_OF + guarantee, bytes.fromhex(row.subject))
        transaction.put(layout.EXPOSURE_END + layout.number(row.exp) + guarantee, b"")

    def put(self, transaction: Transaction, guarantee: bytes, row: Exposure) -> None:
        """Replace it, with the same subject and end."""
        key = _key(row.subject, guarantee)
        transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(row)))

    def remove(self, transaction: Transaction, guarantee: bytes, row: Exposure) -> None:
        """It is over."""
        transaction.delete(_key(row.subject, guarantee))
        transaction.delete(layout.EXPOSURE_OF + guarantee)
        self.arrived(transaction, guarantee)
        transaction.delete(layout.EXPOSURE_END + layout.number(row.exp) + guarantee)

    @staticmethod
    def arrived(transaction: Transaction, guarantee: bytes) -> None:
        """The ledger has it."""
        if transaction.get(layout.EXPOSURE_SENT + guarantee) is not None:
            transaction.delete(layout.EXPOSURE_SENT + guarantee)

    def sent(self) -> Iterator[bytes]:
        """Ids of those that are on their way to the ledger."""
        for key, _ in self._store.scan(layout.EXPOSURE_SENT):
            yield key[-_ID_BYTES:]

    def find(self, transaction: Transaction, guarantee: bytes) -> Exposure | None:
        """A guarantee that is not over, as a unit of work sees it."""
        subject = transaction.get(layout.EXPOSURE_OF + guarantee)
        if subject is None:
            return None
        key = _key(subject.hex(), guarantee)
        sealed = transaction.get(key)
        return None if sealed is None else self._opened(key, sealed)

    def ended(self, now: float) -> Iterator[bytes]:
        """Ids of those whose end has come, and that nobody has taken out yet, earliest first."""
        for key, _ in self._store.scan(layout.EXPOSURE_END, stop=layout.number(int(now) + 1)):
            yield key[-_ID_BYTES:]

    def total(self, subject: str, currency: str) -> Total:
        """What the guarantor answers for in a subject's favour, in one currency."""
        amounts = [Decimal(row.amount) for row in self.of(subject) if row.currency == currency]
        return Total(len(amounts), sum(amounts, Decimal(0)))

    def of(self, subject: str) -> Iterator[Exposure]:
        """A subject's guarantees that are not over."""
        for key, sealed in self._store.scan(layout.EXPOSURE + bytes.fromhex(subject)):
            yield self._opened(key, sealed)

    def _opened(self, key: bytes, sealed: bytes) -> Exposure:
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=Exposure)


def _key(subject: str, guarantee: bytes) -> bytes:
    return layout.EXPOSURE + bytes.fromhex(subject) + guarantee
