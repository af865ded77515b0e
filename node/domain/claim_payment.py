"""What a guarantor pays on a claim: the sum and the payee that follow from the documents, the order, and its proof.

Nothing of it is anybody's choice. The sum is what was claimed, as far as it is still in force; the payee is the
account that the beneficiary has signed in its claim, under the name that the guarantor has signed in the guarantee.

Source: 法释〔2016〕24号 art. 6 and URDG 758 art. 20 b (against complying documents the guarantor pays); domain rule:
each release is one order to the bank's books.
"""

import hashlib
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from node.domain.bank_order import BankOrder, OrderKind, order_of
from node.domain.credit_line import plain
from node.domain.encoding import canonical_json
from node.domain.guarantee import Guarantee
from node.domain.guarantee_life import Life, claim_sequence, payable
from node.domain.guarantee_statement import Payment
from node.domain.guarantee_table import Event, State
from node.errors import ConflictError

PROOF_TYPE = "heqi.claim-payment.v1"
_ATTEMPT_BITS = 16
MAX_ATTEMPTS = 1 << _ATTEMPT_BITS


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be paid."""

    guarantee: str
    """Id, 64 hex digits."""
    claim: int
    """Number of the step that made the claim."""
    subject: str
    """The applicant's subject id, 64 hex digits."""
    amount: Decimal
    currency: str
    beneficiary: str
    """Name of the beneficiary."""
    account: str
    """To pay to."""

    @property
    def payee(self) -> str:
        """As an order names it: name, line feed, account."""
        return f"{self.beneficiary}\n{self.account}"


def due_of(guarantee: str, terms: Guarantee, state: State, life: Life) -> Due:
    """What is to be paid on the claim that is open.

    Args:
        guarantee: id, 64 hex digits.
        terms: its document.
        state: where the ledger has it.
        life: its present terms.

    Raises:
        ConflictError: no payment is due, or what is due cannot be told from the documents that are here.
    """
    if state is not State.COMPLYING:
        raise ConflictError(f"no payment is due on a guarantee that is {state.name}")
    amount, claim = payable(life), life.claim
    if amount is None or claim is None or not life.is_complete:
        raise ConflictError("the claim's document is not here, so what is due is not known")
    if not (claim.payee.isprintable() and terms.beneficiary_name.isprintable()):
        raise ConflictError("the payee has characters that no bank reads as they are meant: pay by hand")
    return Due(
        guarantee,
        claim_sequence(life),
        terms.applicant,
        amount,
        terms.currency,
        terms.beneficiary_name,
        claim.payee,
    )


def payment_order(due: Due, attempt: int) -> BankOrder:
    """The order to pay; always the same for the same claim and attempt.

    Args:
        due: what is paid.
        attempt: how often an order for this claim was given up before, below `MAX_ATTEMPTS`.
    """
    step = due.claim << _ATTEMPT_BITS | attempt
    sum_ = plain(due.amount), due.currency
    return order_of(OrderKind.PAY_CLAIM, due.guarantee, due.subject, *sum_, step, due.payee)


def claim_of(order: BankOrder) -> int:
    """Number of the step that made the claim which an order is to pay."""
    return order.step >> _ATTEMPT_BITS


def payment_proof(order: BankOrder, reference: str) -> bytes:
    """Proof of payment, RFC 8785 JSON: the order that was carried out and by what it is found in the bank's books.

    Format: `docs/formats/bank-envelope.md`.
    """
    content = {"type": PROOF_TYPE, "order": msgspec.to_builtins(order), "reference": reference}
    return canonical_json(content)


def paid_statement(order: BankOrder, reference: str) -> Payment:
    """What the guarantor states once the core bank has paid."""
    return Payment(order.amount, hashlib.sha256(payment_proof(order, reference)).hexdigest())


def payment_event(amount: Decimal, life: Life) -> Event:
    """Whether a payment ends the guarantee, or leaves the rest of it in force."""
    return Event.PAY if amount == life.amount else Event.PAY_PART
