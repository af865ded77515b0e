"""A claim that complies is paid once, by a release, and stated; whatever stops it, and whatever breaks in between."""

import hashlib
import itertools
from collections.abc import AsyncIterator
from decimal import Decimal

import msgspec
import pytest
import pytest_asyncio

from node.domain.bank_order import BankAnswer
from node.domain.document import peek_document
from node.domain.guarantee_statement import (
    Claim,
    Discrepancy,
    Notice,
    Payment,
    Reduction,
    StepDocument,
)
from node.domain.guarantee_table import SUSPENSION_SECONDS, Event, State
from node.domain.wallet import ReleaseCall, StepCall
from node.errors import ConflictError, MissingError
from tests.support.world import DAY, World
from tests.support.world_claims import ACCOUNT, ORDER, WHY, ClaimCase
from tests.support.world_desk import use_rules
from tests.support.world_faults import KilledError, pass_by
from tests.support.world_guarantees import BANK, Tender

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAYS = '[payments]\nat_most = "50000"\nday_at_most = "70000"\n'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncIterator[Tender]:
    """One world for all: worlds are what costs. Each test has a guarantee and books of its own."""
    with World(guarantors=[BANK]) as world:
        await world.settle()
        yield Tender(world)


_numbers = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="module")
async def case(shared: Tender) -> ClaimCase:
    """A guarantee in force, with books of its own at the bank."""
    return await ClaimCase.begin(shared, f"BH-{next(_numbers)}")


def next_morning(case: ClaimCase) -> None:
    """What rules have paid counts by the day."""
    until_hour(case, 1)


def until_hour(case: ClaimCase, hour: int) -> None:
    """The next time that it is so late in Beijing, eight hours ahead of UTC."""
    clock = case.tender.world.clock
    clock.advance(DAY - (clock.now() + (8 - hour) * 3600) % DAY)
    case.tender.world.seal()


# -- paid ----------------------------------------------------------------------------------------------


async def test_a_claim_is_paid_by_a_persons_release_and_stated_by_itself(case: ClaimCase) -> None:
    await case.complying()
    await case.settle()
    assert case.payments() == [], "nothing leaves before the release"
    assert (case.listed(), await case.told("payment.due")) == (["due"], ["payment.due"])
    released = case.release()
    assert case.release() == released
    await case.settle()
    [paid] = case.payments()
    assert (paid.amount, paid.payee, paid.about) == (
        "80000",
        f"虚构区住房和城乡建设局\n{ACCOUNT}",
        case.issued.id,
    )
    assert case.state is State.CLOSED
    says, done = case.last(), case.tender.bank.services.bank_orders.find(paid.id)
    assert done is not None
    proof = msgspec.json.encode(
        {"order": msgspec.to_builtins(paid), "reference": done.reference, "type": "heqi.claim-payment.v1"},
        order="sorted",
    )
    assert says == Payment("80000", hashlib.sha256(proof).hexdigest())
    assert case.listed() == []
    acts = case.tender.bank.services.acts.newest_first()
    act = next(one for one in acts if one.act == "payment.released")
    assert act.about == {"guarantee": case.issued.id, "order": paid.id}


async def test_a_part_is_paid_and_the_rest_can_be_claimed_and_paid(case: ClaimCase) -> None:
    await case.complying("30000.00")
    case.release("30000")
    await case.settle()
    life = case.tender.centre.services.guarantee_views.show(case.issued.id).life
    assert (case.state, life.amount) == (State.ISSUED, Decimal("50000.00"))
    await case.complying("50000.00")
    case.release("50000")
    await case.settle()
    assert case.state is State.CLOSED
    assert [order.amount for order in case.payments()] == ["30000", "50000"]


async def test_a_claim_on_which_the_guarantor_was_silent_is_due_to_a_person_only(case: ClaimCase) -> None:
    use_rules(case.tender.bank, more=PAYS)
    await case.claimed("30000.00")
    case.tender.world.clock.advance(30 * DAY)
    await case.turn()
    await case.tender.step(case.issued, Event.PRECLUDE, WHY)
    await case.settle()
    assert (case.listed(), case.payments()) == (["due"], []), "nobody has looked at it yet"
    case.release("30000")
    await case.settle()
    assert case.state is State.ISSUED


async def test_of_a_refused_claim_that_is_waived_only_what_is_in_force_is_paid(case: ClaimCase) -> None:
    await case.claimed()
    await case.tender.make(
        case.issued, Event.FIND_DISCREPANT, Notice((Discrepancy("document", "not signed"),))
    )
    await case.tender.step(case.issued, Event.REDUCE, Reduction("20000", "cd" * 32))
    await case.turn()
    await case.make(Event.FIND_COMPLYING)
    with pytest.raises(ConflictError, match="20000 was claimed and is in force"):
        await case.tender.bank.services.guarantee_steps.make(
            case.issued.id, Event.PAY_PART, Payment("80000.00", "ab" * 32)
        )
    with pytest.raises(ConflictError, match="due are 20000"):
        case.release()
    case.release("20000")
    await case.settle()
    assert (case.state, [one.amount for one in case.payments()]) == (State.CLOSED, ["20000"])


