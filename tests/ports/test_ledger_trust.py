"""Changing the trust list, the same on every ledger."""

import pytest

from node.domain.ledger import Action, CastVote, ProposalMade, ProposeTrust, TrustSet
from tests.support import ledger_worlds
from tests.support.ledger_worlds import World, assert_refused
from tests.support.ledgers import submit

engine, world = ledger_worlds.engine, ledger_worlds.world
ENTRY = b'{"an":"entry"}'


async def proposal(world: World, anchor: str = "sh-ca", entry: bytes = ENTRY) -> ProposeTrust:
    return ProposeTrust(anchor, entry, await world.now() + 3600)


async def test_an_entry_is_proposed_voted_on_and_reported(world: World) -> None:
    await submit(world.ledger("hangzhou"), await proposal(world))
    (made,) = await world.happenings(ProposalMade)
    assert (made.action, made.about, made.entry, made.eligible) == (Action.SET_TRUST, "sh-ca", ENTRY, 3)
    await assert_refused(world, "hangzhou", CastVote(1, True), "AllianceAlreadyVoted")
    assert not await world.happenings(TrustSet)
    await submit(world.ledger("nanjing"), CastVote(1, True))
    assert await world.happenings(TrustSet) == [TrustSet("sh-ca", 1, ENTRY)]
    await assert_refused(world, "hangzhou", await proposal(world), "TrustListUnchanged")


@pytest.mark.parametrize("entry", [b"", bytes(8193)])
async def test_an_entry_out_of_bounds_is_refused(world: World, entry: bytes) -> None:
    await assert_refused(world, "hangzhou", await proposal(world, entry=entry), "TrustListMalformedEntry")


async def test_the_longest_entry_is_taken(world: World) -> None:
    await submit(world.ledger("hangzhou"), await proposal(world, entry=b"x" * 8192))
    await submit(world.ledger("nanjing"), CastVote(1, True))
    assert [one.entry for one in await world.happenings(TrustSet)] == [b"x" * 8192]
