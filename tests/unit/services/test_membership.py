"""This member's part in the alliance, and the ledger's answer to it."""

from datetime import date

import pytest

from node.domain.calendar import WorkingYear, beijing_date, working_year
from node.domain.ledger import Action, CastVote, ProposeAdmission, ProposeStanding
from node.errors import CodeFormatError, ConflictError, DescriptorError, MissingError, NotMemberError
from node.services.membership import DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS
from node.services.outbox import State
from tests.support.world import DAY, World
from tests.support.world_centre import Centre, sign_card


def standing(world: World) -> dict[str, bool]:
    return {row.member.name: row.active for row in world.home.services.projection.members()}


async def test_a_newcomer_is_admitted_by_two_thirds_and_takes_part(world: World) -> None:
    await world.settle()
    newcomer, card = world.newcomer("wuhan")
    world.home.services.membership.propose_admission(card, 0)
    await world.settle(publish=False)
    with pytest.raises(NotMemberError):
        world.member("wuhan")
    world.reader.services.membership.vote(1, approve=True)
    await world.settle()
    assert world.member("wuhan").identity_key == newcomer.keys.identity.public_key
    bidder = world.bidder()
    world.register(bidder, newcomer)
    await world.settle()
    shared = await world.share(bidder)
    assert (await world.reader.services.reading.fetch(shared.digest)).credit_code == bidder.code


async def test_a_member_is_suspended_and_reinstated() -> None:
    with World(("a-centre", "b-centre", "c-centre", "d-centre")) as world:
        await world.settle()
        for number, active in ((1, False), (2, True)):
            membership = world.home.services.membership
            membership.propose_standing("d-centre", active=active, valid_seconds=DAY)
            await world.settle(publish=False)
            world.reader.services.membership.vote(number, approve=True)
            await world.settle(publish=False)
            assert standing(world)["d-centre"] is active


async def test_a_member_that_votes_no_is_counted_as_such(world: World) -> None:
    await world.settle()
    _, card = world.newcomer("wuhan")
    world.home.services.membership.propose_admission(card, DAY)
    await world.settle(publish=False)
    for centre in (world.reader, world.third):
        centre.services.membership.vote(1, approve=False)
    await world.settle(publish=False)
    [(number, proposal)] = world.home.services.projection.proposals()
    assert (number, proposal.action, proposal.passed) == (1, Action.ADMIT, False)
    assert proposal.votes == {world.home.name: True, world.reader.name: False, world.third.name: False}
    assert "wuhan" not in standing(world)


async def test_a_false_card_is_refused(world: World) -> None:
    await world.settle()
    _, card = world.newcomer("wuhan")
    _, other = world.newcomer("wuxi")
    stolen = ".".join((*card.split(".")[:2], other.split(".")[2]))
    with pytest.raises(DescriptorError):
        world.home.services.membership.propose_admission(stolen, 0)
    assert world.home.outbox() == []


async def test_a_member_is_not_admitted_twice(world: World) -> None:
    await world.settle()
    card = sign_card(world.third.name, world.third.keys, world.clock)
    with pytest.raises(ConflictError, match="is a member already"):
        world.home.services.membership.propose_admission(card, 0)


async def test_nobody_decides_on_itself_or_on_a_stranger(world: World) -> None:
    await world.settle()
    membership = world.home.services.membership
    with pytest.raises(ConflictError, match="itself"):
        membership.propose_standing(world.home.name, active=False, valid_seconds=0)
    with pytest.raises(MissingError, match="no member nowhere"):
        membership.propose_standing("nowhere", active=False, valid_seconds=0)
    assert world.home.outbox() == []


