"""The ledger's vocabulary about sealed guarantees: when tenders are opened, which applications are reserved.

Part of `node.domain.ledger`; `IOpenings.sol` and `IReservations.sol` have the same names.
"""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class ReserveApplications:
    """`Reservations.reserve`: a batch of one size, filled with cover."""

    nullifiers: tuple[bytes, ...]
    """`BATCH` of 32 bytes."""
    bindings: tuple[bytes, ...]
    """One for each, 32 bytes."""


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
    """A batch; where a nullifier was there before, the earlier binding stands."""

    member: str
    nullifiers: tuple[bytes, ...]
    bindings: tuple[bytes, ...]
    time: int
    """Of the block."""
