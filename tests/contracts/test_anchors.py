"""Anchors: per member, the log only grows."""

from itertools import pairwise

import pytest

from tests.contracts import rfc9162
from tests.contracts.world import REINSTATE, SUSPEND, World, name
from tests.support.evm import Receipt, refused

LEAVES = rfc9162.leaves(300)


def anchor(world: World, old: int, new: int, leaves: list[bytes] = LEAVES, member: str = "ningbo") -> Receipt:
    proof = rfc9162.consistency(old, leaves[:new]) if old else []
    return world.send(member, world.anchors, "anchor", new, rfc9162.root(leaves[:new]), proof)


def test_the_first_anchor_is_free(world: World) -> None:
    (event,) = anchor(world, 0, 7).events
    assert event.name == "Anchored"
    assert event.values == {"member": name("ningbo"), "size": 7, "root": rfc9162.root(LEAVES[:7])}
    latest = world.view(world.anchors, "latest", name("ningbo"))
    assert latest == (7, rfc9162.root(LEAVES[:7]), world.evm.now)


def test_a_log_grows_step_by_step(world: World) -> None:
    sizes = [0, 1, 2, 3, 7, 8, 64, 65, 255, 256, 300]
    for old, new in pairwise(sizes):
        anchor(world, old, new)
        assert world.view(world.anchors, "latest", name("ningbo"))[0] == new


def test_a_member_that_never_anchored_has_no_anchor(world: World) -> None:
    assert world.view(world.anchors, "latest", name("ningbo")) == (0, bytes(32), 0)


def test_an_anchor_that_rewrites_the_log_is_refused(world: World) -> None:
    anchor(world, 0, 20)
    rewritten = [*LEAVES[:5], b"rewritten", *LEAVES[6:]]
    with refused("AnchorsInconsistent", 30, 20):
        anchor(world, 20, 30, rewritten)
    assert world.view(world.anchors, "latest", name("ningbo"))[:2] == (20, rfc9162.root(LEAVES[:20]))


def test_an_anchor_without_a_proof_is_refused(world: World) -> None:
    anchor(world, 0, 20)
    with refused("AnchorsInconsistent", 30, 20):
        world.send("ningbo", world.anchors, "anchor", 30, rfc9162.root(LEAVES[:30]), [])


def test_a_proof_from_another_size_is_refused(world: World) -> None:
    anchor(world, 0, 20)
    with refused("AnchorsInconsistent", 30, 20):
        anchor(world, 19, 30)


@pytest.mark.parametrize("size", [0, 1, 19, 20])
def test_a_log_that_does_not_grow_is_refused(world: World, size: int) -> None:
    anchor(world, 0, 20)
    with refused("AnchorsNotGrowing", size, 20):
        world.send("ningbo", world.anchors, "anchor", size, rfc9162.root(LEAVES[:size]), [])


def test_an_empty_log_is_not_anchored(world: World) -> None:
    with refused("AnchorsNotGrowing", 0, 0):
        anchor(world, 0, 0)


def test_the_first_anchor_takes_no_proof(world: World) -> None:
    with refused("AnchorsInconsistent", 20, 0):
        anchor(world, 10, 20)


def test_nothing_grows_past_the_largest_size(world: World) -> None:
    largest = 2**64 - 1
    world.send("ningbo", world.anchors, "anchor", largest, b"\1" * 32, [])
    with refused("AnchorsNotGrowing", largest, largest):
        world.send("ningbo", world.anchors, "anchor", largest, b"\1" * 32, [])


def test_members_anchor_apart(world: World) -> None:
    anchor(world, 0, 20)
    anchor(world, 0, 5, member="hangzhou")
    anchor(world, 20, 21)
    assert world.view(world.anchors, "latest", name("ningbo"))[0] == 21
    assert world.view(world.anchors, "latest", name("hangzhou"))[0] == 5


def test_a_suspension_does_not_start_the_log_again(world: World) -> None:
    anchor(world, 0, 20)
    world.decide(("hangzhou", "wenzhou"), SUSPEND, name("ningbo"))
    world.decide(("hangzhou", "wenzhou"), REINSTATE, name("ningbo"))
    with refused("AnchorsInconsistent", 30, 20):
        world.send("ningbo", world.anchors, "anchor", 30, b"\1" * 32, [])
    anchor(world, 20, 30)


def test_an_anchor_is_cheap(world: World) -> None:
    """Ten nodes of proof, 20 hashes: a bound that a change may not break unseen."""
    anchor(world, 0, 255)
    assert anchor(world, 255, 300).gas_used < 68_000
