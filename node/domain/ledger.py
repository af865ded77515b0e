"""The ledger's vocabulary: what a node can ask the contracts to do, and what they report.

Pure data. `adapters/ledger` translates it to ABI calls and logs; `contracts/src/interfaces` has the same names.
Times are whole seconds since 1970 UTC, as in blocks. Byte lengths are exact.
"""

import enum
from dataclasses import dataclass

from node.domain.alliance_life import (
    CalendarSet,
    ContractSet,
    DefinitionSet,
    LeaveAnnounced,
    MemberAbsent,
    MemberLeft,
    MemberSummoned,
    MoveSubject,
    ProposeCalendar,
    ProposeContract,
    ProposeDefinition,
    ProposeRoles,
    ProposeVerifier,
    RolesChanged,
    StandingStep,
    SubjectMoved,
    SummonsEnded,
    VerifierSet,
)
from node.domain.keys import KeyChange, KeyProofs, Succession
from node.domain.member import Member
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
from node.domain.sealing import (
    AnnounceOpening,
    ApplicationsReserved,
    OpeningAnnounced,
    OpeningPostponed,
    OpenTender,
    PostponeOpening,
    ReserveApplications,
    TenderOpened,
)


@dataclass(frozen=True, slots=True)
class Block:
    """A block as far as the node relies on it."""

    number: int
    hash: bytes
    time: int


# -- calls: each is one transaction --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AnchorCheckpoint:
    """`Anchors.anchor`: the sender's log has grown to `size` with `root`."""

    size: int
    root: bytes
    consistency: tuple[bytes, ...]
    """RFC 9162 2.1.4 proof from the last anchored size; empty for the first anchor."""


@dataclass(frozen=True, slots=True)
class CreateSubject:
    """`Subjects.create`: the sender becomes the home of a new subject; its id follows from sender and salt."""

    salt: bytes
    controller: bytes
    """ERC-7913 signer: 20-byte address, or 20-byte verifier contract ‖ key."""


@dataclass(frozen=True, slots=True)
class ChangeController:
    """`Subjects.changeController`, signed by a present controller; any member may relay it."""

    subject: bytes
    removed: bytes
    """ERC-7913 signer; empty to remove none."""
    added: bytes
    """ERC-7913 signer; empty to add none."""
    signer: bytes
    """The present controller that signed."""
    signature: bytes


@dataclass(frozen=True, slots=True)
class GrantTerms:
    """What the id of a grant on the ledger commits to (`docs/formats/ledger.md`)."""

    digest: bytes
    """32 bytes: SHA-256 of the grant document's JWS signing input."""
    register_before: int
    expires: int
    revoker: bytes
    """ERC-7913 signer of the one-time revocation key."""


@dataclass(frozen=True, slots=True)
class RegisterGrant:
    """`Grants.register`: any member relays it, never the receiver of the grant."""

    terms: GrantTerms


@dataclass(frozen=True, slots=True)
class RevokeGrant:
    """`Grants.revoke`, signed by the revocation key; an id that is not registered becomes a tombstone."""

    terms: GrantTerms
    signature: bytes
    at: bytes = b""
    """20 bytes: the contract that it is signed for, if that was replaced since; empty: the one in force."""


@dataclass(frozen=True, slots=True)
class GuaranteeTerms:
    """What the id of a guarantee on the ledger commits to (`docs/formats/ledger.md`)."""

    digest: bytes
    """32 bytes: SHA-256 of the guarantee document's JWS signing input; salted by the document's `jti`."""
    application: bytes
    """32 bytes: SHA-256 of the application code; one application carries one guarantee."""
    expires: int
    """A multiple of `guarantee_table.EXPIRY_UNIT_SECONDS`, not before the document's own end."""
    guarantor: str
    """Member with role GUARANTOR; its identity key signs the guarantor's steps."""
    beneficiary: bytes
    """32 bytes: `mover_commitment` to the signer of the beneficiary's steps."""
    applicant: bytes
    """32 bytes: `mover_commitment` to the signer of the applicant's steps."""
    centre: bytes
    """32 bytes: `centre_commitment` to the member that runs the tender."""
    end: bytes
    """32 bytes: `end_commitment` to the exact end."""
    examination: int
    """Working days that the guarantor has to examine a claim."""


@dataclass(frozen=True, slots=True)
class IssueGuarantee:
    """`Guarantees.issue`, signed by the guarantor's identity key; any member relays it."""

    terms: GuaranteeTerms
    signature: bytes


