"""The ledger as this node has seen it, in its own store, so that reads never wait for the engine.

Only final blocks are written here. What is dangerous to learn late, a revocation or a suspension, acts from the
first block that shows it: the follower keeps those of blocks that are not yet final in `FirstSight`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeVar

import msgspec

from node.domain.alliance_life import BookEntry
from node.domain.calendar import Calendar, WorkingYear
from node.domain.guarantee_life import LedgerStep
from node.domain.guarantee_table import Event as GuaranteeEvent
from node.domain.guarantee_table import State as GuaranteeState
from node.domain.keys import Succession
from node.domain.ledger import Action, Block
from node.domain.member import Member, Standing
from node.errors import ContractUnknownError, MissingError, NotMemberError
from node.ports import Store
from node.services import layout

T = TypeVar("T")


class MemberRow(msgspec.Struct, frozen=True):
    """A member and where it stands."""

    member: Member
    standing: Standing
    summoned_until: int = 0
    """Block time from which it can be set aside; 0 while it is not summoned."""
    leaves: int = 0
    """Block time from which it can leave; 0 without notice."""
    successions: tuple[Succession, ...] = ()
    """Its changes of keys, oldest first, each with its proofs."""

    @property
    def active(self) -> bool:
        """Whether it has a member's rights."""
        return self.standing is Standing.ACTIVE


class RecoveryRow(msgspec.Struct, frozen=True):
    """A key that is to take the place of all that a subject has lost."""

    controller: bytes
    proposer: str
    confirmers: tuple[str, ...] = ()
    until: int = 0
    """Block time from which it can be finished; 0 while a confirmation is missing."""


class SubjectRow(msgspec.Struct, frozen=True):
    """A subject's home and who speaks for it."""

    home: str
    version: int
    """Counts changes, of controllers and of home, vetoes and recoveries, from 1."""
    controllers: tuple[bytes, ...]
    """ERC-7913 signers, in the ledger's order; any one speaks for the subject."""
    recoveries: tuple[RecoveryRow, ...] = ()
    """Proposed for this version; another version ends them."""
    recovered: bytes = b""
    """The key that took the place of all others by the last recovery, an ERC-7913 signer; empty if there was none, or
    once it was removed."""


class GrantRow(msgspec.Struct, frozen=True):
    """A grant's state."""

    registered: bool
    revoked: bool


class StepRow(msgspec.Struct, frozen=True):
    """A step of a guarantee, the issue left out."""

    event: int
    state: int
    """That it led to."""
    document: bytes
    """32 bytes."""


class GuaranteeRow(msgspec.Struct, frozen=True):
    """Where a guarantee stands."""

    state: int
    """`node.domain.guarantee_table.State`."""
    sequence: int
    expires: int
    """The rounded end in force."""
    contract: bytes = b""
    """20 bytes: the contract that holds it."""
    document: bytes = b""
    """32 bytes: digest of the last step's document; what the next step must name."""
    event: int = 0
    """The last one."""
    end: int = 0
    """Exact end, once a step has opened it; 0 again where another end has taken its place since."""
    since: int = 0
    """Block time at which the state began; a stay that is over is left out."""
    due: int = 0
    """Block time at which the period that runs in this state is over; 0 if none runs."""


class CategoryRow(msgspec.Struct, frozen=True):
    """Which definitions of a category are and were in force."""

    version: int
    definitions: dict[int, bytes]
    """SHA-256 of the definition by version."""

    @property
    def definition(self) -> bytes:
        """SHA-256 of the one in force."""
        return self.definitions[self.version]


class AnchorRow(msgspec.Struct, frozen=True):
    """A log's root at one size."""

    root: bytes
    block: int


class ProposalRow(msgspec.Struct, frozen=True):
    """A proposal and its votes."""

    proposer: str
    action: Action
    about: str
    expires: int
    eligible: int
    votes: dict[str, bool]
    passed: bool = False
    entry: bytes = b""
    """For SET_TRUST the entry that is voted on, as its proposer wrote it."""
    detail: str = ""


