"""At any member: reservations of guarantee applications, brought to the ledger in batches that say nothing.

Whoever reserves shows an address and a digest that mean nothing here: neither the section nor the centre nor the
guarantor; and a signature, so that this member can put no other digest in its place. Once per period one batch goes
out, always of the same size, filled up with what random keys sign and shuffled; what does not fit waits. While one is
under way the next waits for the next period. Of one subject few wait, so that nobody blocks others before a deadline.
"""

import enum
import random
from collections.abc import Iterator

import msgspec

from node.domain.descriptor import alliance_domain
from node.domain.disclosure import SEED_BYTES
from node.domain.duties import Act
from node.domain.reservation_key import KEY_MATERIAL_BYTES, cover_key, is_reservation_signed
from node.domain.sealing import BATCH, ReserveApplications, SignedReservation
from node.domain.wallet import ReserveCall
from node.errors import BusyError, DuplicateError, SignatureError
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
MOST_OF_ONE = 4
"""Of one subject, half a batch: one that floods the queue delays others by less than a period."""
_COUNTER = "reservations"
_DIGEST_BYTES = 32
_NUMBER_BYTES = 8


class _WaitingRow(msgspec.Struct, frozen=True):
    reservation: SignedReservation
    subject: str


class Place(enum.Enum):
    """How far a reservation is; the words are stable."""

    WAITING = "waiting"
    """For the next batch, or for its block."""
    RESERVED = "reserved"


def traces_of(store: Store, subject: str) -> Iterator[bytes]:
    """Keys of what waits here for a subject.

    Raises:
        StoreError: the database fails.
    """
    for key, _ in store.scan(layout.RESERVATION_OF + layout.text(subject)):
        yield key
        place = layout.RESERVATION_WAITING + key[-_NUMBER_BYTES:]
        raw = store.get(place)
        if raw is not None:
            yield place
            row = msgspec.msgpack.decode(raw, type=_WaitingRow)
            yield layout.RESERVATION_NUMBER + row.reservation.nullifier


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
            SignatureError: the key of the nullifier has not signed the binding.
            DuplicateError: the nullifier is reserved with another binding.
            BusyError: too many wait here, of this subject or altogether.
            NodeError: the request is not acceptable.
        """
        self._alliance.check_may(Act.RESERVE)
        call = self._gate.open(token, ReserveCall)
        self._gate.check_controller(call)
        one = SignedReservation(*map(bytes.fromhex, (call.nullifier, call.binding, call.signature)))
        # The contract would pass it over, which tells that it is no cover.
        if not is_reservation_signed(alliance_domain(self._alliance.descriptor), one):
            raise SignatureError("the reservation is not signed by the key of its nullifier")
        row = reservation_of(self._store, one.nullifier)
        if row is not None:
            if row.binding != one.binding:
                raise DuplicateError("this application is reserved already, for another guarantor or time")
            return Place.RESERVED
        # Kept until the ledger has it: twice in a batch, it could not be cover.
        if self._store.get(layout.RESERVATION_NUMBER + one.nullifier) is None:
            self._queue(_WaitingRow(one, call.subject))
        return Place.WAITING

    def _queue(self, row: _WaitingRow) -> None:
        transaction = Transaction(self._store)
        mine = layout.RESERVATION_OF + layout.text(row.subject)
        taken = transaction.take(_COUNTER)
        if sum(1 for _ in self._store.scan(mine)) >= MOST_OF_ONE:
            raise BusyError(f"{MOST_OF_ONE} reservations of yours wait at this node; try again after a batch")
        # They leave in their order, so that the oldest number tells how many wait.
        oldest = next((key for key, _ in self._store.scan(layout.RESERVATION_WAITING)), None)
        if oldest is not None:
            waiting = taken - layout.from_number(oldest[len(layout.RESERVATION_WAITING) :])
            if waiting >= MOST_WAITING:
                raise BusyError("too many reservations wait at this node; try again, or at another member")
        number = layout.number(taken)
        transaction.put(layout.RESERVATION_WAITING + number, msgspec.msgpack.encode(row))
        transaction.put(layout.RESERVATION_NUMBER + row.reservation.nullifier, number)
        transaction.put(mine + number, b"")
        transaction.commit()

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
        batch: list[SignedReservation] = []
        for key, raw in self._store.scan(layout.RESERVATION_WAITING):
            if len(batch) == BATCH:
                break
            waiting = msgspec.msgpack.decode(raw, type=_WaitingRow)
            batch.append(waiting.reservation)
            transaction.delete(key)
            number = key[len(layout.RESERVATION_WAITING) :]
            transaction.delete(layout.RESERVATION_OF + layout.text(waiting.subject) + number)
        for key, _ in self._store.scan(layout.RESERVATION_NUMBER):
            # The ledger has it: what it was beside its cover need not be told from this database any more.
            if reservation_of(self._store, key[len(layout.RESERVATION_NUMBER) :]) is not None:
                transaction.delete(key)
        batch += [self._cover() for _ in range(BATCH - len(batch))]
        random.Random(self._entropy(SEED_BYTES)).shuffle(batch)  # noqa: S311  # need not be secret-grade to permute
        self._outbox.add(transaction, OBJECT, ReserveApplications(tuple(batch)))
        transaction.commit()

    def send_when_known(self) -> None:
        """`send_batch`, once this node has seen the ledger.

        Raises:
            StoreError: the database fails.
        """
        if self._follower.head is not None:
            self.send_batch()

    def _cover(self) -> SignedReservation:
        """By a key that nobody has kept."""
        key = cover_key(self._entropy(KEY_MATERIAL_BYTES))
        return key.sign(alliance_domain(self._alliance.descriptor), self._entropy(_DIGEST_BYTES))
