"""Membership in Alliance: accounts, standing, endpoints."""

import pytest

from tests.contracts.world import ADMIT, REINSTATE, SUSPEND, World, member, name
from tests.support.evm import refused


def test_a_suspended_member_acts_for_nobody_but_stays_readable(world: World) -> None:
    receipt = world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    assert receipt.events[-1].name == "MemberSuspended"
    assert not world.is_active("wenzhou")
    assert world.view(world.alliance, "memberOf", world.members["wenzhou"].address) == bytes(32)
    assert world.view(world.alliance, "member", name("wenzhou"))[0] == name("wenzhou")
    assert name("wenzhou") in world.view(world.alliance, "memberIds")


def test_a_reinstated_member_acts_again(world: World) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    receipt = world.decide(("hangzhou", "ningbo"), REINSTATE, name("wenzhou"))
    assert receipt.events[-1].name == "MemberReinstated"
    assert world.view(world.alliance, "memberOf", world.members["wenzhou"].address) == name("wenzhou")
    assert world.view(world.alliance, "memberIds").count(name("wenzhou")) == 1


def test_a_member_that_never_was_is_unknown(world: World) -> None:
    for stranger in (name("wuxi"), bytes(32)):
        with refused("AllianceUnknownMember", stranger):
            world.view(world.alliance, "member", stranger)
        assert not world.view(world.alliance, "isActive", stranger)
    assert world.view(world.alliance, "memberOf", bytes(20)) == bytes(32)


@pytest.mark.parametrize("action", [SUSPEND, REINSTATE])
def test_the_standing_of_a_stranger_cannot_be_changed(world: World, action: int) -> None:
    with refused("AllianceUnknownMember", name("wuxi")):
        world.propose("hangzhou", action, name("wuxi"))


def test_a_name_is_never_given_twice(world: World) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    for taken in ("ningbo", "wenzhou"):
        with refused("AllianceMemberExists", name(taken)):
            world.propose("hangzhou", ADMIT, member(taken, world.evm.account()))


def test_an_account_is_never_given_twice(world: World) -> None:
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    for taken in ("ningbo", "wenzhou"):
        account = world.members[taken]
        with refused("AllianceAccountTaken", "0x" + account.address.hex()):
            world.propose("hangzhou", ADMIT, member("wuxi", account))


def test_a_malformed_newcomer_is_refused(world: World) -> None:
    with refused("AllianceMalformedMember"):
        world.propose("hangzhou", ADMIT, member("wuxi", world.evm.account(), roles=0))


def test_a_member_changes_its_own_endpoints(world: World) -> None:
    receipt = world.send("ningbo", world.alliance, "updateEndpoints", "n.example:1", "[2001:db8::1]:443")
    (event,) = receipt.events
    assert event.name == "EndpointsUpdated"
    assert event.values == {
        "id": name("ningbo"),
        "endpoint": "n.example:1",
        "walletEndpoint": "[2001:db8::1]:443",
    }
    assert world.view(world.alliance, "member", name("ningbo"))[7:] == ("n.example:1", "[2001:db8::1]:443")
    assert world.view(world.alliance, "member", name("hangzhou"))[7] == "hangzhou.example:7443"


@pytest.mark.parametrize("endpoint", ["e" * 256, "a b", "a\0", "a\x7f", "杭州"])
def test_an_endpoint_that_could_stop_a_follower_is_refused(world: World, endpoint: str) -> None:
    for endpoints in ((endpoint, ""), ("", endpoint)):
        with refused("AllianceMalformedMember"):
            world.send("ningbo", world.alliance, "updateEndpoints", *endpoints)


def test_an_endpoint_that_is_no_utf8_is_refused(world: World) -> None:
    data = world.alliance.artifact.encode("updateEndpoints", "ab", "")
    poisoned = data.replace(b"ab".ljust(32, b"\0"), b"\xff\xfe".ljust(32, b"\0"))
    assert poisoned != data
    with refused("AllianceMalformedMember"):
        world.evm.send_raw(world.members["ningbo"], world.alliance, "updateEndpoints", poisoned)


def test_only_members_have_endpoints(world: World) -> None:
    with refused("AllianceNotMember"):
        world.evm.send(world.stranger, world.alliance, "updateEndpoints", "a:1", "")
    world.decide(("hangzhou", "ningbo"), SUSPEND, name("wenzhou"))
    with refused("AllianceNotMember"):
        world.send("wenzhou", world.alliance, "updateEndpoints", "a:1", "")
