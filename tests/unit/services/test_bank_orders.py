"""The core banking system may be slow, wrong or away: nothing is lost, and nothing is done twice."""

from decimal import Decimal

import msgspec
import pytest

from adapters.banks.trial import TrialBank
from node.domain.bank_order import BankAnswer, OrderKind, check_answer, order_of
from node.domain.desk import Stage
from node.errors import BankAnswerError, ConflictError, MissingError
from node.services.bank_orders import KeptOrder
from node.services.transaction import Transaction
from tests.support.world_bidder import Bidder
from tests.support.world_desk import accept, applied, cancel, row, use_rules
from tests.support.world_guarantees import Tender


@pytest.fixture
def books(tender: Tender) -> TrialBank:
    """The bank's core system, which its node orders from."""
    tender.bank.core_bank = books = TrialBank()
    tender.bank.restart()
    return books


@pytest.fixture
async def bidder(tender: Tender) -> Bidder:
    """A registered company."""
    return await tender.bidder()


async def accepted(tender: Tender, bidder: Bidder) -> str:
    """An application whose offer by rules the applicant has signed."""
    use_rules(tender.bank, "offer")
    application = await applied(tender, bidder)
    accept(tender, bidder, application)
    return application


def kinds(books: TrialBank) -> list[str]:
    return [order.kind for order in books.books.values()]


def unsettled(tender: Tender) -> list[KeptOrder]:
    return list(tender.bank.services.bank_orders.unsettled())


