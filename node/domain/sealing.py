"""The ledger's vocabulary about sealed guarantees: when tenders are opened, which applications are reserved.

Part of `node.domain.ledger`; `IOpenings.sol` and `IReservations.sol` have the same names.
"""

from dataclasses import dataclass

import msgspec

BATCH = 8
"""Reservations in a batch; `Reservations.BATCH`."""


@dataclass(frozen=True, slots=True)
class AnnounceOpening:
    """`Openings.announce`: the sender commits to the moment of an opening."""

    opening: bytes
    """32 bytes: id of the opening-terms document."""
    time: int


@dataclass(frozen=True, slots=True)
class PostponeOpening:
    """`Openings.postpone`: to a later moment, and never to an earlier one."""

    opening: bytes
    time: int
    notice: bytes
    """32 bytes: id of the opening-notice document."""


@dataclass(frozen=True, slots=True)
class OpenTender:
    """`Openings.open`: the committed moment has come, and the opening begins."""

    opening: bytes


class SignedReservation(msgspec.Struct, frozen=True):
    """The struct `IReservations.Reservation`: `node.domain.reservation_key` makes and checks it."""

    nullifier: bytes
    """32 bytes: address of a one-time key, padded on the left."""
    binding: bytes
    """32 bytes, not all zero."""
    signature: bytes
    """The key's over EIP-712 `ReserveApplication`, 64 bytes: r, then y parity and s (ERC-2098)."""


@dataclass(frozen=True, slots=True)
class ReserveApplications:
    """`Reservations.reserve`: a batch of one size, filled with cover."""

    reservations: tuple[SignedReservation, ...]
    """`BATCH`."""


@dataclass(frozen=True, slots=True)
class OpeningAnnounced:
    """A centre has committed to the moment of an opening."""

    member: str
    opening: bytes
    time: int


@dataclass(frozen=True, slots=True)
class OpeningPostponed:
    """The committed moment is a later one."""

    member: str
    opening: bytes
    time: int
    notice: bytes


@dataclass(frozen=True, slots=True)
class TenderOpened:
    """The opening has begun; only now holders give their shares."""

    member: str
    opening: bytes
    time: int
    """Of the block."""


@dataclass(frozen=True, slots=True)
class ApplicationsReserved:
    """What was taken of a batch: what was not signed, or was reserved before, is left out."""

    member: str
    nullifiers: tuple[bytes, ...]
    bindings: tuple[bytes, ...]
    time: int
    """Of the block."""
