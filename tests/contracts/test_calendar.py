"""The calendar: what votes change, what they cannot, and that the contract counts as the Python twin does."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.domain.calendar import (
    WorkingYear,
    add_working_days,
    beijing_date,
    days_of,
    is_working_day,
    merge,
    working_year,
)
from tests.contracts.world import DAY, FOUNDERS, SET_CALENDAR, World, argument, passed
from tests.support.evm import refused

YEAR = 2028
"""A leap year; the test chain begins in January 2027."""
EPOCH = date(1970, 1, 1)
HOLIDAYS = frozenset(date(YEAR, 10, day) for day in range(1, 8))
WORKED = frozenset({date(YEAR, 9, 30), date(YEAR, 10, 8)})
VOTED = working_year(YEAR, holidays=HOLIDAYS, worked=WORKED)


def days(year: WorkingYear) -> tuple[int, int, int]:
    return year.year, year.early, year.late


def at(when: date, hour: int = 0) -> int:
    """Beijing time."""
    return int(datetime(when.year, when.month, when.day, hour, tzinfo=UTC).timestamp()) - 8 * 3600


def is_working(world: World, day: date) -> bool:
    return world.view(world.calendar, "isWorkingDay", (day - EPOCH).days)


@pytest.fixture
def voted(world: World) -> World:
    world.decide(FOUNDERS[:2], SET_CALENDAR, *days(VOTED))
    return world


def test_a_year_comes_into_force_by_vote_and_not_before(world: World) -> None:
    assert not passed(world.propose("hangzhou", SET_CALENDAR, *days(VOTED)))
    assert is_working(world, date(YEAR, 10, 2))
    receipt = world.vote("ningbo", 1)
    assert [event.name for event in receipt.events] == ["VoteCast", "ProposalPassed", "CalendarSet"]
    assert tuple(receipt.events[-1].values.values()) == days(VOTED)
    for day in days_of(YEAR)[240:300]:
        assert is_working(world, day) == VOTED.is_working(day), day


def test_monday_to_friday_are_working_days_of_a_year_that_nobody_voted_on(world: World) -> None:
    for day in [date(2027, 10, number) for number in range(1, 15)]:
        assert is_working(world, day) == (day.weekday() < 5)


def test_a_period_over_the_national_holiday_has_the_working_days_that_were_voted(voted: World) -> None:
    end = voted.view(voted.calendar, "addWorkingDays", at(date(YEAR, 9, 29), 15), 5)
    # Sat 30 (worked), Sun 8 (worked), Mon 9, Tue 10, Wed 11
    assert end == at(date(YEAR, 10, 12))


def test_the_day_of_the_claim_is_that_of_beijing_and_does_not_count(world: World) -> None:
    friday, saturday = date(2027, 5, 7), date(2027, 5, 8)
    for time in (at(friday), at(friday, 23), at(saturday), at(saturday, 23)):
        assert world.view(world.calendar, "addWorkingDays", time, 1) == at(date(2027, 5, 11))


@pytest.mark.parametrize("who", [*FOUNDERS, "stranger"])
def test_nobody_sets_a_year_without_a_vote(world: World, who: str) -> None:
    account = world.stranger if who == "stranger" else world.members[who]
    with refused("CalendarNotAlliance"):
        world.evm.send(account, world.calendar, "set", *days(VOTED))


@pytest.mark.parametrize(
    ("year", "early", "late"),
    [
        (2024, VOTED.early, VOTED.late),
        (2201, VOTED.early, VOTED.late),
        (YEAR, 0, 0),
        (YEAR, 2**256 - 1, 2**110 - 1),
        (YEAR, VOTED.early, VOTED.late | 1 << 110),
        (YEAR + 1, VOTED.early, VOTED.late | 1 << 109),
    ],
)
def test_a_year_that_cannot_be_is_not_even_proposed(world: World, year: int, early: int, late: int) -> None:
    with refused("CalendarMalformedYear", year):
        world.propose("hangzhou", SET_CALENDAR, year, early, late)


def test_a_year_that_is_as_proposed_is_not_proposed_again(voted: World) -> None:
    with refused("CalendarUnchanged", YEAR):
        voted.propose("hangzhou", SET_CALENDAR, *days(VOTED))


def test_another_encoding_is_not_proposed(world: World) -> None:
    data = argument(SET_CALENDAR, *days(VOTED))
    for other in (data + bytes(32), data[:-1], b"\1" + data[1:]):
        with refused("AllianceMalformedProposal"):
            world.send("hangzhou", world.alliance, "propose", SET_CALENDAR, other, world.evm.now + DAY)


def test_days_that_have_begun_stay_what_they_were(voted: World) -> None:
    """Also for who voted it, and what the ledger reports is what holds."""
    voted.evm.now = at(date(YEAR, 10, 3), 12)
    usual = working_year(YEAR, holidays=frozenset(), worked=frozenset())
    receipt = voted.decide(FOUNDERS[:2], SET_CALENDAR, *days(usual))
    merged = merge({YEAR: VOTED}, usual, voted.evm.now)
    assert merged is not None
    assert tuple(receipt.events[-1].values.values()) == days(merged)
    assert [is_working(voted, date(YEAR, 10, day)) for day in (2, 3, 4, 5)] == [False, False, True, True]
    assert is_working(voted, date(YEAR, 9, 30)), "that Saturday was worked"
    assert not is_working(voted, date(YEAR, 10, 8)), "this Sunday no more"


def test_a_later_contract_knows_what_was_voted_before_it(voted: World) -> None:
    later = voted.successor("Calendar")
    changed = working_year(YEAR, holidays=HOLIDAYS | {date(YEAR, 6, 1)}, worked=WORKED)
    assert not voted.view(later, "isWorkingDay", (date(YEAR, 10, 2) - EPOCH).days)
    voted.decide(FOUNDERS[:2], SET_CALENDAR, *days(changed))
    assert not voted.view(later, "isWorkingDay", (date(YEAR, 6, 1) - EPOCH).days)
    assert is_working(voted, date(YEAR, 6, 1)), "the one that was replaced stays as it was"


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(at(date(2027, 6, 1)), at(date(2029, 6, 1))), st.integers(0, 30))
def test_the_contract_counts_as_the_twin_does(founded_calendar: World, time: int, count: int) -> None:
    end = founded_calendar.view(founded_calendar.calendar, "addWorkingDays", time, count)
    assert end == add_working_days({YEAR: VOTED}, time, count)
    today = beijing_date(time)
    assert is_working(founded_calendar, today) == is_working_day({YEAR: VOTED}, today)


@pytest.fixture(scope="module")
def founded_calendar(founded: World) -> World:
    world = founded.fork()
    world.decide(FOUNDERS[:2], SET_CALENDAR, *days(VOTED))
    return world


def test_no_calendar_puts_an_end_off_for_ever(world: World) -> None:
    """Two thirds of the members could vote a quarter of a year without a working day."""
    idle = frozenset(day for day in days_of(YEAR)[:80] if day.weekday() < 5)
    weekends = frozenset(day for day in days_of(YEAR)[80:] if day.weekday() >= 5)
    year = working_year(YEAR, holidays=idle, worked=weekends)
    world.decide(FOUNDERS[:2], SET_CALENDAR, *days(year))
    start = date(YEAR, 1, 1)
    end = world.view(world.calendar, "addWorkingDays", at(start), 5)
    assert end == add_working_days({YEAR: year}, at(start), 5) == at(start) + 51 * DAY


def test_a_vote_is_cheap_also_late_in_a_year_that_an_earlier_contract_began(voted: World) -> None:
    later = voted.successor("Calendar")
    voted.evm.now = at(date(YEAR, 12, 1), 12)
    changed = working_year(YEAR, holidays=HOLIDAYS | {date(YEAR, 12, 29)}, worked=WORKED)
    receipt = voted.decide(FOUNDERS[:2], SET_CALENDAR, *days(changed))
    assert receipt.gas_used < 1_000_000
    assert tuple(receipt.events[-1].values.values()) == days(changed)
    for day in days_of(YEAR)[270:]:
        assert voted.view(later, "isWorkingDay", (day - EPOCH).days) == changed.is_working(day), day


def test_every_day_of_every_kind_of_year_lies_where_it_belongs(world: World) -> None:
    """Years begin anywhere in the words that count from 1970."""
    for year in (2027, 2028, 2029, 2100):
        holidays = frozenset(day for day in days_of(year) if day.day in {3, 17, 31})
        one = working_year(year, holidays=holidays, worked=frozenset())
        world.decide(FOUNDERS[:2], SET_CALENDAR, *days(one))
        sample = [*days_of(year)[:3], *days_of(year)[250:262], *days_of(year)[-3:], *sorted(holidays)[::5]]
        for day in sample:
            usual = day.weekday() < 5
            begun = day <= beijing_date(world.evm.now)
            assert is_working(world, day) == (usual if begun else one.is_working(day)), day
