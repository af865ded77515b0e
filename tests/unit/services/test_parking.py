"""What could not be used waits for a decision, and only a decision ends that."""

import pytest

from node.errors import MissingError, RecordFormatError, StoreError
from node.services.preparing import Problem
from tests.support.world import World
from tests.support.world_records import draft, faulty, incoming

CLIENT = "etrading"


@pytest.fixture
def parked(lonely: World) -> World:
    """A node with one record and two parked items."""
    lonely.home.records.append(CLIENT, 1, [incoming("a"), faulty("x"), faulty("y")])
    return lonely


def open_numbers(world: World) -> list[int]:
    return [number for number, _ in world.home.services.parking.rows()]


async def test_a_released_item_becomes_a_record_and_is_parked_no_more(parked: World) -> None:
    position = parked.home.services.decisions.release_record(0, draft("x"))
    assert parked.home.records.load(position).header.thing == "x"
    assert open_numbers(parked) == [1]
    await parked.settle()
    assert parked.home.services.proving.own_bundle(position)
    [released] = await parked.home.feed("item.released")
    assert released.about == {"client": CLIENT, "sequence": "1", "number": "0"}


@pytest.mark.parametrize("item", [Problem("X", "no date"), draft("x", category="subject.base")])
def test_an_item_that_still_cannot_be_used_stays_parked(parked: World, item: object) -> None:
    before = parked.home.store.everything()
    with pytest.raises(RecordFormatError, match="item 0 still cannot be used"):
        parked.home.services.decisions.release_record(0, item)  # type: ignore[arg-type]
    assert parked.home.store.everything() == before


async def test_a_dropped_item_is_gone_and_reported(parked: World) -> None:
    parked.home.services.decisions.drop_record(1)
    assert open_numbers(parked) == [0]
    assert [entry.about["number"] for entry in await parked.home.feed("item.dropped")] == ["1"]


def test_an_item_is_decided_on_once(parked: World) -> None:
    parked.home.services.decisions.drop_record(0)
    parked.home.services.decisions.release_record(1, draft("y"))
    for number in (0, 1, 2):
        with pytest.raises(MissingError):
            parked.home.services.decisions.drop_record(number)
        with pytest.raises(MissingError):
            parked.home.services.decisions.release_record(number, draft("z"))


def test_a_decision_does_not_change_what_was_acknowledged(parked: World) -> None:
    message = [incoming("a"), faulty("x"), faulty("y")]
    accepted = parked.home.records.append(CLIENT, 1, message)
    parked.home.services.decisions.drop_record(0)
    assert parked.home.records.append(CLIENT, 1, message) == accepted
    assert open_numbers(parked) == [1]


def test_what_is_parked_is_counted(parked: World) -> None:
    status = parked.home.services.status
    counts = [status.now().parked]
    parked.home.services.decisions.drop_record(0)
    counts.append(status.now().parked)
    parked.home.services.decisions.release_record(1, draft("y"))
    counts.append(status.now().parked)
    parked.home.records.append(CLIENT, 2, [faulty("z")])
    assert [*counts, status.now().parked] == [2, 1, 0, 1]
    assert open_numbers(parked) == [2], "a number is never given twice"


def test_a_row_can_be_looked_at(parked: World) -> None:
    row = parked.home.services.parking.row(1)
    assert (row.client, row.sequence, row.place, row.message) == (CLIENT, 1, 2, "y")
    assert row.raw == faulty("y").raw


def test_nothing_is_decided_when_the_store_fails(parked: World) -> None:
    before = parked.home.store.everything()

    def full(name: str) -> None:
        if name == "write":
            raise StoreError("full")

    parked.home.store.before = full
    with pytest.raises(StoreError):
        parked.home.services.decisions.release_record(0, draft("x"))
    with pytest.raises(StoreError):
        parked.home.services.decisions.drop_record(0)
    assert parked.home.store.everything() == before
