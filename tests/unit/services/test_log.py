"""The log: one batch of one size per period, whatever happened, and proofs that hold."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.domain.checkpoint import Checkpoint, open_checkpoint
from node.domain.ledger import AnchorCheckpoint
from node.domain.merkle import leaf_hash, verify_consistency, verify_inclusion
from node.errors import AnchorError, InclusionError, MissingError, StoreError
from node.services import layout
from node.services.log import ANCHOR_OBJECT
from node.services.outbox import State
from tests.support.world import World
from tests.support.world_records import incoming

BATCH = 4


def append(world: World, count: int) -> None:
    records = world.home.records
    sequence = records.last_sequence("c") + 1
    records.append("c", sequence, [incoming(f"{sequence}/{n}") for n in range(count)])


def publish(world: World) -> Checkpoint:
    world.home.services.publish()
    log = world.home.services.log
    return open_checkpoint(log.checkpoint(log.size()).note, world.home.keys.log.public_key)


def assert_proven(world: World, position: int, checkpoint: Checkpoint) -> None:
    proof = world.home.services.log.prove(position, checkpoint.size)
    leaf = leaf_hash(world.home.records.load(position).seal().entry)
    verify_inclusion(proof.index, checkpoint.size, leaf, proof.path, checkpoint.root)


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_a_batch_has_one_size_whatever_happened(lonely: World, count: int) -> None:
    append(lonely, count)
    checkpoint = publish(lonely)
    assert checkpoint.size == BATCH
    for position in range(count):
        assert_proven(lonely, position, checkpoint)


def test_what_does_not_fit_waits_for_the_next_batch(lonely: World) -> None:
    append(lonely, 2 * BATCH + 1)
    log = lonely.home.services.log
    for done in (4, 8, 9):
        checkpoint = publish(lonely)
        assert log.checkpoint(checkpoint.size).through == done
        assert [log.index_of(at) is not None for at in range(9)] == [at < done for at in range(9)]
    for position in range(9):
        assert_proven(lonely, position, checkpoint)
    assert not list(lonely.home.store.scan(layout.ENTRY))


def test_there_is_an_index_only_after_publication(lonely: World) -> None:
    append(lonely, 1)
    assert lonely.home.services.log.index_of(0) is None
    publish(lonely)
    assert lonely.home.services.log.index_of(0) in range(BATCH)


def test_no_two_records_share_a_place_and_their_order_does_not_show() -> None:
    orders = set()
    for seed in range(5):
        with World(("hangzhou",), batch_size=8, entropy=random.Random(seed).randbytes) as world:
            append(world, 8)
            publish(world)
            places = tuple(world.home.services.log.index_of(at) for at in range(8))
        assert set(places) == set(range(8))
        orders.add(places)
    assert len(orders) == 5
    assert tuple(range(8)) not in orders


def test_cover_cannot_be_told_from_records(lonely: World) -> None:
    append(lonely, 1)
    first, second = publish(lonely), publish(lonely)
    # What the public sees of a batch are entries: as many, as long, and none of them twice.
    leaves = [lonely.home.store.get(layout.node(0, index)) for index in range(second.size)]
    assert first.size == BATCH
    assert {len(leaf or b"") for leaf in leaves} == {32}
    assert len(set(leaves)) == 2 * BATCH


def test_a_batch_is_the_same_whether_the_store_failed_before_or_not(lonely: World) -> None:
    append(lonely, 2)
    before = lonely.home.store.everything()
    lonely.home.store.is_broken = True
    with pytest.raises(StoreError):
        lonely.home.services.publish()
    lonely.home.store.is_broken = False
    assert lonely.home.store.everything() == before
    assert publish(lonely).size == BATCH
    assert_proven(lonely, 1, publish(lonely))


def test_a_missing_entry_or_node_stops_publication_instead_of_forging_one(lonely: World) -> None:
    append(lonely, 1)
    lonely.home.store.inner._values.pop(layout.ENTRY + layout.number(0))
    with pytest.raises(StoreError, match="entry of record 0"):
        publish(lonely)
    with World(("hangzhou",)) as other:
        publish(other)
        other.home.store.inner._values.pop(layout.node(2, 0))
        with pytest.raises(StoreError, match="tree node 2/0"):
            publish(other)


def test_proofs_exist_only_for_published_records_and_sizes(lonely: World) -> None:
    append(lonely, 1)
    log = lonely.home.services.log
    with pytest.raises(MissingError, match="no checkpoint of size 4"):
        log.prove(0, BATCH)
    publish(lonely)
    append(lonely, 1)
    with pytest.raises(MissingError, match="not yet in the log"):
        log.prove(1, BATCH)
    publish(lonely)
    with pytest.raises(MissingError, match="not yet in the log"):
        log.prove(1, BATCH)  # published, but not under the older checkpoint
    log.prove(1, 2 * BATCH)


def test_any_two_checkpoints_of_a_log_are_consistent() -> None:
    with World(("hangzhou",), batch_size=3) as world:
        checkpoints = []
        for count in (0, 1, 5, 0, 2, 0):
            append(world, count)
            checkpoints.append(publish(world))
        log = world.home.services.log
        for number, old in enumerate(checkpoints):
            for new in checkpoints[number:]:
                proof = log.consistency(old.size, new.size)
                verify_consistency(old.size, new.size, old.root, new.root, proof)
        with pytest.raises(InclusionError):
            log.consistency(6, 3)


# -- anchors ---------------------------------------------------------------------------------------------


async def test_one_anchor_is_under_way_at_a_time_and_the_next_covers_what_came_since(lonely: World) -> None:
    lonely.chain.is_down = True
    for _ in range(3):
        publish(lonely)
    [item] = lonely.home.outbox()
    assert (item.object, item.decoded().size) == (ANCHOR_OBJECT, BATCH)
    lonely.chain.is_down = False
    await lonely.settle(publish=False)
    assert lonely.home.services.proving.anchored_size() == BATCH
    publish(lonely)
    [item] = lonely.home.outbox()
    assert item.decoded().size == 4 * BATCH
    await lonely.settle(publish=False)
    assert lonely.home.services.proving.anchored_size() == 4 * BATCH


async def test_each_anchor_is_consistent_with_the_last(lonely: World) -> None:
    projection, name = lonely.home.services.projection, lonely.home.name
    sizes = []
    for count in (1, 0, 9):
        append(lonely, count)
        await lonely.settle()
        sizes.append(lonely.home.services.proving.anchored_size())
    assert sizes == [4, 8, 12]
    for old, new in itertools.pairwise(sizes):
        proof = lonely.home.services.log.consistency(old, new)
        one, two = projection.anchor(name, old), projection.anchor(name, new)
        assert one is not None
        assert two is not None
        verify_consistency(old, new, one.root, two.root, proof)


async def test_a_parked_anchor_is_not_followed_by_another(lonely: World) -> None:
    publish(lonely)
    number, item = next(lonely.home.services.outbox.items())
    lonely.home.services.outbox.update(number, type(item)(item.object, item.call, state=State.PARKED))
    publish(lonely)
    assert len(lonely.home.outbox()) == 1


async def test_a_node_restored_from_an_older_copy_does_not_fork_its_log(lonely: World) -> None:
    await lonely.settle()
    old_copy = dict(lonely.home.store.inner._values)
    append(lonely, 1)
    await lonely.settle()
    lonely.home.store.inner._values.clear()
    lonely.home.store.inner._values.update(old_copy)
    lonely.home.restart()
    await lonely.follow()
    with pytest.raises(AnchorError, match="at size 8"):
        lonely.home.services.publish()
    assert lonely.home.services.log.size() == BATCH
    assert lonely.home.outbox() == []


async def test_a_rewritten_log_is_refused_by_the_ledger_and_stays_visible(lonely: World) -> None:
    await lonely.settle()
    publish(lonely)
    outbox = lonely.home.services.outbox
    [(number, item)] = outbox.items()
    anchor = item.decoded()
    outbox.remove(number, item)
    lonely.queue(lonely.home, ANCHOR_OBJECT, AnchorCheckpoint(anchor.size, b"\7" * 32, anchor.consistency))
    await lonely.settle(publish=False)
    [forged] = lonely.home.outbox()
    assert forged.state is State.PARKED
    assert "AnchorsInconsistent" in forged.problem
    assert lonely.home.services.proving.anchored_size() == BATCH


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=8), st.integers(1, 7))
def test_every_record_is_in_exactly_one_place_whatever_the_load(counts: list[int], batch: int) -> None:
    with World(("hangzhou",), batch_size=batch) as world:
        for number, count in enumerate(counts, 1):
            append(world, count)
            checkpoint = publish(world)
            assert checkpoint.size == number * batch
        while world.home.services.log.checkpoint(checkpoint.size).through < sum(counts):
            checkpoint = publish(world)
        places = [world.home.services.log.index_of(at) for at in range(sum(counts))]
        assert len(set(places)) == len(places)
        for position in range(sum(counts)):
            assert_proven(world, position, checkpoint)
