"""The part of the ledger's vocabulary by which an alliance changes: standing, roles, contracts, homes of subjects.

Pure data, as in `node.domain.ledger`, which takes these into `Call` and `Happening`; the same names as in
`IStanding.sol`, `IAlliance.sol` and `ISubjects.sol`.
"""

import enum
from dataclasses import dataclass

from node.domain.calendar import WorkingYear

# -- calls -----------------------------------------------------------------------------------------------


class Step(enum.Enum):
    """What a member does about a standing without a vote; the values are the contract's functions."""

    SUMMON = "summon"
    """Ask a silent member for a sign of life."""
    ANSWER = "answer"
    """The sender is there."""
    VOUCH = "vouch"
    """Object to the summons of another member."""
    SET_ASIDE = "setAside"
    """After the waiting time: the summoned member is absent."""
    COME_BACK = "comeBack"
    """The sender, absent, is back."""
    ANNOUNCE_LEAVE = "announceLeave"
    WITHDRAW_LEAVE = "withdrawLeave"
    DEPART = "depart"
    """After its notice the sender leaves."""

    @property
    def names_member(self) -> bool:
        """Whether the step is about another member than the sender."""
        return self in {Step.SUMMON, Step.VOUCH, Step.SET_ASIDE}


WAITING_SECONDS = 30 * 86_400
"""How long a member must be unseen before it can be summoned, and summoned before it can be set aside."""
NOTICE_SECONDS = 30 * 86_400
"""Between the announcement of leaving and the leave."""


@dataclass(frozen=True, slots=True)
class StandingStep:
    """A step in `IStanding`."""

    step: Step
    name: str = ""
    """The member that it is about; empty if that is the sender."""


@dataclass(frozen=True, slots=True)
class ProposeRoles:
    """`Alliance.propose(SET_ROLES)`: from now on the member has these roles and no others."""

    name: str
    roles: int
    expires: int


@dataclass(frozen=True, slots=True)
class ProposeContract:
    """`Alliance.propose(SET_CONTRACT)`: the name means the contract at `address` from now on."""

    name: str
    address: bytes
    code_hash: bytes
    """32 bytes: keccak256 of the code there; other code is refused when it is proposed and when it passes."""
    expires: int


@dataclass(frozen=True, slots=True)
class ProposeVerifier:
    """`Alliance.propose(SET_VERIFIER)`."""

    address: bytes
    accepted: bool
    code_hash: bytes
    """As for a contract; 32 zero bytes to drop one."""
    expires: int


@dataclass(frozen=True, slots=True)
class ProposeDefinition:
    """`Alliance.propose(SET_DEFINITION)`: new records of the category are checked by this definition from now on."""

    category: str
    version: int
    """One more than the version in force."""
    definition: bytes
    """32 bytes: SHA-256 of its canonical JSON."""
    expires: int


@dataclass(frozen=True, slots=True)
class ProposeCalendar:
    """`Alliance.propose(SET_CALENDAR)`: the working days of a year; days that have begun stay what they were."""

    year: WorkingYear
    expires: int


@dataclass(frozen=True, slots=True)
class MoveSubject:
    """`Subjects.move`, signed by a controller: the sender's member becomes the subject's home."""

    subject: bytes
    signer: bytes
    """ERC-7913 signer that signed."""
    signature: bytes


# -- events ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberSummoned:
    """A member is asked for a sign of life; from `until` on it can be set aside."""

    name: str
    by: str
    until: int


@dataclass(frozen=True, slots=True)
class SummonsEnded:
    """The member was seen, or `by` vouched for it."""

    name: str
    by: str


@dataclass(frozen=True, slots=True)
class MemberAbsent:
    """A silent member was set aside, or is back."""

    name: str
    absent: bool


@dataclass(frozen=True, slots=True)
class LeaveAnnounced:
    """A member gave notice."""

    name: str
    leaves: int
    """Block time from which it can leave; 0: it stays after all."""


@dataclass(frozen=True, slots=True)
class MemberLeft:
    """A member has left; its duties run on."""

    name: str


@dataclass(frozen=True, slots=True)
class RolesChanged:
    """A member has these roles from now on."""

    name: str
    roles: int


@dataclass(frozen=True, slots=True)
class SubjectMoved:
    """From now on only the new home answers for the subject."""

    subject: bytes
    version: int
    home: str


@dataclass(frozen=True, slots=True)
class ContractSet:
    """The address book names another contract."""

    name: str
    address: bytes
    code_hash: bytes
    """32 zero bytes at the founding, where the descriptor has the hashes."""


@dataclass(frozen=True, slots=True)
class VerifierSet:
    """A signature verifier is accepted from now on, or no longer."""

    address: bytes
    accepted: bool


@dataclass(frozen=True, slots=True)
class DefinitionSet:
    """A definition of a category is in force; founding ones come with the deployment."""

    category: str
    version: int
    definition: bytes
    """32 bytes: SHA-256 of its canonical JSON."""


@dataclass(frozen=True, slots=True)
class CalendarSet:
    """A year's working days are these from now on."""

    year: WorkingYear


@dataclass(frozen=True, slots=True)
class BookEntry:
    """A contract that a vote put in force."""

    name: str
    address: bytes
    """20 bytes."""
    code_hash: bytes
    """32 bytes: keccak256 of the code that was voted on."""
    is_known: bool
    """Whether this node's software knows that code: it neither reads nor writes a contract that it does not know."""
