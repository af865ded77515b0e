"""`ExchangeService`: what other members' nodes call."""

from heqi.v1 import exchange_service_pb2 as pb
from heqi.v1 import exchange_service_pb2_grpc as rpc

from node.api.caller import Callers, Context
from node.api.silence import even_refusals
from node.domain.legal_read import LegalPapers
from node.errors import ProofFormatError
from node.ports import Clock
from node.services.awards import Awards
from node.services.catalogue import Catalogue
from node.services.cosignatures import Cosignatures
from node.services.evaluations import Evaluations
from node.services.guarantee_delivery import GuaranteeDelivery
from node.services.inbox import Inbox
from node.services.legal_serving import LegalServing
from node.services.log import Log
from node.services.sealed_issuing import SealedIssuing
from node.services.serving import Serving
from node.services.share_keeping import ShareKeeping
from node.services.sharing import Sharing
from node.version import VERSION
from node.wire.guarantees import receipt_message

_MOST_SIZES = 2


class ExchangeService(rpc.ExchangeServiceServicer):
    """Names the caller, calls a service, translates back."""

    def __init__(  # noqa: PLR0917
        self,
        sharing: Sharing,
        serving: Serving,
        inbox: Inbox,
        legal: LegalServing,
        log: Log,
        cosignatures: Cosignatures,
        catalogue: Catalogue,
        steps: GuaranteeDelivery,
        awards: Awards,
        share_keeping: ShareKeeping,
        evaluations: Evaluations,
        sealed_issuing: SealedIssuing,
        callers: Callers,
        clock: Clock,
    ) -> None:
        self._awards = awards
        self._sharing, self._serving, self._legal, self._callers = sharing, serving, legal, callers
        self._inbox = inbox
        self._log, self._cosignatures, self._clock = log, cosignatures, clock
        self._catalogue, self._steps = catalogue, steps
        self._share_keeping, self._evaluations = share_keeping, evaluations
        self._sealed_issuing = sealed_issuing

    async def GetNodeInfo(self, request: pb.GetNodeInfoRequest, context: Context) -> pb.GetNodeInfoResponse:
        """See the proto."""
        return pb.GetNodeInfoResponse(version=VERSION, time_seconds=self._clock.now())

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
        async with even_refusals():
            caller = self._callers.of(context).member
            answer = self._serving.read(caller, request.read_request, request.grant)
        return pb.ReadRecordsResponse(
            evidence=answer.evidence,
            answer=answer.answer,
            delegation=answer.delegation,
            status_proof=answer.status,
            consents=answer.consents,
            notices=answer.notices,
            approval_status_proof=answer.approval_status,
        )

    async def ReadAwards(self, request: pb.ReadAwardsRequest, context: Context) -> pb.ReadAwardsResponse:
        """See the proto."""
        await self._awards.prepare_delegation(request.delegation)
        async with even_refusals():
            caller = self._callers.of(context).member
            case = self._awards.prove_to(caller, request.award_grant, request.delegation)
        return pb.ReadAwardsResponse(case=case)

    async def MakeOpeningKey(
        self, request: pb.MakeOpeningKeyRequest, context: Context
    ) -> pb.MakeOpeningKeyResponse:
        """See the proto."""
        caller = self._callers.of(context).member
        key = self._share_keeping.make_key(caller, request.opening_key_request)
        return pb.MakeOpeningKeyResponse(opening_key=key)

    async def ReleaseShares(
        self, request: pb.ReleaseSharesRequest, context: Context
    ) -> pb.ReleaseSharesResponse:
        """See the proto."""
        async with even_refusals():
            caller = self._callers.of(context).member
            release = self._share_keeping.release(caller, request.share_request)
        return pb.ReleaseSharesResponse(share_release=release)

    async def GetEvaluationState(
        self, request: pb.GetEvaluationStateRequest, context: Context
    ) -> pb.GetEvaluationStateResponse:
        """See the proto."""
        await self._evaluations.prepare(request.waiver)
        async with even_refusals():
            state = self._evaluations.tell(self._callers.of(context).member, request.waiver)
        return pb.GetEvaluationStateResponse(evaluation_state=state)

    async def SignIssue(self, request: pb.SignIssueRequest, context: Context) -> pb.SignIssueResponse:
        """See the proto."""
        async with even_refusals():
            caller = self._callers.of(context).member
            signature = self._sealed_issuing.sign_again(caller, request.guarantee)
        return pb.SignIssueResponse(issue_signature=signature)

    async def SubmitReceipt(
        self, request: pb.SubmitReceiptRequest, context: Context
    ) -> pb.SubmitReceiptResponse:
        """See the proto."""
        self._serving.take_receipt(self._callers.of(context).member, request.receipt)
        return pb.SubmitReceiptResponse()

    async def SubmitNotice(
        self, request: pb.SubmitNoticeRequest, context: Context
    ) -> pb.SubmitNoticeResponse:
        """See the proto."""
        caller = self._callers.of(context).member
        return pb.SubmitNoticeResponse(receipt=self._inbox.take(caller, request.document))

    async def LodgeGuaranteeStep(
        self, request: pb.LodgeGuaranteeStepRequest, context: Context
    ) -> pb.LodgeGuaranteeStepResponse:
        """See the proto."""
        caller = self._callers.of(context).member
        receipt = self._steps.lodge(caller, request.guarantee, request.step, request.signature)
        return pb.LodgeGuaranteeStepResponse(receipt=receipt_message(receipt))

    async def ReadOnLegalBasis(
        self, request: pb.ReadOnLegalBasisRequest, context: Context
    ) -> pb.ReadOnLegalBasisResponse:
        """See the proto."""
        papers = LegalPapers(request.legal_read, request.legal_request, request.countersignature)
        answer = self._legal.read(self._callers.of(context).member, papers)
        return pb.ReadOnLegalBasisResponse(evidence=answer.evidence, answer=answer.answer)

    async def SubmitLegalReceipt(
        self, request: pb.SubmitLegalReceiptRequest, context: Context
    ) -> pb.SubmitLegalReceiptResponse:
        """See the proto."""
        self._legal.take_receipt(self._callers.of(context).member, request.receipt)
        return pb.SubmitLegalReceiptResponse()

    async def GetLogView(self, request: pb.GetLogViewRequest, context: Context) -> pb.GetLogViewResponse:
        """See the proto."""
        if len(request.sizes) > _MOST_SIZES:
            raise ProofFormatError(f"proofs from at most {_MOST_SIZES} sizes in a call")
        view = self._log.view(request.sizes)
        proofs = [pb.ConsistencyProof(nodes=proof) for proof in view.proofs]
        return pb.GetLogViewResponse(checkpoint=view.note, proofs=proofs)

    async def GetDefinition(
        self, request: pb.GetDefinitionRequest, context: Context
    ) -> pb.GetDefinitionResponse:
        """See the proto."""
        return pb.GetDefinitionResponse(text=self._catalogue.text(request.digest))

    async def GetWitnessedCheckpoint(
        self, request: pb.GetWitnessedCheckpointRequest, context: Context
    ) -> pb.GetWitnessedCheckpointResponse:
        """See the proto."""
        view = self._cosignatures.witnessed_view(request.size)
        [nodes] = view.proofs
        return pb.GetWitnessedCheckpointResponse(checkpoint=view.note, proof=pb.ConsistencyProof(nodes=nodes))

    async def SubmitCosignature(
        self, request: pb.SubmitCosignatureRequest, context: Context
    ) -> pb.SubmitCosignatureResponse:
        """See the proto."""
        self._cosignatures.take(self._callers.of(context).member, request.size, request.line)
        return pb.SubmitCosignatureResponse()
