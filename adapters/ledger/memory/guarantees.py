"""`Guarantees.sol` in Python, over the same table. Checks stand in the contract's order."""

from dataclasses import dataclass, replace
from typing import Protocol

from adapters.ledger.artifact import GUARANTEES
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.calendar import CalendarRules
from adapters.ledger.memory.signers import is_signed, is_well_formed
from adapters.ledger.memory.state import State as Tables
from node.domain.guarantee_table import (
    EXPIRY_UNIT_SECONDS,
    GRACE_SECONDS,
    MAX_EXAMINATION_DAYS,
    OBJECTION_SECONDS,
    SUIT_SECONDS,
    SUSPENSION_SECONDS,
    Effect,
    Event,
    Mover,
    Period,
    Rule,
    State,
    Time,
    transition,
)
from node.domain.ledger import (
    NO_WORD,
    GuaranteeMoved,
    GuaranteeStep,
    GuaranteeTerms,
    Happening,
    Signed,
    StepGuarantee,
)
from node.domain.ledger_ids import (
    Eip712Domain,
    centre_commitment,
    end_commitment,
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    step_guarantee_digest,
    step_receipt_digest,
)
from node.domain.member import Member, Role
from node.errors import LedgerRefusedError

_ADDRESS_BYTES = 20
_RECEIVERS = (Mover.GUARANTOR, Mover.BENEFICIARY, Mover.CENTRE)


class Membership(Protocol):
    """What the contract asks the alliance."""

    def member_of(self, account: bytes) -> str | None:
        """Name of the active member with this account."""
        ...

    def bound_member(self, account: bytes) -> str | None:
        """Name of the member with this account, in whatever standing."""
        ...

    def is_active(self, name: str) -> bool:
        """Whether there is such a member and it is not suspended."""
        ...

    def member(self, name: str) -> Member:
        """A member, active or suspended."""
        ...

    def former_identity_key(self, name: str) -> bytes | None:
        """The identity key before the present one while it still counts."""
        ...


@dataclass(frozen=True, slots=True)
class Issue:
    """`Guarantees.issue` as its call data has it."""

    terms: GuaranteeTerms
    verifier: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class _Guarantee:
    state: State
    event: Event
    """The last one."""
    sequence: int
    document: bytes
    """Of the last step."""
    terms: GuaranteeTerms
    """With the end in force."""
    since: int
    """When the state began; a stay that is over is left out."""
    due: int = 0
    """When its period is over; 0 if none runs."""
    interrupted: State = State.NONE
    """That a stay interrupted."""
    ran: int = 0
    """How long it had lasted."""
    left: int = 0
    """What was left of its period, at least 1; 0 if none ran."""
    proposed: tuple[bytes, int] = (NO_WORD, 0)
    """Commitment to an end, and that end rounded up."""


