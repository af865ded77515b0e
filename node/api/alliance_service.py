"""`AllianceService`: the alliance and this node as they are, and this member's proposals and votes."""

from heqi.v1 import alliance_service_pb2 as pb
from heqi.v1 import alliance_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.keys import KeyKind
from node.domain.succession import encode_successions
from node.errors import InvalidError
from node.services.alliance import Alliance
from node.services.key_rotation import KeyRotation
from node.services.membership import Membership
from node.services.outbox import Outbox
from node.services.status import NodeStatus


class AllianceService(rpc.AllianceServiceServicer):
    """Translates, calls `Membership` and `NodeStatus`, translates back."""

    def __init__(
        self,
        alliance: Alliance,
        membership: Membership,
        status: NodeStatus,
        outbox: Outbox,
        keys: KeyRotation,
    ) -> None:
        self._alliance, self._membership = alliance, membership
        self._status, self._outbox, self._keys = status, outbox, keys

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
        self._outbox.release(request.number)
        return pb.ReleaseOutboxItemResponse()

    async def DropOutboxItem(
        self, request: pb.DropOutboxItemRequest, context: Context
    ) -> pb.DropOutboxItemResponse:
        """See the proto."""
        self._outbox.drop(request.number)
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
