"""What a guarantor's node asks of the guarantor's own core banking system 核心系统, each thing once.

An order's id follows from what it is for, so the same thing can never be ordered under two ids, whatever was
restarted, restored or tried again in between; who carries orders out does each id at most once. What was not carried
out can be taken back, and then never is.
"""

import enum
import hashlib
from typing import Annotated, Literal

import msgspec

from node.domain.encoding import Hex32
from node.domain.guarantee import Amount, Currency
from node.errors import BankAnswerError

_TAG = b"heqi.bank-order.v1\0"


class OrderKind(enum.Enum):
    """What is ordered; the words are stable."""

    EARMARK = "earmark"
    """占用额度: a guarantee was issued; it stands in the books from now on."""
    RELEASE = "release"
    """释放额度: it, or a part of it, is over."""
    COLLECT_FEE = "collect-fee"
    """收取保费: charge the applicant, or wait for its payment; done when the money is there."""
    REFUND_FEE = "refund-fee"
    """退还保费."""
    PAY_CLAIM = "pay-claim"
    """赔付: pay the beneficiary."""


class BankOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One thing to be done."""

    id: Hex32
    kind: Literal["earmark", "release", "collect-fee", "refund-fee", "pay-claim"]
    about: Hex32
    """The application, or the guarantee."""
    subject: Hex32
    """The applicant's subject id."""
    amount: Amount
    currency: Currency
    step: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Tells several orders of one kind about one thing apart: the second payment of a claim, for instance."""
    payee: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """Whom to pay, as the guarantor's people have checked it: name, line feed, account; only of `pay-claim`."""


class BankAnswer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How an order stands."""

    id: Hex32
    state: Literal["done", "pending", "refused"]
    amount: Amount
    currency: Currency
    reference: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """By what it is found in the books, once it is done."""
    reason: Annotated[str, msgspec.Meta(max_length=400)] = ""
    """Why it is refused."""
    payee: Annotated[str, msgspec.Meta(max_length=500)] = ""
    """As in the order."""


def order_of(  # noqa: PLR0917
    kind: OrderKind, about: str, subject: str, amount: str, currency: str, step: int = 1, payee: str = ""
) -> BankOrder:
    """The order for something; always the same for the same kind, thing and step."""
    seed = _TAG + kind.value.encode() + b"\0" + bytes.fromhex(about) + step.to_bytes(8, "big")
    identity = hashlib.sha256(seed).hexdigest()
    return msgspec.convert(
        {
            "id": identity,
            "kind": kind.value,
            "about": about,
            "subject": subject,
            "amount": amount,
            "currency": currency,
            "step": step,
            "payee": payee,
        },
        BankOrder,
    )


def check_answer(order: BankOrder, answer: BankAnswer) -> None:
    """That an answer is to this order, about this sum and to this payee.

    Raises:
        BankAnswerError: it is not, or says that something is done without a reference.
    """
    if answer.id != order.id:
        raise BankAnswerError("the answer is to another order")
    if (answer.amount, answer.currency) != (order.amount, order.currency):
        raise BankAnswerError(
            f"the answer is about {answer.amount} {answer.currency}, ordered were {order.amount} {order.currency}"
        )
    if answer.payee != order.payee:
        raise BankAnswerError("the answer is about another payee than the order")
    if answer.state == "done" and not answer.reference.strip():
        raise BankAnswerError("the answer says done and names no entry in the books")
