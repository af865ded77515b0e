"""The part of the projection about sealed guarantees: openings and reservations as final blocks have them."""

import msgspec

from node.domain import sealing
from node.domain.ledger import Happening
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction


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
    """The first reservation of a nullifier, or None.

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
            for nullifier, binding in zip(nullifiers, bindings, strict=True):
                key = layout.LEDGER_RESERVATION + nullifier
                if any(binding) and transaction.get(key) is None:
                    transaction.put(key, msgspec.msgpack.encode(ReservationRow(binding, time)))


def _opening(member: str, opening: bytes) -> bytes:
    return layout.LEDGER_OPENING + layout.text(member) + opening
