"""Openings: a committed moment, only put off, and opened by the centre alone once it has come."""

import pytest

from tests.contracts.world import SET_ROLES, SUSPEND, World, name
from tests.support.evm import refused

OPENING, NOTICE = b"\1" * 32, b"\2" * 32
HOUR = 3_600


@pytest.fixture
def committed(world: World) -> int:
    moment: int = world.evm.now + HOUR
    world.send("ningbo", world.openings, "announce", OPENING, moment)
    return moment


def state(world: World, member: str = "ningbo") -> tuple[int, int]:
    found: tuple[int, int] = world.view(world.openings, "stateOf", name(member), OPENING)
    return found


def test_an_opening_is_announced_once_and_reported(world: World) -> None:
    moment = world.evm.now + HOUR
    (event,) = world.send("ningbo", world.openings, "announce", OPENING, moment).events
    assert event.name == "OpeningAnnounced"
    assert event.values == {"member": name("ningbo"), "opening": OPENING, "time": moment}
    assert state(world) == (moment, 0)
    with refused("OpeningsAnnounced", OPENING):
        world.send("ningbo", world.openings, "announce", OPENING, moment)


def test_nobody_can_take_anothers_opening(world: World, committed: int) -> None:
    world.send("hangzhou", world.openings, "announce", OPENING, committed + 1)
    assert state(world) == (committed, 0)
    with refused("OpeningsUnknown", OPENING):
        world.send("wenzhou", world.openings, "open", OPENING)


def test_an_opening_is_announced_for_the_future(world: World) -> None:
    with refused("OpeningsNotLater", world.evm.now):
        world.send("ningbo", world.openings, "announce", OPENING, world.evm.now)


def test_only_a_centre_announces(world: World) -> None:
    world.decide(("hangzhou", "ningbo"), SET_ROLES, name("wenzhou"), 2)
    with refused("OpeningsNotCentre", name("wenzhou")):
        world.send("wenzhou", world.openings, "announce", OPENING, world.evm.now + HOUR)


def test_nothing_opens_before_its_moment(world: World, committed: int) -> None:
    with refused("OpeningsTooEarly", committed):
        world.send("ningbo", world.openings, "open", OPENING)
    world.evm.now = committed
    (event,) = world.send("ningbo", world.openings, "open", OPENING).events
    assert event.name == "Opened"
    assert state(world)[1] >= committed


def test_an_opening_is_only_put_off(world: World, committed: int) -> None:
    for earlier in (committed, committed - 1, 0):
        with refused("OpeningsNotLater", earlier):
            world.send("ningbo", world.openings, "postpone", OPENING, earlier, NOTICE)
    (event,) = world.send("ningbo", world.openings, "postpone", OPENING, committed + HOUR, NOTICE).events
    assert event.values["notice"] == NOTICE
    world.evm.now = committed
    with refused("OpeningsTooEarly", committed + HOUR):
        world.send("ningbo", world.openings, "open", OPENING)


def test_what_is_open_stays_as_it_is(world: World, committed: int) -> None:
    world.evm.now = committed
    world.send("ningbo", world.openings, "open", OPENING)
    with refused("OpeningsOpened", OPENING):
        world.send("ningbo", world.openings, "open", OPENING)
    with refused("OpeningsOpened", OPENING):
        world.send("ningbo", world.openings, "postpone", OPENING, committed + HOUR, NOTICE)


def test_a_suspended_centre_still_opens_what_it_announced(world: World, committed: int) -> None:
    world.decide(("hangzhou", "wenzhou"), SUSPEND, name("ningbo"))
    world.evm.now = committed
    world.send("ningbo", world.openings, "open", OPENING)


def test_a_successor_goes_on_with_what_was_announced(world: World, committed: int) -> None:
    later = world.successor("Openings")
    with refused("ContractNotInForce", name("Openings"), "0x" + later.address.hex()):
        world.send("ningbo", world.openings, "postpone", OPENING, committed + HOUR, NOTICE)
    with refused("OpeningsAnnounced", OPENING):
        world.send("ningbo", later, "announce", OPENING, committed + HOUR)
    world.evm.now = max(world.evm.now, committed)
    world.send("ningbo", later, "open", OPENING)
    assert world.view(later, "stateOf", name("ningbo"), OPENING)[0] == committed