async def test_approved_rules_release_what_a_person_found_complying_up_to_their_sums(case: ClaimCase) -> None:
    next_morning(case)
    use_rules(case.tender.bank, more=PAYS)
    await case.complying("50000.00")
    await case.settle()
    assert [order.amount for order in case.payments()] == ["50000"]
    await case.complying("20000.01")
    await case.settle()
    assert (case.listed(), len(case.payments())) == (["due"], 1), "more than is left of the day"
    await case.tender.step(case.issued, Event.WITHDRAW, WHY)
    await case.turn()
    await case.complying("20000.00")
    await case.settle()
    assert len(case.payments()) == 2
    rules, acts = case.tender.bank.services.rules.current, case.tender.bank.services.acts.newest_first()
    [act, _] = [one.about for one in acts if one.about.get("guarantee") == case.issued.id]
    assert rules is not None
    assert act["rules"] == rules.digest


async def test_who_names_another_sum_or_account_than_the_claim_releases_nothing(case: ClaimCase) -> None:
    await case.complying()
    for amount, account in (("8000", ACCOUNT), ("80000.01", ACCOUNT), ("80000", "6222 0001")):
        with pytest.raises(ConflictError, match="look at the claim"):
            case.release(amount, account)
    with pytest.raises(MissingError):
        case.tender.centre.services.claim_payments.show("ab" * 32)
    await case.settle()
    assert case.payments() == []


async def test_people_do_not_pay_by_hand_what_the_core_bank_was_asked_to_pay(case: ClaimCase) -> None:
    case.books.refusing["pay-claim"] = "账户冻结"
    await case.complying()
    order = case.release().order
    await case.settle()
    by_hand = case.tender.bank.services.claim_payments.state_by_hand
    with pytest.raises(ConflictError, match="core bank was asked"):
        await by_hand(case.issued.id, Event.PAY, Payment("80000", "ab" * 32))
    case.tender.bank.services.bank_orders.drop(order)
    await case.settle()
    assert await case.told("payment.given-up") == ["payment.given-up"]
    await by_hand(case.issued.id, Event.PAY, Payment("80000", "ab" * 32))
    await case.settle()
    assert (case.state, case.payments()) == (State.CLOSED, [])


# -- stopped -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", [Event.STAY, Event.WITHDRAW, Event.RELEASE])
async def test_what_stops_a_claim_holds_back_an_order_that_the_bank_has_not_carried_out(
    case: ClaimCase, event: Event
) -> None:
    case.books.is_absent = True
    await case.complying()
    case.release()
    await case.settle()
    await case.stop(event)
    await case.settle()
    assert case.listed() == ["ordered"], "the bank has not said yet that it will not pay"
    case.books.is_absent = False
    case.tender.world.clock.advance(300)
    await case.settle()
    assert (case.payments(), case.listed()) == ([], [])
    assert await case.told("payment.given-up") == ["payment.given-up"]
    assert len(case.books.recalled) == 1


async def test_a_stay_works_from_its_entry_on_also_while_the_ledger_is_away(case: ClaimCase) -> None:
    await case.complying()
    case.books.is_absent = True
    case.release()
    await case.settle()
    case.tender.world.chain.is_down = True
    await case.stop(Event.STAY)
    case.books.is_absent = False
    case.tender.world.clock.advance(300)
    for _ in range(3):
        await case.tender.bank.services.bank_orders.step()
    assert case.payments() == []
    case.tender.world.chain.is_down = False
    await case.settle()
    assert case.state is State.STAYED


async def test_a_withdrawal_stops_the_payment_before_the_ledger_has_it(case: ClaimCase) -> None:
    await case.complying()
    case.tender.world.chain.is_down = True
    tender, seen = case.tender, case.tender.seen(case.issued)
    call = peek_document(tender.releasing.step(tender.centre.name, seen, Event.WITHDRAW, WHY), StepCall)
    lodge = case.tender.bank.services.guarantee_delivery.lodge
    lodge(case.tender.centre.name, call.guarantee, call.step, bytes.fromhex(call.signature))
    with pytest.raises(ConflictError, match="WITHDRAW is signed"):
        case.release()
    case.tender.world.chain.is_down = False


