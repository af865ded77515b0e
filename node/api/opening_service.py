"""`OpeningService`: a centre's openings, and the sealed guarantees in its bids."""

from heqi.v1 import opening_service_pb2 as pb
from heqi.v1 import opening_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.document import document_digest, reopen_document
from node.domain.encoding import from_hex
from node.domain.opening import OpeningTerms
from node.domain.shares import KEY_BYTES
from node.errors import InvalidError
from node.services.openings import Openings
from node.services.revealing import Bid, Revealing
from node.services.sealing_rows import OpeningRow

_MOST_BIDS = 256


class OpeningService(rpc.OpeningServiceServicer):
    """Translates, calls `Openings` and `Revealing`, translates back."""

    def __init__(self, openings: Openings, revealing: Revealing) -> None:
        self._openings, self._revealing = openings, revealing

    async def AnnounceOpening(
        self, request: pb.AnnounceOpeningRequest, context: Context
    ) -> pb.AnnounceOpeningResponse:
        """See the proto."""
        terms = await self._openings.announce(
            request.section, request.open_time_seconds, request.holders, request.threshold
        )
        return pb.AnnounceOpeningResponse(opening_id=document_digest(terms).hex(), opening_terms=terms)

    async def PostponeOpening(
        self, request: pb.PostponeOpeningRequest, context: Context
    ) -> pb.PostponeOpeningResponse:
        """See the proto."""
        notice = self._openings.postpone(_id(request.opening_id), request.open_time_seconds, request.reason)
        return pb.PostponeOpeningResponse(opening_notice=notice)

    async def OpenTender(self, request: pb.OpenTenderRequest, context: Context) -> pb.OpenTenderResponse:
        """See the proto."""
        self._openings.open(_id(request.opening_id))
        return pb.OpenTenderResponse()

    async def ListOpenings(
        self, request: pb.ListOpeningsRequest, context: Context
    ) -> pb.ListOpeningsResponse:
        """See the proto."""
        response = pb.ListOpeningsResponse()
        for opening, kept, row in self._openings.own():
            terms = reopen_document(kept.terms, OpeningTerms)
            response.openings.add(
                opening_id=opening,
                section=terms.section,
                open_time_seconds=terms.opens if row is None else row.time,
                state=_state(row),
                opening_terms=kept.terms,
            )
        return response

    async def RevealGuarantees(
        self, request: pb.RevealGuaranteesRequest, context: Context
    ) -> pb.RevealGuaranteesResponse:
        """See the proto."""
        if len(request.bids) > _MOST_BIDS:
            raise InvalidError(f"hand over at most {_MOST_BIDS} bids at once")
        if any(len(bid.opening_key) not in {0, KEY_BYTES} for bid in request.bids):
            raise InvalidError(f"an opening key has {KEY_BYTES} bytes")
        bids = [Bid(bid.sealed_file, bid.bidder_code, bid.opening_key) for bid in request.bids]
        response = pb.RevealGuaranteesResponse()
        for revealed in await self._revealing.reveal(_id(request.opening_id), bids):
            response.guarantees.add(
                guarantee_id=revealed.guarantee_id,
                guarantee=revealed.file,
                problem=revealed.problem,
                holders_at_fault=revealed.at_fault,
            )
        return response


def _id(text: str) -> str:
    return from_hex(text, 32).hex()


def _state(row: OpeningRow | None) -> str:
    if row is None:
        return "announcing"
    return "open" if row.opened else "announced"
