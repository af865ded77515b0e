"""What `heqi doctor` needs from outside, as small Protocols, and the facts that they bring: no verdicts.

A probe looks and changes nothing. It may raise any `NodeError`, or hang: the doctor bounds the time of each and goes
on without those that fail. No fact holds a secret.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.ledger import Block
from node.domain.member import Member


@dataclass(frozen=True, slots=True)
class FileFacts:
    """A file or folder of the node."""

    path: str
    exists: bool
    mode: int = 0
    """Permission bits."""
    owner: int = 0
    """User id."""
    is_secret: bool = False
    """Nobody but the owner may read it."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """The public halves of the node's keys, or why they cannot be used."""

    trouble: str = ""
    """Empty if all keys can be used."""
    account: bytes = b""
    """20 bytes: the address."""
    identity: bytes = b""
    """64 bytes."""
    log: bytes = b""
    """32 bytes."""
    sealing: bytes = b""
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class DiskFacts:
    """The file system that holds the node's folder."""

    path: str
    free_bytes: int
    total_bytes: int
    free_files: int
    """Inodes that are left; -1 where the file system does not count them."""
    trouble: str = ""
    """Why nothing can be written; empty if it can."""
    sync_seconds: float = 0.0
    """How long a small write takes to be on stable storage, median of a few."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """Something that ends by itself."""

    name: str
    """For people: which certificate."""
    ends: float
    """Seconds since 1970 UTC."""
    lead_days: int = 60
    """Told from so many days before; fewer than 60 for what a running node renews by itself: then it did not."""
    remedy: tuple[str, str] = ("续期或更换，见 docs/operate.md", "renew or replace it, see docs/operate.md")
    """What to do when it ends, Chinese and English."""


@dataclass(frozen=True, slots=True)
class LeafFacts:
    """The certificate that somebody shows at an address."""

    is_pinned: bool
    """Issued by the key that the ledger names for the member that should be there."""
    names: str
    """Whose certificate it says it is."""
    starts: float
    """Seconds since 1970 UTC."""
    ends: float
    """Seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class PeerInfo:
    """What a peer's node says of itself."""

    version: str
    time: float
    """Its clock, seconds since 1970 UTC."""
    asked: float
    """This side's clock when the question left."""
    answered: float
    """This side's clock when the answer came."""

    @property
    def ahead(self) -> float:
        """How many seconds the peer's clock is ahead of this one, taking both ways for equally long."""
        return self.time - (self.asked + self.answered) / 2


@dataclass(frozen=True, slots=True)
class MemberFacts:
    """A member as the ledger has it at this moment."""

    member: Member
    active: bool


@dataclass(frozen=True, slots=True)
class AnchorFacts:
    """How far the ledger has a member's log."""

    size: int
    """0 before the first anchor."""
    root: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class ParkedCall:
    """An item of the outbox that a contract refused."""

    number: int
    object: str
    problem: str


@dataclass(frozen=True, slots=True)
class LogAlarm:
    """Another member's log that this node caught at a fault."""

    number: int
    member: str
    fault: str


@dataclass(frozen=True, slots=True)
class Examination:
    """A claim that this guarantor examines."""

    guarantee: str
    """Id, 64 hex digits."""
    due: float
    """From when on it can object to nothing, seconds since 1970 UTC."""
    days_left: int
    """Working days to come before that, today left out; negative once it is over."""


@dataclass(frozen=True, slots=True)
class GuaranteeFacts:
    """What waits about guarantees and openings at this node."""

    steps_undelivered: int = 0
    """Documents of steps that the ledger has, on their way to a party."""
    steps_oldest_seconds: float = 0.0
    """How long the ledger has the oldest of them, at least."""
    steps_to: Sequence[str] = ()
    """Members that they are for."""
    lines_exceeded: Sequence[str] = ()
    """Ids of guarantees under which more can be claimed than the applicant's line allows."""
    examinations: Sequence[Examination] = ()
    openings_late: Sequence[str] = ()
    """Ids of this centre's openings whose moment has passed a while ago, and that have not begun."""
    openings_short: Sequence[tuple[str, str]] = ()
    """This centre's openings to come whose holders in good standing are too few, and who is missing."""
    opening_keys: int = 0
    """Keys that this member keeps for others' openings."""
    years: Sequence[int] = ()
    """Whose working days the members have voted."""
    system_troubles: int = 0
    """Orders at the guarantor's own guarantee system that wait for a person."""
    payments_due: int = 0
    """Own guarantees whose claim complies, and that the core bank was not asked to pay."""
    payments_oldest_seconds: float = 0.0
    """How long the oldest of them has been due."""
    orders_parked: int = 0
    """Orders to the core bank that wait for a person; 0 from a folder, like all that follows."""
    orders_open: int = 0
    orders_oldest_seconds: float = 0.0
    desk_waiting: int = 0
    """Applications in which it is the guarantor's turn."""
    desk_oldest_seconds: float = 0.0
    rules_trouble: str = ""
    """Why the rules that are configured are not in force."""
    payments_unstated: int = 0
    """Payments that the core bank has made, and that the ledger does not take."""