async def test_a_vote_needs_an_open_proposal_and_is_cast_once(world: World) -> None:
    await world.settle()
    with pytest.raises(MissingError):
        world.reader.services.membership.vote(1, approve=True)
    _, card = world.newcomer("wuhan")
    world.home.services.membership.propose_admission(card, 0)
    await world.settle(publish=False)
    with pytest.raises(ConflictError):
        world.home.services.membership.vote(1, approve=True)
    world.reader.services.membership.vote(1, approve=False)
    await world.settle(publish=False)
    with pytest.raises(ConflictError):
        world.reader.services.membership.vote(1, approve=True)
    world.third.services.membership.vote(1, approve=True)
    await world.settle(publish=False)
    assert "wuhan" in standing(world)
    with pytest.raises(ConflictError):
        world.third.services.membership.vote(1, approve=True)


async def test_what_the_contract_refuses_is_parked_and_seen(world: World) -> None:
    await world.settle()
    for _ in range(2):
        world.home.services.membership.propose_standing(world.third.name, active=True, valid_seconds=0)
    await world.settle(publish=False)
    first = world.home.outbox()[0]
    assert (first.state, "AllianceUnchanged" in first.problem) == (State.PARKED, True)


@pytest.mark.parametrize(
    ("asked", "given"), [(0, DEFAULT_VALID_SECONDS), (DAY, DAY), (10**9, MAX_VALID_SECONDS - 3600)]
)
def test_a_proposal_ends_when_it_should(world: World, asked: int, given: int) -> None:
    _, card = world.newcomer("wuhan")
    world.home.services.membership.propose_admission(card, asked)
    [item] = world.home.outbox()
    call = item.decoded()
    assert isinstance(call, ProposeAdmission)
    assert call.expires == int(world.clock.now()) + given


async def test_a_member_announces_its_new_addresses(world: World) -> None:
    await world.settle()
    world.home.services.membership.move("new.example:1", "new.example:2")
    await world.settle(publish=False)
    for centre in (world.reader, world.third):
        moved = centre.services.projection.member(world.home.name)
        assert (moved.endpoint, moved.wallet_endpoint) == ("new.example:1", "new.example:2")


async def test_each_decision_waits_for_itself_only(world: World) -> None:
    await world.settle()
    membership = world.home.services.membership
    membership.propose_standing(world.third.name, active=True, valid_seconds=0)  # will be refused
    membership.move("new.example:1", "new.example:2")
    await world.settle(publish=False)
    assert world.member(world.home.name).endpoint == "new.example:1"
    assert [type(item.decoded()) for item in world.home.outbox()] == [ProposeStanding]


def queued(centre: Centre) -> list[object]:
    return [item.decoded() for item in centre.outbox()]


async def test_a_vote_says_what_was_decided(world: World) -> None:
    await world.settle()
    _, card = world.newcomer("wuhan")
    world.home.services.membership.propose_admission(card, 0)
    await world.settle(publish=False)
    world.reader.services.membership.vote(1, approve=False)
    assert queued(world.reader) == [CastVote(1, approve=False)]


def announced(world: World, **lists: frozenset[date]) -> WorkingYear:
    year = beijing_date(int(world.clock.now())).year + 1
    return working_year(year, **({"holidays": frozenset(), "worked": frozenset()} | lists))


async def test_a_year_of_working_days_is_voted_onto_every_node(world: World) -> None:
    year = announced(world)
    world.home.services.membership.propose_calendar(year, 0)
    await world.settle()
    assert list(world.reader.services.membership.proposed_years()) == [(1, year)]
    assert world.reader.services.projection.calendar() == {}
    world.reader.services.membership.vote(1, approve=True)
    await world.settle()
    for node in (world.home, world.reader, world.third):
        assert node.services.projection.calendar() == {year.year: year}
        assert list(node.services.membership.proposed_years()) == []
    with pytest.raises(ConflictError, match="no day"):
        world.home.services.membership.propose_calendar(year, 0)
    world.home.services.membership.propose_calendar(
        announced(world, holidays=frozenset({year.days()[-1]})), 0
    )


async def test_a_year_that_cannot_be_is_not_proposed(world: World) -> None:
    await world.settle()
    with pytest.raises(CodeFormatError):
        world.home.services.membership.propose_calendar(WorkingYear.of(2030, 0, 0), 0)
    assert world.home.outbox() == []
