"""What `heqi doctor` learns of guarantees and openings, after real things have happened at real nodes."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from adapters.banks.trial import TrialBank
from node.domain.calendar import beijing_date, working_year
from node.domain.guarantee_statement import Amendment, Discrepancy, Notice, Reason
from node.domain.guarantee_table import Event
from node.probes import AnchorFacts, GuaranteeFacts, NodeState
from node.services.diagnosis import read_state
from node.services.doctor.calendar import check_calendar
from node.services.doctor.guarantees import check_desk, check_guarantees, check_openings
from node.services.issue_rules import RulesSource
from node.services.transaction import Transaction
from node.wire.diagnosis import message_from_state, state_from_message
from tests.support.world import DAY, World
from tests.support.world_centre import Centre
from tests.support.world_desk import applied, grant_line, source, use_rules
from tests.support.world_guarantees import BANK, Tender
from tests.support.world_sealed import HOLDERS, NAMES, SealedTender

HOUR = 3_600


def diagnosed(centre: Centre) -> NodeState:
    """As the command has it: by the operator's call, over its message."""
    state = centre.services.status.diagnose(AnchorFacts(0, b"").size)
    assert state_from_message(message_from_state(state)).guarantees == state.guarantees
    return state


def reasons(centre: Centre) -> list[str]:
    state = diagnosed(centre)
    found = [*check_guarantees(state), *check_desk(state), *check_openings(state)]
    return [one.reason for one in found if one.reason != "OK"]


def facts(centre: Centre) -> GuaranteeFacts:
    return diagnosed(centre).guarantees


async def test_a_claim_is_told_when_its_time_ends_and_no_more_when_it_is_answered(tender: Tender) -> None:
    issued = await tender.in_force()
    await tender.claimed(issued)
    [open_claim] = facts(tender.bank).examinations
    assert (open_claim.guarantee, open_claim.days_left, reasons(tender.bank)) == (issued.id, 5, [])
    clock = tender.world.clock
    for left, reason in ((DAY + HOUR, "EXAMINATION_ENDS"), (-HOUR, "EXAMINATION_OVER")):
        clock.advance(open_claim.due - left - clock.now())
        assert reasons(tender.bank) == [reason]
    assert reasons(tender.centre) == [], "the guarantor's time is nobody else's business"
    await tender.world.settle()
    await tender.make(issued, Event.FIND_COMPLYING, Reason("as agreed"))
    assert reasons(tender.bank) == []
    clock.advance(DAY + HOUR)
    assert reasons(tender.bank) == ["PAYMENTS_DUE"]


async def test_a_document_that_does_not_reach_its_party_is_told_with_its_name(tender: Tender) -> None:
    issued, world = await tender.in_force(), tender.world
    await tender.claimed(issued)
    world.network.absent = {tender.centre.name}
    says = Notice((Discrepancy("document", "the statement is not signed"),))
    await tender.make(issued, Event.FIND_DISCREPANT, says)
    assert (facts(tender.bank).steps_undelivered, reasons(tender.bank)) == (1, [])
    world.clock.advance(2 * HOUR)
    assert reasons(tender.bank) == ["STEPS_UNDELIVERED"]
    assert facts(tender.bank).steps_to == [tender.centre.name]
    stopped = read_state(tender.bank.store, 0, world.clock.now(), "1", is_running=False)
    assert stopped.guarantees.steps_undelivered == 1, "a stopped node tells of it too"
    world.network.absent = set()
    await world.settle()
    assert facts(tender.bank).steps_undelivered == 0


async def test_orders_that_the_core_bank_does_not_carry_out_are_told(tender: Tender) -> None:
    tender.bank.core_bank = books = TrialBank()
    tender.bank.restart()
    books.is_absent = True
    await tender.in_force()
    assert (facts(tender.bank).orders_open, reasons(tender.bank)) == (1, [])
    tender.world.clock.advance(2 * HOUR)
    assert reasons(tender.bank) == ["ORDERS_OLD"]
    books.is_absent, books.refusing = False, {"earmark": "no such account"}
    await tender.world.settle()
    assert reasons(tender.bank) == ["ORDERS_PARKED"]
    [order] = tender.bank.services.bank_orders.unsettled()
    tender.bank.services.bank_orders.drop(order.order.id)
    assert reasons(tender.bank) == []


