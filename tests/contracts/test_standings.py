"""Standings: silence, coming back, leaving, roles; and that no number of members is stuck for good."""

import functools
import itertools

import pytest

from tests.contracts.world import (
    ADMIT,
    DAY,
    FOUNDERS,
    REINSTATE,
    SET_ROLES,
    SUSPEND,
    World,
    found,
    member,
    name,
    passed,
)
from tests.support.evm import Evm, refused

ACTIVE, SUSPENDED, ABSENT, LEFT = range(1, 5)
HANGZHOU, NINGBO, WENZHOU = FOUNDERS
WAIT = 30 * DAY
NAMES = (*FOUNDERS, "wuxi")


@functools.cache
def _founded(count: int) -> World:
    return found(Evm(), NAMES[:count])


def alliance_of(count: int) -> World:
    return _founded(count).fork()


def step(world: World, sender: str, function: str, *about: str) -> None:
    world.send(sender, world.alliance, function, *map(name, about))


def set_aside(world: World, by: str, silent: str) -> None:
    """The whole way, from the last sign of life."""
    world.evm.now += WAIT
    step(world, by, "summon", silent)
    world.evm.now += WAIT
    step(world, by, "setAside", silent)


def test_a_silent_member_is_set_aside_after_the_waiting_time_and_not_before(world: World) -> None:
    with refused("AllianceSeenLately"):
        step(world, HANGZHOU, "summon", WENZHOU)
    world.evm.now += WAIT
    step(world, HANGZHOU, "summon", WENZHOU)
    world.evm.now += WAIT - 60
    with refused("AllianceTooEarly"):
        step(world, NINGBO, "setAside", WENZHOU)
    world.evm.now += 60
    step(world, NINGBO, "setAside", WENZHOU)
    assert world.standing(WENZHOU) == ABSENT
    with refused("AllianceNotMember"):
        step(world, WENZHOU, "answer")


@pytest.mark.parametrize("sign", ["answer", "propose", "vote", "updateEndpoints", "summon"])
def test_every_own_call_is_a_sign_of_life(world: World, sign: str) -> None:
    world.propose(HANGZHOU, ADMIT, member("wuxi", world.evm.account()))
    world.evm.now += WAIT
    step(world, HANGZHOU, "summon", WENZHOU)
    if sign == "answer":
        step(world, WENZHOU, "answer")
    elif sign == "propose":
        world.propose(WENZHOU, SUSPEND, name(NINGBO))
    elif sign == "vote":
        world.propose(NINGBO, SUSPEND, name(HANGZHOU))
        world.vote(WENZHOU, 2, approve=False)
    elif sign == "updateEndpoints":
        world.send(WENZHOU, world.alliance, "updateEndpoints", "", "")
    else:
        step(world, WENZHOU, "summon", NINGBO)
    world.evm.now += WAIT
    with refused("AllianceNotSummoned"):
        step(world, HANGZHOU, "setAside", WENZHOU)


def test_another_member_objects_and_the_waiting_begins_again(world: World) -> None:
    world.evm.now += WAIT
    step(world, HANGZHOU, "summon", WENZHOU)
    step(world, NINGBO, "vouch", WENZHOU)
    world.evm.now += DAY
    with refused("AllianceNotSummoned"):
        step(world, HANGZHOU, "setAside", WENZHOU)
    with refused("AllianceSeenLately"):
        step(world, HANGZHOU, "summon", WENZHOU)


def test_nobody_vouches_for_itself_but_by_being_there(world: World) -> None:
    world.evm.now += WAIT
    step(world, HANGZHOU, "summon", WENZHOU)
    with refused("AllianceNotSummoned"):  # the call itself is the answer
        step(world, WENZHOU, "vouch", WENZHOU)


def test_who_was_set_aside_comes_back_by_itself_without_a_vote_on_what_is_open(world: World) -> None:
    set_aside(world, HANGZHOU, WENZHOU)
    world.propose(HANGZHOU, ADMIT, member("wuxi", world.evm.account()))
    step(world, WENZHOU, "comeBack")
    assert world.standing(WENZHOU) == ACTIVE
    with refused("AllianceNotEligible", name(WENZHOU)):
        world.vote(WENZHOU, 1)
    with refused("AllianceSeenLately"):
        step(world, HANGZHOU, "summon", WENZHOU)


def test_who_is_suspended_by_vote_does_not_come_back_by_itself(world: World) -> None:
    set_aside(world, HANGZHOU, WENZHOU)
    world.decide((HANGZHOU, NINGBO), SUSPEND, name(WENZHOU))
    assert world.standing(WENZHOU) == SUSPENDED
    with refused("AllianceWrongStanding"):
        step(world, WENZHOU, "comeBack")
    world.decide((HANGZHOU, NINGBO), REINSTATE, name(WENZHOU))
    assert world.standing(WENZHOU) == ACTIVE


