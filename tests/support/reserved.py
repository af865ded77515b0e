"""Reservations by one-time keys, for tests that need no wallet."""

import secrets

from node.domain.ledger_ids import Eip712Domain
from node.domain.reservation_key import KEY_MATERIAL_BYTES, ReservationKey, cover_key
from node.domain.sealing import BATCH, SignedReservation


def some_key() -> ReservationKey:
    return cover_key(secrets.token_bytes(KEY_MATERIAL_BYTES))


def some_reservations(domain: Eip712Domain, count: int = BATCH) -> tuple[SignedReservation, ...]:
    """By a new key each; the domain is that of the contract `Alliance`."""
    return tuple(some_key().sign(domain, secrets.token_bytes(32)) for _ in range(count))
