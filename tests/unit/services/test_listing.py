"""Finding records: by every index, page by page, and nothing that its caller may not see."""

import pytest
from msgspec.structs import replace

from node.errors import InvalidError
from node.services import layout, listing
from node.services.listing import MAX_TIME, Query
from tests.support.world import World
from tests.support.world_records import incoming

READER, OPERATOR = Query(is_operator=False), Query(is_operator=True)


@pytest.fixture
def filled(lonely: World) -> World:
    """Twelve records in three categories and two projects, four at each of three moments a second apart."""
    kinds = ("trade.tender", "trade.award", "trade.contract")
    for sequence in range(3):
        message = [incoming(f"{sequence}-{n}", category=kinds[n % 3], project=f"P-{n % 2}") for n in range(4)]
        lonely.home.records.append("etrading", sequence + 1, message)
        lonely.clock.advance(1)
    return lonely


def things(world: World, query: Query, size: int = 100) -> list[str]:
    """Names in the list, collected by pages of a size."""
    found, token = [], ""
    while True:
        page = world.home.services.listing.page(query, size, token)
        assert len(page.items) <= size
        found += [item.record.header.thing for item in page.items if item.record is not None]
        token = page.next_token
        if not token:
            return found


@pytest.mark.parametrize("size", [1, 2, 3, 5, 12, 100])
def test_pages_of_any_size_hold_every_record_once_in_order(filled: World, size: int) -> None:
    assert things(filled, READER, size) == [f"{m}-{n}" for m in range(3) for n in range(4)]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_category_project_and_owner_restrict_together(filled: World, size: int) -> None:
    def listed(**restrictions: object) -> list[str]:
        return things(filled, replace(READER, **restrictions), size)

    assert listed(category="trade.award") == ["0-1", "1-1", "2-1"]
    assert listed(project="P-1") == ["0-1", "0-3", "1-1", "1-3", "2-1", "2-3"]
    assert listed(project="P-1", category="trade.award") == ["0-1", "1-1", "2-1"]
    assert listed(project="P-0", category="trade.award", owner=filled.home.name) == []
    assert listed(project="P-0", category="trade.contract", owner=filled.home.name) == ["0-2", "1-2", "2-2"]
    assert listed(project="P") == []
    assert len(listed(owner=filled.home.name)) == 12
    assert listed(owner="ab" * 32) == []
    assert listed(category="trade.nothing") == []


def test_since_is_included_and_until_is_not(filled: World) -> None:
    second = filled.home.services.listing.page(READER, 100, "").items[4].captured
    assert things(filled, replace(READER, since=second))[0] == "1-0"
    assert things(filled, replace(READER, until=second))[-1] == "0-3"
    assert len(things(filled, replace(READER, since=second, until=second + 1))) == 4
    assert things(filled, replace(READER, since=second + 1, until=second + 2)) == []
    with pytest.raises(InvalidError, match="since"):
        things(filled, replace(READER, since=second, until=second))
    with pytest.raises(InvalidError):
        things(filled, replace(READER, until=MAX_TIME + 1))


def test_a_clock_that_jumps_back_loses_no_record(filled: World) -> None:
    filled.clock.advance(-2)
    filled.home.records.append("etrading", 4, [incoming("late")])
    found = things(filled, READER, 2)
    assert found.index("late") < found.index("2-0")
    assert len(found) == 13


def test_records_that_come_while_one_turns_pages_are_not_missed(filled: World) -> None:
    page = filled.home.services.listing.page(READER, 11, "")
    filled.home.records.append("etrading", 4, [incoming("new")])
    rest = filled.home.services.listing.page(READER, 11, page.next_token)
    assert [item.record.header.thing for item in rest.items if item.record] == ["2-3", "new"]


def test_a_token_continues_only_the_list_it_came_from(filled: World) -> None:
    pages = filled.home.services.listing
    token = pages.page(READER, 1, "").next_token
    for other in (
        replace(READER, category="trade.award"),
        replace(READER, project="P-1"),
        replace(READER, since=1),
        replace(READER, has_content=True),
        OPERATOR,
    ):
        with pytest.raises(InvalidError, match="page_token"):
            pages.page(other, 1, token)
    for forged in ("A", "AAAA", token[:-2], token + "AA", token[::-1], token.lower(), "=", "汉"):
        with pytest.raises(InvalidError, match="page_token"):
            pages.page(READER, 1, forged)


def test_a_token_outlives_the_process(filled: World) -> None:
    token = filled.home.services.listing.page(READER, 11, "").next_token
    filled.home.restart()
    assert len(filled.home.services.listing.page(READER, 11, token).items) == 1


async def test_a_reader_sees_nothing_of_subjects_and_of_privileged_acts(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder, world.home)
    world.home.records.append("etrading", 1, [incoming("a")])
    world.home.services.note_config(b"changed")
    await world.settle()
    assert things(world, READER) == ["a"]
    hidden = ({"owner": bidder.subject}, {"category": "subject.base"}, {"category": "node.act"})
    for wanted in hidden:
        assert world.home.services.listing.page(
            replace(READER, **wanted), 9, ""
        ) == world.home.services.listing.page(replace(READER, category="trade.none"), 9, "")
        assert world.home.services.listing.page(replace(OPERATOR, **wanted), 9, "").items


async def test_the_operator_learns_neither_name_nor_fields_of_a_subjects_records(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder, world.home)
    query = replace(OPERATOR, owner=bidder.subject, has_content=True)
    items = world.home.services.listing.page(query, 100, "").items
    assert {item.category for item in items} >= {"subject.base"}
    assert all(item.owner == bidder.subject and item.record is None for item in items)


def test_a_page_looks_at_a_bounded_number_of_keys(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST_LOOKED_AT", 2)
    query = replace(READER, project="P-1", category="trade.award")
    assert things(filled, query, 100) == ["0-1", "1-1", "2-1"]


def test_a_page_of_heavy_records_ends_early(filled: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_MOST_CONTENT_BYTES", 1)
    query = replace(READER, has_content=True)
    assert len(filled.home.services.listing.page(query, 100, "").items) == 1
    assert len(things(filled, query)) == 12


def test_a_project_cannot_be_guessed_from_the_store(filled: World) -> None:
    keys = b"".join(filled.home.store.everything())
    assert b"P-1" not in keys
    other = World(("hangzhou",))
    with other as world:
        world.home.records.append("etrading", 1, [incoming("a", project="P-1")])
        prefix = layout.OF_PROJECT
        [theirs] = [key for key in world.home.store.everything() if key.startswith(prefix)]
        assert theirs[:19] not in {key[:19] for key in filled.home.store.everything()}
