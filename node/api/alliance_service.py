"""`AllianceService`: the alliance and this node as they are, and this member's proposals and votes."""

from heqi.v1 import alliance_service_pb2 as pb
from heqi.v1 import alliance_service_pb2_grpc as rpc

from node.api.caller import Context
from node.services.alliance import Alliance
from node.services.decisions import Decisions
from node.services.membership import Membership
from node.services.status import NodeStatus
from node.wire.diagnosis import message_from_state


class AllianceService(rpc.AllianceServiceServicer):
    """Translates, calls `Membership` and `NodeStatus`, translates back."""

    def __init__(
        self, alliance: Alliance, membership: Membership, status: NodeStatus, decisions: Decisions
    ) -> None:
        self._alliance, self._membership = alliance, membership
        self._status, self._decisions = status, decisions

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
