from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.calendar import (
    LAST_YEAR,
    WorkingYear,
    add_working_days,
    beijing_date,
    check_working_year,
    days_of,
    is_working_day,
    merge,
    working_year,
)
from node.errors import CodeFormatError


def span(first: date, last: date) -> set[date]:
    return {first + timedelta(count) for count in range((last - first).days + 1)}


ANNOUNCED = working_year(
    2026,
    holidays=frozenset(
        span(date(2026, 1, 1), date(2026, 1, 3))
        | span(date(2026, 2, 15), date(2026, 2, 23))
        | span(date(2026, 4, 4), date(2026, 4, 6))
        | span(date(2026, 5, 1), date(2026, 5, 5))
        | span(date(2026, 6, 19), date(2026, 6, 21))
        | span(date(2026, 9, 25), date(2026, 9, 27))
        | span(date(2026, 10, 1), date(2026, 10, 7))
    ),
    worked=frozenset(
        date(2026, month, day) for month, day in [(1, 4), (2, 14), (2, 28), (5, 9), (9, 20), (10, 10)]
    ),
)
"""国务院办公厅关于2026年部分节假日安排的通知."""


def test_the_announced_year_has_its_working_days() -> None:
    assert len(ANNOUNCED.days()) == 248
    assert is_working_day({2026: ANNOUNCED}, date(2026, 10, 10))
    assert not is_working_day({2026: ANNOUNCED}, date(2026, 10, 7))


def test_five_working_days_over_the_spring_festival() -> None:
    """Claimed on Friday 13 February 2026: Sat 14, Tue 24, Wed 25, Thu 26, Fri 27."""
    claimed = 1_770_966_000
    assert beijing_date(claimed) == date(2026, 2, 13)
    due = add_working_days({2026: ANNOUNCED}, claimed, 5)
    assert beijing_date(due - 1) == date(2026, 2, 27)
    assert beijing_date(due) == date(2026, 2, 28)


@given(st.integers(1_750_000_000, 2_500_000_000), st.integers(0, 30))
def test_a_period_has_so_many_working_days_and_ends_with_one_at_midnight(time: int, count: int) -> None:
    calendar = {2026: ANNOUNCED}
    due = add_working_days(calendar, time, count)
    first, last = beijing_date(time), beijing_date(due - 1)
    between = [first + timedelta(place) for place in range(1, (last - first).days + 1)]
    assert sum(is_working_day(calendar, day) for day in between) == count
    assert (due + 8 * 3600) % 86_400 == 0
    assert count == 0 or is_working_day(calendar, last)


@given(st.integers(1_750_000_000, 2_500_000_000), st.integers(0, 30))
def test_a_period_is_the_same_whenever_on_the_day_it_begins(time: int, count: int) -> None:
    start = time - (time + 8 * 3600) % 86_400
    ends = {add_working_days({}, moment, count) for moment in (start, time, start + 86_399)}
    assert len(ends) == 1


def test_a_period_has_an_end_in_whatever_was_voted() -> None:
    nothing = {year: WorkingYear.of(year, 0, 0) for year in (2026, 2027)}
    start = date(2026, 1, 1)
    due = add_working_days(nothing, 1_767_200_000, 30)
    assert beijing_date(due - 1) == start + timedelta(30 + 4 * 30)


@given(st.integers(2025, LAST_YEAR))
def test_a_year_without_an_announcement_has_monday_to_friday(year: int) -> None:
    usual = working_year(year, holidays=frozenset(), worked=frozenset())
    assert all(usual.is_working(day) == (day.weekday() < 5) for day in days_of(year))
    assert len(usual.days()) in range(260, 263)


@pytest.mark.parametrize(
    ("holidays", "worked", "problem"),
    [
        ([date(2027, 1, 1)], [], "not a day of 2026"),
        ([], [date(2025, 12, 28)], "not a day of 2026"),
        ([date(2026, 10, 10)], [date(2026, 10, 10)], "cannot be a holiday and be worked"),
        ([], [date(2026, 10, 9)], "worked anyway"),
        (days_of(2026)[:100], [], "working days"),
        ([], [day for day in days_of(2026) if day.weekday() > 4], "working days"),
    ],
)
def test_a_list_that_cannot_be_meant_is_refused(holidays: list, worked: list, problem: str) -> None:
    with pytest.raises(CodeFormatError, match=problem):
        working_year(2026, holidays=frozenset(holidays), worked=frozenset(worked))


def test_days_that_a_year_does_not_have_are_refused() -> None:
    with pytest.raises(CodeFormatError, match="does not have those days"):
        check_working_year(WorkingYear.of(2026, ANNOUNCED.early, ANNOUNCED.late | 1 << 109))
    with pytest.raises(CodeFormatError, match="years 2025"):
        check_working_year(WorkingYear.of(2024, ANNOUNCED.early, ANNOUNCED.late))


@given(st.integers(1_767_200_000, 1_798_700_000))
def test_a_later_vote_changes_nothing_that_has_begun(now: int) -> None:
    other = working_year(2026, holidays=frozenset(), worked=frozenset())
    merged, today = merge({2026: ANNOUNCED}, other, now), beijing_date(now)
    for day in days_of(2026):
        expected = ANNOUNCED if merged is None or day <= today else other
        assert (merged or ANNOUNCED).is_working(day) == expected.is_working(day), day


def test_a_vote_that_changes_nothing_to_come_is_none() -> None:
    assert merge({2026: ANNOUNCED}, ANNOUNCED, 1_770_000_000) is None
    assert merge({}, ANNOUNCED, 1_800_000_000) is None, "the year is over"
    usual = working_year(2026, holidays=frozenset(), worked=frozenset())
    assert merge({}, usual, 1_760_000_000) == usual, "to decide on what was usual anyway is a decision"


@pytest.mark.parametrize("year", [-1, 0, 2024, 2201, 9999, 2**31])
def test_a_year_out_of_reach_is_refused(year: int) -> None:
    with pytest.raises(CodeFormatError, match="years 2025"):
        working_year(year, holidays=frozenset(), worked=frozenset())
