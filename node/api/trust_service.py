"""`TrustService`: the recognised certificate authorities, and proposing changes."""

from heqi.v1 import trust_service_pb2 as pb
from heqi.v1 import trust_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.trust import encode_anchor
from node.services.recognition import Recognition
from node.services.trust_votes import TrustVotes


class TrustService(rpc.TrustServiceServicer):
    """Translates, calls `Recognition` and `TrustVotes`, translates back."""

    def __init__(self, recognition: Recognition, votes: TrustVotes) -> None:
        self._recognition, self._votes = recognition, votes

    async def ListAuthorities(
        self, request: pb.ListAuthoritiesRequest, context: Context
    ) -> pb.ListAuthoritiesResponse:
        """See the proto."""
        trust = self._recognition.trust()
        response = pb.ListAuthoritiesResponse(
            version=trust.version, entries=[encode_anchor(anchor) for anchor in trust.anchors]
        )
        for one in self._votes.proposed():
            response.proposed.add(proposal=one.proposal, entry=one.entry, problem=one.problem)
        return response

    async def ProposeAuthority(
        self, request: pb.ProposeAuthorityRequest, context: Context
    ) -> pb.ProposeAuthorityResponse:
        """See the proto."""
        self._votes.propose(request.entry, request.valid_seconds)
        return pb.ProposeAuthorityResponse()
