"""Members as witnesses of each other's logs: what only grew is cosigned, what did not is an alarm with its proof."""

from dataclasses import replace

import pytest

from node.domain.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from node.domain.cosignature import cosignatures
from node.domain.log_fault import LogFault
from node.errors import SignatureError
from node.services import layout
from node.services.transaction import Transaction
from tests.support.world import World
from tests.support.world_centre import Centre


async def witness_all(world: World) -> None:
    for centre in world.centres.values():
        await centre.services.witness.step()


def forge(world: World, size: int, root: bytes) -> None:
    """The home shows a checkpoint that it has signed and never published."""
    key = world.home.keys.log
    note = sign_checkpoint(
        Checkpoint(world.descriptor.alliance, world.home.name, size, root), key.public_key, key.sign
    )
    world.network.show = lambda view: replace(view, note=note)


def rewind(centre: Centre, rows: dict[bytes, bytes]) -> None:
    """Put an older copy of the store back."""
    transaction = Transaction(centre.store)
    for key in centre.store.everything():
        transaction.delete(key)
    for key, value in rows.items():
        transaction.put(key, value)
    transaction.commit()


def only_alarm(centre: Centre):
    ((number, alarm),) = centre.services.witness.alarms()
    return number, alarm


async def test_a_checkpoint_that_all_others_have_seen_is_witnessed(world):
    await world.settle(corroborate=False)
    await witness_all(world)
    services, size = world.home.services, world.home.services.log.size()
    assert services.cosignatures.witnessed_size() == size
    keys = {centre.name: centre.keys.log.public_key for centre in world.centres.values()}
    note = services.cosignatures.note(size)
    checkpoint = open_checkpoint(note, keys[world.home.name])
    assert set(cosignatures(note, checkpoint, keys)) == {world.reader.name, world.third.name}


async def test_too_few_witnesses_are_not_enough(world):
    await world.settle(corroborate=False)
    await world.reader.services.witness.step()
    assert world.home.services.cosignatures.witnessed_size() == 0
    await world.third.services.witness.step()
    assert world.home.services.cosignatures.witnessed_size() == world.home.services.log.size()


async def test_a_log_that_grows_stays_witnessed(world):
    for _ in range(3):
        await world.settle(corroborate=False)
        await witness_all(world)
    assert world.home.services.cosignatures.witnessed_size() == world.home.services.log.size()
    assert not list(world.reader.services.witness.alarms())


async def test_a_fork_is_an_alarm_that_anybody_can_check(world):
    await world.settle(corroborate=False)
    await witness_all(world)
    size = world.home.services.log.size()
    forge(world, size, bytes(32))
    assert await world.reader.services.witness.look(world.member(world.home.name)) in {
        LogFault.FORKED,
        LogFault.OFF_ANCHOR,
    }
    _, alarm = only_alarm(world.reader)
    key = world.home.keys.log.public_key
    shown, known = open_checkpoint(alarm.note, key), open_checkpoint(alarm.known_note, key)
    assert shown.size == known.size
    assert shown.root != known.root
    (entry,) = await world.reader.feed("log.alarm")
    assert entry.about["member"] == world.home.name


async def test_a_fork_before_any_anchor_is_found(world):
    await world.follow()
    world.home.services.publish()
    await world.reader.services.witness.look(world.member(world.home.name))
    forge(world, world.home.services.log.size(), bytes(32))
    assert await world.reader.services.witness.look(world.member(world.home.name)) is LogFault.FORKED


async def test_a_log_restored_from_an_old_copy_is_caught(world):
    await world.settle(corroborate=False)
    before = world.home.store.everything()
    await world.settle(corroborate=False)
    await witness_all(world)
    rewind(world.home, before)
    assert await world.reader.services.witness.look(world.member(world.home.name)) is LogFault.SHRANK


async def test_another_history_of_greater_size_is_caught(world):
    await world.follow()
    world.home.services.publish()
    before = world.home.store.everything()
    world.home.services.publish()
    await world.reader.services.witness.look(world.member(world.home.name))
    rewind(world.home, before)
    for _ in range(3):
        world.home.services.publish()  # other cover: another tree
    assert await world.reader.services.witness.look(world.member(world.home.name)) is LogFault.UNPROVEN