async def test_rules_that_are_not_the_approved_ones_are_told_until_they_are(tender: Tender) -> None:
    tender.bank.rules = RulesSource(source().text, "00" * 32)
    tender.bank.restart()
    assert reasons(tender.bank) == ["RULES_NOT_IN_FORCE"]
    use_rules(tender.bank)
    assert reasons(tender.bank) == []


async def test_an_application_is_told_while_it_is_the_guarantors_turn_and_not_the_applicants(
    tender: Tender,
) -> None:
    application = await applied(tender)
    tender.world.clock.advance(4 * DAY)
    assert reasons(tender.bank) == ["APPLICATIONS_OLD"]
    await tender.world.settle()
    tender.bank.services.guarantor.refuse(application, "too large")
    assert (facts(tender.bank).desk_waiting, reasons(tender.bank)) == (0, [])
    use_rules(tender.bank, "offer")
    await applied(Tender(tender.world, "GC-2026-009/1"))
    tender.world.clock.advance(4 * DAY)
    assert reasons(tender.bank) == [], "the offer waits for the applicant"


@pytest.fixture
async def sealed() -> SealedTender:
    with World(NAMES, guarantors=[BANK]) as world:
        yield await SealedTender(world).announce()  # type: ignore[misc]


async def carried(world: World, number: int, *silent: Centre) -> None:
    """Everybody else agrees to a proposal; final everywhere afterwards."""
    await world.settle()
    for voter in world.centres.values():
        if voter not in silent:
            voter.services.membership.vote(number, approve=True)
    await world.settle()


async def test_an_opening_is_told_when_it_is_late_or_its_holders_are_gone(sealed: SealedTender) -> None:
    world, centre = sealed.world, sealed.centre
    assert reasons(centre) == []
    assert reasons(world[HOLDERS[0]]) == ["HOLDS_KEYS"]
    for number, name in enumerate(HOLDERS[:2], 1):
        centre.services.membership.propose_standing(name, active=False, valid_seconds=DAY)
        await carried(world, number, centre, world[name])
    assert reasons(centre) == ["HOLDERS_MISSING"]
    [(opening, missing)] = facts(centre).openings_short
    assert (opening, missing) == (sealed.id, "shanghai, suzhou")
    sealed.pass_to(sealed.opening.terms.opens + HOUR)
    await world.settle()
    assert reasons(centre) == ["OPENING_LATE", "HOLDERS_MISSING"]
    centre.services.openings.open(sealed.id)
    await world.settle()
    assert reasons(centre) == []


async def test_years_that_the_members_voted_are_known(tender: Tender) -> None:
    world = tender.world
    year = beijing_date(int(world.clock.now())).year + 1
    then = datetime(year, 6, 1, tzinfo=UTC).timestamp()
    assert [one.reason for one in check_calendar(diagnosed(tender.centre), then)] == ["CALENDAR_LACKING"]
    voted = working_year(year, holidays=frozenset(), worked=frozenset())
    world.home.services.membership.propose_calendar(voted, DAY)
    await carried(world, 1, world.home)
    assert facts(tender.centre).years == [year]
    assert [one.reason for one in check_calendar(diagnosed(tender.centre), then)] == ["OK"]


async def test_a_line_that_is_exceeded_is_told(tender: Tender) -> None:
    bidder = await tender.bidder()
    grant_line(tender, bidder)
    issued = await tender.in_force(bidder=bidder)
    offer = Amendment("150000.00", issued.terms.exp, "more")
    await tender.bank.services.guarantee_steps.make(issued.id, Event.PROPOSE, offer)
    transaction = Transaction(tender.bank.store)
    tender.bank.services.lines.change(transaction, bytes.fromhex(issued.id), Decimal(80000))
    transaction.commit()
    tender.bank.services.lines.lower(bidder.subject, Decimal(100000))
    await tender.world.settle()
    assert (facts(tender.bank).lines_exceeded, reasons(tender.bank)) == ([issued.id], ["LINE_EXCEEDED"])
    grant_line(tender, bidder, "150000")
    await tender.world.settle()
    assert reasons(tender.bank) == []
