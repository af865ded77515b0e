"""The ledger as this node has seen it, in its own store, so that reads never wait for the engine.

Only final blocks are written here. What is dangerous to learn late, a revocation or a suspension, acts from the
first block that shows it: the follower keeps those of blocks that are not yet final in `FirstSight`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from node.domain import ledger
from node.domain.keys import Succession, succeed
from node.domain.ledger import Action, Block, Event
from node.domain.member import Member
from node.errors import NotMemberError
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction

T = TypeVar("T")


class MemberRow(msgspec.Struct, frozen=True):
    """A member and whether it is suspended."""

    member: Member
    active: bool
    successions: tuple[Succession, ...] = ()
    """Its changes of keys, oldest first, each with its proofs."""


class SubjectRow(msgspec.Struct, frozen=True):
    """A subject's home and who speaks for it."""

    home: str
    version: int
    controller: bytes


class GrantRow(msgspec.Struct, frozen=True):
    """A grant's state."""

    registered: bool
    revoked: bool


class GuaranteeRow(msgspec.Struct, frozen=True):
    """Where a guarantee stands."""

    state: int
    """`node.domain.guarantee_table.State`."""
    sequence: int
    expires: int


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


@dataclass(slots=True)
class FirstSight:
    """What blocks that are not yet final say that must act at once."""

    revoked: set[bytes] = field(default_factory=set)
    suspended: set[str] = field(default_factory=set)


class Projection:
    """Members, subjects, grants, anchors and proposals by key."""

    def __init__(self, store: Store) -> None:
        self._store = store
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
        row = self._row(layout.LEDGER_MEMBER + name.encode(), MemberRow)
        if row is None or not row.active or name in self.first_sight.suspended:
            raise NotMemberError(f"{name} is not an active member of this alliance")
        return row.member

    def members(self) -> Iterator[MemberRow]:
        """All members by name, suspended ones included."""
        for key, raw in self._store.scan(layout.LEDGER_MEMBER):
            row = msgspec.msgpack.decode(raw, type=MemberRow)
            name = key[len(layout.LEDGER_MEMBER) :].decode()
            is_active = row.active and name not in self.first_sight.suspended
            yield msgspec.structs.replace(row, active=is_active)

    def known_member(self, name: str) -> MemberRow | None:
        """A member, active or suspended, or None."""
        return self._row(layout.LEDGER_MEMBER + name.encode(), MemberRow)

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

    def anchor(self, member: str, size: int) -> AnchorRow | None:
        """What the ledger holds for a log at a size, or None."""
        return self._row(layout.LEDGER_ANCHOR + layout.text(member) + layout.number(size), AnchorRow)

    def anchored_size(self, member: str) -> int:
        """Size of a member's last final anchor, zero before the first."""
        prefix = layout.LEDGER_ANCHOR + layout.text(member)
        newest = next(self._store.scan(prefix, reverse=True), None)
        return 0 if newest is None else layout.from_number(newest[0][len(prefix) :])

    def proposals(self) -> Iterator[tuple[int, ProposalRow]]:
        """All proposals, oldest first."""
        for key, raw in self._store.scan(layout.LEDGER_PROPOSAL):
            place = layout.from_number(key[len(layout.LEDGER_PROPOSAL) :])
            yield place, msgspec.msgpack.decode(raw, type=ProposalRow)

    def _row(self, key: bytes, kind: type[T]) -> T | None:
        raw = self._store.get(key)
        return None if raw is None else msgspec.msgpack.decode(raw, type=kind)


# -- writing: one handler per happening -----------------------------------------------------------------


def apply_event(transaction: Transaction, event: Event) -> None:
    """Write what a final event says.

    Raises:
        StoreError: the database fails.
    """
    match event.happening:
        case ledger.SubjectCreated(subject, home, controller):
            _put(transaction, layout.LEDGER_SUBJECT + subject, SubjectRow(home, 1, controller))
        case ledger.ControllerChanged(subject, version, controller):
            key = layout.LEDGER_SUBJECT + subject
            _change(transaction, key, SubjectRow, version=version, controller=controller)
        case ledger.GrantRegistered(grant):
            _put(transaction, layout.LEDGER_GRANT + grant, GrantRow(registered=True, revoked=False))
        case ledger.GrantRevoked(grant):
            _put(transaction, layout.LEDGER_GRANT + grant, GrantRow(registered=True, revoked=True))
        case ledger.GuaranteeMoved(guarantee, _, state, sequence, _, expires):
            _put(transaction, layout.LEDGER_GUARANTEE + guarantee, GuaranteeRow(state, sequence, expires))
        case ledger.Anchored(member, size, root):
            key = layout.LEDGER_ANCHOR + layout.text(member) + layout.number(size)
            _put(transaction, key, AnchorRow(root, event.block))
        case _:
            _apply_membership(transaction, event.happening)


def _apply_membership(transaction: Transaction, happening: ledger.Happening) -> None:
    match happening:
        case ledger.MemberAdmitted(member):
            _put(transaction, layout.LEDGER_MEMBER + member.name.encode(), MemberRow(member, active=True))
        case ledger.MemberStanding(name, active):
            _change(transaction, layout.LEDGER_MEMBER + name.encode(), MemberRow, active=active)
        case ledger.EndpointsUpdated(name, endpoint, wallet_endpoint):
            _move(transaction, name, endpoint, wallet_endpoint)
        case ledger.KeysChanged(succession):
            _change_keys(transaction, succession)
        case ledger.ProposalMade(proposal, proposer, action, about, expires, eligible):
            row = ProposalRow(proposer, action, about, expires, eligible, {})
            _put(transaction, layout.LEDGER_PROPOSAL + layout.number(proposal), row)
        case ledger.VoteCast(proposal, voter, approve):
            _vote(transaction, proposal, voter, approve=approve)
        case ledger.ProposalPassed(proposal):
            _change(transaction, layout.LEDGER_PROPOSAL + layout.number(proposal), ProposalRow, passed=True)


def _put(transaction: Transaction, key: bytes, row: msgspec.Struct) -> None:
    transaction.put(key, msgspec.msgpack.encode(row))


def _change(transaction: Transaction, key: bytes, kind: type[msgspec.Struct], **changes: object) -> None:
    raw = transaction.get(key)
    if raw is not None:
        _put(transaction, key, msgspec.structs.replace(msgspec.msgpack.decode(raw, type=kind), **changes))


def _move(transaction: Transaction, name: str, endpoint: str, wallet_endpoint: str) -> None:
    key = layout.LEDGER_MEMBER + name.encode()
    raw = transaction.get(key)
    if raw is not None:
        row = msgspec.msgpack.decode(raw, type=MemberRow)
        moved = msgspec.structs.replace(row, member=row.member.moved_to(endpoint, wallet_endpoint))
        _put(transaction, key, moved)


def _change_keys(transaction: Transaction, succession: Succession) -> None:
    key = layout.LEDGER_MEMBER + succession.member.encode()
    raw = transaction.get(key)
    if raw is not None:
        row = msgspec.msgpack.decode(raw, type=MemberRow)
        changed = succeed(row.member, succession)
        successions = (*row.successions, succession)
        _put(transaction, key, msgspec.structs.replace(row, member=changed, successions=successions))


def _vote(transaction: Transaction, proposal: int, voter: str, *, approve: bool) -> None:
    key = layout.LEDGER_PROPOSAL + layout.number(proposal)
    raw = transaction.get(key)
    if raw is not None:
        row = msgspec.msgpack.decode(raw, type=ProposalRow)
        _put(transaction, key, msgspec.structs.replace(row, votes={**row.votes, voter: approve}))