NO_WORD = bytes(32)


@dataclass(frozen=True, slots=True)
class GuaranteeStep:
    """What the mover of a step signs: `IGuarantees.Step`."""

    guarantee: bytes
    sequence: int
    """Number of the step; the issue is 1."""
    previous: bytes
    """32 bytes: `document` of the step before, of the issue the guarantee's digest."""
    event: int
    """`node.domain.guarantee_table.Event`."""
    document: bytes
    """32 bytes: SHA-256 of the document that states the step."""
    end: bytes = NO_WORD
    """`end_commitment` to a new end, where the table's effect is PROPOSE; zeros if the end stays."""
    expires: int = 0
    """That end rounded up; 0 if it stays."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature with what shows whose it is: `IGuarantees.Signed`."""

    signer: bytes
    """ERC-7913 signer; of guarantor and centre the ES256 verifier and the member's identity key."""
    signature: bytes
    salt: bytes = NO_WORD
    """32 bytes that open the ledger's commitment; any for the guarantor, whom the ledger names."""
    member: str = ""
    """Name of the centre; empty for others."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What shows that a step is in time: `IGuarantees.Evidence`."""

    end: int = 0
    """Exact end of the guarantee, where the table's time is IN_TIME or AFTER_GRACE."""
    salt: bytes = NO_WORD
    """32 bytes that open the commitment to it."""
    lodged: int = 0
    """When a counterparty received the step's document; 0 without a receipt."""
    receipt: Signed | None = None
    """The counterparty's, over `step_receipt_digest`."""


NO_EVIDENCE = Evidence()


@dataclass(frozen=True, slots=True)
class StepGuarantee:
    """`Guarantees.step`: one event, signed by its mover; any member relays it."""

    step: GuaranteeStep
    mover: Signed
    evidence: Evidence = NO_EVIDENCE
    at: bytes = b""
    """20 bytes: the contract that holds the guarantee, if it was replaced since; empty: the one in force."""


class Action(enum.IntEnum):
    """What a proposal does when it passes; the same numbers as in `IAlliance.sol`."""

    ADMIT = 1
    SUSPEND = 2
    REINSTATE = 3
    SET_CONTRACT = 4
    SET_VERIFIER = 5
    SET_TRUST = 6
    SET_ROLES = 7
    SET_DEFINITION = 8
    SET_CALENDAR = 9


@dataclass(frozen=True, slots=True)
class ProposeAdmission:
    """`Alliance.propose(ADMIT)`: the sender's own vote counts as yes."""

    member: Member
    expires: int


@dataclass(frozen=True, slots=True)
class ProposeStanding:
    """`Alliance.propose(SUSPEND | REINSTATE)` of the member `name`."""

    action: Action
    name: str
    expires: int


@dataclass(frozen=True, slots=True)
class ProposeTrust:
    """`Alliance.propose(SET_TRUST)`: an entry of the trust list, to be put in force."""

    anchor: str
    """Name of the authority."""
    entry: bytes
    """`node.domain.trust.encode_anchor`."""
    expires: int


@dataclass(frozen=True, slots=True)
class CastVote:
    """`Alliance.vote`."""

    proposal: int
    approve: bool


@dataclass(frozen=True, slots=True)
class UpdateEndpoints:
    """`Alliance.updateEndpoints`: the sender's own addresses."""

    endpoint: str
    wallet_endpoint: str


@dataclass(frozen=True, slots=True)
class ChangeKeys:
    """`Alliance.changeKeys`: the sender's own keys."""

    change: KeyChange
    proofs: KeyProofs


Call = (
    AnchorCheckpoint
    | CreateSubject
    | ChangeController
    | RegisterGrant
    | RevokeGrant
    | IssueGuarantee
    | StepGuarantee
    | ProposeAdmission
    | ProposeStanding
    | ProposeTrust
    | ProposeContract
    | ProposeVerifier
    | ProposeRoles
    | ProposeDefinition
    | ProposeCalendar
    | CastVote
    | UpdateEndpoints
    | ChangeKeys
    | StandingStep
    | MoveSubject
    | ProposeRecovery
    | ConfirmRecovery
    | VetoRecovery
    | FinishRecovery
    | AnnounceOpening
    | PostponeOpening
    | OpenTender
    | ReserveApplications
)


# -- events --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MemberAdmitted:
    """A member is active from this block on; founders are admitted by the constructor."""

    member: Member


@dataclass(frozen=True, slots=True)
class MemberStanding:
    """A member was suspended or reinstated."""

    name: str
    active: bool


