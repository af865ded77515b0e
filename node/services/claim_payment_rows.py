"""What became of the payments of claims: one row for each claim, sealed under the node's own key."""

import enum
from collections.abc import Iterator

import msgspec

from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault


class PaymentState(enum.Enum):
    """Where a payment stands; the words are stable."""

    DUE = "due"
    """It waits for a person's release."""
    ORDERED = "ordered"
    GIVEN_UP = "given-up"
    """Its order is not carried out, and never will be."""
    PAID = "paid"
    """The core bank has paid; the ledger does not have the statement yet."""
    STATED = "stated"
    CLOSED = "closed"
    """It was paid and cannot be stated; a person has seen to it."""


_OPEN = {PaymentState.ORDERED.value, PaymentState.PAID.value}


class KeptPayment(msgspec.Struct, frozen=True):
    """A payment and what became of it."""

    guarantee: str
    """Id, 64 hex digits."""
    claim: int
    """Number of the step that made the claim."""
    amount: str
    currency: str
    beneficiary: str
    account: str
    state: str = PaymentState.DUE.value
    attempt: int = 0
    """How many orders for it were given up."""
    released_by: str = ""
    """Name of the system, or the SHA-256 of the rules file."""
    order: str = ""
    """Id, 64 hex digits."""
    reference: str = ""
    """In the bank's books."""
    proof: str = ""
    """JSON text whose SHA-256 the statement has."""
    statement: bytes = b""
    """Digest of the document of the statement that was last put on its way, 32 bytes."""
    problem: str = ""
    """Why its order was given up, or why it cannot be stated."""

    @property
    def is_unstated(self) -> bool:
        """Whether the bank has paid, and nothing can be stated of it."""
        return self.state == PaymentState.PAID.value and bool(self.problem)

    @property
    def place(self) -> bytes:
        """Of the row: guarantee and claim."""
        return place_of(bytes.fromhex(self.guarantee), self.claim)


class PaymentRows:
    """The rows, and which of them are open: ordered, or paid and not stated yet."""

    def __init__(self, store: Store, vault: Vault, me: str) -> None:
        self._store, self._vault, self._me = store, vault, me

    def get(self, place: bytes, transaction: Transaction | None = None) -> KeptPayment | None:
        """A row, as a unit of work sees it.

        Raises:
            StoreError: the database fails.
        """
        key = layout.CLAIM_PAYMENT + place
        sealed = (transaction or Transaction(self._store)).get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=KeptPayment)

    def put(self, transaction: Transaction, kept: KeptPayment) -> None:
        """Write a row."""
        key = layout.CLAIM_PAYMENT + kept.place
        transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(kept)))
        if kept.state in _OPEN:
            transaction.put(layout.CLAIM_PAYMENT_OPEN + kept.place, b"")
        else:
            transaction.delete(layout.CLAIM_PAYMENT_OPEN + kept.place)

    def open_ones(self, raw_id: bytes = b"") -> Iterator[KeptPayment]:
        """Those that are open, of one guarantee or of all.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in list(self._store.scan(layout.CLAIM_PAYMENT_OPEN + raw_id)):
            if (kept := self.get(key[len(layout.CLAIM_PAYMENT_OPEN) :])) is not None:
                yield kept


def place_of(raw_id: bytes, claim: int) -> bytes:
    """Place of the row for a claim.

    Args:
        raw_id: of the guarantee, 32 bytes.
        claim: number of the step that made it.
    """
    return raw_id + layout.number(claim)
