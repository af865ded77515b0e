"""`Openings.sol` and `Reservations.sol` in Python. Checks stand in the contracts' order."""

from dataclasses import dataclass
from typing import Protocol

from adapters.ledger.artifact import ALLIANCE, OPENINGS, RESERVATIONS
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.state import State
from node.domain.ledger import Happening
from node.domain.member import Member, Role
from node.domain.reservation_key import is_reservation_signed
from node.domain.sealing import (
    BATCH,
    AnnounceOpening,
    ApplicationsReserved,
    OpeningAnnounced,
    OpeningPostponed,
    OpenTender,
    PostponeOpening,
    ReserveApplications,
    SignedReservation,
    TenderOpened,
)
from node.errors import LedgerRefusedError


class Membership(Protocol):
    """What the contracts ask the alliance."""

    def member_of(self, account: bytes) -> str | None:
        """Name of the active member with this account."""
        ...

    def bound_member(self, account: bytes) -> str | None:
        """Name of the member with this account, in whatever standing."""
        ...

    def member(self, name: str) -> Member:
        """A member in any standing."""
        ...


@dataclass(frozen=True, slots=True)
class _Opening:
    time: int
    opened: int = 0


class SealingRules:
    """The functions of the two contracts; each returns what it reports. A later contract goes on where one ended."""

    def __init__(self, state: State, membership: Membership, book: BookRules, deployment: Deployment) -> None:
        self._state, self._membership, self._book = state, membership, book
        self._domain = deployment.domain_of(ALLIANCE)

    def announce(self, sender: bytes, call: AnnounceOpening, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Openings.announce`.
        """
        member = self._membership.member_of(sender)
        if member is None:
            raise LedgerRefusedError("OpeningsNotMember", f"account=0x{sender.hex()}")
        self._book.require_in_force(OPENINGS)
        if not self._membership.member(member).roles & Role.CENTRE:
            raise LedgerRefusedError("OpeningsNotCentre", f"member={member}")
        if self._opening(member, call.opening) is not None:
            raise LedgerRefusedError("OpeningsAnnounced", f"opening=0x{call.opening.hex()}")
        if call.time <= now:
            raise LedgerRefusedError("OpeningsNotLater", f"time={call.time}")
        self._state.put("opening", (member, call.opening), _Opening(call.time))
        return [OpeningAnnounced(member, call.opening, call.time)]

    def postpone(self, sender: bytes, call: PostponeOpening) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Openings.postpone`.
        """
        member, committed = self._closed(sender, call.opening)
        if call.time <= committed:
            raise LedgerRefusedError("OpeningsNotLater", f"time={call.time}")
        self._state.put("opening", (member, call.opening), _Opening(call.time))
        return [OpeningPostponed(member, call.opening, call.time, call.notice)]

    def open(self, sender: bytes, call: OpenTender, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Openings.open`.
        """
        member, committed = self._closed(sender, call.opening)
        if now < committed:
            raise LedgerRefusedError("OpeningsTooEarly", f"time={committed}")
        self._state.put("opening", (member, call.opening), _Opening(committed, now))
        return [TenderOpened(member, call.opening, now)]

    def reserve(self, sender: bytes, call: ReserveApplications, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Reservations.reserve`.
        """
        member = self._membership.member_of(sender)
        if member is None:
            raise LedgerRefusedError("ReservationsNotMember", f"account=0x{sender.hex()}")
        self._book.require_in_force(RESERVATIONS)
        if len(call.reservations) != BATCH:
            raise LedgerRefusedError("ReservationsWrongSize", f"size={len(call.reservations)}")
        taken: list[SignedReservation] = []
        for one in call.reservations:
            if not is_reservation_signed(self._domain, one):
                continue
            if self._state.get("reservation", one.nullifier) is None:
                self._state.put("reservation", one.nullifier, one.binding)
                taken.append(one)
        nullifiers, bindings = (
            tuple(one.nullifier for one in taken),
            tuple(one.binding for one in taken),
        )
        return [ApplicationsReserved(member, nullifiers, bindings, now)]

    def _closed(self, sender: bytes, opening: bytes) -> tuple[str, int]:
        member = self._membership.bound_member(sender)
        if member is None:
            raise LedgerRefusedError("OpeningsNotMember", f"account=0x{sender.hex()}")
        self._book.require_in_force(OPENINGS)
        entry = self._opening(member, opening)
        if entry is None:
            raise LedgerRefusedError("OpeningsUnknown", f"opening=0x{opening.hex()}")
        if entry.opened:
            raise LedgerRefusedError("OpeningsOpened", f"opening=0x{opening.hex()}")
        return member, entry.time

    def _opening(self, member: str, opening: bytes) -> _Opening | None:
        found: _Opening | None = self._state.get("opening", (member, opening))
        return found
