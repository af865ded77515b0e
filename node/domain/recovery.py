"""A lost key's recovery on the ledger: proposed, confirmed by drawn members, finished after a waiting time.

Source: `contracts/src/Recoveries.sol`, which has the rules.
"""

from dataclasses import dataclass

# -- calls -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProposeRecovery:
    """`Subjects.proposeRecovery`, by any active member."""

    subject: bytes
    controller: bytes
    """ERC-7913 signer that takes the place of all others."""


@dataclass(frozen=True, slots=True)
class ConfirmRecovery:
    """`Subjects.confirmRecovery`, by a drawn member that has checked the certificate."""

    subject: bytes
    version: int
    """That the subject would have after it."""
    controller: bytes


@dataclass(frozen=True, slots=True)
class VetoRecovery:
    """`Subjects.vetoRecovery`, signed by a present controller; any member relays it."""

    subject: bytes
    signer: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class FinishRecovery:
    """`Subjects.finishRecovery`, by any member once the waiting time is over."""

    subject: bytes
    version: int
    controller: bytes


# -- events ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RecoveryProposed:
    """Somebody says that the subject's keys are lost."""

    subject: bytes
    version: int
    controller: bytes
    member: str


@dataclass(frozen=True, slots=True)
class RecoveryConfirmed:
    """A drawn member says that it has checked the certificate."""

    subject: bytes
    version: int
    controller: bytes
    member: str
    until: int
    """Block time from which it can be finished; 0 while one confirmation is missing."""


@dataclass(frozen=True, slots=True)
class RecoveryVetoed:
    """A key that is not lost objected: all proposals for the subject are over."""

    subject: bytes
    version: int


@dataclass(frozen=True, slots=True)
class SubjectRecovered:
    """The new key alone speaks for the subject."""

    subject: bytes
    version: int
    controller: bytes
