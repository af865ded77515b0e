"""What is paid on a claim follows from its documents, and rules release no more than they say."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from node.domain.bank_order import OrderKind
from node.domain.claim_payment import MAX_ATTEMPTS, Due, claim_of, due_of, payment_event, payment_order
from node.domain.guarantee_life import Entry, LedgerStep, Life, begin
from node.domain.guarantee_statement import Claim
from node.domain.guarantee_table import Event, State
from node.domain.issue_rules import Payments, may_pay
from node.errors import ConflictError
from tests.vectors import guarantee_story

TERMS, RAW_ID = guarantee_story.guarantee(), guarantee_story.issued_id().hex()
SAYS = Claim("30000.00", "breach", (), "6222 0000", 0)
LIMITS = Payments(at_most="50000", day_at_most="80000")


def life(claim: Claim | None = SAYS, **changes: object) -> Life:
    step = LedgerStep(2, Event.CLAIM, State.CLAIMED, bytes(32))
    return replace(begin(TERMS), claim=claim, entries=(Entry(step, None),), **changes)  # type: ignore[arg-type]


def test_due_is_what_was_claimed_to_the_account_of_the_claim_under_the_name_of_the_guarantee() -> None:
    due = due_of(RAW_ID, TERMS, State.COMPLYING, life())
    assert (due.claim, due.amount, due.currency, due.subject) == (2, 30000, "CNY", TERMS.applicant)
    order = payment_order(due, 0)
    assert (order.kind, order.amount) == (OrderKind.PAY_CLAIM.value, "30000")
    assert order.payee.split("\n") == [TERMS.beneficiary_name, "6222 0000"]
    assert payment_event(Decimal(30000), life()) is Event.PAY_PART
    assert payment_event(Decimal(80000), life()) is Event.PAY


@pytest.mark.parametrize("state", [one for one in State if one is not State.COMPLYING])
def test_nothing_is_due_but_on_a_claim_that_complies(state: State) -> None:
    with pytest.raises(ConflictError, match="no payment is due"):
        due_of(RAW_ID, TERMS, state, life())


def test_nothing_is_due_on_a_claim_that_is_not_known_or_to_a_payee_that_hides_something() -> None:
    for unknown in (life(None), life(is_complete=False)):
        with pytest.raises(ConflictError, match="not here"):
            due_of(RAW_ID, TERMS, State.COMPLYING, unknown)
    for account in ("6222\n9999", "6222\u202e0000", "6222\x1b[2K9999", "6222\u200b"):
        with pytest.raises(ConflictError, match="by hand"):
            due_of(RAW_ID, TERMS, State.COMPLYING, life(changed(SAYS, payee=account)))


@given(st.tuples(st.integers(2, 1 << 32), st.integers(0, MAX_ATTEMPTS - 1)), st.data())
def test_orders_of_other_claims_or_attempts_have_other_ids(one: tuple[int, int], data: st.DataObject) -> None:
    other = data.draw(st.tuples(st.integers(2, 1 << 32), st.integers(0, MAX_ATTEMPTS - 1)))

    def order(claim: int, attempt: int) -> tuple[str, int]:
        due = Due(RAW_ID, claim, TERMS.applicant, Decimal(1), "CNY", "b", "a")
        made = payment_order(due, attempt)
        return made.id, claim_of(made)

    assert order(*one)[1] == one[0]
    assert (order(*one)[0] == order(*other)[0]) == (one == other)


@given(st.decimals(0, 10**6, places=2), st.decimals(0, 10**6, places=2))
def test_rules_release_within_both_sums_and_in_their_currency(amount: Decimal, paid: Decimal) -> None:
    assert may_pay(LIMITS, amount, "CNY", paid) == (amount <= 50000 and amount + paid <= 80000)
    assert not may_pay(LIMITS, amount, "USD", paid)
    assert not may_pay(None, amount, "CNY", paid)
