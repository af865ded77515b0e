"""What a final event of the ledger changes in the projection: one handler per happening."""

import dataclasses

import msgspec

from node.domain import alliance_life, ledger, recovery
from node.domain.alliance_life import BookEntry
from node.domain.controller import exchange
from node.domain.guarantee_table import Effect, transition
from node.domain.guarantee_table import Event as GuaranteeEvent
from node.domain.guarantee_table import State as GuaranteeState
from node.domain.keys import Succession, succeed
from node.domain.ledger import Event
from node.domain.member import Role, Standing
from node.services import layout
from node.services.projection import (
    AnchorRow,
    CategoryRow,
    GrantRow,
    GuaranteeRow,
    MemberRow,
    ProposalRow,
    RecoveryRow,
    StepRow,
    SubjectRow,
)
from node.services.sealing_rows import apply_sealing
from node.services.transaction import Transaction


def put_contract(transaction: Transaction, event: Event, entry: BookEntry) -> None:
    """Write which contract a vote put in force; the follower has found out whether this node knows it."""
    place = layout.number(event.block) + layout.number(event.index)
    transaction.put(layout.LEDGER_CONTRACT + place, msgspec.msgpack.encode(entry))


def apply_event(transaction: Transaction, event: Event) -> None:
    """Write what a final event says.

    Raises:
        StoreError: the database fails.
    """
    match event.happening:
        case ledger.SubjectCreated(subject, home, controller):
            _put(transaction, layout.LEDGER_SUBJECT + subject, SubjectRow(home, 1, (controller,)))
        case ledger.ControllerChanged(subject, version, removed, added):
            _change_controllers(transaction, subject, version, removed, added)
        case ledger.GrantRegistered(grant):
            # Revoked is for ever, also where a later contract registers what an earlier one revoked.
            raw = transaction.get(layout.LEDGER_GRANT + grant)
            revoked = raw is not None and msgspec.msgpack.decode(raw, type=GrantRow).revoked
            _put(transaction, layout.LEDGER_GRANT + grant, GrantRow(registered=True, revoked=revoked))
        case ledger.GrantRevoked(grant):
            _put(transaction, layout.LEDGER_GRANT + grant, GrantRow(registered=True, revoked=True))
        case alliance_life.SubjectMoved(subject, version, home):
            _change(
                transaction,
                layout.LEDGER_SUBJECT + subject,
                SubjectRow,
                version=version,
                home=home,
                recoveries=(),
            )
        case ledger.GuaranteeMoved() as moved:
            _move_guarantee(transaction, moved, event.contract)
        case ledger.Anchored(member, size, root):
            key = layout.LEDGER_ANCHOR + layout.text(member) + layout.number(size)
            _put(transaction, key, AnchorRow(root, event.block))
        case ledger.TrustSet(anchor, version, entry):
            transaction.put(layout.LEDGER_TRUST + anchor.encode(), entry)
            transaction.put(layout.LEDGER_TRUST_VERSION, layout.number(version))
        case alliance_life.DefinitionSet(name, version, definition):
            _define(transaction, name, version, definition)
        case alliance_life.CalendarSet(year):
            key = layout.LEDGER_CALENDAR + layout.number(year.year)
            transaction.put(key, msgspec.msgpack.encode(year))
        case _:
            _apply_membership(transaction, event.happening)


def _move_guarantee(transaction: Transaction, moved: ledger.GuaranteeMoved, contract: bytes) -> None:
    key = layout.LEDGER_GUARANTEE + moved.guarantee
    raw = transaction.get(key)
    before = None if raw is None else msgspec.msgpack.decode(raw, type=GuaranteeRow)
    end = moved.end or (0 if before is None else before.end)
    rule = None if before is None else transition(GuaranteeState(before.state), GuaranteeEvent(moved.event))
    if rule is not None and rule.effect is Effect.ADOPT:
        end = 0
    row = GuaranteeRow(
        moved.state,
        moved.sequence,
        moved.expires,
        contract,
        moved.document,
        moved.event,
        end,
        moved.since,
        moved.due,
    )
    _put(transaction, key, row)
    if moved.sequence > 1:
        place = layout.LEDGER_GUARANTEE_STEP + moved.guarantee + layout.number(moved.sequence)
        _put(transaction, place, StepRow(moved.event, moved.state, moved.document))


def _apply_membership(transaction: Transaction, happening: ledger.Happening) -> None:
    match happening:
        case ledger.MemberAdmitted(member):
            row = MemberRow(member, Standing.ACTIVE)
            _put(transaction, layout.LEDGER_MEMBER + member.name.encode(), row)
        case ledger.MemberStanding(name, active):
            _stand(transaction, name, Standing.ACTIVE if active else Standing.SUSPENDED)
        case alliance_life.MemberAbsent(name, absent):
            _stand(transaction, name, Standing.ABSENT if absent else Standing.ACTIVE)
        case alliance_life.MemberLeft(name):
            _stand(transaction, name, Standing.LEFT)
        case ledger.EndpointsUpdated(name, endpoint, wallet_endpoint):
            _change_member(transaction, name, endpoint=endpoint, wallet_endpoint=wallet_endpoint)
        case ledger.KeysChanged(succession):
            _change_keys(transaction, succession)
        case ledger.ProposalMade(proposal, proposer, action, about, expires, eligible, detail, entry):
            made = ProposalRow(proposer, action, about, expires, eligible, {}, detail=detail, entry=entry)
            _put(transaction, layout.LEDGER_PROPOSAL + layout.number(proposal), made)
        case ledger.VoteCast(proposal, voter, approve):
            _vote(transaction, proposal, voter, approve=approve)
        case ledger.ProposalPassed(proposal):
            _change(transaction, layout.LEDGER_PROPOSAL + layout.number(proposal), ProposalRow, passed=True)
        case _:
            _apply_notes(transaction, happening)


