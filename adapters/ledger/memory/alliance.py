"""`Alliance.sol` in Python: members, proposals and votes. Checks stand in the contract's order."""

from dataclasses import dataclass, replace

from adapters.ledger.happenings import calendar_detail, definition_detail
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.calendar import CalendarRules
from adapters.ledger.memory.catalogue import CatalogueRules
from adapters.ledger.memory.standings import StandingRules
from adapters.ledger.memory.state import State
from adapters.ledger.memory.trust import TrustRules
from node.domain.alliance_life import (
    ProposeCalendar,
    ProposeContract,
    ProposeDefinition,
    ProposeRoles,
    ProposeVerifier,
    RolesChanged,
)
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
    ProposeTrust,
    UpdateEndpoints,
    VoteCast,
)
from node.domain.member import Member, Role, Standing, role_names
from node.errors import LedgerRefusedError

MAX_PROPOSAL_SECONDS = 90 * 24 * 3600

_ALL_ROLES = 7
_MAX_ENDPOINT = 255
_LEAST_AGAINST_A_MEMBER = 2

Proposing = (
    ProposeAdmission
    | ProposeStanding
    | ProposeTrust
    | ProposeRoles
    | ProposeContract
    | ProposeVerifier
    | ProposeDefinition
    | ProposeCalendar
)


@dataclass(frozen=True, slots=True)
class _Proposal:
    call: Proposing
    epoch: int
    eligible: int
    approvals: int = 0
    is_passed: bool = False

    @property
    def about(self) -> str:
        """The member that it is about; empty if it is about none."""
        match self.call:
            case ProposeAdmission(member):
                return member.name
            case ProposeStanding(_, name) | ProposeRoles(name):
                return name
            case _:
                return ""

    def made(self, number: int, proposer: str) -> ProposalMade:
        """What is reported when it is made."""
        action, about, detail, entry = Action.ADMIT, self.about, "", b""
        match self.call:
            case ProposeStanding(standing):
                action = standing
            case ProposeRoles(_, roles):
                action, detail = Action.SET_ROLES, role_names(roles)
            case ProposeTrust(about, entry):
                action = Action.SET_TRUST
            case ProposeContract(about, address, code_hash):
                action, detail = Action.SET_CONTRACT, f"0x{address.hex()} code 0x{code_hash.hex()}"
            case ProposeVerifier(address, accepted, code_hash):
                action, about = Action.SET_VERIFIER, f"0x{address.hex()}"
                detail = f"accept code 0x{code_hash.hex()}" if accepted else "drop"
            case ProposeDefinition(about, version, entry):
                action, detail = Action.SET_DEFINITION, definition_detail(version, entry)
            case ProposeCalendar(year):
                action, about, detail = Action.SET_CALENDAR, str(year.year), calendar_detail(year)
                entry = year.words
        expires = self.call.expires
        return ProposalMade(number, proposer, action, about, expires, self.eligible, detail, entry)


class AllianceRules(StandingRules):
    """The alliance contract's functions; each returns what it reports."""

    def __init__(
        self,
        state: State,
        book: BookRules,
        trust: TrustRules,
        catalogue: CatalogueRules,
        calendar: CalendarRules,
    ) -> None:
        super().__init__(state)
        self._book, self._trust, self._catalogue, self._calendar = book, trust, catalogue, calendar

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
        if proposal.about and self.is_active(proposal.about):
            proposal = replace(proposal, eligible=proposal.eligible - 1)
        number = self._add("proposals", 1)
        self._state.put("proposal", number, proposal)
        made = proposal.made(number, proposer)
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
        is_enough = proposal.approvals >= (_LEAST_AGAINST_A_MEMBER if self._is_against(proposal.call) else 1)
        is_passed = is_enough and proposal.approvals * 3 >= proposal.eligible * 2
        self._state.put("proposal", number, replace(proposal, is_passed=is_passed))
        cast = VoteCast(number, voter, approve)
        if not is_passed:
            return [cast]
        self._check(proposal.call)  # what was possible when it was proposed may no longer be
        return [cast, ProposalPassed(number), self._carry_out(proposal.call)]

    def _is_against(self, call: Proposing) -> bool:
        """Whether it takes something from the member that it is about."""
        if isinstance(call, ProposeRoles):
            return bool(self.member(call.name).roles & ~Role(call.roles))
        return isinstance(call, ProposeStanding) and call.action is Action.SUSPEND

    def _carry_out(self, call: Proposing) -> Happening:  # noqa: PLR0911  one for each action
        match call:
            case ProposeAdmission(member):
                return self._admit(member)
            case ProposeStanding(Action.SUSPEND, name):
                self._rest(name, Standing.SUSPENDED)
                return MemberStanding(name, active=False)
            case ProposeStanding(_, name):
                self._activate(name)
                return MemberStanding(name, active=True)
            case ProposeRoles(name, roles):
                self._state.put("member", name, replace(self.member(name), roles=Role(roles)))
                return RolesChanged(name, roles)
            case ProposeContract(name, address, code_hash):
                return self._book.set_contract(name, address, code_hash)
            case ProposeVerifier(address, accepted):
                return self._book.set_verifier(address, accepted=accepted)
            case ProposeTrust(anchor, entry):
                return self._trust.set(anchor, entry)
            case ProposeDefinition(name, version, definition):
                return self._catalogue.set(name, version, definition)
            case ProposeCalendar(year):
                return self._calendar.set(year)

    def _check(self, call: Proposing) -> None:
        match call:
            case ProposeAdmission(member):
                self._check_admission(member)
            case ProposeStanding(Action.SUSPEND | Action.REINSTATE as action, name):
                self._check_standing(name, active=action is Action.REINSTATE)
            case ProposeRoles(name, roles):
                if not 0 < roles <= _ALL_ROLES:
                    self.member(name)
                    raise LedgerRefusedError("AllianceMalformedMember")
                if self.member(name).roles == roles:
                    raise LedgerRefusedError("AllianceUnchanged")
            case ProposeContract(name, address, code_hash):
                self._book.check_contract(name, address, code_hash)
            case ProposeVerifier(address, accepted, code_hash):
                self._book.check_verifier(address, code_hash, accepted=accepted)
            case ProposeTrust(anchor, entry):
                self._trust.check(anchor, entry)
            case ProposeDefinition(name, version, definition):
                self._catalogue.check(name, version, definition)
            case ProposeCalendar(year):
                self._calendar.check(year)
            case _:
                raise LedgerRefusedError("AllianceMalformedProposal")

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
        self._state.put("names", "", (*self.names(), member.name))
        self._activate(member.name)
        return MemberAdmitted(member)


def _is_endpoint(text: str) -> bool:
    return len(text) <= _MAX_ENDPOINT and all("!" <= char <= "~" for char in text)
