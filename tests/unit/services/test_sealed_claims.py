"""After its opening a sealed guarantee is claimed, paid and given back like any other; its bank learns of it then."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from adapters.banks.trial import TrialBank
from node.domain.guarantee_statement import Claim, Order, Reason
from node.domain.guarantee_table import Event, State
from tests.support.world import World
from tests.support.world_guarantees import BANK, Issued
from tests.support.world_sealed import NAMES, SealedTender

WHY = Reason("as agreed")
SAYS = Claim("80000.00", "the bidder withdrew its bid", (), "6222 0000", 0)


@pytest.fixture
async def sealed() -> AsyncIterator[SealedTender]:
    """A tender whose opening was announced; its bank pays claims through its books."""
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        await world.settle()
        tender = await SealedTender(world).announce()
        tender.bank.core_bank, tender.bank.pays_claims = TrialBank(), True
        tender.bank.restart()
        yield tender


async def revealed(sealed: SealedTender) -> Issued:
    """One bid's guarantee, opened and on the ledger; its bank was told nothing."""
    bidder = await sealed.tender.bidder()
    bid = sealed.seal(bidder, await sealed.issued(bidder))
    await sealed.open()
    [found] = await sealed.reveal(bid)
    await sealed.world.settle()
    return Issued(bidder, bid.plan.application, found.guarantee_id, found.file)


async def test_a_claim_under_a_sealed_guarantee_is_examined_and_paid(sealed: SealedTender) -> None:
    issued, tender = await revealed(sealed), sealed.tender
    bank = sealed.bank.services
    taken = await tender.step(issued, Event.CLAIM, SAYS)
    await sealed.world.settle()
    assert taken.receipt is not None
    [claim] = bank.guarantee_views.claims()
    assert (claim.terms.section, claim.working_days) == (tender.section, 5), "now the bank learns the tender"
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.STAY, Order("法院", "1", "2026-03-01"))
    await tender.make(issued, Event.LIFT, Order("法院", "2", "2026-03-02"))
    bank.claim_payments.release(issued.id, Decimal(80000), "6222 0000")
    for _ in range(2):
        await sealed.world.settle()
    assert tender.state(issued) is State.CLOSED
    assert isinstance(sealed.bank.core_bank, TrialBank)
    assert [order.kind for order in sealed.bank.core_bank.books.values()] == [
        "earmark",
        "pay-claim",
        "release",
    ]
    assert not list(bank.lines.exposures.of(issued.bidder.subject))


async def test_a_bank_that_was_away_when_the_claim_came_is_told_of_it_with_its_document(
    sealed: SealedTender,
) -> None:
    issued, tender, world = await revealed(sealed), sealed.tender, sealed.world
    world.network.absent = {BANK}
    seen = tender.seen(issued, sealed.centre)
    token = tender.releasing.step(sealed.centre.name, seen, Event.CLAIM, SAYS)
    await sealed.centre.services.guarantee_steps.take(token)
    await world.settle()
    assert tender.state(issued, sealed.bank) is State.CLAIMED
    world.network.absent = set()
    for _ in range(3):
        world.clock.advance(3600)
        await world.settle()
    [entry] = await sealed.bank.feed("guarantee.claimed")
    assert entry.about["guarantee"] == issued.id
    [claim] = sealed.bank.services.guarantee_views.claims()
    assert claim.life.is_complete
    row = sealed.bank.services.projection.guarantee(bytes.fromhex(issued.id))
    assert row is not None
    world.clock.advance(row.due - world.clock.now())
    await world.settle()
    assert len(await sealed.bank.feed("guarantee.overdue")) == 1, "and of what it has let pass"


async def test_a_sealed_guarantee_is_given_back_before_and_after_it_has_moved(sealed: SealedTender) -> None:
    issued, tender = await revealed(sealed), sealed.tender
    assert tender.release(issued) == issued.id
    sealed.centre.stop()  # before it reached the ledger
    await tender.step(issued, Event.CLAIM, SAYS, via=sealed.world.third)
    await sealed.world.settle()
    await tender.step(issued, Event.WITHDRAW, WHY, via=sealed.world.third)
    await sealed.world.settle()
    tender.release(issued, via=sealed.world.third)
    await sealed.world.settle()
    assert tender.state(issued) is State.RELEASED