def test_a_member_leaves_and_is_readmitted_by_vote(world: World) -> None:
    step(world, WENZHOU, "announceLeave")
    with refused("AllianceTooEarly"):
        step(world, WENZHOU, "depart")
    world.evm.now += WAIT
    step(world, WENZHOU, "depart")
    assert world.standing(WENZHOU) == LEFT
    for function in ("depart", "answer", "announceLeave"):
        with refused("AllianceNotMember"):
            step(world, WENZHOU, function)
    with refused("AllianceWrongStanding"):
        step(world, WENZHOU, "comeBack")
    with refused("AllianceWrongStanding"):
        world.propose(HANGZHOU, SUSPEND, name(WENZHOU))
    world.decide((HANGZHOU, NINGBO), REINSTATE, name(WENZHOU))
    assert world.standing(WENZHOU) == ACTIVE
    with refused("AllianceUnchanged"):  # the old notice is used up
        step(world, WENZHOU, "depart")


def test_a_notice_can_be_withdrawn(world: World) -> None:
    step(world, WENZHOU, "announceLeave")
    step(world, WENZHOU, "withdrawLeave")
    world.evm.now += WAIT
    with refused("AllianceUnchanged"):
        step(world, WENZHOU, "depart")


def test_the_last_active_member_stays() -> None:
    world = alliance_of(1)
    step(world, HANGZHOU, "announceLeave")
    world.evm.now += WAIT
    with refused("AllianceLastMember", name(HANGZHOU)):
        step(world, HANGZHOU, "depart")


def test_only_members_take_steps(world: World) -> None:
    for function in ("answer", "announceLeave", "withdrawLeave", "depart"):
        with refused("AllianceNotMember"):
            world.evm.send(world.stranger, world.alliance, function)
    for function in ("summon", "vouch", "setAside"):
        with refused("AllianceNotMember"):
            world.evm.send(world.stranger, world.alliance, function, name(WENZHOU))
    with refused("AllianceWrongStanding"):
        world.evm.send(world.stranger, world.alliance, "comeBack")


def test_a_role_is_given_by_one_of_two_and_taken_by_two_others_only() -> None:
    world = alliance_of(2)
    assert passed(world.propose(HANGZHOU, SET_ROLES, name(NINGBO), 3))
    assert world.view(world.alliance, "member", name(NINGBO))[1] == 3
    assert not passed(world.propose(HANGZHOU, SET_ROLES, name(NINGBO), 2))
    with refused("AllianceNotEligible"):
        world.vote(NINGBO, 2)
    with refused("AllianceNotEligible"):
        world.propose(NINGBO, SET_ROLES, name(NINGBO), 7)


# -- the table of small alliances (docs/adr/0014): of n members, `dead` ones never call again -------------


@pytest.mark.parametrize(
    ("count", "dead"), [(n, d) for n, d in itertools.product(range(1, 5), range(4)) if d < n], ids=str
)
def test_however_many_are_dead_the_others_are_not_stuck_for_good(count: int, dead: int) -> None:
    world = alliance_of(count)
    living, silent = NAMES[: count - dead], NAMES[count - dead : count]
    if dead:
        world.evm.now += WAIT
        for one in silent:
            step(world, living[0], "summon", one)
        world.evm.now += WAIT
        for one in silent:
            step(world, living[0], "setAside", one)
    assert [world.standing(one) for one in NAMES[:count]] == [ACTIVE] * len(living) + [ABSENT] * dead
    newcomer = member("suzhou", world.evm.account())
    receipt = world.propose(living[0], ADMIT, newcomer)
    for voter in living[1:]:
        receipt = receipt if passed(receipt) else world.vote(voter, 1)
    assert passed(receipt)


@pytest.mark.parametrize(("count", "needed"), [(1, None), (2, None), (3, 2), (4, 2)])
def test_how_many_votes_suspend_a_living_member(count: int, needed: int | None) -> None:
    world = alliance_of(count)
    accused, others = NAMES[count - 1], NAMES[: count - 1]
    if not others:
        with refused("AllianceNotEligible"):
            world.propose(accused, SUSPEND, name(accused))
        return
    votes = 1
    receipt = world.propose(others[0], SUSPEND, name(accused))
    for voter in others[1:]:
        if not passed(receipt):
            receipt, votes = world.vote(voter, 1), votes + 1
    assert (votes if passed(receipt) else None) == needed


def test_one_of_three_cannot_use_silence_against_two_that_are_there(world: World) -> None:
    world.evm.now += WAIT
    step(world, HANGZHOU, "summon", NINGBO)
    step(world, HANGZHOU, "summon", WENZHOU)
    step(world, NINGBO, "answer")
    step(world, WENZHOU, "answer")
    world.evm.now += WAIT
    for one in (NINGBO, WENZHOU):
        with refused("AllianceNotSummoned"):
            step(world, HANGZHOU, "setAside", one)
