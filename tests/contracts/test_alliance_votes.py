"""Proposals and votes of Alliance: who counts, when it passes, and what an enemy tries."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.world import (
    ADMIT,
    DAY,
    FOUNDERS,
    REINSTATE,
    SET_VERIFIER,
    SUSPEND,
    World,
    argument,
    found,
    member,
    name,
    passed,
)
from tests.support.evm import Evm, refused


def test_proposing_is_voting_yes(world: World) -> None:
    receipt = world.propose("hangzhou", SUSPEND, name("ningbo"))
    made, cast = receipt.events
    assert made.name == "ProposalMade"
    assert made.values["proposal"] == 1
    assert made.values["proposer"] == name("hangzhou")
    assert made.values["action"] == SUSPEND
    assert made.values["data"] == name("ningbo")
    assert made.values["eligible"] == 2
    assert (cast.name, cast.values) == (
        "VoteCast",
        {"proposal": 1, "voter": name("hangzhou"), "approve": True},
    )
    assert receipt.returned == 1


def test_it_passes_with_the_vote_that_reaches_two_thirds(world: World) -> None:
    newcomer = world.evm.account()
    assert not passed(world.propose("hangzhou", ADMIT, member("wuxi", newcomer)))
    assert not world.is_active("wuxi")
    receipt = world.vote("ningbo", 1)
    assert [event.name for event in receipt.events] == ["VoteCast", "ProposalPassed", "MemberAdmitted"]
    assert world.is_active("wuxi")
    assert world.view(world.alliance, "memberOf", newcomer.address) == name("wuxi")


def test_the_only_member_decides_at_once() -> None:
    world = found(Evm(), FOUNDERS[:1])
    assert passed(world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account())))


def test_of_two_members_neither_can_suspend_the_other(world: World) -> None:
    """Without the member it is about one vote is all votes; it takes two all the same."""
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    assert not passed(world.propose("ningbo", SUSPEND, name("hangzhou")))


def test_no_votes_do_not_count_as_yes(world: World) -> None:
    world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account()))
    assert not passed(world.vote("ningbo", 1, approve=False))
    assert passed(world.vote("wenzhou", 1))


def test_two_of_four_are_too_few(world: World) -> None:
    world.admit("wuxi")
    world.propose("hangzhou", ADMIT, member("suzhou", world.evm.account()))
    assert not passed(world.vote("ningbo", 2))
    assert passed(world.vote("wuxi", 2))


def test_a_vote_counted_twice_is_refused(world: World) -> None:
    world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account()))
    with refused("AllianceAlreadyVoted", name("hangzhou")):
        world.vote("hangzhou", 1)
    world.vote("ningbo", 1, approve=False)
    with refused("AllianceAlreadyVoted", name("ningbo")):
        world.vote("ningbo", 1)


def test_nobody_votes_on_itself(world: World) -> None:
    world.propose("hangzhou", SUSPEND, name("ningbo"))
    for approve in (True, False):
        with refused("AllianceNotEligible", name("ningbo")):
            world.vote("ningbo", 1, approve=approve)


@pytest.mark.parametrize("action", [SUSPEND, REINSTATE])
def test_nobody_proposes_about_itself(world: World, action: int) -> None:
    with refused("AllianceNotEligible" if action == SUSPEND else "AllianceUnchanged"):
        world.propose("hangzhou", action, name("hangzhou"))


def test_a_suspended_member_cannot_ask_to_come_back(world: World) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    with refused("AllianceNotMember"):
        world.propose("wenzhou", REINSTATE, name("wenzhou"))


def test_a_stranger_neither_proposes_nor_votes(world: World) -> None:
    data = argument(ADMIT, member("mallory", world.stranger))
    with refused("AllianceNotMember", "0x" + world.stranger.address.hex()):
        world.evm.send(world.stranger, world.alliance, "propose", ADMIT, data, world.evm.now + 60)
    world.propose("hangzhou", ADMIT, member("mallory", world.stranger))
    with refused("AllianceNotMember"):
        world.evm.send(world.stranger, world.alliance, "vote", 1, True)


def test_an_admitted_member_has_no_vote_on_what_was_proposed_before(world: World) -> None:
    world.propose("hangzhou", SUSPEND, name("ningbo"))
    world.admit("wuxi")
    with refused("AllianceNotEligible", name("wuxi")):
        world.vote("wuxi", 1)


def test_friends_let_in_later_do_not_change_the_count(world: World) -> None:
    world.propose("hangzhou", SUSPEND, name("ningbo"))
    world.admit("wuxi", ("ningbo", "wenzhou"))
    assert passed(world.vote("wenzhou", 1))


def test_a_member_suspended_since_has_no_vote(world: World) -> None:
    world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account()))
    world.decide(("hangzhou", "wenzhou"), SUSPEND, name("ningbo"))
    with refused("AllianceNotMember"):
        world.vote("ningbo", 1)


def test_a_member_reinstated_since_has_no_vote_on_what_was_proposed_before(world: World) -> None:
    world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account()))
    world.decide(("hangzhou", "wenzhou"), SUSPEND, name("ningbo"))
    world.decide(("hangzhou", "wenzhou"), REINSTATE, name("ningbo"))
    with refused("AllianceNotEligible", name("ningbo")):
        world.vote("ningbo", 1)
    world.propose("ningbo", SET_VERIFIER, world.grants.address, True)


def test_a_vote_is_not_lost_when_its_voter_is_suspended(world: World) -> None:
    world.propose("ningbo", ADMIT, member("wuxi", world.evm.account()))
    world.decide(("hangzhou", "wenzhou"), SUSPEND, name("ningbo"))
    assert passed(world.vote("wenzhou", 1))


def test_nothing_is_decided_twice(world: World) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    with refused("AllianceProposalClosed", 1):
        world.vote("ningbo", 1)


def test_a_vote_after_the_expiry_is_refused(world: World) -> None:
    expires = world.evm.now + 100
    data = argument(SUSPEND, name("ningbo"))
    world.send("hangzhou", world.alliance, "propose", SUSPEND, data, expires)
    late = world.fork()
    world.evm.now = expires - 1
    assert passed(world.vote("wenzhou", 1))
    late.evm.now = expires
    with refused("AllianceProposalClosed", 1):
        late.vote("wenzhou", 1)


def test_a_proposal_that_is_already_over_is_refused(world: World) -> None:
    next_block = world.evm.now + 1
    data = argument(SUSPEND, name("ningbo"))
    with refused("AllianceWrongExpiry", next_block):
        world.send("hangzhou", world.alliance, "propose", SUSPEND, data, next_block)
    world.send("hangzhou", world.alliance, "propose", SUSPEND, data, world.evm.now + 2)


def test_a_proposal_lasts_ninety_days_at_most(world: World) -> None:
    data = argument(SUSPEND, name("ningbo"))
    for expires in (world.evm.now + 2 + 90 * DAY, 2**64 - 1):
        with refused("AllianceWrongExpiry", expires):
            world.send("hangzhou", world.alliance, "propose", SUSPEND, data, expires)
    world.send("hangzhou", world.alliance, "propose", SUSPEND, data, world.evm.now + 1 + 90 * DAY)


def test_an_unknown_proposal_is_refused(world: World) -> None:
    for number in (0, 1, 2**256 - 1):
        with refused("AllianceUnknownProposal", number):
            world.vote("hangzhou", number)


def test_what_has_become_impossible_cannot_pass(world: World) -> None:
    world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account()))
    world.propose("ningbo", ADMIT, member("wuxi", world.stranger))
    world.vote("wenzhou", 1)
    with refused("AllianceMemberExists", name("wuxi")):
        world.vote("wenzhou", 2)
    assert world.view(world.alliance, "memberOf", world.stranger.address) == bytes(32)


def test_suspending_twice_cannot_pass(world: World) -> None:
    world.admit("wuxi")
    first = world.propose("hangzhou", SUSPEND, name("wuxi")).returned
    second = world.propose("ningbo", SUSPEND, name("wuxi")).returned
    world.vote("ningbo", first)
    assert not world.is_active("wuxi")
    with refused("AllianceUnchanged"):
        world.vote("wenzhou", second)


@pytest.fixture(scope="module")
def six(founded: World) -> World:
    """Six members, the last three admitted one after the other."""
    world = founded.fork()
    voters = FOUNDERS
    for newcomer in ("wuxi", "suzhou", "jiaxing"):
        world.admit(newcomer, voters[: -(-len(voters) * 2 // 3)])
        voters = (*voters, newcomer)
    return world


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=12), st.booleans())
def test_it_passes_exactly_with_two_thirds_of_different_voters(
    six: World, votes: list[tuple[int, bool]], about_a_member: bool
) -> None:
    world = six.fork()
    action = (SUSPEND, name("jiaxing")) if about_a_member else (ADMIT, member("huzhou", world.evm.account()))
    proposal = world.propose("hangzhou", *action).returned
    eligible = set(world.members) - ({"jiaxing"} if about_a_member else set())
    cast = {"hangzhou": True}
    for index, approve in votes:
        voter = list(world.members)[index]
        if voter in cast or voter not in eligible:
            with refused("AllianceAlreadyVoted" if voter in cast else "AllianceNotEligible", name(voter)):
                world.vote(voter, proposal, approve=approve)
            continue
        cast[voter] = approve
        receipt = world.vote(voter, proposal, approve=approve)
        assert passed(receipt) == (sum(cast.values()) * 3 >= len(eligible) * 2)
        if passed(receipt):
            with refused("AllianceProposalClosed", proposal):
                world.vote("hangzhou", proposal)
            return
