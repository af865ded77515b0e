"""`LegalService`: officers of the centre sign reads on a legal basis, two for each, and read."""

from cryptography.hazmat.primitives.asymmetric import ec
from heqi.v1 import legal_service_pb2 as pb
from heqi.v1 import legal_service_pb2_grpc as rpc

from node.api.caller import Callers, Context
from node.domain.encoding import from_hex, to_rfc3339
from node.domain.signature import p256_bytes
from node.services.legal_reading import LegalReading, Officer
from node.services.own_legal import OwnLegal
from node.services.proving import Proving
from node.wire.messages import verified_record_message

State = pb.LegalRequest.State


class LegalService(rpc.LegalServiceServicer):
    """Names the officer, calls `LegalReading`, translates back."""

    def __init__(self, reading: LegalReading, proving: Proving, callers: Callers) -> None:
        self._reading, self._proving, self._callers = reading, proving, callers

    async def SubmitLegalRequest(
        self, request: pb.SubmitLegalRequestRequest, context: Context
    ) -> pb.SubmitLegalRequestResponse:
        """See the proto."""
        digest = self._reading.submit(self._officer(context), request.legal_request)
        return pb.SubmitLegalRequestResponse(request_id=digest)

    async def ListLegalRequests(
        self, request: pb.ListLegalRequestsRequest, context: Context
    ) -> pb.ListLegalRequestsResponse:
        """See the proto."""
        rows = [_message(digest, own) for digest, own in self._reading.requests()]
        return pb.ListLegalRequestsResponse(legal_requests=rows)

    async def CountersignLegalRequest(
        self, request: pb.CountersignLegalRequestRequest, context: Context
    ) -> pb.CountersignLegalRequestResponse:
        """See the proto."""
        digest = from_hex(request.request_id, 32).hex()
        self._reading.countersign(self._officer(context), request.countersignature, digest)
        return pb.CountersignLegalRequestResponse()

    async def FetchLegalRecords(
        self, request: pb.FetchLegalRecordsRequest, context: Context
    ) -> pb.FetchLegalRecordsResponse:
        """See the proto."""
        digest = from_hex(request.request_id, 32).hex()
        fetched = await self._reading.fetch(self._officer(context), digest)
        return pb.FetchLegalRecordsResponse(
            records=[verified_record_message(record) for record in fetched.records],
            read_time=to_rfc3339(fetched.at),
        )

    async def GetLegalBundle(
        self, request: pb.GetLegalBundleRequest, context: Context
    ) -> pb.GetLegalBundleResponse:
        """See the proto."""
        digest, officer = from_hex(request.request_id, 32).hex(), self._officer(context)
        bundle = self._proving.legal_bundle(officer, digest, incomplete=request.incomplete)
        return pb.GetLegalBundleResponse(bundle=bundle)

    def _officer(self, context: Context) -> Officer:
        name, key = self._callers.system(context)
        if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
            return Officer(name, p256_bytes(key))
        return Officer(name, b"")


def _message(digest: str, own: OwnLegal) -> pb.LegalRequest:
    state = State.STATE_SIGNED if own.countersignature else State.STATE_ONE_SIGNATURE
    return pb.LegalRequest(
        request_id=digest,
        legal_request=own.request,
        state=State.STATE_READ if own.at else state,
        refused=own.refused,
        receipt_waits=bool(own.receipt),
    )