async def test_a_stay_that_comes_after_the_payment_is_told_and_the_payment_stated_once_it_is_lifted(
    case: ClaimCase,
) -> None:
    await case.complying()
    case.release()
    case.books.is_late = True  # it pays, and nobody learns of it
    await case.tender.bank.services.bank_orders.step()
    await case.stop(Event.STAY)
    await case.settle()
    case.books.is_late = False
    case.tender.world.clock.advance(300)
    await case.settle()
    assert (len(case.payments()), case.listed()) == (1, ["paid"])
    assert await case.told("bank.recalling", "payment.paid", "payment.unstated") == [
        "bank.recalling",
        "payment.paid",
        "payment.unstated",
    ]
    state = case.tender.bank.services.status.diagnose(0)
    assert (state.guarantees.payments_unstated, state.guarantees.orders_parked) == (1, 0)
    await case.make(Event.LIFT)
    case.tender.world.clock.advance(300)
    await case.settle()
    assert (case.state, case.listed(), len(case.payments())) == (State.CLOSED, [], 1)


async def test_after_a_stay_is_lifted_only_a_person_releases_anew_under_another_id(case: ClaimCase) -> None:
    next_morning(case)
    use_rules(case.tender.bank, more=PAYS)
    case.books.pending = 10**6
    await case.complying("30000.00")
    await case.settle()
    assert case.listed() == ["ordered"], "by the rules"
    await case.stop(Event.STAY)
    await case.settle()
    case.books.pending = 0
    await case.tender.step(case.issued, Event.LIFT_ON_ORDER, ORDER)
    case.tender.world.clock.advance(300)
    await case.settle()
    assert (case.listed(), case.payments()) == (["due"], [])
    released = case.release("30000")
    assert released.order not in case.books.recalled
    await case.settle()
    assert (case.state, len(case.payments())) == (State.ISSUED, 1)


async def test_a_payment_on_a_claim_that_was_withdrawn_stands_until_a_person_closes_it(
    case: ClaimCase,
) -> None:
    await case.complying()
    case.release()
    case.books.is_late = True
    await case.tender.bank.services.bank_orders.step()
    await case.stop(Event.WITHDRAW)
    await case.settle()
    case.books.is_late = False
    case.tender.world.clock.advance(300)
    await case.settle()
    assert case.listed() == ["paid"]
    await case.complying()
    case.tender.world.clock.advance(300)
    await case.settle()
    assert case.state is State.COMPLYING, "what was paid on another claim is not stated for this one"
    with pytest.raises(ConflictError, match="claim 2 of this guarantee is paid"):
        case.release()
    case.tender.bank.services.claim_payments.close(case.issued.id)
    with pytest.raises(ConflictError, match="no payment"):
        case.tender.bank.services.claim_payments.close(case.issued.id)
    case.release()
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 2)


async def test_a_claim_that_a_longer_term_may_settle_is_paid_only_once_that_is_out(case: ClaimCase) -> None:
    says = Claim("80000.00", "extend or pay", (), ACCOUNT, case.issued.terms.exp + 60 * DAY)
    await case.tender.step(case.issued, Event.CLAIM_EXTEND_OR_PAY, says)
    await case.turn()
    with pytest.raises(ConflictError, match="EXTEND_OR_PAY"):
        case.release()
    await case.make(Event.SUSPEND)
    with pytest.raises(ConflictError, match="SUSPENDED"):
        case.release()
    case.tender.world.clock.advance(SUSPENSION_SECONDS)
    await case.turn()
    await case.tender.step(case.issued, Event.PRECLUDE, WHY)
    await case.settle()
    case.release()
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)


# -- broken --------------------------------------------------------------------------------------------


async def test_a_bank_that_is_away_for_days_pays_when_it_is_back(case: ClaimCase) -> None:
    case.books.is_absent = True
    await case.complying()
    case.release()
    for _ in range(5):
        case.tender.world.clock.advance(DAY)
        await case.turn()
        case.tender.bank.restart()
    assert (case.listed(), case.state) == (["ordered"], State.COMPLYING)
    case.books.is_absent = False
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)


async def test_a_false_answer_is_believed_in_nothing_and_the_retry_pays_once(case: ClaimCase) -> None:
    await case.complying()

    def tamper(answer: BankAnswer) -> BankAnswer:
        return msgspec.structs.replace(answer, payee=f"别人\n{ACCOUNT}")

    case.books.tamper = tamper
    order = case.release().order
    await case.settle()
    assert (case.listed(), case.state) == (["ordered"], State.COMPLYING)
    [kept] = case.unsettled()
    assert (kept.state, "another payee" in kept.problem) == ("parked", True)
    case.books.tamper = None
    case.tender.bank.services.bank_orders.retry(order)
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)


