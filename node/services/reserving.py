"""At any member: reservations of guarantee applications, brought to the ledger in batches that say nothing.

Whoever reserves shows two digests that mean nothing here: neither the section nor the centre nor the guarantor. Once
per period one batch goes out, always of the same size, filled up with random bytes and shuffled; what does not fit
waits. While one is under way the next waits for the next period.
"""

import enum
import random

import msgspec

from node.domain.disclosure import SEED_BYTES
from node.domain.duties import Act
from node.domain.sealing import BATCH, ReserveApplications
from node.domain.wallet import ReserveCall
from node.errors import BusyError, DuplicateError
from node.ports import Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.follower import Follower
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.sealing_rows import reservation_of
from node.services.transaction import Transaction
from node.services.vault import Entropy

OBJECT = "reservations"
MOST_WAITING = 1_000
_COUNTER = "reservations"
_DIGEST_BYTES = 32


class Place(enum.Enum):
    """How far a reservation is; the words are stable."""

    WAITING = "waiting"
    """For the next batch, or for its block."""
    RESERVED = "reserved"


class Reserving:
    """The queue before the batches."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        follower: Follower,
        outbox: Outbox,
        entropy: Entropy,
    ) -> None:
        self._store, self._alliance, self._gate, self._follower = store, alliance, gate, follower
        self._outbox, self._entropy = outbox, entropy

    def reserve(self, token: str) -> Place:
        """Take a reservation for the next batch, or say where it stands; the same again changes nothing.

        Raises:
            DuplicateError: the nullifier is reserved with another binding.
            BusyError: too many wait here.
            NodeError: the request is not acceptable.
        """
        self._alliance.check_may(Act.RESERVE)
        call = self._gate.open(token, ReserveCall)
        self._gate.check_controller(call)
        nullifier, binding = bytes.fromhex(call.nullifier), bytes.fromhex(call.binding)
        row = reservation_of(self._store, nullifier)
        if row is not None:
            if row.binding != binding:
                raise DuplicateError("this application is reserved already, for another guarantor or time")
            return Place.RESERVED
        # Kept until the ledger has it: twice in a batch, it could not be cover.
        key = layout.RESERVATION_NUMBER + nullifier
        if self._store.get(key) is None:
            if self._waiting() >= MOST_WAITING:
                raise BusyError("too many reservations wait at this node; try again, or at another member")
            transaction = Transaction(self._store)
            number = layout.number(transaction.take(_COUNTER))
            transaction.put(layout.RESERVATION_WAITING + number, msgspec.msgpack.encode((nullifier, binding)))
            transaction.put(key, number)
            transaction.commit()
        return Place.WAITING

    def send_batch(self) -> None:
        """One batch, with or without work; called once per period.

        Raises:
            StoreError: the database fails.
        """
        row = self._alliance.projection.standing(self._alliance.me)
        if row is None or not row.active:
            return
        transaction = Transaction(self._store)
        if self._outbox.is_open(transaction, OBJECT):
            return
        pairs: list[tuple[bytes, bytes]] = []
        for key, raw in self._store.scan(layout.RESERVATION_WAITING):
            if len(pairs) == BATCH:
                break
            pairs.append(msgspec.msgpack.decode(raw, type=tuple[bytes, bytes]))
            transaction.delete(key)
        for key, _ in self._store.scan(layout.RESERVATION_NUMBER):
            # The ledger has it: what it was beside its cover need not be told from this database any more.
            if reservation_of(self._store, key[len(layout.RESERVATION_NUMBER) :]) is not None:
                transaction.delete(key)
        cover = BATCH - len(pairs)
        pairs += [(self._entropy(_DIGEST_BYTES), self._entropy(_DIGEST_BYTES)) for _ in range(cover)]
        random.Random(self._entropy(SEED_BYTES)).shuffle(pairs)  # noqa: S311  # need not be secret-grade to permute
        nullifiers, bindings = zip(*pairs, strict=True)
        self._outbox.add(transaction, OBJECT, ReserveApplications(tuple(nullifiers), tuple(bindings)))
        transaction.commit()

    def send_when_known(self) -> None:
        """`send_batch`, once this node has seen the ledger.

        Raises:
            StoreError: the database fails.
        """
        if self._follower.head is not None:
            self.send_batch()

    def _waiting(self) -> int:
        return sum(1 for _ in self._store.scan(layout.RESERVATION_WAITING))
