"""After its opening a sealed guarantee is claimed, paid and given back like any other; its bank learns of it then."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
import pytest_asyncio

from adapters.banks.trial import TrialBank
from node.domain.guarantee_statement import Claim, Order, Reason
from node.domain.guarantee_table import Event, State
from tests.support.world import World
from tests.support.world_claims import with_books
from tests.support.world_guarantees import BANK, Issued
from tests.support.world_sealed import NAMES, SealedTender

pytestmark = pytest.mark.asyncio(loop_scope="module")
WHY = Reason("as agreed")
SAYS = Claim("80000.00", "the bidder withdrew its bid", (), "6222 0000", 0)


class Opened:
    """A tender after its opening, at a bank that pays claims through its books, and was told nothing."""

    def __init__(self, sealed: SealedTender, books: TrialBank, issued: list[Issued]) -> None:
        self.sealed, self.tender, self.world = sealed, sealed.tender, sealed.world
        self.bank, self.centre = sealed.bank, sealed.centre
        self.books, self.issued = books, issued


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def opened() -> AsyncIterator[Opened]:
    """Two bids, of which each test has one."""
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        await world.settle()
        sealed = await SealedTender(world).announce()
        books, bids = with_books(sealed.tender), []
        await world.follow(sealed.bank)
        for number in ("MW-1", "MW-2"):
            bidder = await sealed.tender.bidder()
            bids.append(sealed.seal(bidder, await sealed.issued(bidder, number=number)))
        await sealed.open()
        found = await sealed.reveal(*bids)
        await world.settle()
        yield Opened(
            sealed,
            books,
            [
                Issued(bid.bidder, bid.plan.application, one.guarantee_id, one.file)
                for bid, one in zip(bids, found, strict=True)
            ],
        )


async def test_a_claim_under_a_sealed_guarantee_reaches_its_bank_that_was_away_and_is_paid(
    opened: Opened,
) -> None:
    issued, tender, world = opened.issued[0], opened.tender, opened.world
    world.network.absent = {BANK}
    token = tender.releasing.step(opened.centre.name, tender.seen(issued, opened.centre), Event.CLAIM, SAYS)
    taken = await opened.centre.services.guarantee_steps.take(token)
    assert taken.receipt is not None
    await world.settle()
    assert tender.state(issued, opened.bank) is State.CLAIMED, (
        "and the bank does not know yet that it is its own"
    )
    world.network.absent = set()
    for _ in range(2):
        world.clock.advance(3600)
        await world.settle(publish=False)
    [entry] = await opened.bank.feed("guarantee.claimed")
    assert entry.about["guarantee"] == issued.id
    [claim] = opened.bank.services.guarantee_views.claims()
    assert (claim.terms.section, claim.life.is_complete) == (tender.section, True), "now it learns the tender"
    await tender.make(issued, Event.FIND_COMPLYING, WHY)
    await tender.make(issued, Event.STAY, Order("法院", "1", "2026-03-01"))
    await tender.make(issued, Event.LIFT, Order("法院", "2", "2026-03-02"))
    opened.bank.services.claim_payments.release(issued.id, Decimal(80000), "6222 0000")
    for _ in range(2):
        await world.settle(publish=False)
    assert tender.state(issued) is State.CLOSED
    orders = [order.kind for order in opened.books.books.values()]
    assert (orders.count("pay-claim"), orders.count("release")) == (1, 1)
    assert not list(opened.bank.services.lines.exposures.of(issued.bidder.subject))


async def test_a_sealed_guarantee_is_given_back_after_it_has_moved(opened: Opened) -> None:
    issued, tender = opened.issued[1], opened.tender
    await tender.step(issued, Event.CLAIM, SAYS, via=opened.world.third)
    await opened.world.settle(publish=False)
    tender.world.clock.advance(30 * 86_400)
    await opened.world.settle(publish=False)
    assert len(await opened.bank.feed("guarantee.overdue")) == 1, "a claim that the bank was told of"
    assert tender.release(issued) == issued.id
    await opened.world.settle(publish=False)
    assert tender.state(issued) is State.RELEASED
    assert not list(opened.bank.services.guarantee_views.claims())
