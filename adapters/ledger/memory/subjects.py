"""`Subjects.sol` and `Recoveries.sol` in Python. Checks stand in the contracts' order."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from adapters.ledger.artifact import SUBJECTS
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.signers import is_signed, is_well_formed
from adapters.ledger.memory.state import State
from node.domain.alliance_life import MoveSubject, SubjectMoved
from node.domain.controller import MAX_CONTROLLERS, drawn_members
from node.domain.ledger import (
    ChangeController,
    ControllerChanged,
    CreateSubject,
    Happening,
    SubjectCreated,
)
from node.domain.ledger_ids import (
    Eip712Domain,
    change_controller_digest,
    move_subject_digest,
    subject_id,
    veto_recovery_digest,
)
from node.domain.member import Member, Role, member_name_to_bytes32
from node.domain.recovery import (
    ConfirmRecovery,
    FinishRecovery,
    ProposeRecovery,
    RecoveryConfirmed,
    RecoveryProposed,
    RecoveryVetoed,
    SubjectRecovered,
    VetoRecovery,
)
from node.errors import LedgerRefusedError

_WAITING_SECONDS = 7 * 86_400
_NEEDED = 2


class Membership(Protocol):
    """What the contract asks the alliance."""

    def member_of(self, account: bytes) -> str | None:
        """Name of the active member with this account."""
        ...

    def bound_member(self, account: bytes) -> str | None:
        """Name of the member with this account, in whatever standing."""
        ...

    def is_active(self, name: str) -> bool:
        """Whether there is such a member and it is active."""
        ...

    def member(self, name: str) -> Member:
        """A member in any standing."""
        ...

    def names(self) -> tuple[str, ...]:
        """All members, in order of admission."""
        ...


@dataclass(frozen=True, slots=True)
class SubjectEntry:
    """`Subjects.Subject`."""

    home: str
    version: int
    controllers: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Recovery:
    until: int = 0
    confirmers: tuple[str, ...] = ()


class SubjectRules:
    """The functions of the contract; each returns what it reports."""

    def __init__(self, state: State, membership: Membership, book: BookRules, deployment: Deployment) -> None:
        self._state, self._membership, self._book = state, membership, book
        self._deployment = deployment

    def create(self, sender: bytes, call: CreateSubject) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.create`.
        """
        home = self._active(sender)
        self._check_signer(call.controller)
        subject = subject_id(self._deployment.alliance_id, home, call.salt)
        if self._find(subject) is not None:
            raise _refused("SubjectsExists", subject)
        self._put(subject, SubjectEntry(home, 1, (call.controller,)))
        return [SubjectCreated(subject, home, call.controller)]

    def change_controller(self, sender: bytes, call: ChangeController) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.changeController`.
        """
        self._bound(sender)
        if call.added:
            self._check_signer(call.added)
        entry = self._subject(call.subject)
        version = entry.version + 1
        digest = change_controller_digest(
            self._domain(), call.subject, version, removed=call.removed, added=call.added
        )
        self._require_signed(call.subject, digest, call.signer, call.signature)
        controllers = _exchange(call, entry.controllers)
        self._put(call.subject, SubjectEntry(entry.home, version, controllers))
        return [ControllerChanged(call.subject, version, call.removed, call.added)]

    def move(self, sender: bytes, call: MoveSubject) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.move`.
        """
        home = self._active(sender)
        if not self._membership.member(home).roles & Role.CENTRE:
            raise LedgerRefusedError("SubjectsNotCentre", f"member={home}")
        entry = self._subject(call.subject)
        if entry.home == home:
            raise _refused("SubjectsUnchanged", call.subject)
        version = entry.version + 1
        digest = move_subject_digest(self._domain(), call.subject, version, home)
        self._require_signed(call.subject, digest, call.signer, call.signature)
        self._put(call.subject, SubjectEntry(home, version, entry.controllers))
        return [SubjectMoved(call.subject, version, home)]

    def propose_recovery(self, sender: bytes, call: ProposeRecovery) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.proposeRecovery`.
        """
        by = self._active(sender)
        entry = self._subject(call.subject)
        self._check_signer(call.controller)
        place = self._place(call.subject, entry.version + 1, call.controller)
        if call.controller in entry.controllers:
            raise _refused("SubjectsUnchanged", call.subject)
        if self._state.get("recovery", place) is not None:
            raise _refused("SubjectsAlreadyProposed", call.subject)
        self._state.put("recovery", place, _Recovery())
        return [RecoveryProposed(call.subject, entry.version + 1, call.controller, by)]

    def confirm_recovery(self, sender: bytes, call: ConfirmRecovery, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.confirmRecovery`.
        """
        by = self._active(sender)
        recovery = self._running(call)
        if by not in self._drawn(call.subject):
            raise LedgerRefusedError("SubjectsNotDrawn", f"member={by}")
        if by in recovery.confirmers:
            raise LedgerRefusedError("SubjectsAlreadyConfirmed", f"member={by}")
        confirmers = (*recovery.confirmers, by)
        until = recovery.until or (now + _WAITING_SECONDS if len(confirmers) >= _NEEDED else 0)
        place = self._place(call.subject, call.version, call.controller)
        self._state.put("recovery", place, _Recovery(until, confirmers))
        return [RecoveryConfirmed(call.subject, call.version, call.controller, by, until)]

    def veto_recovery(self, sender: bytes, call: VetoRecovery) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.vetoRecovery`.
        """
        self._bound(sender)
        entry = self._subject(call.subject)
        version = entry.version + 1
        digest = veto_recovery_digest(self._domain(), call.subject, version)
        self._require_signed(call.subject, digest, call.signer, call.signature)
        self._put(call.subject, SubjectEntry(entry.home, version, entry.controllers))
        return [RecoveryVetoed(call.subject, version)]

    def finish_recovery(self, sender: bytes, call: FinishRecovery, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Subjects.finishRecovery`.
        """
        self._bound(sender)
        recovery = self._running(call)
        count = sum(map(self._membership.is_active, recovery.confirmers))
        if count < _NEEDED:
            raise LedgerRefusedError("SubjectsNotConfirmed", f"confirmations={count}")
        if now < recovery.until:
            raise LedgerRefusedError("SubjectsTooEarly", f"until={recovery.until}")
        self._check_signer(call.controller)
        entry = self._subject(call.subject)
        self._put(call.subject, SubjectEntry(entry.home, call.version, (call.controller,)))
        return [SubjectRecovered(call.subject, call.version, call.controller)]

    def _active(self, account: bytes) -> str:
        name = self._membership.member_of(account)
        if name is None:
            raise LedgerRefusedError("SubjectsNotMember", f"account=0x{account.hex()}")
        self._book.require_in_force(SUBJECTS)
        return name

    def _bound(self, account: bytes) -> None:
        if self._membership.bound_member(account) is None:
            raise LedgerRefusedError("SubjectsNotMember", f"account=0x{account.hex()}")
        self._book.require_in_force(SUBJECTS)

    def _drawn(self, subject: bytes) -> Iterator[str]:
        entry = self._subject(subject)
        eligible = {
            member_name_to_bytes32(name): name
            for name in self._membership.names()
            if name != entry.home and self._membership.is_active(name)
        }
        return (eligible[one] for one in drawn_members(entry.controllers, list(eligible)))

    def _running(self, call: ConfirmRecovery | FinishRecovery) -> _Recovery:
        entry = self._subject(call.subject)
        place = self._place(call.subject, call.version, call.controller)
        recovery: _Recovery | None = self._state.get("recovery", place)
        if call.version != entry.version + 1 or recovery is None:
            raise LedgerRefusedError(
                "SubjectsNotProposed", f"subject=0x{call.subject.hex()}, version={call.version}"
            )
        return recovery

    def _require_signed(self, subject: bytes, digest: bytes, signer: bytes, signature: bytes) -> None:
        if signer not in self._subject(subject).controllers:
            raise _refused("SubjectsNotController", subject)
        self._check_signer(signer)
        if not is_signed(signer, digest, signature, self._book):
            raise _refused("SubjectsWrongSignature", subject)

    def _place(self, subject: bytes, version: int, controller: bytes) -> tuple[bytes, bytes, int, bytes]:
        return self._state.frame.target, subject, version, controller

    def _subject(self, subject: bytes) -> SubjectEntry:
        entry = self._find(subject)
        if entry is None:
            raise _refused("SubjectsUnknown", subject)
        return entry

    def _find(self, subject: bytes) -> SubjectEntry | None:
        """As the contract that is called has it, or the nearest before it that has any."""
        places = reversed(self._book.so_far(SUBJECTS))
        entries = (self._state.get("subject", (place, subject)) for place in places)
        return next((entry for entry in entries if entry is not None), None)

    def _put(self, subject: bytes, entry: SubjectEntry) -> None:
        self._state.put("subject", (self._state.frame.target, subject), entry)

    def _domain(self) -> Eip712Domain:
        deployment = self._deployment
        return Eip712Domain(deployment.chain_id, self._state.frame.target, deployment.alliance_id)

    def _check_signer(self, signer: bytes) -> None:
        if not is_well_formed(signer, self._book):
            raise LedgerRefusedError("SubjectsMalformedSigner")


def _exchange(call: ChangeController, present: tuple[bytes, ...]) -> tuple[bytes, ...]:
    removed, added = call.removed, call.added
    if removed and removed not in present:
        raise _refused("SubjectsNotController", call.subject)
    if (not removed and not added) or added in present:
        raise _refused("SubjectsUnchanged", call.subject)
    count = len(present) - bool(removed) + bool(added)
    if not 0 < count <= MAX_CONTROLLERS:
        raise LedgerRefusedError("SubjectsControllerCount", f"count={count}")
    if not removed:
        return (*present, added)
    return tuple(one for key in present for one in ([added] if key == removed else [key]) if one)


def _refused(problem: str, subject: bytes) -> LedgerRefusedError:
    return LedgerRefusedError(problem, f"subject=0x{subject.hex()}")