class GuaranteeRules:
    """The contract's functions; each returns what it reports."""

    def __init__(
        self,
        tables: Tables,
        membership: Membership,
        book: BookRules,
        calendar: CalendarRules,
        deployment: Deployment,
    ) -> None:
        self._tables, self._membership, self._book = tables, membership, book
        self._calendar, self._deployment = calendar, deployment

    def issue(self, sender: bytes, call: Issue, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Guarantees.issue`.
        """
        terms = call.terms
        self._check_sender(self._membership.member_of(sender), sender)
        self._book.require_in_force(GUARANTEES)
        if not self._may_issue(terms.guarantor):
            raise LedgerRefusedError("GuaranteesNotGuarantor", f"member={terms.guarantor}")
        if terms.expires % EXPIRY_UNIT_SECONDS:
            raise LedgerRefusedError("GuaranteesUnroundedExpiry", f"expires={terms.expires}")
        if now >= terms.expires:
            raise LedgerRefusedError("GuaranteesExpired", f"expires={terms.expires}")
        if not 0 < terms.examination <= MAX_EXAMINATION_DAYS:
            raise LedgerRefusedError("GuaranteesMalformedExamination", f"examination={terms.examination}")
        if self._tables.get("application", terms.application):
            raise LedgerRefusedError("GuaranteesApplicationUsed", f"application=0x{terms.application.hex()}")
        if not self._book.is_verifier(call.verifier):
            raise LedgerRefusedError("GuaranteesMalformedSigner")
        guarantee = guarantee_id(self._deployment.alliance_id, terms)
        digest = issue_guarantee_digest(self._domain(), guarantee)
        keys = self._identity_keys(terms.guarantor)
        if not any(is_signed(call.verifier + key, digest, call.signature, self._book) for key in keys):
            raise LedgerRefusedError("GuaranteesWrongSignature", f"guarantee=0x{guarantee.hex()}")

        rule = transition(State.NONE, Event.ISSUE)
        assert rule is not None
        self._tables.put("application", terms.application, True)
        return self._put(guarantee, _Guarantee(rule.next, Event.ISSUE, 1, terms.digest, terms, now))

    def step(self, sender: bytes, call: StepGuarantee, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Guarantees.step`.
        """
        self._check_sender(self._membership.bound_member(sender), sender)
        step = call.step
        named = f"guarantee=0x{step.guarantee.hex()}"
        entry: _Guarantee | None = self._tables.get("guarantee", (self._tables.frame.target, step.guarantee))
        if entry is None:
            raise LedgerRefusedError("GuaranteesUnknown", named)
        rule = _possible_rule(entry, step, named)
        if not is_well_formed(call.mover.signer, self._book):
            raise LedgerRefusedError("GuaranteesMalformedSigner")
        _check_proposal(entry, rule, step, now)
        end = self._check_time(entry, rule, call, now)
        if not self._is_mover(entry.terms, rule.mover, call.mover):
            raise LedgerRefusedError("GuaranteesWrongMover", named)
        digest = step_guarantee_digest(self._domain(), step)
        if not is_signed(call.mover.signer, digest, call.mover.signature, self._book):
            raise LedgerRefusedError("GuaranteesWrongSignature", named)
        moved = self._moved(entry, rule, step, now)
        done = replace(moved, event=Event(step.event), sequence=step.sequence, document=step.document)
        return self._put(step.guarantee, done, end)

    def _put(self, guarantee: bytes, entry: _Guarantee, end: int = 0) -> list[Happening]:
        self._tables.put("guarantee", (self._tables.frame.target, guarantee), entry)
        place = (int(entry.event), int(entry.state), entry.sequence)
        times = (entry.terms.expires, end, entry.since, entry.due)
        return [GuaranteeMoved(guarantee, *place, entry.document, *times)]

    def _moved(self, entry: _Guarantee, rule: Rule, step: GuaranteeStep, now: int) -> _Guarantee:
        match rule.effect:
            case Effect.RESUME:
                due = now + entry.left if entry.left else 0
                return replace(entry, state=entry.interrupted, since=now - entry.ran, due=due)
            case Effect.INTERRUPT:
                left = max(entry.due - now, 1) if entry.due else 0
                entry = replace(entry, interrupted=entry.state, ran=now - entry.since, left=left)
            case Effect.PROPOSE:
                entry = replace(entry, proposed=(step.end, step.expires))
            case Effect.ADOPT if any(entry.proposed[0]):
                end, expires = entry.proposed
                entry = replace(entry, terms=replace(entry.terms, end=end, expires=expires))
        return replace(entry, state=rule.next, since=now, due=self._period_end(entry, rule.period, now))

    def _period_end(self, entry: _Guarantee, period: Period, now: int) -> int:
        match period:
            case Period.EXAMINATION:
                return self._calendar.add_working_days(now, entry.terms.examination)
            case Period.SUSPENSION:
                return entry.since + SUSPENSION_SECONDS
            case Period.SUIT:
                return now + SUIT_SECONDS
            case Period.OBJECTION:
                return now + OBJECTION_SECONDS
            case _:
                return 0

    def _check_time(self, entry: _Guarantee, rule: Rule, call: StepGuarantee, now: int) -> int:
        """The exact end, if the evidence had to open it."""
        end = 0
        if rule.time in {Time.IN_TIME, Time.AFTER_GRACE}:
            end = call.evidence.end
            if end_commitment(call.evidence.salt, end) != entry.terms.end:
                raise LedgerRefusedError("GuaranteesWrongEnd", f"guarantee=0x{call.step.guarantee.hex()}")
        match rule.time:
            case Time.BEFORE_EXPIRY if now >= entry.terms.expires:
                raise LedgerRefusedError("GuaranteesExpired", f"expires={entry.terms.expires}")
            case Time.IN_TIME if not self._is_before(end, entry, rule.mover, call, now):
                raise LedgerRefusedError("GuaranteesExpired", f"expires={end}")
            case Time.AFTER_GRACE if now < end + GRACE_SECONDS:
                raise LedgerRefusedError("GuaranteesTooEarly", f"from={end + GRACE_SECONDS}")
            case Time.BEFORE_DUE if not self._is_before(entry.due, entry, rule.mover, call, now):
                raise LedgerRefusedError("GuaranteesTooLate", f"due={entry.due}")
            case Time.AFTER_DUE if now < entry.due:
                raise LedgerRefusedError("GuaranteesTooEarly", f"from={entry.due}")
        return end

    def _is_before(self, limit: int, entry: _Guarantee, mover: Mover, call: StepGuarantee, now: int) -> bool:
        if now < limit:
            return True
        lodged = call.evidence.lodged
        if not lodged:
            return False
        if not self._is_receipt(entry, mover, call):
            raise LedgerRefusedError("GuaranteesWrongReceipt", f"guarantee=0x{call.step.guarantee.hex()}")
        return lodged < limit and now - limit < GRACE_SECONDS

    def _is_receipt(self, entry: _Guarantee, mover: Mover, call: StepGuarantee) -> bool:
        step, evidence = call.step, call.evidence
        by = evidence.receipt or Signed(b"", b"")
        key = call.mover.signer[_ADDRESS_BYTES:]
        if not is_well_formed(by.signer, self._book) or by.signer[_ADDRESS_BYTES:] == key:
            return False
        if not any(self._is_mover(entry.terms, one, by) for one in _RECEIVERS if one is not mover):
            return False
        digest = step_receipt_digest(
            self._domain(), step.guarantee, step.event, step.document, evidence.lodged
        )
        return is_signed(by.signer, digest, by.signature, self._book)

    def _is_mover(self, terms: GuaranteeTerms, mover: Mover, by: Signed) -> bool:
        match mover:
            case Mover.GUARANTOR:
                return self._is_identity(terms.guarantor, by.signer)
            case Mover.CENTRE:
                is_named = bool(by.member) and centre_commitment(by.salt, by.member) == terms.centre
                return is_named and self._is_identity(by.member, by.signer)
            case Mover.BENEFICIARY:
                return mover_commitment(by.salt, by.signer) == terms.beneficiary
            case Mover.APPLICANT:
                return mover_commitment(by.salt, by.signer) == terms.applicant

    def _is_identity(self, member: str, signer: bytes) -> bool:
        return signer[_ADDRESS_BYTES:] in self._identity_keys(member)

    def _identity_keys(self, name: str) -> tuple[bytes, ...]:
        former = self._membership.former_identity_key(name)
        return (self._membership.member(name).identity_key, *([former] if former else []))

    def _may_issue(self, name: str) -> bool:
        membership = self._membership
        return membership.is_active(name) and bool(membership.member(name).roles & Role.GUARANTOR)

    def _domain(self) -> Eip712Domain:
        deployment = self._deployment
        return Eip712Domain(deployment.chain_id, self._tables.frame.target, deployment.alliance_id)

    def _check_sender(self, member: str | None, account: bytes) -> None:
        if member is None:
            raise LedgerRefusedError("GuaranteesNotMember", f"account=0x{account.hex()}")


def _possible_rule(entry: _Guarantee, step: GuaranteeStep, named: str) -> Rule:
    if (step.sequence, step.event) == (entry.sequence, entry.event):
        raise LedgerRefusedError("GuaranteesAlreadyMoved", f"{named}, event_={step.event}")
    rule = _rule(entry.state, step.event)
    if rule is None:
        detail = f"{named}, state={int(entry.state)}, event_={step.event}"
        raise LedgerRefusedError("GuaranteesWrongStep", detail)
    if (step.sequence, step.previous) != (entry.sequence + 1, entry.document):
        detail = f"{named}, sequence={entry.sequence}, document=0x{entry.document.hex()}"
        raise LedgerRefusedError("GuaranteesOtherStep", detail)
    return rule


def _check_proposal(entry: _Guarantee, rule: Rule, step: GuaranteeStep, now: int) -> None:
    if rule.effect is Effect.ADOPT:
        if (step.end, step.expires) != entry.proposed:
            raise LedgerRefusedError("GuaranteesMalformedEnd")
        return
    if not any(step.end) and not step.expires:
        return
    if (
        rule.effect is not Effect.PROPOSE
        or not any(step.end)
        or step.expires <= now
        or step.expires % EXPIRY_UNIT_SECONDS
    ):
        raise LedgerRefusedError("GuaranteesMalformedEnd")


def _rule(state: State, event: int) -> Rule | None:
    try:
        return transition(state, Event(event))
    except ValueError:  # a number that is no event
        return None
