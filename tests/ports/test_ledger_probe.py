"""What `heqi doctor` finds out about a real engine."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ledger.deployment import DeployedContract, Deployment
from adapters.ledger.probe import EngineProbe
from node.domain.ledger import Action, CastVote, ProposeStanding
from node.errors import LedgerUnavailableError
from node.services.doctor.engine import check_engine
from node.services.doctor.finding import Level
from tests.support.ledger_worlds import EvmWorld, Tree
from tests.support.ledgers import EmbeddedEngine, submit


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedEngine]:
    engine = EmbeddedEngine(tmp_path_factory.mktemp("engine"))
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
async def world(engine: EmbeddedEngine) -> AsyncIterator[EvmWorld]:
    world = EvmWorld(engine)
    await world.found()
    yield world
    await world.close()


def probe_of(world: EvmWorld, deployment: Deployment | None = None) -> EngineProbe:
    return EngineProbe(world.engine.url, deployment or world.deployment, world.members, 5.0)


async def test_an_honest_engine_has_no_differences(world: EvmWorld) -> None:
    probe = probe_of(world)
    head = await probe.head()
    assert list(await probe.differences()) == []
    assert await probe.block_hash(head.number) == head.hash
    assert await probe.block_hash(head.number + 1_000) == b""
    assert await probe.block_hash(0) == world.deployment.genesis_hash
    await probe.close()


async def test_a_foreign_chain_is_told(world: EvmWorld) -> None:
    """As when `ledger.url` leads to another alliance's engine."""
    probe = probe_of(world, replace(world.deployment, genesis_hash=bytes(32)))
    differences = await probe.differences()
    assert len(differences) == 1
    head = await probe.head()
    [finding] = check_engine(head, differences, head.time, 60)
    assert (finding.level, finding.reason) == (Level.ERROR, "FOREIGN_LEDGER")
    assert "hash of block 0" in finding.en
    await probe.close()


async def test_every_contract_with_other_code_is_told_and_not_the_first_only(world: EvmWorld) -> None:
    stated = dict(world.deployment.contracts)
    stated["Grants"] = DeployedContract(stated["Anchors"].address, stated["Grants"].code_hash)
    stated["Subjects"] = DeployedContract(stated["Subjects"].address, bytes(32))
    probe = probe_of(world, replace(world.deployment, contracts=stated))
    told = "\n".join(await probe.differences())
    assert "code of Grants" in told
    assert "code hash of Subjects" in told
    await probe.close()


async def test_members_as_the_ledger_has_them_now(world: EvmWorld) -> None:
    probe = probe_of(world)
    third = world.members[2]
    found = await probe.member(third.name)
    assert found is not None
    assert (found.member, found.active) == (third, True)
    assert await probe.member("nobody") is None
    now = await world.now()
    await submit(world.ledger("hangzhou"), ProposeStanding(Action.SUSPEND, third.name, now + 3_600))
    await submit(world.ledger("nanjing"), CastVote(1, approve=True))
    found = await probe.member(third.name)
    assert found is not None
    assert not found.active
    await probe.close()


async def test_the_last_anchor(world: EvmWorld) -> None:
    probe, tree = probe_of(world), Tree()
    assert (await probe.anchor("hangzhou")).size == 0
    for count in (3, 4):
        anchor = tree.grow(count)
        await submit(world.ledger("hangzhou"), anchor)
    found = await probe.anchor("hangzhou")
    assert (found.size, found.root) == (7, anchor.root)
    assert (await probe.anchor("nanjing")).size == 0
    await probe.close()


async def test_an_engine_that_is_away(world: EvmWorld, tmp_path: Path) -> None:
    probe = EngineProbe(f"unix://{tmp_path}/none.sock", world.deployment, world.members, 2.0)
    with pytest.raises(LedgerUnavailableError):
        await probe.head()
    with pytest.raises(LedgerUnavailableError):
        await probe.differences()
    await probe.close()
