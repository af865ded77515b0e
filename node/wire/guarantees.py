"""How guarantees stand, to and from `heqi.v1` messages."""

import msgspec
from heqi.v1 import guarantee_pb2 as pb

from node.domain.guarantee_life import LedgerStep
from node.domain.guarantee_table import Event, State
from node.domain.wallet import StepReceipt
from node.errors import InvalidError
from node.services.guarantee_steps import Shown


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


def steps_from(message: pb.GuaranteeLife) -> list[LedgerStep]:
    """The ledger's steps as a node tells them.

    Raises:
        InvalidError: an event or a state is none of this version's table, or a digest is malformed.
    """
    try:
        return [
            LedgerStep(one.sequence, Event[one.event], State[one.state], bytes.fromhex(one.document_digest))
            for one in message.steps
        ]
    except (KeyError, ValueError) as error:
        raise InvalidError(f"the node tells a step that cannot be read: {error}") from error


def receipt_message(receipt: StepReceipt | None) -> pb.StepReceipt | None:
    """The message for a receipt; None without one."""
    if receipt is None:
        return None
    return pb.StepReceipt(
        member=receipt.member,
        lodged_time_seconds=receipt.lodged,
        key=receipt.key,
        signature=receipt.signature,
    )


def receipt_from(message: pb.StepReceipt) -> StepReceipt:
    """The receipt that a message states; not believed.

    Raises:
        InvalidError: it is malformed.
    """
    stated = {
        "member": message.member,
        "lodged": message.lodged_time_seconds,
        "key": message.key,
        "signature": message.signature,
    }
    try:
        return msgspec.convert(stated, type=StepReceipt)
    except msgspec.ValidationError as error:
        raise InvalidError(f"the receipt is malformed: {error}") from error
