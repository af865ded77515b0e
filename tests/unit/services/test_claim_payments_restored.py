"""Payments of claims where the world itself is spoilt: databases from a copy, a bank voted out, nobody's bank."""

import pytest

from adapters.banks.trial import TrialBank
from node.domain.guarantee_statement import Payment
from node.domain.guarantee_table import Event, State
from node.errors import ConflictError
from tests.support.world_claims import ClaimCase
from tests.support.world_guarantees import Tender


@pytest.fixture
async def case(tender: Tender) -> ClaimCase:
    """A guarantee in force at a bank that pays by its core system."""
    return await ClaimCase.begin(tender)


@pytest.mark.parametrize("missing", ["the bank", "the opting in"])
async def test_without_a_core_bank_or_without_opting_in_people_pay(case: ClaimCase, missing: str) -> None:
    bank = case.tender.bank
    bank.core_bank = None if missing == "the bank" else TrialBank()
    bank.pays_claims = missing == "the bank"
    bank.restart()
    await case.complying()
    with pytest.raises(ConflictError, match="bank_pays_claims"):
        case.release()
    assert case.listed() == []
    await bank.services.claim_payments.state_by_hand(case.issued.id, Event.PAY, Payment("80000", "ab" * 32))
    await case.settle()
    assert case.state is State.CLOSED


async def test_a_suspended_guarantor_pays_what_it_owes(case: ClaimCase) -> None:
    await case.tender.suspend(case.tender.bank)
    await case.complying()
    case.release()
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)


@pytest.mark.parametrize("is_stated", [False, True])
async def test_a_database_from_before_the_payment_pays_nothing_twice(
    case: ClaimCase, *, is_stated: bool
) -> None:
    await case.complying()
    await case.settle()
    before = case.tender.bank.store.everything()
    case.release()
    after = case.tender.bank.store.everything()
    if is_stated:
        await case.settle()
        assert case.state is State.CLOSED
        await case.rewind(after)  # the order is there, and not that it was carried out
        await case.settle()
    else:
        await case.tender.bank.services.bank_orders.step()
        await case.rewind(before)
        case.release()
        await case.settle()
    assert (case.state, len(case.payments()), case.listed()) == (State.CLOSED, 1, [])


async def test_a_recalled_order_of_a_lost_database_is_not_carried_out_under_its_old_id(
    case: ClaimCase,
) -> None:
    case.books.pending = 10**6
    await case.complying()
    await case.settle()
    before = case.tender.bank.store.everything()
    case.release()
    await case.stop(Event.STAY)
    await case.settle()
    await case.make(Event.LIFT)
    case.books.pending = 0
    await case.rewind(before)
    order = case.release().order
    await case.settle()
    assert (case.payments(), case.listed()) == ([], ["ordered"])
    kept = case.tender.bank.services.bank_orders.find(order)
    assert kept is not None
    assert (kept.state, kept.problem) == ("parked", "it was recalled")
    case.tender.bank.services.bank_orders.drop(order)
    await case.settle()
    case.release()
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)
