"""What a node's database says of itself, after real faults were done to it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.ledger.memory import MemoryChain
from adapters.store.leveldb import LevelStore
from node.domain.checkpoint import Checkpoint, sign_checkpoint
from node.domain.ledger import Anchored, CastVote
from node.ports import Batch, Store
from node.probes import AnchorFacts, NodeState
from node.services import layout
from node.services.diagnosis import read_state
from node.services.doctor.log import check_alarms, check_log
from node.services.doctor.waiting import check_outbox, check_parked
from tests.support.world import World
from tests.support.world_records import incoming


def anchor_of(chain: MemoryChain, name: str) -> AnchorFacts:
    """What the ledger has, not what the node believes that it has."""
    happenings = [event.happening for event in chain.events(0, chain.head().number)]
    last = [one for one in happenings if isinstance(one, Anchored) and one.member == name][-1]
    return AnchorFacts(last.size, last.root)


def state_of(store: Store, anchor: AnchorFacts, now: float = 0.0) -> NodeState:
    return read_state(store, anchor.size, now, "1", is_running=False)


def reasons(store: Store, anchor: AnchorFacts) -> list[str]:
    return [finding.reason for finding in check_log(state_of(store, anchor), anchor)]


async def test_a_sound_log_is_the_anchored_one(lonely: World) -> None:
    for _ in range(3):
        await lonely.settle()
    anchor = anchor_of(lonely.chain, "hangzhou")
    assert anchor.size > 0
    assert reasons(lonely.home.store, anchor) == ["OK"]


async def test_a_folder_put_back_from_an_old_copy_is_told(tmp_path: Path) -> None:
    with World(("hangzhou",), folder=tmp_path) as world:
        await world.settle()
        world.home.stop()
        shutil.copytree(tmp_path / "hangzhou" / "data", tmp_path / "old")
        world.home.start()
        await world.settle()
        await world.settle()
        anchor = anchor_of(world.chain, "hangzhou")
    for folder, expected in (("hangzhou/data", "OK"), ("old", "LOG_ROLLED_BACK")):
        store = LevelStore(tmp_path / folder)
        assert reasons(store, anchor) == [expected]
        store.close()


async def test_a_copy_that_went_on_by_itself_is_told_as_a_fork(tmp_path: Path) -> None:
    """The node refuses to publish from an old copy; this is what it would look like if it did not."""
    with World(("hangzhou",), folder=tmp_path) as world:
        await world.settle()
        world.home.stop()
        shutil.copytree(tmp_path / "hangzhou", tmp_path / "copy" / "hangzhou")
        world.home.start()
        await world.settle()
        anchor = anchor_of(world.chain, "hangzhou")
        world.home.stop()
        shutil.rmtree(tmp_path / "hangzhou")
        shutil.move(tmp_path / "copy" / "hangzhou", tmp_path / "hangzhou")
        world.home.start()
        world.home.services.log.publish(0)  # other cover entries, so another root at the same size
        assert reasons(world.home.store, anchor) == ["LOG_FORKED"]


@pytest.mark.parametrize(("value", "expected"), [(None, "LOG_DAMAGED"), (bytes(32), "LOG_FORKED")])
async def test_a_damaged_tree_is_told(lonely: World, value: bytes | None, expected: str) -> None:
    await lonely.settle()
    anchor = anchor_of(lonely.chain, "hangzhou")
    batch = Batch()
    highest = max(key for key, _ in lonely.home.store.scan(layout.NODE))
    batch.changes[highest] = value
    lonely.home.store.write(batch)
    assert reasons(lonely.home.store, anchor) == [expected]


async def test_a_refused_call_and_an_old_one_are_told(lonely: World) -> None:
    await lonely.settle()
    lonely.queue(lonely.home, "proposal/99", CastVote(99, approve=True))
    await lonely.settle()
    lonely.chain.is_down = True
    lonely.home.services.publish()
    anchor = AnchorFacts(0, b"")
    state = state_of(lonely.home.store, anchor, lonely.clock.now() + 3_600)
    assert state.outbox_parked_count == 1
    assert state.outbox_parked[0].problem
    assert state.outbox_oldest_seconds >= 3_600
    assert [finding.reason for finding in check_outbox(state)] == ["CALL_PARKED", "OUTBOX_OLD"]


async def test_an_item_that_is_released_keeps_its_age(lonely: World) -> None:
    await lonely.settle()
    number = lonely.queue(lonely.home, "proposal/99", CastVote(99, approve=True))
    queued = lonely.clock.now()
    await lonely.settle()
    lonely.home.services.decisions.release_transaction(number)
    [item] = [item for item in lonely.home.outbox() if item.object == "proposal/99"]
    assert item.queued == queued


async def test_a_parked_record_is_told(lonely: World) -> None:
    lonely.home.records.append("etrading", 1, [incoming("a"), incoming("b", category="no.such")])
    state = state_of(lonely.home.store, AnchorFacts(0, b""))
    assert [finding.reason for finding in check_parked(state)] == ["RECORDS_PARKED"]


async def test_another_members_fork_is_told_until_it_is_settled(world: World) -> None:
    await world.settle()
    await world.reader.services.witness.step()
    key, size = world.home.keys.log, world.home.services.log.size()
    forged = Checkpoint(world.descriptor.alliance, world.home.name, size, bytes(32))
    note = sign_checkpoint(forged, key.public_key, key.sign)
    world.network.show = lambda view: replace(view, note=note)
    await world.reader.services.witness.step()
    state = state_of(world.reader.store, AnchorFacts(0, b""))
    [finding] = check_alarms(state)
    assert (finding.reason, world.home.name in finding.en) == ("LOG_ALARM", True)
    world.reader.services.witness.settle(state.alarms[0].number)
    assert [one.reason for one in check_alarms(state_of(world.reader.store, AnchorFacts(0, b"")))] == ["OK"]


async def test_looking_changes_nothing(lonely: World) -> None:
    await lonely.settle()
    before = dict(lonely.home.store.scan(b""))
    state_of(lonely.home.store, anchor_of(lonely.chain, "hangzhou"))
    assert dict(lonely.home.store.scan(b"")) == before
