"""Reservations: batches of one size, and the first reservation stands."""

import secrets

import pytest

from node.domain.sealing import BATCH
from tests.contracts.world import World
from tests.support.evm import refused


def some(count: int = BATCH) -> list[bytes]:
    return [secrets.token_bytes(32) for _ in range(count)]


def test_a_batch_has_the_size_that_nodes_fill_up_to(world: World) -> None:
    assert world.view(world.reservations, "BATCH") == BATCH


def test_the_first_reservation_stands_and_does_not_fail_the_batch(world: World) -> None:
    first, second, third = some(), some(), some()
    world.send("hangzhou", world.reservations, "reserve", first, second)
    clash = [first[0], *some(BATCH - 1)]
    (event,) = world.send("ningbo", world.reservations, "reserve", clash, third).events
    assert event.name == "Reserved"
    assert world.view(world.reservations, "bindingOf", first[0]) == second[0]
    assert world.view(world.reservations, "bindingOf", clash[1]) == third[1]


def test_of_one_nullifier_twice_in_a_batch_the_first_stands(world: World) -> None:
    nullifiers, bindings = some(), some()
    nullifiers[3] = nullifiers[1]
    world.send("hangzhou", world.reservations, "reserve", nullifiers, bindings)
    assert world.view(world.reservations, "bindingOf", nullifiers[1]) == bindings[1]


@pytest.mark.parametrize("size", [0, 1, BATCH - 1, BATCH + 1])
def test_a_batch_of_another_size_would_tell_something_and_is_refused(world: World, size: int) -> None:
    with refused("ReservationsWrongSize", size):
        world.send("hangzhou", world.reservations, "reserve", some(size), some())
    with refused("ReservationsWrongSize", size):
        world.send("hangzhou", world.reservations, "reserve", some(), some(size))


def test_what_was_never_reserved_has_no_binding(world: World) -> None:
    assert world.view(world.reservations, "bindingOf", some(1)[0]) == bytes(32)


def test_a_successor_knows_what_was_reserved(world: World) -> None:
    nullifiers, bindings = some(), some()
    world.send("hangzhou", world.reservations, "reserve", nullifiers, bindings)
    later = world.successor("Reservations")
    world.send("ningbo", later, "reserve", nullifiers, some())
    assert world.view(later, "bindingOf", nullifiers[0]) == bindings[0]


def test_a_batch_fits_the_gas_that_nodes_give(world: World) -> None:
    receipt = world.send("hangzhou", world.reservations, "reserve", some(), some())
    assert receipt.gas_used < 1_500_000 / 2
