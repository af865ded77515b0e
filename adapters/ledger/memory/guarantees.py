"""`Guarantees.sol` in Python, over the same table. Checks stand in the contract's order."""

from dataclasses import dataclass
from typing import Protocol

from adapters.ledger.artifact import GUARANTEES
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.signers import is_signed, is_well_formed
from adapters.ledger.memory.state import State as Tables
from node.domain.guarantee_table import (
    EXPIRY_UNIT_SECONDS,
    Event,
    Mover,
    State,
    Transition,
    transition,
)
from node.domain.ledger import GuaranteeMoved, GuaranteeTerms, Happening, StepGuarantee
from node.domain.ledger_ids import (
    Eip712Domain,
    guarantee_id,
    issue_guarantee_digest,
    mover_commitment,
    step_guarantee_digest,
)
from node.domain.member import Member, Role
from node.errors import LedgerRefusedError

_ADDRESS_BYTES = 20


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
    terms: GuaranteeTerms


class GuaranteeRules:
    """The contract's functions; each returns what it reports."""

    def __init__(
        self, tables: Tables, membership: Membership, book: BookRules, deployment: Deployment
    ) -> None:
        self._tables, self._membership, self._book = tables, membership, book
        self._deployment = deployment

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
        if self._tables.get("application", terms.application):
            raise LedgerRefusedError("GuaranteesApplicationUsed", f"application=0x{terms.application.hex()}")
        if not self._book.is_verifier(call.verifier):
            raise LedgerRefusedError("GuaranteesMalformedSigner")
        guarantee = guarantee_id(self._deployment.alliance_id, terms)
        digest = issue_guarantee_digest(self._domain(), guarantee)
        keys = self._identity_keys(terms.guarantor)
        if not any(is_signed(call.verifier + key, digest, call.signature, self._book) for key in keys):
            raise LedgerRefusedError("GuaranteesWrongSignature", f"guarantee=0x{guarantee.hex()}")

        row = transition(State.NONE, Event.ISSUE)
        assert row is not None
        self._tables.put("application", terms.application, True)
        entry = _Guarantee(row.next, row.event, 1, terms)
        return self._move(guarantee, entry, terms.digest)

    def step(self, sender: bytes, call: StepGuarantee, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Guarantees.step`.
        """
        self._check_sender(self._membership.bound_member(sender), sender)
        named = f"guarantee=0x{call.guarantee.hex()}"
        entry: _Guarantee | None = self._tables.get("guarantee", (self._tables.frame.target, call.guarantee))
        if entry is None:
            raise LedgerRefusedError("GuaranteesUnknown", named)
        row = _row(entry.state, call.event)
        if row is None and call.event == entry.event:
            raise LedgerRefusedError("GuaranteesAlreadyMoved", f"{named}, event_={call.event}")
        if row is None:
            detail = f"{named}, state={int(entry.state)}, event_={call.event}"
            raise LedgerRefusedError("GuaranteesWrongStep", detail)
        if row.before_expiry and now >= entry.terms.expires:
            raise LedgerRefusedError("GuaranteesExpired", f"expires={entry.terms.expires}")
        self._check_signer(call.signer)
        if not self._is_mover(entry.terms, row.mover, call):
            raise LedgerRefusedError("GuaranteesWrongMover", named)
        sequence = entry.sequence + 1
        step = (call.guarantee, sequence, call.event, call.document)
        if not is_signed(
            call.signer, step_guarantee_digest(self._domain(), *step), call.signature, self._book
        ):
            raise LedgerRefusedError("GuaranteesWrongSignature", named)

        moved = _Guarantee(row.next, row.event, sequence, entry.terms)
        return self._move(call.guarantee, moved, call.document)

    def _move(self, guarantee: bytes, entry: _Guarantee, document: bytes) -> list[Happening]:
        self._tables.put("guarantee", (self._tables.frame.target, guarantee), entry)
        place = (int(entry.event), int(entry.state), entry.sequence)
        return [GuaranteeMoved(guarantee, *place, document, entry.terms.expires)]

    def _is_mover(self, terms: GuaranteeTerms, mover: Mover, call: StepGuarantee) -> bool:
        match mover:
            case Mover.GUARANTOR:
                return call.signer[_ADDRESS_BYTES:] in self._identity_keys(terms.guarantor)
            case Mover.BENEFICIARY:
                return mover_commitment(call.salt, call.signer) == terms.beneficiary
            case Mover.APPLICANT:
                return mover_commitment(call.salt, call.signer) == terms.applicant

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

    def _check_signer(self, signer: bytes) -> None:
        if not is_well_formed(signer, self._book):
            raise LedgerRefusedError("GuaranteesMalformedSigner")


def _row(state: State, event: int) -> Transition | None:
    try:
        return transition(state, Event(event))
    except ValueError:  # a number that is no event
        return None
