"""`Alliance.sol` in Python: members, proposals and votes. Checks stand in the contract's order."""

from dataclasses import dataclass, replace

from adapters.ledger.memory.state import State
from node.domain.ledger import (
    Action,
    CastVote,
    EndpointsUpdated,
    Happening,
    MemberAdmitted,
    MemberStanding,
    ProposalMade,
    ProposalPassed,
    ProposeAdmission,
    ProposeStanding,
    UpdateEndpoints,
    VoteCast,
)
from node.domain.member import Member
from node.errors import LedgerRefusedError

MAX_PROPOSAL_SECONDS = 90 * 24 * 3600

_ALL_ROLES = 7
_MAX_ENDPOINT = 255
_LEAST_TO_SUSPEND = 2

Proposing = ProposeAdmission | ProposeStanding


@dataclass(frozen=True, slots=True)
class _Proposal:
    call: Proposing
    epoch: int
    eligible: int
    approvals: int = 0
    is_passed: bool = False

    @property
    def about(self) -> str:
        return self.call.member.name if isinstance(self.call, ProposeAdmission) else self.call.name


class AllianceRules:
    """The alliance contract's functions; each returns what it reports."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.now = 0
        """Time of the block that a call is in; the chain sets it."""

    def found(self, founders: tuple[Member, ...]) -> list[Happening]:
        """What the constructor does.

        Raises:
            LedgerRefusedError: a founder is malformed or there twice.
        """
        if not founders:
            raise LedgerRefusedError("AllianceMalformedProposal")
        happenings: list[Happening] = []
        for founder in founders:
            self._check_admission(founder)
            happenings.append(self._admit(founder))
        return happenings

    def member_of(self, account: bytes) -> str | None:
        """Name of the active member with this account."""
        name: str | None = self._state.get("account", account)
        is_known = name is not None and self.is_active(name) and self._speaks_for(name, account)
        return name if is_known else None

    def is_active(self, name: str) -> bool:
        """Whether there is such a member and it is not suspended."""
        return self._active_since(name) != 0

    def member(self, name: str) -> Member:
        """A member, active or suspended.

        Raises:
            LedgerRefusedError: there never was one by that name.
        """
        known: Member | None = self._state.get("member", name)
        if known is None:
            raise LedgerRefusedError("AllianceUnknownMember", f"id={name}")
        return known

    def former_identity_key(self, name: str) -> bytes | None:
        """The identity key before the present one while it still counts."""
        former = self._state.get("former", name)
        return former.identity if former is not None and self.now <= former.identity_until else None

    def _speaks_for(self, name: str, account: bytes) -> bool:
        if self.member(name).account == account:
            return True
        former = self._state.get("former", name)
        return former is not None and former.account == account and self.now <= former.account_until

    def propose(self, sender: bytes, call: Proposing, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Alliance.propose`.
        """
        proposer = self._sender(sender)
        if not now < call.expires <= now + MAX_PROPOSAL_SECONDS:
            raise LedgerRefusedError("AllianceWrongExpiry", f"expires={call.expires}")
        self._check(call)
        proposal = _Proposal(call, self._count("epoch"), self._count("active"))
        if proposal.about == proposer:
            raise LedgerRefusedError("AllianceNotEligible", f"voter={proposer}")
        if self.is_active(proposal.about):
            proposal = replace(proposal, eligible=proposal.eligible - 1)
        number = self._add("proposals", 1)
        self._state.put("proposal", number, proposal)
        action = Action.ADMIT if isinstance(call, ProposeAdmission) else call.action
        made = ProposalMade(number, proposer, action, proposal.about, call.expires, proposal.eligible)
        return [made, *self._cast_vote(number, proposer, approve=True)]

    def vote(self, sender: bytes, call: CastVote, now: int) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Alliance.vote`.
        """
        voter = self._sender(sender)
        proposal: _Proposal | None = self._state.get("proposal", call.proposal)
        if proposal is None:
            raise LedgerRefusedError("AllianceUnknownProposal", f"proposal={call.proposal}")
        if proposal.is_passed or now > proposal.call.expires:
            raise LedgerRefusedError("AllianceProposalClosed", f"proposal={call.proposal}")
        if voter == proposal.about or self._active_since(voter) > proposal.epoch:
            raise LedgerRefusedError("AllianceNotEligible", f"voter={voter}")
        if self._state.get("voted", (call.proposal, voter)):
            raise LedgerRefusedError("AllianceAlreadyVoted", f"voter={voter}")
        return self._cast_vote(call.proposal, voter, approve=call.approve)

    def update_endpoints(self, sender: bytes, call: UpdateEndpoints) -> list[Happening]:
        """Raises:
        LedgerRefusedError: as `Alliance.updateEndpoints`.
        """
        name = self._sender(sender)
        if not (_is_endpoint(call.endpoint) and _is_endpoint(call.wallet_endpoint)):
            raise LedgerRefusedError("AllianceMalformedMember")
        member: Member = self._state.get("member", name)
        moved = replace(member, endpoint=call.endpoint, wallet_endpoint=call.wallet_endpoint)
        self._state.put("member", name, moved)
        return [EndpointsUpdated(name, call.endpoint, call.wallet_endpoint)]

    def _cast_vote(self, number: int, voter: str, *, approve: bool) -> list[Happening]:
        proposal: _Proposal = self._state.get("proposal", number)
        self._state.put("voted", (number, voter), True)
        proposal = replace(proposal, approvals=proposal.approvals + int(approve))
        is_suspension = isinstance(proposal.call, ProposeStanding) and proposal.call.action is Action.SUSPEND
        is_enough = proposal.approvals >= (_LEAST_TO_SUSPEND if is_suspension else 1)
        is_passed = is_enough and proposal.approvals * 3 >= proposal.eligible * 2
        self._state.put("proposal", number, replace(proposal, is_passed=is_passed))
        cast = VoteCast(number, voter, approve)
        if not is_passed:
            return [cast]
        self._check(proposal.call)  # what was possible when it was proposed may no longer be
        return [cast, ProposalPassed(number), self._carry_out(proposal.call)]

    def _carry_out(self, call: Proposing) -> Happening:
        if isinstance(call, ProposeAdmission):
            return self._admit(call.member)
        if call.action is Action.SUSPEND:
            self._add("epoch", 1)
            self._add("active", -1)
            self._state.put("since", call.name, 0)
        else:
            self._activate(call.name)
        return MemberStanding(call.name, active=call.action is Action.REINSTATE)

    def _check(self, call: Proposing) -> None:
        if isinstance(call, ProposeAdmission):
            self._check_admission(call.member)
            return
        if call.action not in (Action.SUSPEND, Action.REINSTATE):
            raise LedgerRefusedError("AllianceMalformedProposal")
        if self._state.get("member", call.name) is None:
            raise LedgerRefusedError("AllianceUnknownMember", f"id={call.name}")
        if self.is_active(call.name) == (call.action is Action.REINSTATE):
            raise LedgerRefusedError("AllianceUnchanged")

    def _check_admission(self, member: Member) -> None:
        keys = (member.identity_key[:32], member.identity_key[32:], member.log_key, member.sealing_key)
        if (
            not 0 < int(member.roles) <= _ALL_ROLES
            or not all(any(key) for key in (member.account, *keys))
            or not _is_endpoint(member.endpoint)
            or not _is_endpoint(member.wallet_endpoint)
        ):
            raise LedgerRefusedError("AllianceMalformedMember")
        if self._state.get("member", member.name) is not None:
            raise LedgerRefusedError("AllianceMemberExists", f"id={member.name}")
        if self._state.get("account", member.account) is not None:
            raise LedgerRefusedError("AllianceAccountTaken", f"account=0x{member.account.hex()}")

    def _admit(self, member: Member) -> Happening:
        self._state.put("member", member.name, member)
        self._state.put("account", member.account, member.name)
        self._activate(member.name)
        return MemberAdmitted(member)

    def _activate(self, name: str) -> None:
        self._state.put("since", name, self._add("epoch", 1))
        self._add("active", 1)

    def _active_since(self, name: str) -> int:
        """Epoch of admission or last reinstatement; 0 if not active."""
        since: int = self._state.get("since", name, 0)
        return since

    def _sender(self, account: bytes) -> str:
        name = self.member_of(account)
        if name is None:
            raise LedgerRefusedError("AllianceNotMember", f"account=0x{account.hex()}")
        return name

    def _count(self, counter: str) -> int:
        value: int = self._state.get("count", counter, 0)
        return value

    def _add(self, counter: str, step: int) -> int:
        value = self._count(counter) + step
        self._state.put("count", counter, value)
        return value


def _is_endpoint(text: str) -> bool:
    return len(text) <= _MAX_ENDPOINT and all("!" <= char <= "~" for char in text)
