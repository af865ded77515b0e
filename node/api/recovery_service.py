"""`RecoveryService`: a drawn member's word on a company that has lost its keys."""

from heqi.v1 import recovery_service_pb2 as pb
from heqi.v1 import recovery_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.document import reopen_document
from node.domain.wallet import RecoverCall
from node.services.recoveries import Recoveries


class RecoveryService(rpc.RecoveryServiceServicer):
    """Translates, calls the service concerned, translates back."""

    def __init__(self, recoveries: Recoveries) -> None:
        self._recoveries = recoveries

    async def ListRecoveries(
        self, request: pb.ListRecoveriesRequest, context: Context
    ) -> pb.ListRecoveriesResponse:
        """See the proto."""
        response = pb.ListRecoveriesResponse()
        for identity, kept, found in self._recoveries.waiting():
            response.recoveries.add(
                request_id=identity,
                organisation=kept.organisation,
                credit_code=kept.credit_code,
                subject_id=reopen_document(kept.token, RecoverCall).subject,
                is_proposed=found is not None,
                confirmers=found.confirmers if found else (),
            )
        return response

    async def ConfirmRecovery(
        self, request: pb.ConfirmRecoveryRequest, context: Context
    ) -> pb.ConfirmRecoveryResponse:
        """See the proto."""
        await self._recoveries.prepare_confirming(request.request_id)
        self._recoveries.confirm(request.request_id)
        return pb.ConfirmRecoveryResponse()