def _apply_notes(transaction: Transaction, happening: ledger.Happening) -> None:
    match happening:
        case alliance_life.MemberSummoned(name, _, until):
            _change(transaction, layout.LEDGER_MEMBER + name.encode(), MemberRow, summoned_until=until)
        case alliance_life.SummonsEnded(name):
            _change(transaction, layout.LEDGER_MEMBER + name.encode(), MemberRow, summoned_until=0)
        case alliance_life.LeaveAnnounced(name, leaves):
            _change(transaction, layout.LEDGER_MEMBER + name.encode(), MemberRow, leaves=leaves)
        case alliance_life.RolesChanged(name, roles):
            _change_member(transaction, name, roles=Role(roles))
        case _:
            _apply_recovery(transaction, happening)


def _apply_recovery(transaction: Transaction, happening: ledger.Happening) -> None:
    match happening:
        case recovery.RecoveryProposed(subject, _, controller, member):
            _put_recovery(transaction, subject, RecoveryRow(controller, member))
        case recovery.RecoveryConfirmed(subject, _, controller, member, until):
            _confirm(transaction, subject, controller, member, until)
        case recovery.RecoveryVetoed(subject, version):
            _change(transaction, layout.LEDGER_SUBJECT + subject, SubjectRow, version=version, recoveries=())
        case recovery.SubjectRecovered(subject, version, controller):
            key = layout.LEDGER_SUBJECT + subject
            changes = {
                "version": version,
                "controllers": (controller,),
                "recoveries": (),
                "recovered": controller,
            }
            _change(transaction, key, SubjectRow, **changes)
        case _:
            apply_sealing(transaction, happening)


def _change_controllers(
    transaction: Transaction, subject: bytes, version: int, removed: bytes, added: bytes
) -> None:
    row = _subject(transaction, subject)
    if row is not None:
        key = layout.LEDGER_SUBJECT + subject
        controllers = exchange(row.controllers, removed, added)
        recovered = b"" if removed == row.recovered else row.recovered
        _put(transaction, key, SubjectRow(row.home, version, controllers, recovered=recovered))


def _confirm(transaction: Transaction, subject: bytes, controller: bytes, member: str, until: int) -> None:
    row = _subject(transaction, subject)
    for one in row.recoveries if row is not None else ():
        if one.controller == controller:
            confirmed = RecoveryRow(controller, one.proposer, (*one.confirmers, member), until)
            _put_recovery(transaction, subject, confirmed)


def _put_recovery(transaction: Transaction, subject: bytes, changed: RecoveryRow) -> None:
    row = _subject(transaction, subject)
    if row is not None:
        others = tuple(one for one in row.recoveries if one.controller != changed.controller)
        changes = {"recoveries": (*others, changed)}
        _change(transaction, layout.LEDGER_SUBJECT + subject, SubjectRow, **changes)


def _subject(transaction: Transaction, subject: bytes) -> SubjectRow | None:
    raw = transaction.get(layout.LEDGER_SUBJECT + subject)
    return None if raw is None else msgspec.msgpack.decode(raw, type=SubjectRow)


def _define(transaction: Transaction, name: str, version: int, definition: bytes) -> None:
    key, changes = layout.LEDGER_CATEGORY + name.encode(), transaction.get(layout.LEDGER_CATALOGUE)
    raw = transaction.get(key)
    earlier = {} if raw is None else msgspec.msgpack.decode(raw, type=CategoryRow).definitions
    _put(transaction, key, CategoryRow(version, {**earlier, version: definition}))
    transaction.put(layout.LEDGER_CATALOGUE, layout.number(layout.from_number(changes or b"") + 1))


def _put(transaction: Transaction, key: bytes, row: msgspec.Struct) -> None:
    transaction.put(key, msgspec.msgpack.encode(row))


def _change(transaction: Transaction, key: bytes, kind: type[msgspec.Struct], **changes: object) -> None:
    raw = transaction.get(key)
    if raw is not None:
        _put(transaction, key, msgspec.structs.replace(msgspec.msgpack.decode(raw, type=kind), **changes))


def _stand(transaction: Transaction, name: str, standing: Standing) -> None:
    key = layout.LEDGER_MEMBER + name.encode()
    _change(transaction, key, MemberRow, standing=standing, summoned_until=0, leaves=0)


def _change_member(transaction: Transaction, name: str, **changes: object) -> None:
    key = layout.LEDGER_MEMBER + name.encode()
    raw = transaction.get(key)
    if raw is not None:
        row = msgspec.msgpack.decode(raw, type=MemberRow)
        changed = dataclasses.replace(row.member, **changes)  # type: ignore[arg-type]
        _put(transaction, key, msgspec.structs.replace(row, member=changed))


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