@dataclass(frozen=True, slots=True)
class NodeState:
    """What the node's own database says, from the running node or from its folder."""

    is_running: bool
    version: str
    """Of the software that runs, or of this command if nothing runs."""
    block_number: int
    """Last block in the projection; -1 before the first."""
    block_hash: bytes
    """Its hash; empty before the first."""
    log_size: int
    through_size: int
    """Size of the newest checkpoint at or below the size that was asked for; 0 if there is none."""
    root: bytes
    """Root at the size that was asked for, computed again from the stored nodes; empty if it cannot be."""
    root_trouble: str
    """Why it cannot be."""
    members: Sequence[MemberFacts]
    """As the projection has them."""
    outbox_count: int
    outbox_oldest_seconds: float
    """Age of the oldest item; 0 if there is none, or none says when it was queued."""
    outbox_parked: Sequence[ParkedCall]
    """The first of them."""
    outbox_parked_count: int
    parked: int
    """Records that wait for a decision."""
    expiries: Sequence[Expiry] = ()
    """What runs out, as the running node keeps it: overlaps of keys too; empty from a folder."""
    alarms: Sequence[LogAlarm] = ()
    """Those that no operator has settled."""
    proofs_waiting: int = 0
    """Ledger proofs that are still to be taken."""
    proofs_oldest_seconds: float = 0.0
    """How long the oldest of them has waited."""
    proofs_lost: int = 0
    """Ledger proofs that could not be had."""
    erasures_overdue: int = 0
    """Parts that a legal period held, and that should have been erased a day ago or earlier."""
    erasure_oldest_seconds: float = 0.0
    """Age of the oldest erasure that is not done; 0 if there is none."""
    definitions_lacking: Sequence[tuple[str, str]] = ()
    """Category that takes no new record, and why."""
    notices_waiting: int = 0
    """Notices to members that hold subjects' data, and are not answered."""
    notices_oldest_seconds: float = 0.0
    """How long the oldest of them has waited; 0 if there is none."""
    legal_receipts_missing: int = 0
    """Answers on a legal basis for which the reader has not countersigned."""
    legal_receipt_oldest_seconds: float = 0.0
    """Age of the oldest of them; 0 if there is none."""
    guarantees: GuaranteeFacts = GuaranteeFacts()
    erasure_list_trouble: str = ""
    """Why the list of erasures may lack something, as the running node knows."""


class HostProbe(Protocol):
    """The machine and the folder that the node lives in."""

    def files(self) -> Sequence[FileFacts]:
        """Everything whose permissions matter."""
        ...

    def keys(self) -> KeyFacts:
        """The node's keys."""
        ...

    def disk(self) -> DiskFacts:
        """Space, and a write that is synced and removed again."""
        ...

    def expiries(self) -> Sequence[Expiry]:
        """What ends by itself."""
        ...

    def versions(self) -> Sequence[tuple[str, str, str]]:
        """(component, installed version, what is asked for if that is not met)."""
        ...

    def now(self) -> float:
        """This machine's clock, seconds since 1970 UTC."""
        ...

    def user(self) -> int:
        """User id that this command runs under."""
        ...


class LedgerProbe(Protocol):
    """The engine, asked directly and not through the projection."""

    async def head(self) -> Block:
        """The newest block."""
        ...

    async def block_hash(self, number: int) -> bytes:
        """Hash of the canonical block; empty if there is none."""
        ...

    async def differences(self) -> Sequence[str]:
        """In what the chain differs from the alliance descriptor; one sentence each."""
        ...

    async def member(self, name: str) -> MemberFacts | None:
        """A member, or None."""
        ...

    async def anchor(self, name: str) -> AnchorFacts:
        """The last anchor of a member's log."""
        ...


class PeerProbe(Protocol):
    """Another member's node, or this node as others see it."""

    async def leaf(self, member: Member) -> LeafFacts:
        """The certificate that is shown at the member's endpoint; needs no key of this node."""
        ...

    async def info(self, member: Member) -> PeerInfo:
        """What the peer says of itself, over mutual TLS."""
        ...


class StateProbe(Protocol):
    """The node's own database."""

    def state(self, anchored_size: int) -> NodeState:
        """Its state.

        Args:
            anchored_size: size at which the ledger has this node's log; the root at this size is computed again.

        Raises:
            PeerError: the node should run and does not answer.
            StoreError: the folder cannot be read, or another process holds it.
        """
        ...
