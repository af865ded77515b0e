"""How a guarantee ends without a claim, and who cannot end it; keys that change on the way."""

import pytest

from node.domain.guarantee_statement import Amendment, FailedTender, Payment, Reason
from node.domain.guarantee_table import OBJECTION_SECONDS, Event, State
from node.domain.keys import KeyKind
from node.errors import ConflictError, RoleMissingError
from node.services.guarantees import Verdict
from tests.support.world import DAY
from tests.support.world_guarantees import SECTION, Issued, Tender

WHY = Reason("as agreed")
FAILED = FailedTender(SECTION, "fewer than three bids")


@pytest.fixture
async def issued(tender: Tender) -> Issued:
    """In force everywhere."""
    return await tender.in_force()


def verdict(tender: Tender, issued: Issued) -> Verdict:
    return tender.world.third.services.guarantees.check_file(issued.file).verdict


async def test_a_guarantee_is_given_up_by_all_three_and_by_no_two(tender: Tender, issued: Issued) -> None:
    await tender.step(issued, Event.ASK_SURRENDER, WHY, via=tender.world.third)
    await tender.world.settle()
    assert tender.bank.services.guarantee_views.show(issued.id).life.entries[0].problem == ""
    await tender.make(issued, Event.AGREE_SURRENDER, WHY)
    assert verdict(tender, issued) is Verdict.VALID, "the beneficiary has the last word"
    await tender.step(issued, Event.ACCEPT, WHY)
    await tender.world.settle()
    assert (tender.state(issued), verdict(tender, issued)) == (State.SURRENDERED, Verdict.ENDED)


async def test_the_beneficiary_refuses_a_surrender_and_keeps_its_cover(
    tender: Tender, issued: Issued
) -> None:
    await tender.step(issued, Event.ASK_SURRENDER, WHY)
    await tender.world.settle()
    await tender.step(issued, Event.REFUSE, WHY)
    await tender.world.settle()
    assert (tender.state(issued), verdict(tender, issued)) == (State.ISSUED, Verdict.VALID)


async def test_a_failed_tender_is_attested_by_its_centre_and_closed_after_the_time_to_object(
    tender: Tender, issued: Issued
) -> None:
    other = tender.world.home.services
    other.guarantees.check_file(issued.file)
    for node in (other, tender.bank.services):
        with pytest.raises(RoleMissingError):
            await node.guarantee_steps.make(issued.id, Event.ATTEST_VOID, FAILED)
    tender.centre.services.guarantees.check_file(issued.file)
    with pytest.raises(ConflictError, match="another section"):
        await tender.centre.services.guarantee_steps.make(
            issued.id, Event.ATTEST_VOID, FailedTender("S-2", "failed")
        )
    await tender.make(issued, Event.ATTEST_VOID, FAILED, at=tender.centre)
    with pytest.raises(ConflictError, match="too early"):
        await tender.bank.services.guarantee_steps.make(issued.id, Event.CLOSE_VOID, WHY)
    tender.world.clock.advance(OBJECTION_SECONDS)
    await tender.world.settle()
    await tender.make(issued, Event.CLOSE_VOID, WHY)
    assert (tender.state(issued), verdict(tender, issued)) == (State.VOID, Verdict.ENDED)


async def test_a_beneficiary_that_objects_keeps_its_cover(tender: Tender, issued: Issued) -> None:
    tender.centre.services.guarantees.check_file(issued.file)
    await tender.make(issued, Event.ATTEST_VOID, FAILED, at=tender.centre)
    await tender.step(issued, Event.REFUSE, WHY)
    await tender.world.settle()
    assert tender.state(issued) is State.ISSUED


async def test_neither_bank_nor_centre_makes_a_step_of_the_beneficiary(
    tender: Tender, issued: Issued
) -> None:
    tender.centre.services.guarantees.check_file(issued.file)
    await tender.make(issued, Event.PROPOSE, Amendment("1", issued.terms.exp, "less"))
    for node in (tender.bank, tender.centre):
        for event in (Event.ACCEPT, Event.REFUSE, Event.RELEASE, Event.REDUCE, Event.WITHDRAW):
            with pytest.raises(RoleMissingError):
                await node.services.guarantee_steps.make(issued.id, event, WHY)
    assert tender.state(issued) is State.AMENDMENT_PROPOSED


async def test_a_guarantor_whose_identity_key_has_changed_goes_on(tender: Tender, issued: Issued) -> None:
    await tender.make(issued, Event.PROPOSE, Amendment("60000", issued.terms.exp, "less"))
    rotation = tender.bank.services.key_rotation
    rotation.rotate([KeyKind.IDENTITY], overlap_seconds=DAY)
    await tender.world.settle()
    tender.world.clock.advance(2 * DAY)
    rotation.step()
    await tender.world.settle()
    await tender.step(issued, Event.ACCEPT, WHY)
    await tender.world.settle()
    await tender.claimed(issued, "60000")
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.PAY, Payment("60000", "ab" * 32))
    assert (tender.state(issued), verdict(tender, issued)) == (State.CLOSED, Verdict.ENDED)
