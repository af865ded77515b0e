"""What a member may do in which standing: membership ends rights, not duties.

One table. The contracts keep the rows that name a call of theirs, the node keeps all of them
(`Alliance.check_may` in `node/services/alliance.py`). `tests/contracts` holds the contracts to it, and
`docs/standing.md` shows it.

What was promised and what is held for others outlasts membership; a member at rest begins nothing new.
Source: invariants 6 and 7 of the design; PIPL art. 47 (deletion).
"""

import enum
from dataclasses import dataclass

from node.domain.member import Role, Standing

ANYBODY = Role.CENTRE | Role.GUARANTOR | Role.SUPERVISOR
_ALL = frozenset(Standing)
_ACTIVE = frozenset({Standing.ACTIVE})


class Act(enum.Enum):
    """What members do."""

    RECORD = "take in records of its own systems, and prove them"
    ANCHOR = "anchor its log"
    SHOW = "show a subject what it holds, who read it, and give it its copy"
    CORRECT = "take in corrections and further documents of a subject that is registered here"
    REGISTER = "register a new subject"
    TAKE_OVER = "become the home of a subject that moves here"
    KEEP_GRANT = "bring a grant to the ledger"
    REVOKE = "bring a revocation to the ledger"
    HAND_OVER = "bring a subject's change of key to the ledger"
    RECOVER = "propose the recovery of a subject's lost key"
    CONFIRM = "confirm one, having checked the certificate"
    VETO = "bring a key's veto against a recovery to the ledger"
    FINISH = "carry a recovery out after its waiting time"
    SERVE = "answer reads under grants or on a legal basis"
    READ = "ask for access, and read at other members"
    SUPERVISE = "read for its supervision, without the owner's grant"
    PRESENT_ORDER = "read on the order of a court or an investigating authority, without the owner's grant"
    OWN_PROCEDURE = "read what it keeps as home for its own procedure, without the owner's grant"
    RECEIPT = "hand in receipts for what was read"
    GIVE_CODE = "give application codes for its tenders"
    APPLY = "take applications for guarantees"
    DECLINE = "refuse applications, and tell what became of them"
    ISSUE = "issue a guarantee"
    STEP = "pay, examine and release: every later step of a guarantee"
    RESERVE = "bring reservations of guarantee applications to the ledger"
    ANNOUNCE = "announce when a tender is opened"
    POSTPONE = "put an announced opening off, with notice"
    OPEN = "open an announced tender"
    HOLD = "make keys for openings as a holder of shares"
    REVEAL = "give the shares of an opened tender"
    CHECK = "say how a guarantee stands"
    CHANGE_KEYS = "change its own keys"
    DECIDE = "propose, vote, summon"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    act: Act
    roles: Role
    """Members of which roles it concerns."""
    standings: frozenset[Standing]
    """In which it is allowed."""
    why: str
    call: str = ""
    """Contract and function by which the ledger decides; empty: the node alone."""


TABLE: tuple[Row, ...] = (
    Row(Act.RECORD, ANYBODY, _ALL, "its own work goes on"),
    Row(Act.ANCHOR, ANYBODY, _ALL, "a log that is not anchored could be rewritten", "Anchors.anchor"),
    Row(Act.SHOW, Role.CENTRE, _ALL, "the data is the subject's"),
    Row(Act.CORRECT, Role.CENTRE, _ALL, "the data is the subject's"),
    Row(Act.REGISTER, Role.CENTRE, _ACTIVE, "nobody could rely on it", "Subjects.create"),
    Row(Act.TAKE_OVER, Role.CENTRE, _ACTIVE, "nobody could rely on it", "Subjects.move"),
    Row(Act.KEEP_GRANT, ANYBODY, _ACTIVE, "any active member can", "Grants.register"),
    Row(Act.REVOKE, ANYBODY, _ALL, "no standing may delay a revocation", "Grants.revoke"),
    Row(Act.HAND_OVER, ANYBODY, _ALL, "the subject's own step", "Subjects.changeController"),
    Row(Act.RECOVER, ANYBODY, _ACTIVE, "nobody could rely on it", "Subjects.proposeRecovery"),
    Row(Act.CONFIRM, ANYBODY, _ACTIVE, "its word would have to be relied on", "Subjects.confirmRecovery"),
    Row(Act.VETO, ANYBODY, _ALL, "no standing may delay it", "Subjects.vetoRecovery"),
    Row(Act.FINISH, ANYBODY, _ALL, "it was confirmed by others", "Subjects.finishRecovery"),
    Row(Act.SERVE, Role.CENTRE, _ACTIVE, "its word is not relied on for now"),
    Row(Act.READ, ANYBODY, _ACTIVE, "no new data to a member at rest"),
    Row(Act.SUPERVISE, Role.SUPERVISOR, _ACTIVE, "case number, two officers, notice to the owner"),
    Row(Act.PRESENT_ORDER, ANYBODY, _ACTIVE, "the order's digest too"),
    Row(Act.OWN_PROCEDURE, Role.CENTRE, _ACTIVE, "the same, and on record like any other's"),
    Row(Act.RECEIPT, ANYBODY, _ACTIVE, "it is kept, and handed in on return; its absence shows"),
    Row(Act.GIVE_CODE, Role.CENTRE, _ACTIVE, "no new guarantee begins there"),
    Row(Act.APPLY, Role.GUARANTOR, _ACTIVE, "no new guarantee begins there"),
    Row(Act.DECLINE, Role.GUARANTOR, _ALL, "applicants must know and be free to go elsewhere"),
    Row(Act.ISSUE, Role.GUARANTOR, _ACTIVE, "no new guarantee begins there", "Guarantees.issue"),
    Row(Act.STEP, ANYBODY, _ALL, "what was promised is kept", "Guarantees.step"),
    Row(Act.RESERVE, ANYBODY, _ACTIVE, "any active member can", "Reservations.reserve"),
    Row(Act.ANNOUNCE, Role.CENTRE, _ACTIVE, "no new tender begins there", "Openings.announce"),
    Row(Act.POSTPONE, Role.CENTRE, _ALL, "bidders rely on the moment", "Openings.postpone"),
    Row(Act.OPEN, Role.CENTRE, _ALL, "bidders rely on the moment", "Openings.open"),
    Row(Act.HOLD, Role.CENTRE | Role.SUPERVISOR, _ACTIVE, "it would have to be relied on"),
    Row(Act.REVEAL, Role.CENTRE | Role.SUPERVISOR, _ALL, "what was promised is kept"),
    Row(Act.CHECK, ANYBODY, _ALL, "it says only what the ledger and the file say"),
    Row(Act.CHANGE_KEYS, ANYBODY, _ALL, "its duties want keys that it alone holds", "Alliance.changeKeys"),
    Row(Act.DECIDE, ANYBODY, _ACTIVE, "the others decide", "Alliance.vote"),
)
ON_CHAIN = tuple(row for row in TABLE if row.call and not row.call.startswith("Alliance."))
"""The rows that the contracts beside `Alliance` keep."""

_ROWS = {row.act: row for row in TABLE}


def is_allowed(act: Act, standing: Standing) -> bool:
    """Whether a member in a standing may do something."""
    return standing in _ROWS[act].standings


def concerns(act: Act, roles: Role) -> bool:
    """Whether a member with these roles is one of those whom a row is for."""
    return bool(_ROWS[act].roles & roles)