async def test_a_log_that_shows_another_tree_than_its_anchor_is_caught(world):
    await world.settle(corroborate=False)
    forge(world, world.home.services.log.size(), bytes(32))
    assert await world.third.services.witness.look(world.member(world.home.name)) is LogFault.OFF_ANCHOR
    _, alarm = only_alarm(world.third)
    assert alarm.anchor_size == open_checkpoint(alarm.note, world.home.keys.log.public_key).size
    assert alarm.anchor_root != bytes(32)


async def test_a_log_with_an_alarm_is_cosigned_again_only_after_it_is_settled(world):
    await world.settle(corroborate=False)
    await witness_all(world)
    seen = world.reader.services.witness.witnessed(world.home.name)
    forge(world, world.home.services.log.size(), bytes(32))
    await world.reader.services.witness.step()
    world.network.show = lambda view: view
    await world.settle(corroborate=False)
    await world.reader.services.witness.step()
    assert world.reader.services.witness.witnessed(world.home.name) == seen
    number, _ = only_alarm(world.reader)
    world.reader.services.witness.settle(number)
    await world.reader.services.witness.step()
    assert world.reader.services.witness.witnessed(world.home.name).size == world.home.services.log.size()


async def test_one_fault_is_one_alarm(world):
    await world.settle(corroborate=False)
    await witness_all(world)
    forge(world, world.home.services.log.size(), bytes(32))
    for _ in range(3):
        await world.reader.services.witness.look(world.member(world.home.name))
    only_alarm(world.reader)


async def test_an_alarm_survives_a_restart(world):
    await world.settle(corroborate=False)
    await witness_all(world)
    forge(world, world.home.services.log.size(), bytes(32))
    await world.reader.services.witness.look(world.member(world.home.name))
    world.reader.restart()
    only_alarm(world.reader)
    assert world.reader.services.witness.witnessed(world.home.name) is not None


async def test_what_the_log_has_not_signed_is_no_alarm(world):
    await world.settle(corroborate=False)
    note = world.third.services.log.view([0]).note
    world.network.show = lambda view: replace(view, note=note)
    with pytest.raises(SignatureError):
        await world.reader.services.witness.look(world.member(world.home.name))
    assert not list(world.reader.services.witness.alarms())


async def test_a_log_that_does_not_answer_does_not_keep_the_others_from_being_witnessed(world):
    await world.settle(corroborate=False)
    world.network.absent.add(world.home.name)
    await world.reader.services.witness.step()
    assert "does not answer" in world.reader.services.witness.problems[world.home.name]
    assert world.reader.services.witness.witnessed(world.third.name) is not None
    world.network.absent.clear()
    await world.reader.services.witness.step()
    assert not world.reader.services.witness.problems


async def test_a_cosignature_is_taken_from_its_own_member_only(world):
    await world.settle(corroborate=False)
    await world.reader.services.witness.step()
    size = world.home.services.log.size()
    key = layout.COSIGNATURE + layout.number(size) + world.reader.name.encode()
    line = world.home.store.get(key).decode()
    for witness in (world.third.name, world.home.name):
        with pytest.raises(SignatureError):
            world.home.services.cosignatures.take(witness, size, line)


async def test_a_lost_answer_changes_nothing(world):
    await world.settle(corroborate=False)
    world.network.lose_answers = 1
    await world.reader.services.witness.step()
    await world.reader.services.witness.step()
    await world.third.services.witness.step()
    assert world.home.services.cosignatures.witnessed_size() == world.home.services.log.size()


async def test_a_witness_remembers_what_it_vouched_for_before_it_says_so(world):
    await world.settle(corroborate=False)
    world.reader.store.is_broken = True
    world.network.delivered.clear()
    with pytest.raises(Exception, match=r"."):
        await world.reader.services.witness.step()
    assert not [call for call in world.network.delivered if call[2] == "submit_cosignature"]
