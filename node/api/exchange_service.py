"""`ExchangeService`: what other members' nodes call."""

from heqi.v1 import exchange_service_pb2 as pb
from heqi.v1 import exchange_service_pb2_grpc as rpc

from node.api.caller import Callers, Context
from node.services.serving import Serving
from node.services.sharing import Sharing


class ExchangeService(rpc.ExchangeServiceServicer):
    """Names the caller, calls `Sharing` or `Serving`, translates back."""

    def __init__(self, sharing: Sharing, serving: Serving, callers: Callers) -> None:
        self._sharing, self._serving, self._callers = sharing, serving, callers

    async def SubmitAccessRequest(
        self, request: pb.SubmitAccessRequestRequest, context: Context
    ) -> pb.SubmitAccessRequestResponse:
        """See the proto."""
        self._sharing.submit_request(self._callers.of(context).member, request.access_request)
        return pb.SubmitAccessRequestResponse()

    async def CollectGrant(
        self, request: pb.CollectGrantRequest, context: Context
    ) -> pb.CollectGrantResponse:
        """See the proto."""
        grant = self._sharing.collect_grant(self._callers.of(context).member, request.access_request)
        return pb.CollectGrantResponse(grant=grant or "")

    async def ReadRecords(self, request: pb.ReadRecordsRequest, context: Context) -> pb.ReadRecordsResponse:
        """See the proto."""
        answer = self._serving.read(self._callers.of(context).member, request.read_request, request.grant)
        return pb.ReadRecordsResponse(
            evidence=answer.evidence, answer=answer.answer, delegation=answer.delegation
        )

    async def SubmitReceipt(
        self, request: pb.SubmitReceiptRequest, context: Context
    ) -> pb.SubmitReceiptResponse:
        """See the proto."""
        self._serving.take_receipt(self._callers.of(context).member, request.receipt)
        return pb.SubmitReceiptResponse()
