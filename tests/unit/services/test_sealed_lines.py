"""A sealed guarantee is decided by rules and drawn on a line like any other, though its bank learns no tender."""

from collections.abc import AsyncIterator

import pytest

from node.domain.desk import Stage
from node.errors import ConflictError
from tests.support.world import World
from tests.support.world_desk import WIDE, cancel, grant_line, use_rules
from tests.support.world_guarantees import BANK
from tests.support.world_sealed import NAMES, SealedTender

LINE = '[[rules]]\nid = "line"\ncheck = "line"\nzh = "额度"\nen = "line"\n'


@pytest.fixture
async def sealed() -> AsyncIterator[SealedTender]:
    """A tender whose opening was announced."""
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        await world.settle()
        yield await SealedTender(world).announce()


async def test_rules_issue_a_sealed_guarantee_on_a_line_and_it_stays_drawn_through_the_opening(
    sealed: SealedTender,
) -> None:
    bank, world = sealed.bank, sealed.world
    bidder = await sealed.tender.bidder()
    grant_line(sealed.tender, bidder)
    use_rules(bank, more=LINE)
    grant = sealed.tender.grant(bidder, scope=WIDE, uses=50)
    world.give(bidder, grant)
    sealed._grants[bidder.subject, bank.name] = grant
    plan = sealed.begin(bidder, sealed.plan(bidder))
    sealed.reserve(bidder, plan)
    await world.settle()
    plan = sealed.apply(bidder, plan)
    for _ in range(2):
        await world.settle()
    assert bank.services.guarantor.load(plan.application).stage is Stage.ISSUED
    lines = bank.services.lines
    assert lines.show(bidder.subject).used == "80000"
    bid = sealed.seal(bidder, sealed.collect(bidder, plan))
    lines.step()
    assert lines.show(bidder.subject).used == "80000", "nothing is on the ledger yet, and it counts"
    await sealed.open()
    [revealed] = await sealed.reveal(bid)
    await world.settle()
    assert revealed.guarantee_id
    assert sealed.rows() == 1
    lines.step()
    found = lines.show(bidder.subject)
    assert (found.used, found.number) == ("80000", 2)
    [exposure] = lines.exposures.of(bidder.subject)
    assert exposure.on_line


async def test_a_cancelled_sealed_application_frees_its_reservation(sealed: SealedTender) -> None:
    bidder = await sealed.tender.bidder()
    plan = await sealed.applied(bidder)
    with pytest.raises(ConflictError, match="refuse it"):
        sealed.bank.services.desk.ask(plan.application, "more")
    assert sealed.ask(bidder, plan).refusal == ""
    cancel(sealed.tender, bidder, plan.application)
    assert sealed.ask(bidder, plan).refusal
