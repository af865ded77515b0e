"""`GuaranteeService`: a member's own systems check guarantees, and a guarantor's decide about applications."""

from collections.abc import AsyncIterator
from itertools import islice

from heqi.v1 import guarantee_service_pb2 as pb
from heqi.v1 import guarantee_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.api.guarantee_batches import answer_batch
from node.api.guarantee_life import life_message
from node.domain.desk import Stage
from node.domain.document import peek_document
from node.domain.encoding import from_hex
from node.domain.guarantee import Guarantee
from node.domain.guarantee_statement import read_says
from node.domain.guarantee_table import Event, State
from node.domain.wallet import ApplyCall
from node.errors import InvalidError
from node.services.applications import Application
from node.services.batch_checks import BatchChecks
from node.services.claim_payments import ClaimPayments
from node.services.guarantee_steps import GuaranteeSteps
from node.services.guarantee_views import GuaranteeViews
from node.services.guarantees import Checked, Guarantees, Verdict
from node.services.guarantor import Guarantor
from node.services.pledges import Pledges
from node.services.waivers import Waivers
from node.wire.guarantees import receipt_message
from node.wire.messages import verified_record_message


class GuaranteeService(rpc.GuaranteeServiceServicer):
    """Translates, calls `Guarantees`, `BatchChecks` and `Guarantor`, translates back."""

    def __init__(  # noqa: PLR0917
        self,
        guarantees: Guarantees,
        guarantor: Guarantor,
        steps: GuaranteeSteps,
        views: GuaranteeViews,
        payments: ClaimPayments,
        batches: BatchChecks,
        pledges: Pledges,
        waivers: Waivers,
    ) -> None:
        self._guarantees, self._guarantor = guarantees, guarantor
        self._steps, self._views, self._payments = steps, views, payments
        self._batches, self._pledges, self._waivers = batches, pledges, waivers

    async def CheckGuarantee(
        self, request: pb.CheckGuaranteeRequest, context: Context
    ) -> pb.CheckGuaranteeResponse:
        """See the proto."""
        return checked_message(self._check(request))

    async def CheckGuarantees(
        self, request_iterator: AsyncIterator[pb.CheckGuaranteesRequest], context: Context
    ) -> AsyncIterator[pb.CheckGuaranteesResponse]:
        """See the proto."""
        async for answer in answer_batch(
            self._batches, self._pledges, self._waivers, self._check, checked_message, request_iterator
        ):
            yield answer

    async def ListApplications(
        self, request: pb.ListApplicationsRequest, context: Context
    ) -> pb.ListApplicationsResponse:
        """See the proto."""
        size, response = paging.size_of(request.page_size), pb.ListApplicationsResponse()
        listed = self._guarantor.queue if request.open_only else self._guarantor.applications
        for found in listed(paging.start_of(request.page_token)):
            if len(response.applications) == size:
                response.next_page_token = str(found.number)
                break
            response.applications.append(_application(found.id, found.row))
        return response

    async def AssessApplication(
        self, request: pb.AssessApplicationRequest, context: Context
    ) -> pb.AssessApplicationResponse:
        """See the proto."""
        records = await self._guarantor.assess(from_hex(request.application_id, 32).hex())
        return pb.AssessApplicationResponse(records=[verified_record_message(r) for r in records])

    async def IssueGuarantee(
        self, request: pb.IssueGuaranteeRequest, context: Context
    ) -> pb.IssueGuaranteeResponse:
        """See the proto."""
        application = from_hex(request.application_id, 32).hex()
        raw_id = self._guarantor.issue(application, request.number, outside_line=request.outside_line)
        return pb.IssueGuaranteeResponse(guarantee_id=raw_id)

    async def RefuseApplication(
        self, request: pb.RefuseApplicationRequest, context: Context
    ) -> pb.RefuseApplicationResponse:
        """See the proto."""
        self._guarantor.refuse(from_hex(request.application_id, 32).hex(), request.reason)
        return pb.RefuseApplicationResponse()

    async def StepGuarantee(
        self, request: pb.StepGuaranteeRequest, context: Context
    ) -> pb.StepGuaranteeResponse:
        """See the proto."""
        event = Event.__members__.get(request.event)
        if event is None:
            raise InvalidError(f"there is no event {request.event!r}; docs/guarantees.md lists them")
        says = read_says(request.says_json.encode())
        make = self._payments.state_by_hand if event in {Event.PAY, Event.PAY_PART} else self._steps.make
        taken = await make(from_hex(request.guarantee_id, 32).hex(), event, says)
        return pb.StepGuaranteeResponse(
            was_under_way=taken.was_under_way, receipt=receipt_message(taken.receipt)
        )

    async def GetGuaranteeLife(
        self, request: pb.GetGuaranteeLifeRequest, context: Context
    ) -> pb.GetGuaranteeLifeResponse:
        """See the proto."""
        shown = self._views.show(from_hex(request.guarantee_id, 32).hex())
        return pb.GetGuaranteeLifeResponse(life=life_message(shown))

    async def ListClaims(self, request: pb.ListClaimsRequest, context: Context) -> pb.ListClaimsResponse:
        """See the proto."""
        size, start = paging.size_of(request.page_size), paging.start_of(request.page_token)
        found = [life_message(one) for one in islice(self._views.claims(), start, start + size + 1)]
        more = str(start + size) if len(found) > size else ""
        return pb.ListClaimsResponse(claims=found[:size], next_page_token=more)

    def _check(self, request: pb.CheckGuaranteeRequest) -> Checked:
        match request.WhichOneof("by"):
            case "file":
                return self._guarantees.check_file(request.file)
            case "number":
                named = request.number
                return self._guarantees.check_number(named.guarantor, named.number)
            case "guarantee_id":
                return self._guarantees.check_id(from_hex(request.guarantee_id, 32).hex())
            case _:
                raise InvalidError("name the guarantee by file, number or id")


