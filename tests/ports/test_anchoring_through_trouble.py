"""Anchoring on real engines while everything goes wrong: each record is anchored once, in order, by nobody's hand.

The node is the real log, outbox, sender and follower; the engines are real processes, Anvil because it can be told to
drop transactions and to reorganise its chain.
"""

import secrets
from collections.abc import AsyncIterator

import pytest

from adapters.ledger.evm import EvmLedger
from node.domain.ledger import UpdateEndpoints
from node.errors import AnchorError, LedgerUnavailableError
from node.ports import Ledger
from node.services.sender import MAX_ATTEMPTS
from tests.support import ledger_worlds
from tests.support.engine_node import BATCH, Alliance, EngineNode, KilledError, Killer
from tests.support.ledgers import AnvilEngine, EmbeddedEngine
from tests.support.world_faults import pass_by

engine = ledger_worlds.engine_process

_FOUNDERS = 12


@pytest.fixture(scope="module")
def alliances() -> dict[object, Alliance]:
    """One for each engine: deploying takes longer than most tests."""
    return {}


@pytest.fixture
async def alliance(
    engine: EmbeddedEngine | AnvilEngine, alliances: dict[object, Alliance]
) -> AsyncIterator[Alliance]:
    if engine not in alliances:
        alliances[engine] = Alliance(engine, _FOUNDERS)
        await alliances[engine].found()
    yield alliances[engine]
    await alliances[engine].close()


@pytest.fixture
def node(alliance: Alliance) -> EngineNode:
    return alliance.node()


@pytest.fixture
async def other(node: EngineNode) -> AsyncIterator[Ledger]:
    """The same account, used by somebody else."""
    ledger = EvmLedger(node.alliance.engine.url, node.keys.account, node.alliance.deployment)
    yield ledger
    await ledger.close()


@pytest.fixture
def anvil(alliance: Alliance) -> Alliance:
    if not isinstance(alliance.engine, AnvilEngine):
        pytest.skip("only Anvil can be told to do this")
    return alliance


async def first_anchor(node: EngineNode) -> None:
    await node.follow()
    node.period()
    await node.settle()


def rival(node: EngineNode) -> UpdateEndpoints:
    """Something else that the same account sends."""
    return UpdateEndpoints(f"{node.name}.example:{secrets.randbelow(60_000)}", "wallets.example:1")


async def test_an_hour_of_appends_without_an_engine_is_caught_up_with_one_anchor(node: EngineNode) -> None:
    await first_anchor(node)
    node.append(2)
    node.alliance.engine.go_down()
    try:
        await node.turn()
        for _ in range(360):
            node.period(1)
        await node.restart()
        node.append(3)
        await node.turn()
        with pytest.raises(LedgerUnavailableError):
            await node.follow()
    finally:
        node.alliance.engine.come_up()
    await node.settle()
    # The one that was under way when the engine went away, one for the hour, and one for what came last.
    assert len(await node.check()) <= 1 + 3


async def test_an_engine_that_is_killed_while_it_holds_a_transaction(node: EngineNode) -> None:
    await first_anchor(node)

    def fall(name: str) -> None:
        if name == "sent":
            node.alliance.engine.go_down()

    node.ledger.before = fall
    node.period()
    await node.turn()
    await node.turn()
    node.ledger.before = pass_by
    node.alliance.engine.come_up()
    await node.settle()
    assert len(await node.check()) == 2


async def test_a_transaction_dropped_from_the_pool_is_sent_again(node: EngineNode, anvil: Alliance) -> None:
    await first_anchor(node)
    await anvil.ask("evm_setAutomine", False)
    try:
        node.period()
        await node.turn()
        [(_, item)] = node.services.outbox.items()
        for _ in range(3):
            assert await anvil.ask("anvil_dropTransaction", "0x" + item.hash.hex())
            await node.turn()
            node.clock.advance(10)
            await node.turn()
        [(_, again)] = node.services.outbox.items()
        assert again == item, "the same bytes, which take effect once"
    finally:
        await anvil.ask("evm_setAutomine", True)
    await anvil.ask("evm_mine")
    await node.settle()
    assert len(await node.check()) == 2


