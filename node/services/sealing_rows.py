"""The part of the projection about sealed guarantees: openings and reservations as final blocks have them.

Reservations are many, most of them cover, and matter for a while only: with the first batch of a day those go that
are older than `RESERVATION_DAYS`. What goes when follows from the ledger alone: every node keeps the same, and
the same again when it reads the ledger anew, in however large pieces.
"""

from collections.abc import Sequence

import msgspec

from node.domain import sealing
from node.domain.ledger import Happening
from node.domain.sealed_guarantee import RESERVATION_DAYS
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction

_DAY_SECONDS = 86_400
_NULLIFIER_BYTES = 32


class OpeningRow(msgspec.Struct, frozen=True):
    """Where an opening stands."""

    time: int
    """The committed moment, the last to which it was put off."""
    opened: int = 0
    """Time of the block that opened it; 0 before."""


class ReservationRow(msgspec.Struct, frozen=True):
    """A reservation, or cover: nobody can tell."""

    binding: bytes
    time: int
    """Of the block."""


def opening_of(store: Store, member: str, opening: bytes) -> OpeningRow | None:
    """A centre's opening, or None.

    Raises:
        StoreError: the database fails.
    """
    raw = store.get(_opening(member, opening))
    return None if raw is None else msgspec.msgpack.decode(raw, type=OpeningRow)


def reservation_of(store: Store, nullifier: bytes) -> ReservationRow | None:
    """The reservation of a nullifier, or None; there is one for ever, and it is kept for `RESERVATION_DAYS`.

    Raises:
        StoreError: the database fails.
    """
    raw = store.get(layout.LEDGER_RESERVATION + nullifier)
    return None if raw is None else msgspec.msgpack.decode(raw, type=ReservationRow)


def apply_sealing(transaction: Transaction, happening: Happening) -> None:
    """Write what a final event says; nothing if it is of another kind.

    Raises:
        StoreError: the database fails.
    """
    match happening:
        case sealing.OpeningAnnounced(member, opening, time) | sealing.OpeningPostponed(
            member, opening, time
        ):
            transaction.put(_opening(member, opening), msgspec.msgpack.encode(OpeningRow(time)))
        case sealing.TenderOpened(member, opening, time):
            raw = transaction.get(_opening(member, opening))
            committed = time if raw is None else msgspec.msgpack.decode(raw, type=OpeningRow).time
            transaction.put(_opening(member, opening), msgspec.msgpack.encode(OpeningRow(committed, time)))
        case sealing.ApplicationsReserved(_, nullifiers, bindings, time):
            _begin_day(transaction, time // _DAY_SECONDS)
            _reserve(transaction, nullifiers, bindings, time)


def _begin_day(transaction: Transaction, day: int) -> None:
    """With the first batch of a day the oldest go."""
    last = transaction.get(layout.LEDGER_RESERVED_DAY)
    if last is not None and layout.from_number(last) >= day:
        return
    transaction.put(layout.LEDGER_RESERVED_DAY, layout.number(day))
    oldest = layout.number(max(0, day - RESERVATION_DAYS))
    for key, nullifiers in transaction.scan(layout.LEDGER_RESERVED_ON, oldest):
        transaction.delete(key)
        for place in range(0, len(nullifiers), _NULLIFIER_BYTES):
            transaction.delete(layout.LEDGER_RESERVATION + nullifiers[place : place + _NULLIFIER_BYTES])


def _reserve(
    transaction: Transaction, nullifiers: Sequence[bytes], bindings: Sequence[bytes], time: int
) -> None:
    for nullifier, binding in zip(nullifiers, bindings, strict=True):
        # The contract tells what it took, and of one nullifier once: what went by age is not told again.
        row = ReservationRow(binding, time)
        transaction.put(layout.LEDGER_RESERVATION + nullifier, msgspec.msgpack.encode(row))
    if nullifiers:
        day = layout.number(time // _DAY_SECONDS)
        transaction.put(layout.LEDGER_RESERVED_ON + day + nullifiers[0], b"".join(nullifiers))


def _opening(member: str, opening: bytes) -> bytes:
    return layout.LEDGER_OPENING + layout.text(member) + opening