def state_of(row: Application) -> str:
    """The word for how far an application is."""
    stage = row.stage
    return "assessed" if stage is Stage.APPLIED and row.credit_code else stage.value


def _application(name: str, row: Application) -> pb.Application:
    call = peek_document(row.call, ApplyCall)
    return pb.Application(
        application_id=name,
        subject_id=row.subject,
        state=state_of(row),
        legal_name=row.legal_name,
        credit_code=row.credit_code,
        amount=call.amount,
        currency=call.currency,
        beneficiary_name=call.beneficiary_name,
        section=call.section,
        refusal_reason=row.refused,
        guarantee=row.guarantee,
        outcome="" if row.decision is None else row.decision.outcome,
    )


_VERDICTS = {
    verdict: pb.CheckGuaranteeResponse.Verdict.Value(f"VERDICT_{verdict.value}") for verdict in Verdict
}


def checked_message(checked: Checked) -> pb.CheckGuaranteeResponse:
    """What a check says."""
    return pb.CheckGuaranteeResponse(
        verdict=_VERDICTS[checked.verdict],
        reason=checked.reason,
        guarantee_id=checked.guarantee_id,
        expire_time_seconds=checked.expires,
        block_number=checked.block,
        terms=None if checked.terms is None else _terms(checked.terms),
        state="" if checked.state is State.NONE else checked.state.name,
        amount_in_force="" if checked.life is None else str(checked.life.amount),
        is_complete=checked.life is not None and checked.life.is_complete,
    )


def _terms(terms: Guarantee) -> pb.GuaranteeTerms:
    return pb.GuaranteeTerms(
        guarantor=terms.iss,
        number=terms.number,
        applicant_name=terms.applicant_name,
        applicant_code=terms.applicant_code,
        beneficiary_name=terms.beneficiary_name,
        section=terms.section,
        guarantee_kind=terms.guarantee_kind,
        legal_nature=terms.legal_nature,
        amount=terms.amount,
        currency=terms.currency,
        start_time_seconds=terms.nbf,
        end_time_seconds=terms.exp,
        centre=terms.centre,
    )
