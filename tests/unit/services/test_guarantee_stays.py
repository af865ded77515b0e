"""A court's stay from every state of a claim, lifted by either side; every way out of a claim that asks to extend."""

import itertools
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from node.domain.guarantee_statement import Amendment, Claim, Discrepancy, Notice, Order, Payment, Reason
from node.domain.guarantee_table import SUIT_SECONDS, SUSPENSION_SECONDS, Event, State
from node.errors import ConflictError, DocumentFormatError, RoleMissingError
from node.services.guarantees import Verdict
from node.services.projection import GuaranteeRow
from tests.support.world import DAY, World
from tests.support.world_guarantees import BANK, Issued, Tender

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDER = Order("示例市中级人民法院", "(2026)示01财保1号", "2026-03-01")
WHY = Reason("as agreed")
REFUSAL = Notice((Discrepancy("document", "the statement is not signed"),))
_numbers = itertools.count(1)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tender() -> AsyncIterator[Tender]:
    """One world for all; each test has guarantees of its own."""
    with World(guarantors=[BANK]) as world:
        await world.settle()
        yield Tender(world)


@pytest_asyncio.fixture(loop_scope="module")
async def issued(tender: Tender) -> Issued:
    """In force everywhere, over 80,000."""
    return await tender.in_force(number=f"BH-{next(_numbers)}")


async def settle(tender: Tender) -> None:
    await tender.world.settle(publish=False, corroborate=False)


async def make(tender: Tender, issued: Issued, event: Event) -> None:
    """A step of the guarantor with what it asks for."""
    says = {Event.FIND_DISCREPANT: REFUSAL, Event.PAY: Payment("80000.00", "ab" * 32)}.get(event, WHY)
    is_courts = event in {Event.STAY, Event.RECORD_SUIT, Event.LIFT, Event.PROHIBIT}
    await tender.bank.services.guarantee_steps.make(issued.id, event, ORDER if is_courts else says)
    await settle(tender)


async def step(tender: Tender, issued: Issued, event: Event) -> None:
    """A step of the beneficiary."""
    await tender.step(issued, event, ORDER if event is Event.LIFT_ON_ORDER else WHY)
    await settle(tender)


async def extend_or_pay(tender: Tender, issued: Issued, days: int = 60, amount: str = "80000.00") -> int:
    """Claimed, with the longer term that would settle it; that term's end."""
    longer = issued.terms.exp + days * DAY
    await tender.step(issued, Event.CLAIM_EXTEND_OR_PAY, Claim(amount, "breach", (), "6222", longer))
    await settle(tender)
    return longer


def row(tender: Tender, issued: Issued) -> GuaranteeRow:
    found = tender.bank.services.projection.guarantee(bytes.fromhex(issued.id))
    assert found is not None
    return found


def end(tender: Tender, issued: Issued) -> int:
    return tender.bank.services.guarantee_views.show(issued.id).life.end


# -- stays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "state"),
    [
        ((), State.EXTEND_OR_PAY),
        ((Event.SUSPEND,), State.SUSPENDED),
        ((Event.FIND_COMPLYING,), State.COMPLYING),
    ],
)
async def test_a_lifted_stay_gives_back_state_and_time_whoever_lifts_it(
    tender: Tender, issued: Issued, way: tuple[Event, ...], state: State
) -> None:
    await extend_or_pay(tender, issued)
    for event in way:
        await make(tender, issued, event)
    before = row(tender, issued)
    for events in ((Event.STAY,), (Event.STAY, Event.RECORD_SUIT)):
        for lift in (Event.LIFT, Event.LIFT_ON_ORDER):
            due, since = row(tender, issued).due, tender.world.clock.now()
            for event in events:
                await make(tender, issued, event)
            assert tender.state(issued) is (State.SUED if len(events) == 2 else State.STAYED)
            tender.world.clock.advance(20 * DAY)
            await settle(tender)
            await (make if lift is Event.LIFT else step)(tender, issued, lift)
            assert tender.state(issued) is state
            stayed = tender.world.clock.now() - since
            if due:
                assert abs(row(tender, issued).due - due - stayed) < DAY / 2, (
                    "the time between does not count"
                )
    assert bool(row(tender, issued).due) == bool(before.due)


