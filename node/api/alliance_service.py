"""`AllianceService`: the alliance and this node as they are, and this member's proposals and votes."""

import re
from collections.abc import Iterable
from datetime import date

from heqi.v1 import alliance_service_pb2 as pb
from heqi.v1 import alliance_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.alliance_life import Step
from node.domain.calendar import WorkingYear, holidays_and_worked, working_year
from node.domain.duties import ANYBODY
from node.domain.keys import KeyKind
from node.domain.succession import encode_successions
from node.errors import InvalidError
from node.services.alliance import Alliance
from node.services.decisions import Decisions
from node.services.key_rotation import KeyRotation
from node.services.membership import Membership
from node.services.status import NodeStatus
from node.wire.diagnosis import message_from_state

_CONTRACT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,30}")


class AllianceService(rpc.AllianceServiceServicer):
    """Translates, calls `Membership` and `NodeStatus`, translates back."""

    def __init__(
        self,
        alliance: Alliance,
        membership: Membership,
        status: NodeStatus,
        decisions: Decisions,
        keys: KeyRotation,
    ) -> None:
        self._alliance, self._membership = alliance, membership
        self._status, self._decisions, self._keys = status, decisions, keys

    async def GetNodeStatus(
        self, request: pb.GetNodeStatusRequest, context: Context
    ) -> pb.GetNodeStatusResponse:
        """See the proto."""
        now = self._status.now()
        response = pb.GetNodeStatusResponse(
            member=self._alliance.me,
            alliance_id=self._alliance.id,
            record_count=now.records,
            log_size=now.log_size,
            anchored_size=now.anchored_size,
            block_number=now.block_number,
            block_age_seconds=now.block_age_seconds,
            parked_count=now.parked,
        )
        for number, item in now.outbox:
            response.outbox.add(
                number=number, object=item.object, state=item.state.value, problem=item.problem
            )
        for expiry in now.expiries:
            response.expiries.add(
                what=expiry.what, expire_time_seconds=expiry.expires, level=expiry.level.name
            )
        return response

    async def GetDiagnosis(
        self, request: pb.GetDiagnosisRequest, context: Context
    ) -> pb.GetDiagnosisResponse:
        """See the proto."""
        return message_from_state(self._status.diagnose(request.anchored_size))

    async def ListMembers(self, request: pb.ListMembersRequest, context: Context) -> pb.ListMembersResponse:
        """See the proto."""
        response = pb.ListMembersResponse()
        for row in self._alliance.projection.members():
            response.members.add(
                name=row.member.name,
                roles=int(row.member.roles),
                active=row.active,
                endpoint=row.member.endpoint,
                wallet_endpoint=row.member.wallet_endpoint,
                identity_key=row.member.identity_key,
                log_key=row.member.log_key,
                standing=row.standing.name,
                summoned_until_seconds=row.summoned_until,
                leave_time_seconds=row.leaves,
            )
        return response

    async def ListProposals(
        self, request: pb.ListProposalsRequest, context: Context
    ) -> pb.ListProposalsResponse:
        """See the proto."""
        response = pb.ListProposalsResponse()
        for number, row in self._alliance.projection.proposals():
            response.proposals.add(
                number=number,
                proposer=row.proposer,
                action=row.action.name,
                about=row.about,
                expire_time_seconds=row.expires,
                eligible_count=row.eligible,
                approvals=[name for name, approve in row.votes.items() if approve],
                refusals=[name for name, approve in row.votes.items() if not approve],
                passed=row.passed,
                detail=row.detail,
            )
        return response

    async def ProposeAdmission(
        self, request: pb.ProposeAdmissionRequest, context: Context
    ) -> pb.ProposeAdmissionResponse:
        """See the proto."""
        self._membership.propose_admission(request.member_card, request.valid_seconds)
        return pb.ProposeAdmissionResponse()

    async def ProposeStanding(
        self, request: pb.ProposeStandingRequest, context: Context
    ) -> pb.ProposeStandingResponse:
        """See the proto."""
        self._membership.propose_standing(
            request.member, active=request.active, valid_seconds=request.valid_seconds
        )
        return pb.ProposeStandingResponse()

    async def ProposeRoles(
        self, request: pb.ProposeRolesRequest, context: Context
    ) -> pb.ProposeRolesResponse:
        """See the proto."""
        if not 0 < request.roles <= ANYBODY:
            raise InvalidError("roles are a bit mask of 1 centre, 2 guarantor, 4 supervisor")
        self._membership.propose_roles(request.member, request.roles, request.valid_seconds)
        return pb.ProposeRolesResponse()

    async def ProposeContract(
        self, request: pb.ProposeContractRequest, context: Context
    ) -> pb.ProposeContractResponse:
        """See the proto."""
        _check_code(request.address, request.code_hash)
        if not _CONTRACT_NAME.fullmatch(request.name):
            raise InvalidError("a contract's name is a letter, then at most 30 letters and digits")
        self._membership.propose_contract(
            request.name, request.address, request.code_hash, request.valid_seconds
        )
        return pb.ProposeContractResponse()

    async def ProposeVerifier(
        self, request: pb.ProposeVerifierRequest, context: Context
    ) -> pb.ProposeVerifierResponse:
        """See the proto."""
        _check_code(request.address, request.code_hash)
        self._membership.propose_verifier(
            request.address, request.code_hash, request.valid_seconds, accepted=request.accepted
        )
        return pb.ProposeVerifierResponse()

    async def TakeStandingStep(
        self, request: pb.TakeStandingStepRequest, context: Context
    ) -> pb.TakeStandingStepResponse:
        """See the proto."""
        step = Step.__members__.get(request.step)
        if step is None:
            raise InvalidError(f"there is no step {request.step!r}; there are {', '.join(Step.__members__)}")
        self._membership.take_step(step, request.member)
        return pb.TakeStandingStepResponse()

    async def ListContracts(
        self, request: pb.ListContractsRequest, context: Context
    ) -> pb.ListContractsResponse:
        """See the proto."""
        response = pb.ListContractsResponse()
        for entry in self._alliance.projection.contracts():
            response.contracts.add(
                name=entry.name, address=entry.address, code_hash=entry.code_hash, known=entry.is_known
            )
        return response

    async def ProposeCalendar(
        self, request: pb.ProposeCalendarRequest, context: Context
    ) -> pb.ProposeCalendarResponse:
        """See the proto."""
        year = working_year(
            request.year, holidays=_dates(request.holidays), worked=_dates(request.worked_days)
        )
        self._membership.propose_calendar(year, request.valid_seconds)
        return pb.ProposeCalendarResponse()

    async def ListCalendar(
        self, request: pb.ListCalendarRequest, context: Context
    ) -> pb.ListCalendarResponse:
        """See the proto."""
        response = pb.ListCalendarResponse()
        for year in self._alliance.projection.calendar().values():
            response.years.append(_calendar_year(year, 0))
        for number, year in self._membership.proposed_years():
            response.years.append(_calendar_year(year, number))
        return response

    async def CastVote(self, request: pb.CastVoteRequest, context: Context) -> pb.CastVoteResponse:
        """See the proto."""
        self._membership.vote(request.proposal, approve=request.approve)
        return pb.CastVoteResponse()

    async def ReleaseOutboxItem(
        self, request: pb.ReleaseOutboxItemRequest, context: Context
    ) -> pb.ReleaseOutboxItemResponse:
        """See the proto."""
        self._decisions.release_transaction(request.number)
        return pb.ReleaseOutboxItemResponse()

    async def DropOutboxItem(
        self, request: pb.DropOutboxItemRequest, context: Context
    ) -> pb.DropOutboxItemResponse:
        """See the proto."""
        self._decisions.drop_transaction(request.number)
        return pb.DropOutboxItemResponse()

    async def ListKeys(self, request: pb.ListKeysRequest, context: Context) -> pb.ListKeysResponse:
        """See the proto."""
        response = pb.ListKeysResponse()
        for one in self._keys.list():
            response.keys.add(
                kind=one.info.kind.value,
                generation=one.info.generation,
                public_key=one.info.public,
                holder=one.info.holder,
                state=one.state,
                until_time_seconds=one.until,
            )
        response.history = encode_successions(self._keys.history())
        return response

    async def RotateKeys(self, request: pb.RotateKeysRequest, context: Context) -> pb.RotateKeysResponse:
        """See the proto."""
        try:
            kinds = {KeyKind(kind) for kind in request.kinds}
        except ValueError as error:
            raise InvalidError("there is no such kind of key") from error
        self._keys.rotate(kinds, request.overlap_seconds, request.holder)
        return pb.RotateKeysResponse()


def _check_code(address: bytes, code_hash: bytes) -> None:
    if (len(address), len(code_hash)) != (20, 32):
        raise InvalidError("an address has 20 bytes, and a code hash 32")


def _dates(texts: Iterable[str]) -> frozenset[date]:
    try:
        return frozenset(date.fromisoformat(text) for text in texts)
    except ValueError as error:
        raise InvalidError("a day is written yyyy-mm-dd") from error


def _calendar_year(year: WorkingYear, proposal: int) -> pb.CalendarYear:
    holidays, worked = holidays_and_worked(year)
    return pb.CalendarYear(
        year=year.year,
        holidays=[day.isoformat() for day in holidays],
        worked_days=[day.isoformat() for day in worked],
        working_day_count=len(year.days()),
        proposal=proposal,
    )
