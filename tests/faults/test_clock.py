"""Clocks that differ by an hour: what depends on time is refused, and the text says that clocks differ."""

import asyncio
import time
from unittest import mock

import pytest

from adapters.ledger.memory import MemoryChain, MemoryLedger
from adapters.store.memory import MemoryStore
from node.errors import ProjectionStaleError, ReplayError
from node.services.follower import Follower
from node.services.projection import Projection
from node.wallet import documents
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.keyfile import new_wallet_key
from tests.support.world_clock import WorldClock

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR = 3_600


@pytest.mark.parametrize("off", [-HOUR, HOUR, 301 + 10, -301])
async def test_a_wallet_whose_clock_is_off(network, off):
    scribe = Scribe(new_wallet_key(), network.descriptor, "ab" * 32)
    with mock.patch.object(documents, "time", WorldClock(time.time() + off)):
        signed = scribe.status("centre-a")
    with WalletClient(network["centre-a"].member) as client, pytest.raises(ReplayError) as refused:
        await asyncio.to_thread(client.status, signed)
    assert "the clocks differ" in str(refused.value)
    assert "clock" in refused.value.advice
    seconds = next(int(word) for word in str(refused.value).split() if word.isdigit())
    assert abs(seconds - abs(off)) < 10


async def follower(centre, clock: WorldClock, ledger_clock: WorldClock) -> Follower:
    store, chain = MemoryStore(), MemoryChain(bytes(32), [centre.member], clock=ledger_clock.now)
    found = Follower(
        store,
        MemoryLedger(chain, centre.keys.account),
        Projection(store),
        clock,
        (),
        first_block=0,
        confirmations=0,
        staleness_seconds=60,
    )
    chain.seal()
    await found.step()
    return found


@pytest.mark.parametrize("off", [HOUR, -HOUR])
async def test_a_node_whose_clock_is_off_does_not_serve_reads(network, off):
    """An hour late is the dangerous one: a block of an hour ago would seem to be of now."""
    now = time.time()
    late = await follower(network["centre-a"], WorldClock(now + off), WorldClock(now))
    with pytest.raises(ProjectionStaleError, match="clocks differ"):
        late.check_fresh()


@pytest.mark.parametrize("off", [50, -50])
async def test_a_little_difference_is_borne(network, off):
    now = time.time()
    assert (
        await follower(network["centre-a"], WorldClock(now + off), WorldClock(now))
    ).check_fresh().number >= 0
