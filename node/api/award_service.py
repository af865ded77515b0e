"""`AwardService`: a lender's own systems fetch proofs of awards."""

from heqi.v1 import award_service_pb2 as pb
from heqi.v1 import award_service_pb2_grpc as rpc

from node.api.caller import Context
from node.services.awards import Awards


class AwardService(rpc.AwardServiceServicer):
    """Translates, calls `Awards`, translates back."""

    def __init__(self, awards: Awards) -> None:
        self._awards = awards

    async def FetchAwards(self, request: pb.FetchAwardsRequest, context: Context) -> pb.FetchAwardsResponse:
        """See the proto."""
        return pb.FetchAwardsResponse(case=await self._awards.fetch(request.award_grant, request.delegation))
