"""Catalogue: what the founders brought, what votes change, and what an enemy tries."""

import eth_abi
import pytest
from eth_utils import keccak

from tests.contracts.world import (
    DAY,
    FOUNDERS,
    FOUNDING_DEFINITIONS,
    SET_DEFINITION,
    World,
    argument,
    name,
    passed,
)
from tests.support.evm import refused

BASE, FIRST = name("subject.base"), FOUNDING_DEFINITIONS[0][1]
SECOND = keccak(text="a second version")


def in_force(world: World, category: bytes = BASE, version: int = 2) -> tuple[int, bytes]:
    return (
        world.view(world.catalogue, "versionOf", category),
        world.view(world.catalogue, "definitionOf", category, version),
    )


def test_founding_definitions_are_in_force_and_counted(world: World) -> None:
    assert world.view(world.catalogue, "founded") == len(FOUNDING_DEFINITIONS)
    assert in_force(world, version=1) == (1, FIRST)
    assert in_force(world, name("subject.unheard"), 1) == (0, bytes(32))


def test_a_definition_comes_into_force_by_vote_and_not_before(world: World) -> None:
    assert not passed(world.propose("hangzhou", SET_DEFINITION, BASE, 2, SECOND))
    assert in_force(world) == (1, bytes(32))
    receipt = world.vote("ningbo", 1)
    assert [event.name for event in receipt.events] == ["VoteCast", "ProposalPassed", "DefinitionSet"]
    assert receipt.events[-1].values == {"category": BASE, "version": 2, "definition": SECOND}
    assert in_force(world) == (2, SECOND)
    assert in_force(world, version=1) == (2, FIRST), "the earlier version stays readable"


def test_a_new_category_begins_with_version_one(world: World) -> None:
    new = name("evidence.item")
    with refused("CatalogueWrongVersion"):
        world.propose("hangzhou", SET_DEFINITION, new, 2, SECOND)
    world.decide(FOUNDERS[:2], SET_DEFINITION, new, 1, SECOND)
    assert in_force(world, new, 1) == (1, SECOND)


@pytest.mark.parametrize("who", [*FOUNDERS, "stranger"])
def test_nobody_sets_a_definition_without_a_vote(world: World, who: str) -> None:
    account = world.stranger if who == "stranger" else world.members[who]
    with refused("CatalogueNotAlliance"):
        world.evm.send(account, world.catalogue, "set", BASE, 2, SECOND)


def test_of_two_proposals_on_one_version_only_one_passes(world: World) -> None:
    world.propose("hangzhou", SET_DEFINITION, BASE, 2, SECOND)
    world.decide(("wenzhou", "hangzhou"), SET_DEFINITION, BASE, 2, keccak(text="a rival"))
    with refused("CatalogueWrongVersion"):
        world.vote("ningbo", 1)


@pytest.mark.parametrize("version", [0, 1, 3, 2**32 - 1])
def test_only_the_next_version_is_voted_on(world: World, version: int) -> None:
    with refused("CatalogueWrongVersion"):
        world.propose("hangzhou", SET_DEFINITION, BASE, version, SECOND)


def test_what_is_in_force_is_not_proposed_as_its_own_successor(world: World) -> None:
    with refused("CatalogueUnchanged"):
        world.propose("hangzhou", SET_DEFINITION, BASE, 2, FIRST)


@pytest.mark.parametrize(
    ("category", "definition"),
    [
        (bytes(32), SECOND),
        (name("Subject.base"), SECOND),
        (name(".base"), SECOND),
        (name("a-b"), SECOND),
        (b"a" * 32, SECOND),
        (b"a\0b".ljust(32, b"\0"), SECOND),
        (BASE, bytes(32)),
    ],
)
def test_names_that_could_stop_a_follower_and_empty_hashes_are_refused(
    world: World, category: bytes, definition: bytes
) -> None:
    with refused("CatalogueMalformedDefinition"):
        world.propose("hangzhou", SET_DEFINITION, category, 2, definition)


def test_a_successor_knows_what_its_predecessor_held(world: World) -> None:
    later = world.successor("Catalogue")
    assert world.view(later, "founded") == 0
    assert world.view(later, "versionOf", BASE) == 1
    assert world.view(later, "definitionOf", BASE, 1) == FIRST
    world.decide(FOUNDERS[:2], SET_DEFINITION, BASE, 2, SECOND)
    assert world.view(later, "versionOf", BASE) == 2
    assert world.view(later, "definitionOf", BASE, 1) == FIRST
    assert in_force(world) == (1, bytes(32)), "the predecessor takes nothing new"


def test_changing_a_definition_fits_the_gas_that_nodes_give(world: World) -> None:
    receipts = [world.propose("hangzhou", SET_DEFINITION, BASE, 2, SECOND), world.vote("ningbo", 1)]
    assert passed(receipts[1])
    assert max(receipt.gas_used for receipt in receipts) < 4_000_000 / 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        argument(SET_DEFINITION, BASE, 2, SECOND) + bytes(32),
        argument(SET_DEFINITION, BASE, 2, SECOND)[:-1],
        eth_abi.encode(["bytes32", "uint256", "bytes32"], [BASE, 2**32 + 2, SECOND]),
    ],
    ids=["empty", "trailing", "cut", "dirty version"],
)
def test_only_the_canonical_encoding_is_voted_on(world: World, data: bytes) -> None:
    with refused("AllianceMalformedProposal"):
        world.send("hangzhou", world.alliance, "propose", SET_DEFINITION, data, world.evm.now + DAY)