async def test_a_nonce_taken_by_another_transaction_of_the_account(node: EngineNode, other: Ledger) -> None:
    await first_anchor(node)
    nonce = await other.next_nonce()
    taken = await other.sign(rival(node), nonce)
    await node.follow()
    node.period()
    for name in ("sign", "send"):  # just before it signs, and just before it sends
        node.ledger.before = lambda place, name=name: (
            (_ for _ in ()).throw(KilledError) if place == name else None
        )
        with pytest.raises(KilledError):
            await node.turn()
        await node.restart()
    await other.send(taken)
    await node.settle()
    assert len(await node.check()) == 2


async def test_a_nonce_taken_by_a_transaction_that_waits_for_long(
    node: EngineNode, anvil: Alliance, other: Ledger
) -> None:
    await first_anchor(node)
    await anvil.ask("evm_setAutomine", False)
    try:
        await other.send(await other.sign(rival(node), await other.next_nonce()))
        node.period()
        for _ in range(3 * MAX_ATTEMPTS):
            await node.turn()
        assert node.outbox() != ["parked"], "nobody has to release it"
    finally:
        await anvil.ask("evm_setAutomine", True)
    await anvil.ask("evm_mine")
    await node.settle()
    assert len(await node.check()) == 2


async def test_a_node_killed_at_every_call_and_every_write(node: EngineNode) -> None:
    """From the end of a period until its anchor is final and proven."""
    await first_anchor(node)
    places: list[str] = []
    for nth in range(1, 200):
        await node.follow()
        node.period()
        killer = Killer(nth)
        node.ledger.before = node.store.before = killer
        try:
            await node.settle()
        except KilledError:
            places.append(killer.place)
            await node.restart()
            await node.settle()
        else:
            break
    node.ledger.before = node.store.before = pass_by
    assert {"send", "sent", "write", "written", "outcome", "prove"} <= set(places)
    assert len(await node.check()) == 2 + len(places)


@pytest.mark.parametrize("confirmations", [0, 2])
async def test_blocks_reorganised_away_again_and_again(anvil: Alliance, confirmations: int) -> None:
    """Also blocks that were final: no number of confirmations is a promise on such an engine."""
    node = anvil.node(confirmations=confirmations)
    await node.follow()
    for depth in range(1, confirmations + 3):
        node.period()
        for _ in range(depth):
            await node.turn()
            await anvil.ask("evm_mine")
        await node.turn()
        await anvil.ask("anvil_reorg", depth, [])
        await node.settle(mine=anvil.mine)
        await node.check()


async def test_a_final_anchor_that_is_reorganised_away_with_the_next_one_under_way(anvil: Alliance) -> None:
    """The next one follows from an anchor that is gone, under a nonce behind one that is free again."""
    node = anvil.node()
    await first_anchor(node)
    await anvil.ask("evm_setAutomine", False)
    try:
        node.period()
        await node.turn()
        assert node.outbox() == ["sent"]
        depth = (await node.ledger.head()).number - (await block_of_last_anchor(node)) + 1
        await anvil.ask("anvil_reorg", depth, [])
        assert await node.anchors() == []
    finally:
        await anvil.ask("evm_setAutomine", True)
    await node.settle(mine=anvil.mine)
    await node.check()


async def block_of_last_anchor(node: EngineNode) -> int:
    head = await node.ledger.head()
    events = await node.ledger.events(node.alliance.deployment.block, head.number)
    return max(event.block for event in events if getattr(event.happening, "member", "") == node.name)


async def test_a_node_restored_from_an_old_copy_does_not_fork_its_log(node: EngineNode) -> None:
    await first_anchor(node)
    old = dict(node.disk.scan(b""))
    node.period(BATCH)
    await node.settle()
    before = await node.check()

    for key, _ in list(node.disk.scan(b"")):
        del node.disk._values[key]
    node.disk._values.update(old)
    await node.restart()
    node.alliance.engine.go_down()
    try:
        await node.turn()
        node.services.publish_when_known()  # before it has seen the ledger it publishes nothing
    finally:
        node.alliance.engine.come_up()
    assert node.services.log.size() == BATCH
    await node.follow()
    for _ in range(3):
        with pytest.raises(AnchorError, match="this store does not"):
            node.services.publish_when_known()
        await node.turn()
    assert node.services.log.size() == BATCH
    assert await node.anchors() == before
