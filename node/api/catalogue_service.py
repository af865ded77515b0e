"""`CatalogueService`: the definitions of record categories, and proposing changes."""

from heqi.v1 import catalogue_service_pb2 as pb
from heqi.v1 import catalogue_service_pb2_grpc as rpc

from node.api.caller import Context
from node.errors import MissingError
from node.services.catalogue import Catalogue
from node.services.catalogue_votes import CatalogueVotes


class CatalogueService(rpc.CatalogueServiceServicer):
    """Translates, calls `Catalogue` and `CatalogueVotes`, translates back."""

    def __init__(self, catalogue: Catalogue, votes: CatalogueVotes) -> None:
        self._catalogue, self._votes = catalogue, votes

    async def ListDefinitions(
        self, request: pb.ListDefinitionsRequest, context: Context
    ) -> pb.ListDefinitionsResponse:
        """See the proto."""
        response, rules = pb.ListDefinitionsResponse(), self._catalogue.rules()
        for entry in rules.entries:
            response.definitions.add(
                category=entry.category,
                version=entry.version,
                digest=entry.digest,
                text=self._text(entry.digest),
                problem=rules.lacking.get(entry.category, ""),
            )
        for one in self._votes.proposed():
            response.proposed.add(
                proposal=one.proposal,
                category=one.category,
                digest=one.digest,
                text=one.text,
                problem=one.problem,
            )
        return response

    async def ProposeDefinition(
        self, request: pb.ProposeDefinitionRequest, context: Context
    ) -> pb.ProposeDefinitionResponse:
        """See the proto."""
        return pb.ProposeDefinitionResponse(digest=self._votes.propose(request.text, request.valid_seconds))

    def _text(self, digest: bytes) -> bytes:
        try:
            return self._catalogue.text(digest)
        except MissingError:
            return b""