@dataclass(slots=True)
class FirstSight:
    """What blocks that are not yet final say that must act at once."""

    revoked: set[bytes] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)
    trust: dict[str, bytes] = field(default_factory=dict)
    """Entries of the trust list, of which only suspensions act."""


class Projection:
    """Members, subjects, grants, anchors and proposals by key."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._in_force: list[BookEntry] = []
        self._contracts_at: bytes | None = None
        self._sizes: dict[str, int] = {}
        self._sizes_at: bytes | None = None
        self.first_sight = FirstSight()

    # -- reading: all raise StoreError when the database fails --------------------------------------------

    def cursor(self) -> Block | None:
        """The last block that is in the projection."""
        raw = self._store.get(layout.LEDGER_CURSOR)
        return None if raw is None else msgspec.msgpack.decode(raw, type=Block)

    def member(self, name: str) -> Member:
        """An active member.

        Raises:
            NotMemberError: there is none by that name, or it is suspended.
        """
        row = self._member_row(name)
        if row is None or not row.active or name in self.first_sight.suspended:
            raise NotMemberError(f"{name} is not an active member of this alliance")
        return row.member

    def known_member(self, name: str) -> Member:
        """A member in whatever standing: what it signed it signed, and duties run on.

        Raises:
            NotMemberError: there is none by that name.
        """
        row = self.standing(name)
        if row is None:
            raise NotMemberError(f"{name} is not a member of this alliance")
        return row.member

    def members(self) -> Iterator[MemberRow]:
        """All members by name, in whatever standing."""
        for _, raw in self._store.scan(layout.LEDGER_MEMBER):
            yield self._seen(_decode_member(raw))

    def standing(self, name: str) -> MemberRow | None:
        """A member in whatever standing, or None."""
        row = self._member_row(name)
        return None if row is None else self._seen(row)

    def contracts(self, through: int | None = None) -> list[BookEntry]:
        """The contracts that votes have put in force since the founding (up to a block), oldest first."""
        if through is not None:
            return self._contracts(layout.number(through + 1))
        # Asked for many times in every call; written only together with the cursor.
        cursor = self._store.get(layout.LEDGER_CURSOR)
        if cursor is None or cursor != self._contracts_at:
            self._in_force, self._contracts_at = self._contracts(None), cursor
        return list(self._in_force)

    def _contracts(self, stop: bytes | None) -> list[BookEntry]:
        rows = self._store.scan(layout.LEDGER_CONTRACT, stop=stop)
        return [msgspec.msgpack.decode(raw, type=BookEntry) for _, raw in rows]

    def check_known(self, *names: str) -> None:
        """That this node can read the named contracts as they are now.

        Raises:
            ContractUnknownError: one of them was replaced by a version that this node does not know: what it says,
                a revocation for example, would be missed.
        """
        unknown = {entry.name: not entry.is_known for entry in self.contracts()}
        for name in names:
            if unknown.get(name):
                raise ContractUnknownError(name)

    def subject(self, subject: bytes) -> SubjectRow | None:
        """A subject, or None."""
        return self._row(layout.LEDGER_SUBJECT + subject, SubjectRow)

    def grant(self, grant: bytes) -> GrantRow:
        """A grant's state; an unknown one is neither registered nor revoked."""
        row = self._row(layout.LEDGER_GRANT + grant, GrantRow) or GrantRow(registered=False, revoked=False)
        return GrantRow(row.registered, revoked=row.revoked or grant in self.first_sight.revoked)

    def guarantee(self, guarantee: bytes) -> GuaranteeRow | None:
        """A guarantee, or None."""
        return self._row(layout.LEDGER_GUARANTEE + guarantee, GuaranteeRow)

    def known_guarantee(self, raw_id: bytes) -> GuaranteeRow:
        """Where the ledger has a guarantee.

        Raises:
            MissingError: it has no such guarantee.
        """
        row = self.guarantee(raw_id)
        if row is None:
            raise MissingError("the ledger has no such guarantee")
        return row

    def guarantee_steps(self, guarantee: bytes) -> list[LedgerStep]:
        """What a guarantee has been through, in order, the issue left out."""
        prefix = layout.LEDGER_GUARANTEE_STEP + guarantee
        rows = [
            (layout.from_number(key[len(prefix) :]), msgspec.msgpack.decode(raw, type=StepRow))
            for key, raw in self._store.scan(prefix)
        ]
        return [
            LedgerStep(number, GuaranteeEvent(row.event), GuaranteeState(row.state), row.document)
            for number, row in rows
        ]

    def calendar(self) -> Calendar:
        """The working days of every year that was voted on."""
        rows = self._store.scan(layout.LEDGER_CALENDAR)
        years = [msgspec.msgpack.decode(raw, type=WorkingYear) for _, raw in rows]
        return {year.year: year for year in years}

    def anchor(self, member: str, size: int) -> AnchorRow | None:
        """What the ledger holds for a log at a size, or None."""
        return self._row(layout.LEDGER_ANCHOR + layout.text(member) + layout.number(size), AnchorRow)

    def anchored_size(self, member: str) -> int:
        """Size of a member's last final anchor, zero before the first."""
        # As with the contracts.
        cursor = self._store.get(layout.LEDGER_CURSOR)
        if cursor is None or cursor != self._sizes_at:
            self._sizes, self._sizes_at = {}, cursor
        size = self._sizes.get(member)
        if size is None:
            prefix = layout.LEDGER_ANCHOR + layout.text(member)
            newest = next(self._store.scan(prefix, reverse=True), None)
            size = self._sizes[member] = 0 if newest is None else layout.from_number(newest[0][len(prefix) :])
        return size

    def first_anchor(self, member: str, size: int) -> int:
        """Size of a member's first final anchor of that size or more; zero if there is none."""
        prefix = layout.LEDGER_ANCHOR + layout.text(member)
        found = next(self._store.scan(prefix, start=layout.number(size)), None)
        return 0 if found is None else layout.from_number(found[0][len(prefix) :])

    def proposals(self) -> Iterator[tuple[int, ProposalRow]]:
        """All proposals, oldest first."""
        for key, raw in self._store.scan(layout.LEDGER_PROPOSAL):
            place = layout.from_number(key[len(layout.LEDGER_PROPOSAL) :])
            yield place, msgspec.msgpack.decode(raw, type=ProposalRow)

    def trust_version(self) -> int:
        """Number of changes of the trust list; zero before this node has seen its founding."""
        raw = self._store.get(layout.LEDGER_TRUST_VERSION)
        return 0 if raw is None else layout.from_number(raw)

    def trust_entries(self) -> Iterator[tuple[str, bytes]]:
        """The entry in force of every authority, by name; not checked."""
        for key, entry in self._store.scan(layout.LEDGER_TRUST):
            yield key[len(layout.LEDGER_TRUST) :].decode(), entry

    def catalogue_changes(self) -> int:
        """Number of definitions that came into force; zero before this node has seen the catalogue's founding."""
        raw = self._store.get(layout.LEDGER_CATALOGUE)
        return 0 if raw is None else layout.from_number(raw)

    def catalogue(self) -> dict[str, CategoryRow]:
        """Every category on the ledger, by name."""
        return {
            key[len(layout.LEDGER_CATEGORY) :].decode(): msgspec.msgpack.decode(raw, type=CategoryRow)
            for key, raw in self._store.scan(layout.LEDGER_CATEGORY)
        }

    def _seen(self, row: MemberRow) -> MemberRow:
        if not row.active or row.member.name not in self.first_sight.suspended:
            return row
        return msgspec.structs.replace(row, standing=Standing.SUSPENDED)

    def _member_row(self, name: str) -> MemberRow | None:
        raw = self._store.get(layout.LEDGER_MEMBER + name.encode())
        return None if raw is None else _decode_member(raw)

    def _row(self, key: bytes, kind: type[T]) -> T | None:
        raw = self._store.get(key)
        return None if raw is None else msgspec.msgpack.decode(raw, type=kind)


@lru_cache(maxsize=1024)
def _decode_member(raw: bytes) -> MemberRow:
    """Members are asked for several times in every call, and hardly ever change."""
    return msgspec.msgpack.decode(raw, type=MemberRow)
