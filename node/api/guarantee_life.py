"""How a guarantee stands, as the operator's and the wallets' service both say it."""

from heqi.v1 import guarantee_pb2 as pb

from node.domain.guarantee_table import State
from node.services.guarantee_views import Shown


def life_message(shown: Shown) -> pb.GuaranteeLife:
    """The message for how a guarantee stands."""
    life, row, terms = shown.life, shown.row, shown.terms
    return pb.GuaranteeLife(
        guarantee_id=shown.guarantee,
        state=State(row.state).name,
        sequence=row.sequence,
        document=row.document.hex(),
        contract=row.contract.hex(),
        amount=str(life.amount),
        paid=str(life.paid),
        currency=terms.currency,
        end_time_seconds=life.end,
        due_time_seconds=row.due,
        working_days_left=shown.working_days,
        rests_on_receipt=shown.rests_on_receipt,
        is_complete=life.is_complete,
        steps=[
            pb.TakenStep(
                sequence=entry.step.sequence,
                event=entry.step.event.name,
                state=entry.step.state.name,
                document_digest=entry.step.document.hex(),
                document=shown.documents.get(entry.step.document, ""),
                problem=entry.problem,
            )
            for entry in life.entries
        ],
        possible=[
            pb.PossibleStep(
                event=one.event.name,
                mover=one.mover.name.lower(),
                opens_time_seconds=one.opens,
                closes_time_seconds=one.closes,
            )
            for one in shown.possible
        ],
        guarantor=terms.iss,
        number=terms.number,
        applicant_name=terms.applicant_name,
        beneficiary_name=terms.beneficiary_name,
    )
