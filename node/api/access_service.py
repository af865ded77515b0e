"""`AccessService`: a centre's own systems ask for other centres' data and read it under grants."""

from typing import cast, get_args

from heqi.v1 import access_service_pb2 as pb
from heqi.v1 import access_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.encoding import from_hex, to_rfc3339
from node.domain.grant import UNCOUNTED, Basis
from node.errors import InvalidError
from node.services.kept_reads import KeptReads
from node.services.own_requests import OwnRequest
from node.services.proving import Proving
from node.services.reading import Reading
from node.wire.messages import scopes_from_messages, verified_record_message

_DEFAULT_VALID_SECONDS = 30 * 86_400
_ANY_NUMBER = -1
State = pb.AccessRequest.State


class AccessService(rpc.AccessServiceServicer):
    """Translates, calls `Reading`, translates back."""

    def __init__(self, reading: Reading, kept: KeptReads, proving: Proving) -> None:
        self._reading, self._kept, self._proving = reading, kept, proving

    async def RequestAccess(
        self, request: pb.RequestAccessRequest, context: Context
    ) -> pb.RequestAccessResponse:
        """See the proto."""
        digest = self._reading.request(
            request.subject_id,
            request.home,
            scopes_from_messages(request.scopes),
            request.purpose,
            UNCOUNTED if request.uses == _ANY_NUMBER else request.uses or 1,
            request.valid_seconds or _DEFAULT_VALID_SECONDS,
            _basis(request.basis),
        )
        return pb.RequestAccessResponse(request_id=digest)

    async def ListAccessRequests(
        self, request: pb.ListAccessRequestsRequest, context: Context
    ) -> pb.ListAccessRequestsResponse:
        """See the proto."""
        rows = [_message(digest, own) for digest, own in self._reading.requests()]
        return pb.ListAccessRequestsResponse(access_requests=rows)

    async def FetchRecords(
        self, request: pb.FetchRecordsRequest, context: Context
    ) -> pb.FetchRecordsResponse:
        """See the proto."""
        fetched = await self._reading.fetch(from_hex(request.request_id, 32).hex())
        return pb.FetchRecordsResponse(
            records=[verified_record_message(record) for record in fetched.records],
            credit_code=fetched.credit_code,
            organisation=fetched.organisation,
            read=fetched.number,
            newest_as_of=to_rfc3339(fetched.as_of),
        )

    async def GetKeptRecords(
        self, request: pb.GetKeptRecordsRequest, context: Context
    ) -> pb.GetKeptRecordsResponse:
        """See the proto."""
        digest = from_hex(request.request_id, 32).hex()
        kept = self._kept.show(digest, request.read if request.HasField("read") else -1)
        return pb.GetKeptRecordsResponse(
            records=[verified_record_message(record) for record in kept.records],
            credit_code=kept.credit_code,
            organisation=kept.organisation,
            read=kept.number,
            as_of_time=to_rfc3339(kept.as_of),
            age_seconds=kept.age_seconds,
            expire_time=to_rfc3339(kept.expires),
        )

    async def GetBundle(self, request: pb.GetBundleRequest, context: Context) -> pb.GetBundleResponse:
        """See the proto."""
        digest = from_hex(request.request_id, 32).hex()
        bundle = self._proving.obtained_bundle(digest, request.read, incomplete=request.incomplete)
        return pb.GetBundleResponse(bundle=bundle)


def _basis(text: str) -> Basis:
    for known in get_args(Basis):
        if text in {"", known}:
            return cast("Basis", known)
    raise InvalidError(f"the basis is one of {', '.join(get_args(Basis))}")


def _message(digest: str, own: OwnRequest) -> pb.AccessRequest:
    asked = own.asked()
    state = State.STATE_DELIVERED if own.delivered else State.STATE_WAITING
    return pb.AccessRequest(
        request_id=digest,
        subject_id=asked.subject,
        home=asked.aud,
        purpose=asked.purpose,
        state=State.STATE_GRANTED if own.grant else state,
        reads=own.reads,
    )
