"""`ObligationService`: what is owed in this centre's sections."""

from datetime import date

from heqi.v1 import obligation_service_pb2 as pb
from heqi.v1 import obligation_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.domain.obligation import RULES
from node.services.obligations import Asked, Obligations, Owed


class ObligationService(rpc.ObligationServiceServicer):
    """Translates, calls `Obligations`, translates back."""

    def __init__(self, obligations: Obligations) -> None:
        self._obligations = obligations

    async def ListObligations(
        self, request: pb.ListObligationsRequest, context: Context
    ) -> pb.ListObligationsResponse:
        """See the proto."""
        asked = Asked(request.section, request.is_late)
        page = self._obligations.page(asked, paging.size_of(request.page_size), request.page_token)
        return pb.ListObligationsResponse(
            obligations=[_message(one) for one in page.items], next_page_token=page.next_token
        )


def _message(owed: Owed) -> pb.Obligation:
    one = owed.obligation
    message = pb.Obligation(
        obligation_id=one.id,
        kind=one.kind,
        section=one.section,
        state=owed.state.value,
        debtor_name=one.debtor,
        creditor_name=one.creditor,
        creditor_code=one.creditor_code,
        amount=one.amount,
        currency=one.currency,
        trigger_date=_day(one.trigger),
        due_date=_day(one.due),
        waits_reason=one.waits_for,
        rule=one.rule,
        rule_source=RULES[one.rule].source,
        record_positions=one.because,
        guarantee_id=one.guarantee,
    )
    if one.proof is not None:
        proof = one.proof
        message.proof.CopyFrom(
            pb.ObligationProof(
                source=proof.source, reference=proof.reference, says=proof.says, date=_day(proof.day)
            )
        )
    return message


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()