async def test_a_node_that_does_not_know_how_the_guarantee_stands_pays_nothing(case: ClaimCase) -> None:
    await case.complying()
    case.release()
    case.tender.world.chain.is_down = True
    case.tender.world.clock.advance(2 * DAY)
    for _ in range(2):
        await case.tender.bank.services.bank_orders.step()
        case.tender.bank.restart()
    assert (case.payments(), case.books.recalled) == ([], set()), "it waits, and takes nothing back either"
    case.tender.world.chain.is_down = False
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)


async def test_killed_at_any_write_the_node_pays_once_and_states_it_once(case: ClaimCase) -> None:
    await case.complying()
    await case.settle()
    before = dict(case.tender.bank.store.everything())

    async def run(die_at: int) -> bool:
        """From the release on; killed before one write, then started again. Whether it came so far."""
        services, count = case.tender.bank.services, 0

        def hook(name: str) -> None:
            nonlocal count
            count += name == "write"
            if name == "write" and count == die_at:
                raise KilledError(name)

        case.tender.bank.store.before = hook
        try:
            case.release()
            await services.bank_orders.step()
            await services.claim_payments.step()
        except KilledError:
            return True
        finally:
            case.tender.bank.store.before = pass_by
        return False

    die_at = 0
    while await run(die_at := die_at + 1):
        case.tender.bank.restart()
        await case.tender.world.follow(case.tender.bank)
        if not case.payments():
            case.release()
        for _ in range(3):
            await case.tender.bank.services.bank_orders.step()
            await case.tender.bank.services.claim_payments.step()
        assert len(case.payments()) == 1
        stated = [
            step.event
            for step, _ in case.tender.bank.services.guarantee_steps.open_steps(bytes.fromhex(case.issued.id))
        ]
        assert stated == [Event.PAY]
        case.books.books.clear()
        await case.rewind(before)
    assert die_at > 2
    await case.settle()
    assert (case.state, len(case.payments())) == (State.CLOSED, 1)


async def test_an_order_is_given_up_against_a_silent_bank_by_a_persons_word(case: ClaimCase) -> None:
    case.books.refusing["pay-claim"] = "账户冻结"
    await case.complying()
    order = case.release().order
    await case.settle()
    case.books.is_absent = True
    orders = case.tender.bank.services.bank_orders
    orders.drop(order)
    await case.settle()
    assert [kept.state for kept in orders.unsettled()] == ["recalling"]
    with pytest.raises(ConflictError):
        orders.retry(order)
    orders.drop(order)
    assert list(orders.unsettled()) == []
    assert await case.told("payment.given-up") == ["payment.given-up"]


async def test_a_payment_lies_sealed(case: ClaimCase) -> None:
    case.books.is_absent = True
    await case.complying()
    case.release()
    place = b"my/" + bytes.fromhex(case.issued.id)
    rows = case.tender.bank.store.everything()
    [stored] = [value for key, value in rows.items() if key.startswith(place)]
    for secret in (ACCOUNT.encode(), b"80000", "虚构区".encode()):
        assert secret not in stored


async def test_a_release_that_another_step_has_overtaken_stops_no_payment(case: ClaimCase) -> None:
    tender, issued = case.tender, case.issued
    guarantor = tender.world.member(tender.bank.name)
    token = tender.releasing.release(tender.bank.name, tender.seen(issued), guarantor, "too early")
    call = peek_document(token, ReleaseCall)
    lodge = tender.bank.services.guarantee_delivery.lodge
    lodge(tender.centre.name, call.guarantee, call.release, bytes.fromhex(call.signature))
    raw_id, services = bytes.fromhex(issued.id), tender.bank.services

    def announced() -> list[StepDocument]:
        row = services.guarantee_views.show(issued.id).row
        return list(services.guarantee_steps._lives.announced(raw_id, row))

    assert announced(), "until then it may come"
    await tender.step(issued, Event.REDUCE, Reduction("20000", "cd" * 32))
    await case.turn()
    await case.complying("20000")
    assert not announced()
    case.release("20000")
    await case.settle()
    assert (len(case.payments()), case.state) == (1, State.CLOSED)


async def test_what_rules_pay_counts_by_the_day_of_beijing(case: ClaimCase) -> None:
    until_hour(case, 7)
    use_rules(case.tender.bank, more=PAYS)
    await case.complying("40000.00")
    await case.settle()
    assert len(case.payments()) == 1
    until_hour(case, 10)
    await case.complying("30000.01")
    await case.settle()
    assert (len(case.payments()), case.listed()) == (1, ["due"]), (
        "the same day, although UTC has begun another"
    )
    until_hour(case, 1)
    await case.settle()
    assert len(case.payments()) == 1, "what was left to people stays theirs"
    assert case.release("30000.01").state
