"""Steps of guarantees and their receipts, to and from `heqi.v1` messages."""

import msgspec
from heqi.v1 import guarantee_pb2 as pb

from node.domain.guarantee_life import LedgerStep
from node.domain.guarantee_table import Event, State
from node.domain.wallet import StepReceipt
from node.errors import InvalidError


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
