"""A home that is away, an engine that stands still: what may be used, and what is refused with its reason."""

import pytest

from node.errors import (
    GrantExpiredError,
    GrantRevokedError,
    MissingError,
    MovedError,
    PeerError,
    ProjectionStaleError,
    StandingError,
)
from tests.support.world import DAY, World
from tests.support.world_bidder import BANK_ACCOUNT
from tests.support.world_dishonest import read_request
from tests.support.world_legal import FIRST, papers, prepare
from tests.unit.services.test_standing import suspend

STALE_SECONDS = 61


@pytest.fixture
async def world():
    with World(supervisors=["supervision"]) as world:
        yield world


@pytest.fixture
async def shared(world):
    """A live grant, read once, and its home is away since."""
    shared = await world.share()
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    world.network.absent.add(world.home.name)
    return shared


def kept(world, shared):
    return world.reader.services.kept_reads.show(shared.digest)


async def pass_time(world, seconds):
    """Blocks go on; the home does not answer."""
    world.clock.advance(seconds)
    world.seal()
    await world.follow()


async def test_what_was_fetched_can_be_used_while_the_home_is_away_and_says_how_old_it_is(world, shared):
    with pytest.raises(PeerError):
        await world.reader.services.reading.fetch(shared.digest)
    before = kept(world, shared)
    await pass_time(world, 3_600)
    again = kept(world, shared)
    assert again.records[0].fields["bank_account"] == BANK_ACCOUNT
    assert (again.credit_code, again.organisation) == (shared.bidder.code, shared.bidder.organisation)
    assert again.as_of == before.as_of
    assert 3_600 <= again.age_seconds - before.age_seconds <= 3_610
    assert again.age_seconds == int(world.clock.now()) - again.as_of


async def test_using_what_is_kept_is_no_further_use(world, shared):
    for _ in range(5):
        kept(world, shared)
    world.network.absent.clear()
    await world.reader.services.reading.fetch(shared.digest)
    [(_, grant)] = world.home.sharing.grants(shared.bidder.subject)
    assert grant.uses == 2


async def test_what_is_kept_survives_a_restart(world, shared):
    world.reader.restart()
    with pytest.raises(ProjectionStaleError, match="since it started"):
        kept(world, shared)
    await world.follow(world.reader)
    assert kept(world, shared).records


async def test_a_revocation_through_another_member_ends_the_use_of_what_is_kept(world, shared):
    world.revoke(shared.bidder, shared.token, via=world.third)
    await world.settle()
    with pytest.raises(GrantRevokedError, match="not to be used"):
        kept(world, shared)


async def test_what_is_kept_ends_with_its_grant(world, shared):
    await pass_time(world, 31 * DAY)
    with pytest.raises(GrantExpiredError):
        kept(world, shared)


async def test_a_suspended_reader_uses_nothing_that_it_kept(world, shared):
    await suspend(world, world.reader)
    with pytest.raises(StandingError):
        kept(world, shared)


async def test_a_home_that_was_suspended_since_takes_nothing_back(world, shared):
    world.network.absent.clear()
    await suspend(world, world.home)
    assert kept(world, shared).records


async def test_a_grant_that_named_an_earlier_home_is_dead_for_what_is_kept_too(world, shared):
    bidder, third = shared.bidder, world.third
    place = third.services.moving.place(bidder.scribe.place(third.name))
    token = bidder.scribe.move(
        third.name, bidder.delegation, bidder.package(), place.version + 1, place.contract
    )
    third.services.moving.take_over(token)
    await world.settle()
    with pytest.raises(MovedError):
        kept(world, shared)


async def test_what_was_never_fetched_is_not_there(world):
    shared = await world.share()
    with pytest.raises(MissingError):
        kept(world, shared)


async def test_every_path_to_data_is_closed_while_the_ledger_is_not_seen(world):
    shared = await world.share()
    reader, home, supervisor = world.reader, world.home, world["supervision"]
    await reader.services.reading.fetch(shared.digest)
    digest = prepare(world, supervisor, home, shared.bidder.subject)
    await supervisor.services.legal_reading.fetch(FIRST.seen, digest)
    own = prepare(world, home, home, shared.bidder.subject, basis="own-procedure")
    world.clock.advance(STALE_SECONDS)
    request = read_request(world, reader, shared.token)
    theirs = papers(world, supervisor, shared.bidder)
    for path in (
        lambda: reader.services.reading.fetch(shared.digest),
        later(lambda: home.serving.read(reader.name, request, shared.token)),
        later(lambda: kept(world, shared)),
        lambda: supervisor.services.legal_reading.fetch(FIRST.seen, digest),
        later(lambda: home.services.legal_serving.read(supervisor.name, theirs)),
        lambda: home.services.legal_reading.fetch(FIRST.seen, own),
    ):
        with pytest.raises(ProjectionStaleError, match="the limit is 60 s") as refused:
            await path()
        assert refused.value.reason == "PROJECTION_STALE"
        assert "engine" in refused.value.advice


def later(call):
    """A call like those that wait for others."""

    async def answer():
        return call()

    return answer
