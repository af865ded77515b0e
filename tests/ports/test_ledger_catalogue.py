"""Changing the catalogue, the same on every ledger."""

import pytest

from node.domain.alliance_life import DefinitionSet, ProposeDefinition
from node.domain.catalogue.shipped import founding_entries
from node.domain.ledger import Action, CastVote, ProposalMade
from tests.support import ledger_worlds
from tests.support.ledger_worlds import World, assert_refused
from tests.support.ledgers import submit

engine, world = ledger_worlds.engine, ledger_worlds.world
DIGEST = b"d" * 32
FOUNDED = len(founding_entries())


async def proposal(
    world: World, category: str = "subject.base", version: int = 2, definition: bytes = DIGEST
) -> ProposeDefinition:
    return ProposeDefinition(category, version, definition, await world.now() + 3600)


async def test_the_founding_reports_what_came_with_the_software(world: World) -> None:
    reported = await world.happenings(DefinitionSet)
    assert [(one.category, one.version, one.definition) for one in reported] == [
        (one.category, one.version, one.definition) for one in founding_entries()
    ]


async def test_a_definition_is_proposed_voted_on_and_reported(world: World) -> None:
    await submit(world.ledger("hangzhou"), await proposal(world))
    (made,) = await world.happenings(ProposalMade)
    assert (made.action, made.about, made.entry) == (Action.SET_DEFINITION, "subject.base", DIGEST)
    assert made.detail == f"version 2 sha-256 {DIGEST.hex()}"
    assert len(await world.happenings(DefinitionSet)) == FOUNDED
    await submit(world.ledger("nanjing"), CastVote(1, True))
    assert (await world.happenings(DefinitionSet))[FOUNDED:] == [DefinitionSet("subject.base", 2, DIGEST)]
    await assert_refused(world, "hangzhou", await proposal(world), "CatalogueWrongVersion")
    await assert_refused(world, "hangzhou", await proposal(world, version=3), "CatalogueUnchanged")


async def test_a_new_category_is_voted_in(world: World) -> None:
    await submit(world.ledger("hangzhou"), await proposal(world, "example.new_1", 1))
    await submit(world.ledger("nanjing"), CastVote(1, True))
    assert (await world.happenings(DefinitionSet))[-1] == DefinitionSet("example.new_1", 1, DIGEST)


@pytest.mark.parametrize("version", [0, 1, 3])
async def test_only_the_next_version_is_taken(world: World, version: int) -> None:
    refused = await proposal(world, version=version)
    await assert_refused(world, "hangzhou", refused, "CatalogueWrongVersion")


async def test_no_hash_is_no_definition(world: World) -> None:
    refused = await proposal(world, definition=bytes(32))
    await assert_refused(world, "hangzhou", refused, "CatalogueMalformedDefinition")
