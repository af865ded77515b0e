"""`Guarantees.sol` in Python, over the same table. Checks stand in the contract's order."""

from dataclasses import dataclass
from typing import Protocol

from eth_hash.auto import keccak

from adapters.ledger.artifact import GUARANTEES
from adapters.ledger.deployment import Deployment
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.signers import is_signed, is_well_formed
from adapters.ledger.memory.state import State as Tables
from node.domain.guarantee_table import Event, Mover, State, Transition, transition
from node.domain.ledger import GuaranteeMoved, Happening, IssueGuarantee, StepGuarantee
from node.domain.ledger_ids import Eip712Domain, issue_guarantee_digest, step_guarantee_digest
from node.domain.member import Member, Role, member_name_to_bytes32
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
    """`Guarantees.issue` as its call data has it: hashes in the place of the signers."""

    digest: bytes
    application: bytes
    expires: int
    guarantor: str
    beneficiary: bytes
    applicant: bytes
    verifier: bytes
    signature: bytes

    @classmethod
    def of(cls, call: IssueGuarantee, verifier: bytes) -> "Issue":
        """What the call becomes on its way to the ledger."""
        terms = call.terms
        movers = keccak(terms.beneficiary), keccak(terms.applicant)
        fixed = (terms.digest, terms.application, terms.expires, terms.guarantor)
        return cls(*fixed, *movers, verifier, call.signature)

    def guarantee(self, alliance_id: bytes) -> bytes:
        """The id, as the contract computes it."""
        name, expires = member_name_to_bytes32(self.guarantor), self.expires.to_bytes(32, "big")
        head = alliance_id + self.digest + self.application + expires + name
        return keccak(head + self.beneficiary + self.applicant)


@dataclass(frozen=True, slots=True)
class _Guarantee:
    state: State
    sequence: int
    issue: Issue


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
        self._check_sender(self._membership.member_of(sender), sender)
        self._book.require_in_force(GUARANTEES)
        if not self._may_issue(call.guarantor):
            raise LedgerRefusedError("GuaranteesNotGuarantor", f"member={call.guarantor}")
        if now >= call.expires:
            raise LedgerRefusedError("GuaranteesExpired", f"expires={call.expires}")
        if self._tables.get("application", call.application):
            raise LedgerRefusedError("GuaranteesApplicationUsed", f"application=0x{call.application.hex()}")
        if not self._book.is_verifier(call.verifier):
            raise LedgerRefusedError("GuaranteesMalformedSigner")
        guarantee = call.guarantee(self._deployment.alliance_id)
        digest = issue_guarantee_digest(self._domain(), guarantee)
        keys = self._identity_keys(call.guarantor)
        if not any(is_signed(call.verifier + key, digest, call.signature) for key in keys):
            raise LedgerRefusedError("GuaranteesWrongSignature", f"guarantee=0x{guarantee.hex()}")

        row = transition(State.NONE, Event.ISSUE)
        assert row is not None
        self._tables.put("application", call.application, True)
        entry = _Guarantee(row.next, 1, call)
        return self._move(guarantee, entry, Event.ISSUE, call.digest)

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
        if row is None:
            detail = f"{named}, state={int(entry.state)}, event_={call.event}"
            raise LedgerRefusedError("GuaranteesWrongStep", detail)
        if row.before_expiry and now >= entry.issue.expires:
            raise LedgerRefusedError("GuaranteesExpired", f"expires={entry.issue.expires}")
        self._check_signer(call.signer)
        if not self._is_mover(entry.issue, row.mover, call.signer):
            raise LedgerRefusedError("GuaranteesWrongMover", named)
        sequence = entry.sequence + 1
        step = (call.guarantee, sequence, call.event, call.document)
        if not is_signed(call.signer, step_guarantee_digest(self._domain(), *step), call.signature):
            raise LedgerRefusedError("GuaranteesWrongSignature", named)

        moved = _Guarantee(row.next, sequence, entry.issue)
        return self._move(call.guarantee, moved, row.event, call.document)

    def _move(self, guarantee: bytes, entry: _Guarantee, event: Event, document: bytes) -> list[Happening]:
        self._tables.put("guarantee", (self._tables.frame.target, guarantee), entry)
        place = (int(event), int(entry.state), entry.sequence)
        return [GuaranteeMoved(guarantee, *place, document, entry.issue.expires)]

    def _is_mover(self, issue: Issue, mover: Mover, signer: bytes) -> bool:
        match mover:
            case Mover.GUARANTOR:
                return signer[_ADDRESS_BYTES:] in self._identity_keys(issue.guarantor)
            case Mover.BENEFICIARY:
                return keccak(signer) == issue.beneficiary
            case Mover.APPLICANT:
                return keccak(signer) == issue.applicant

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