async def test_a_claim_under_examination_is_refused_in_the_time_that_the_stay_left(
    tender: Tender, issued: Issued
) -> None:
    await tender.claimed(issued)
    await make(tender, issued, Event.STAY)
    tender.world.clock.advance(SUIT_SECONDS - DAY)
    await settle(tender)
    await make(tender, issued, Event.LIFT)
    assert tender.state(issued) is State.CLAIMED
    with pytest.raises(ConflictError, match="too early"):
        await step(tender, issued, Event.PRECLUDE)
    await make(tender, issued, Event.FIND_DISCREPANT)
    assert tender.state(issued) is State.DISCREPANT


async def test_each_side_lifts_by_its_own_step_with_an_order_and_only_what_is_stayed(
    tender: Tender, issued: Issued
) -> None:
    steps = tender.bank.services.guarantee_steps
    await tender.claimed(issued)
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.LIFT)
    with pytest.raises(ConflictError, match="not possible"):
        await step(tender, issued, Event.LIFT_ON_ORDER)
    await make(tender, issued, Event.STAY)
    with pytest.raises(RoleMissingError):
        await steps.make(issued.id, Event.LIFT_ON_ORDER, ORDER)
    with pytest.raises(RoleMissingError):
        await tender.step(issued, Event.LIFT, ORDER)
    for node in (tender.centre, tender.world.third):
        node.services.guarantees.check_file(issued.file)
        with pytest.raises(RoleMissingError):
            await node.services.guarantee_steps.make(issued.id, Event.LIFT, ORDER)
    with pytest.raises(DocumentFormatError):
        await steps.make(issued.id, Event.LIFT, WHY)
    with pytest.raises(DocumentFormatError):
        await tender.step(issued, Event.LIFT_ON_ORDER, WHY)
    assert tender.state(issued) is State.STAYED
    shown = tender.centre.services.guarantees.check_file(issued.file)
    assert (shown.verdict, shown.reason) == (Verdict.VALID, "a court stays the payment of a claim")


async def test_a_suit_ends_the_thirty_days_and_only_a_lifting_ends_the_stay(
    tender: Tender, issued: Issued
) -> None:
    await tender.claimed(issued)
    await make(tender, issued, Event.FIND_COMPLYING)
    await make(tender, issued, Event.STAY)
    await make(tender, issued, Event.RECORD_SUIT)
    tender.world.clock.advance(2 * SUIT_SECONDS)
    await settle(tender)
    with pytest.raises(ConflictError, match="not possible"):
        await step(tender, issued, Event.LAPSE)
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.PAY)
    await step(tender, issued, Event.LIFT_ON_ORDER)
    await make(tender, issued, Event.PAY)
    assert tender.state(issued) is State.CLOSED


async def test_a_stayed_claim_is_withdrawn_and_the_guarantee_stays_in_force(
    tender: Tender, issued: Issued
) -> None:
    await extend_or_pay(tender, issued)
    await make(tender, issued, Event.STAY)
    await step(tender, issued, Event.WITHDRAW)
    assert (tender.state(issued), end(tender, issued)) == (State.ISSUED, issued.terms.exp)


# -- extend or pay -------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [(), (Event.SUSPEND,)])
async def test_the_longer_term_is_granted_as_it_was_named_or_the_claim_is_paid(
    tender: Tender, issued: Issued, way: tuple[Event, ...]
) -> None:
    longer = await extend_or_pay(tender, issued, amount="30000.00")
    for event in way:
        await make(tender, issued, event)
    await make(tender, issued, Event.EXTEND)
    shown = tender.bank.services.guarantee_views.show(issued.id).life
    assert (tender.state(issued), shown.end, shown.amount) == (State.ISSUED, longer, Decimal("80000.00"))
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.EXTEND)
    longest = await extend_or_pay(tender, issued, days=90)
    for event in way:
        await make(tender, issued, event)
    await make(tender, issued, Event.FIND_COMPLYING)
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.EXTEND)
    await make(tender, issued, Event.PAY)
    assert (tender.state(issued), end(tender, issued)) == (State.CLOSED, longer)
    assert longest > longer