@dataclass(frozen=True, slots=True)
class EndpointsUpdated:
    """A member moved."""

    name: str
    endpoint: str
    wallet_endpoint: str


@dataclass(frozen=True, slots=True)
class KeysChanged:
    """A member's keys are others from this block on."""

    succession: Succession


@dataclass(frozen=True, slots=True)
class ProposalMade:
    """A proposal is open until `expires`; `eligible` members may vote."""

    proposal: int
    proposer: str
    action: Action
    about: str
    """Name of a member (ADMIT, SUSPEND, REINSTATE, SET_ROLES), contract, authority or category, a verifier's address,
    a year."""
    expires: int
    eligible: int
    detail: str = ""
    """What a vote decides besides: a contract's address and code hash, a verifier's, a member's new roles, version
    and hash of a definition, number of working days."""
    entry: bytes = b""
    """For SET_TRUST what would be put in force, not checked; for SET_DEFINITION the definition's SHA-256; for
    SET_CALENDAR the year's days, 64 bytes."""


@dataclass(frozen=True, slots=True)
class VoteCast:
    """One member's vote."""

    proposal: int
    voter: str
    approve: bool


@dataclass(frozen=True, slots=True)
class ProposalPassed:
    """Two thirds of the snapshot agreed; the action was carried out in the same transaction."""

    proposal: int


@dataclass(frozen=True, slots=True)
class SubjectCreated:
    """A subject exists, at version 1, with one controller."""

    subject: bytes
    home: str
    controller: bytes


@dataclass(frozen=True, slots=True)
class ControllerChanged:
    """One controller is gone, or one is new, or one took the place of another."""

    subject: bytes
    version: int
    removed: bytes
    """Empty if none was."""
    added: bytes
    """Empty if none was."""


@dataclass(frozen=True, slots=True)
class GrantRegistered:
    """The id of a signed grant document; who granted what to whom is not on the ledger."""

    grant: bytes
    expires: int


@dataclass(frozen=True, slots=True)
class GrantRevoked:
    """The grant is dead, also where it was never registered."""

    grant: bytes


@dataclass(frozen=True, slots=True)
class Anchored:
    """A member's log has this root at this size."""

    member: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class TrustSet:
    """From this block on an entry of the trust list is in force; founding entries come with the deployment."""

    anchor: str
    version: int
    """Counts all changes, from 1."""
    entry: bytes
    """Canonical JSON, if it is an entry: the contract does not read it."""


@dataclass(frozen=True, slots=True)
class GuaranteeMoved:
    """A guarantee was issued, or moved by a later event."""

    guarantee: bytes
    event: int
    state: int
    sequence: int
    """Counts the guarantee's steps, from 1 for its issue."""
    document: bytes
    """32 bytes; for the issue the digest of the guarantee itself."""
    expires: int
    """The rounded end in force."""
    end: int = 0
    """Exact end in force when the step was made, if the step opened it; 0 otherwise."""
    since: int = 0
    """Block time at which the state began; a stay that is over is left out."""
    due: int = 0
    """Block time at which the period that runs in this state is over; 0 if none runs."""


Happening = (
    MemberAdmitted
    | MemberStanding
    | EndpointsUpdated
    | KeysChanged
    | ProposalMade
    | VoteCast
    | ProposalPassed
    | SubjectCreated
    | ControllerChanged
    | GrantRegistered
    | GrantRevoked
    | GuaranteeMoved
    | TrustSet
    | Anchored
    | MemberSummoned
    | SummonsEnded
    | MemberAbsent
    | LeaveAnnounced
    | MemberLeft
    | RolesChanged
    | SubjectMoved
    | RecoveryProposed
    | RecoveryConfirmed
    | RecoveryVetoed
    | SubjectRecovered
    | ContractSet
    | VerifierSet
    | DefinitionSet
    | CalendarSet
    | OpeningAnnounced
    | OpeningPostponed
    | TenderOpened
    | ApplicationsReserved
)


@dataclass(frozen=True, slots=True)
class Event:
    """One happening at its place in the chain: ordered by (block, index)."""

    block: int
    index: int
    happening: Happening
    contract: bytes = b""
    """20 bytes: which contract reported it."""


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A transaction ready to be sent, and sent again: same bytes, same hash, same effect at most once."""

    nonce: int
    raw: bytes
    hash: bytes


@dataclass(frozen=True, slots=True)
class Outcome:
    """A transaction in a block."""

    block: Block
    succeeded: bool