async def test_the_fee_is_collected_and_the_guarantee_issued_without_a_person(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    application = await accepted(tender, bidder)
    await tender.world.settle()
    await tender.world.settle()
    found = row(tender, application)
    assert (found.stage, found.fee_paid) == (Stage.ISSUED, "T00000001")
    assert kinds(books) == ["collect-fee", "earmark"]
    [fee, earmark] = books.books.values()
    assert (fee.amount, earmark.amount, fee.about) == ("160", "80000", application)


async def test_a_bank_that_is_away_or_answers_late_collects_once(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    books.is_absent = True
    application = await accepted(tender, bidder)
    await tender.world.settle()
    assert row(tender, application).stage is Stage.ACCEPTED
    books.is_absent, books.is_late = False, True
    await tender.world.settle()
    tender.bank.restart()
    await tender.world.settle()
    assert row(tender, application).stage is Stage.ACCEPTED
    assert unsettled(tender)[0].problem
    books.is_late = False
    await tender.world.settle()
    assert row(tender, application).fee_paid == "T00000001"
    assert kinds(books).count("collect-fee") == 1
    assert len(books.submitted) > 2


async def test_a_fee_that_waits_for_its_payer_is_asked_for_again(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    books.pending = 3
    application = await accepted(tender, bidder)
    for _ in range(4):
        await tender.world.settle()
    assert row(tender, application).fee_paid == "T00000001"
    [fee, _] = books.books
    assert books.submitted.count(fee) == 4


@pytest.mark.parametrize(
    "changes",
    [{"amount": "16000"}, {"currency": "USD"}, {"id": "ab" * 32}, {"reference": " "}, {"payee": "别人"}],
)
def test_an_answer_is_to_this_order_about_this_sum(changes: dict[str, str]) -> None:
    order = order_of(OrderKind.COLLECT_FEE, "ab" * 32, "cd" * 32, "160", "CNY")
    answer = BankAnswer(order.id, "done", "160", "CNY", "T1")
    check_answer(order, answer)
    with pytest.raises(BankAnswerError):
        check_answer(order, msgspec.structs.replace(answer, **changes))


async def test_a_wrong_answer_is_parked_and_believed_in_nothing(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    books.tamper = lambda answer: msgspec.structs.replace(answer, amount="16000")
    application = await accepted(tender, bidder)
    await tender.world.settle()
    [kept] = unsettled(tender)
    assert (kept.state, kept.problem[:11]) == ("parked", "BANK_ANSWER")
    assert row(tender, application).stage is Stage.ACCEPTED
    assert len(await tender.bank.feed("bank.parked")) == 1
    asked = len(books.submitted)
    await tender.world.settle()
    assert len(books.submitted) == asked, "a person looks at it first"
    with pytest.raises(ConflictError, match="core bank was asked"):
        tender.bank.services.desk.confirm_fee(application, "by hand")
    books.tamper = None
    tender.bank.services.bank_orders.retry(kept.order.id)
    await tender.world.settle()
    assert row(tender, application).fee_paid == "T00000001"


async def test_a_refused_order_is_parked_with_the_banks_reason_and_can_be_seen_to_by_hand(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    books.refusing["collect-fee"] = "账户冻结"
    application = await accepted(tender, bidder)
    await tender.world.settle()
    orders, [kept] = tender.bank.services.bank_orders, unsettled(tender)
    assert kept.problem == "账户冻结"
    orders.drop(kept.order.id)
    for decide in (orders.drop, orders.retry):
        with pytest.raises(ConflictError):
            decide(kept.order.id)
        with pytest.raises(MissingError):
            decide("ab" * 32)
    tender.bank.services.desk.confirm_fee(application, "cash 17")
    assert row(tender, application).fee_paid == "cash 17"
    acts = [one.act for one in tender.bank.services.acts.newest_first()]
    assert "bank-order.dropped" in acts


async def test_a_fee_that_came_after_the_cancelling_goes_back_once(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    books.is_absent = True
    application = await accepted(tender, bidder)
    await tender.world.settle()
    cancel(tender, bidder, application)
    books.is_absent = False
    await tender.world.settle()
    await tender.world.settle()
    assert kinds(books) == ["collect-fee", "refund-fee"]
    assert row(tender, application).stage is Stage.CANCELLED


async def test_who_cancels_after_paying_is_paid_back(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    application = await tender.assessed(bidder)
    desk = tender.bank.services.desk
    desk.offer(application, Decimal(160), "CNY", "", 86_400)
    accept(tender, bidder, application)
    await tender.world.settle()
    assert row(tender, application).stage is Stage.FEE_PAID
    cancel(tender, bidder, application)
    cancel(tender, bidder, application)
    await tender.world.settle()
    assert kinds(books) == ["collect-fee", "refund-fee"]


async def test_what_is_over_is_released_in_the_banks_books_once(
    tender: Tender, bidder: Bidder, books: TrialBank
) -> None:
    issued = await tender.in_force(bidder=bidder)
    tender.release(issued)
    await tender.world.settle()
    await tender.world.settle()
    assert [(order.kind, order.amount) for order in books.books.values()] == [
        ("earmark", "80000"),
        ("release", "80000"),
    ]


async def test_the_same_thing_is_never_ordered_for_another_sum(tender: Tender, books: TrialBank) -> None:
    orders, transaction = tender.bank.services.bank_orders, Transaction(tender.bank.store)
    order = order_of(OrderKind.REFUND_FEE, "ab" * 32, "cd" * 32, "100", "CNY", payee="受益人 1234")
    orders.add(transaction, order)
    orders.add(transaction, order)
    transaction.commit()
    again = order_of(OrderKind.REFUND_FEE, "ab" * 32, "cd" * 32, "200", "CNY", payee="受益人 1234")
    assert again.id == order.id
    with pytest.raises(ConflictError):
        orders.add(Transaction(tender.bank.store), again)
    elsewhere = order_of(OrderKind.REFUND_FEE, "ab" * 32, "cd" * 32, "100", "CNY", payee="别人 9999")
    with pytest.raises(ConflictError):
        orders.add(Transaction(tender.bank.store), elsewhere)
    await tender.world.settle()
    assert books.books == {order.id: order}


async def test_one_bad_order_does_not_stop_the_rest(tender: Tender, books: TrialBank) -> None:
    orders, transaction = tender.bank.services.bank_orders, Transaction(tender.bank.store)

    def wrong(answer: BankAnswer) -> BankAnswer:
        return msgspec.structs.replace(answer, amount="1") if answer.amount == "7" else answer

    books.tamper = wrong
    for number in range(12):
        order = order_of(OrderKind.REFUND_FEE, f"{number:064x}", "cd" * 32, str(number + 1), "CNY")
        orders.add(transaction, order)
    transaction.commit()
    await tender.world.settle()
    await tender.world.settle()
    assert len(books.books) == 12
    assert [kept.order.amount for kept in unsettled(tender)] == ["7"]


async def test_without_a_core_bank_nothing_is_ordered(tender: Tender, bidder: Bidder) -> None:
    application = await accepted(tender, bidder)
    await tender.world.settle()
    assert unsettled(tender) == []
    tender.bank.services.desk.confirm_fee(application, "T-1")
    await tender.world.settle()
    assert row(tender, application).stage is Stage.ISSUED, "offered by rules, issued by rules"


async def test_an_order_lies_sealed(tender: Tender, bidder: Bidder, books: TrialBank) -> None:
    books.is_absent = True
    await accepted(tender, bidder)
    [stored] = [value for key, value in tender.bank.store.everything().items() if key.startswith(b"mo/")]
    for secret in (b"160", b"collect-fee", bidder.subject.encode()):
        assert secret not in stored
