"""What a node does and refuses while its member is at rest, and how it gives a sign of life by itself."""

import pytest

from node.domain.alliance_life import WAITING_SECONDS, MemberSummoned, StandingStep, Step
from node.domain.duties import TABLE, Act, is_allowed
from node.domain.ledger import Action, CastVote, ProposeStanding
from node.domain.member import Standing
from node.errors import ConflictError, MissingError, NodeError, StandingError
from tests.support.world import SCOPE, World
from tests.support.world_centre import Centre


@pytest.fixture
def world():
    with World() as world:
        yield world


async def suspend(world: World, centre: Centre) -> None:
    first, second = [one for one in world.centres.values() if one is not centre][:2]
    world.queue(
        first, "standing", ProposeStanding(Action.SUSPEND, centre.name, int(world.clock.now()) + 3_600)
    )
    await world.settle()
    world.queue(second, "vote", CastVote(1, approve=True))
    await world.settle()
    assert standing(world, centre) is Standing.SUSPENDED


def standing(world: World, centre: Centre) -> Standing:
    row = world.home.services.projection.standing(centre.name)
    assert row is not None
    return row.standing


def test_the_table_has_one_row_for_every_act():
    assert [row.act for row in TABLE] == list(Act)
    assert all(is_allowed(act, Standing.ACTIVE) for act in Act)


async def test_a_suspended_home_begins_nothing(world):
    await suspend(world, world.home)
    with pytest.raises(StandingError, match="suspended"):
        world.register(world.bidder(), world.home)
    with pytest.raises(StandingError):
        world.home.services.reading.request("ab" * 32, world.third.name, SCOPE, "reuse", 1, 600)
    assert world.home.outbox() == []


async def test_a_suspended_home_serves_no_reads_and_keeps_no_grants(world):
    shared = await world.share()
    world.request(world.reader, shared.bidder)
    await world.settle()
    token = world.sign_grant(shared.bidder)
    await suspend(world, world.home)
    with pytest.raises(NodeError):
        await world.reader.services.reading.fetch(shared.digest)
    with pytest.raises(StandingError):
        world.give(shared.bidder, token)
    with pytest.raises(StandingError):
        world.home.serving.read(world.reader.name, "", "")


async def test_a_suspended_home_fulfils_its_duties(world):
    """It anchors, takes corrections, shows what it holds, and relays a revocation."""
    shared = await world.share()
    await suspend(world, world.home)
    before = world.third.services.projection.anchored_size(world.home.name)
    bidder, home = shared.bidder, world.home
    token = bidder.scribe.register(home.name, bidder.delegation, [bidder.qualification("D-new")])
    assert home.services.registrations.register(token).count == 1
    assert len(list(home.services.moving.copy(bidder.scribe.copy(home.name)))) == 3
    world.revoke(bidder, shared.token, via=home)
    await world.settle()
    assert world.third.services.projection.anchored_size(home.name) > before
    grant = bytes.fromhex(bidder.scribe.grant_id(shared.token))
    assert world.third.services.projection.grant(grant).revoked


async def test_what_a_suspended_member_had_begun_waits_and_holds_up_no_duty(world):
    """A registration that is queued before the suspension is known must not stop anchors and revocations."""
    shared = await world.share()
    third = world.third
    bidder = world.bidder()
    await suspend_unseen(world, third)
    world.register(bidder, third)
    world.revoke(shared.bidder, shared.token, via=third)
    await world.settle()
    (waiting,) = third.outbox()
    assert waiting.kind == "CreateSubject"
    assert "SubjectsNotMember" in waiting.problem
    grant = bytes.fromhex(shared.bidder.scribe.grant_id(shared.token))
    assert world.home.services.projection.grant(grant).revoked


async def suspend_unseen(world: World, centre: Centre) -> None:
    """The centre has not followed the ledger since."""
    first, second = [one for one in world.centres.values() if one is not centre][:2]
    world.queue(
        first, "standing", ProposeStanding(Action.SUSPEND, centre.name, int(world.clock.now()) + 3_600)
    )
    for voter in (None, second):
        if voter is not None:
            world.queue(voter, "vote", CastVote(1, approve=True))
        for one in (first, second):
            await world.follow(one)
            await one.services.sender.step()
        world.seal()
    await world.follow(first, second)
    assert standing(world, centre) is Standing.SUSPENDED


async def test_a_running_node_answers_a_summons_by_itself(world):
    world.clock.advance(WAITING_SECONDS)
    world.seal()
    world.queue(world.home, "step", StandingStep(Step.SUMMON, world.third.name))
    await world.settle()
    reported = [event.happening for event in world.chain.events(0, world.chain.head().number)]
    assert any(isinstance(one, MemberSummoned) for one in reported)
    row = world.home.services.projection.standing(world.third.name)
    assert row is not None
    assert (row.standing, row.summoned_until) == (Standing.ACTIVE, 0)


async def test_a_node_that_was_away_is_set_aside_and_comes_back(world):
    third = world.third
    await world.settle()
    third.stop()
    world.clock.advance(WAITING_SECONDS)
    world.seal()
    world.home.services.membership.take_step(Step.SUMMON, third.name)
    await world.settle()
    world.clock.advance(WAITING_SECONDS)
    world.seal()
    world.home.services.membership.take_step(Step.SET_ASIDE, third.name)
    await world.settle()
    assert standing(world, third) is Standing.ABSENT
    third.start()
    await world.settle()
    with pytest.raises(StandingError, match="absent"):
        world.register(world.bidder(), third)
    third.services.membership.take_step(Step.COME_BACK, "")
    await world.settle()
    assert standing(world, third) is Standing.ACTIVE


async def test_a_member_that_has_left_owes_what_it_owed(world):
    shared = await world.share()
    home = world.home
    home.services.membership.take_step(Step.ANNOUNCE_LEAVE, "")
    await world.settle()
    row = world.third.services.projection.standing(home.name)
    assert row is not None
    assert row.leaves > world.clock.now()
    world.clock.advance(WAITING_SECONDS)
    world.seal()
    home.services.membership.take_step(Step.DEPART, "")
    await world.settle()
    assert standing(world, home) is Standing.LEFT
    world.revoke(shared.bidder, shared.token, via=home)
    await world.settle()
    grant = bytes.fromhex(shared.bidder.scribe.grant_id(shared.token))
    assert world.third.services.projection.grant(grant).revoked
    assert list(home.services.moving.copy(shared.bidder.scribe.copy(home.name)))


def test_nobody_summons_itself_or_nobody(world):
    membership = world.home.services.membership
    with pytest.raises(ConflictError):
        membership.take_step(Step.SUMMON, world.home.name)
    with pytest.raises(MissingError):
        membership.take_step(Step.VOUCH, "nobody")
    with pytest.raises(ConflictError):
        membership.propose_roles(world.home.name, 1, 0)
