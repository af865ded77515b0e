"""A bank that knows its customer reads nothing when a sealed application comes: the home does not see who applies."""

from collections.abc import AsyncIterator

import pytest

from node.errors import GrantRevokedError
from node.services.guarantor import KNOWN_SECONDS
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE
from node.wallet.sealing import SealedPlan
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_guarantees import BANK
from tests.support.world_sealed import NAMES, SealedTender


@pytest.fixture
async def sealed() -> AsyncIterator[SealedTender]:
    """A tender whose opening was announced."""
    with World(NAMES, guarantors=[BANK], reserves=True, batch_size=16) as world:
        yield await SealedTender(world).announce(in_seconds=200 * 86_400)


async def customer(sealed: SealedTender) -> Bidder:
    """Whom the bank asked for access, was let read and has read."""
    world, bank, bidder = sealed.world, sealed.bank, await sealed.tender.bidder()
    request = world.request(bank, bidder, NEEDED_SCOPE, purpose=PURPOSE, uses=50, valid_seconds=360 * 86_400)
    await world.settle()
    sealed.granted(bidder, bank, world.grant(bidder))
    await world.settle()
    await bank.services.reading.fetch(request)
    await world.settle()
    return bidder


def reads(sealed: SealedTender) -> int:
    return sum(own.reads for _, own in sealed.bank.services.reading.requests())


async def received(sealed: SealedTender, bidder: Bidder) -> SealedPlan:
    """An application that nobody has looked at."""
    plan = sealed.begin(bidder, sealed.plan(bidder))
    sealed.reserve(bidder, plan)
    await sealed.world.settle()
    return sealed.apply(bidder, plan)


async def test_a_sealed_application_of_a_known_customer_is_assessed_without_its_home(
    sealed: SealedTender,
) -> None:
    bidder = await customer(sealed)
    assert reads(sealed) == 1
    plan = await received(sealed, bidder)
    sealed.world.network.absent = {sealed.world.home.name}
    await sealed.bank.services.guarantor.assess(plan.application)
    assert reads(sealed) == 1
    sealed.world.network.absent = set()
    sealed.bank.services.guarantor.issue(plan.application, "MW-1")
    await sealed.world.settle()
    assert sealed.collect(bidder, plan).proof


async def test_what_was_read_long_ago_is_read_again(sealed: SealedTender) -> None:
    bidder = await customer(sealed)
    plan = await received(sealed, bidder)
    sealed.world.clock.advance(KNOWN_SECONDS + 1)
    sealed.world.seal()
    await sealed.world.settle()
    await sealed.bank.services.guarantor.assess(plan.application)
    assert reads(sealed) == 2


async def test_what_was_read_is_used_no_more_once_the_customer_revoked(sealed: SealedTender) -> None:
    bidder = await customer(sealed)
    plan = await received(sealed, bidder)
    sealed.world.revoke(bidder, sealed.grant(bidder, sealed.bank))
    await sealed.world.settle()
    with pytest.raises(GrantRevokedError):
        await sealed.bank.services.guarantor.assess(plan.application)


async def test_a_plain_application_is_always_read(sealed: SealedTender) -> None:
    bidder = await customer(sealed)
    application = sealed.tender.apply(bidder, grant=sealed.grant(bidder, sealed.bank))
    await sealed.bank.services.guarantor.assess(application)
    assert reads(sealed) == 2