async def test_a_refused_claim_brings_no_longer_term(tender: Tender, issued: Issued) -> None:
    await extend_or_pay(tender, issued)
    await make(tender, issued, Event.FIND_DISCREPANT)
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.EXTEND)
    assert (tender.state(issued), end(tender, issued)) == (State.DISCREPANT, issued.terms.exp)
    await extend_or_pay(tender, issued)
    await step(tender, issued, Event.WITHDRAW)
    assert (tender.state(issued), end(tender, issued)) == (State.ISSUED, issued.terms.exp)


async def test_payment_is_suspended_for_thirty_days_from_the_claim_and_only_in_time(
    tender: Tender, issued: Issued
) -> None:
    await extend_or_pay(tender, issued)
    claimed = row(tender, issued).since
    tender.world.clock.advance(DAY)
    await settle(tender)
    await make(tender, issued, Event.SUSPEND)
    assert row(tender, issued).due == claimed + SUSPENSION_SECONDS, "from the claim, not from the suspension"
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.FIND_DISCREPANT)
    with pytest.raises(ConflictError, match="too early"):
        await step(tender, issued, Event.PRECLUDE)
    tender.world.clock.advance(SUSPENSION_SECONDS)
    await settle(tender)
    await step(tender, issued, Event.PRECLUDE)
    with pytest.raises(ConflictError, match="not possible"):
        await make(tender, issued, Event.EXTEND)
    await make(tender, issued, Event.PAY)
    assert tender.state(issued) is State.CLOSED


async def test_who_lets_the_examination_pass_can_neither_suspend_nor_refuse_but_still_extend(
    tender: Tender, issued: Issued
) -> None:
    longer = await extend_or_pay(tender, issued)
    tender.world.clock.advance(row(tender, issued).due - tender.world.clock.now())
    await settle(tender)
    for event in (Event.SUSPEND, Event.FIND_DISCREPANT):
        with pytest.raises(ConflictError, match="too late"):
            await make(tender, issued, event)
    await make(tender, issued, Event.EXTEND)
    assert (tender.state(issued), end(tender, issued)) == (State.ISSUED, longer)


async def test_a_claim_names_a_longer_term_answers_an_offer_with_no_and_is_the_beneficiarys(
    tender: Tender, issued: Issued
) -> None:
    steps = tender.bank.services.guarantee_steps
    for days in (0, -1):
        with pytest.raises(ConflictError, match="not longer"):
            await extend_or_pay(tender, issued, days)
    with pytest.raises(ConflictError, match="ten years"):
        await extend_or_pay(tender, issued, 4000)
    with pytest.raises(DocumentFormatError, match="extend_to"):
        await tender.step(issued, Event.CLAIM_EXTEND_OR_PAY, Claim("1", "b", (), "p", 0))
    with pytest.raises(RoleMissingError):
        await steps.make(
            issued.id, Event.CLAIM_EXTEND_OR_PAY, Claim("1", "b", (), "p", issued.terms.exp + DAY)
        )
    await steps.make(issued.id, Event.PROPOSE, Amendment("100000.00", issued.terms.exp + DAY, "more"))
    await settle(tender)
    longer = await extend_or_pay(tender, issued)
    with pytest.raises(ConflictError, match="not possible"):
        await step(tender, issued, Event.ACCEPT)
    await make(tender, issued, Event.EXTEND)
    shown = tender.bank.services.guarantee_views.show(issued.id).life
    assert (shown.end, shown.amount) == (longer, Decimal("80000.00"))
