"""Working days, as the members vote them year by year; `Calendar.sol` computes the same.

Days are those of Beijing, UTC+8 without summer time. The State Council says each autumn for the next year which
weekdays are holidays and which Saturdays and Sundays are worked (调休): no rule gives that, so the members vote it.
In a year that nobody voted on, Monday to Friday are working days: a right must not hang on a vote.

Source: 全国年节及纪念日放假办法; URDG 758 art. 2 ("business day" is one of the place where the act is to be done).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from node.errors import CodeFormatError

AHEAD_SECONDS = 8 * 3600
DAY_SECONDS = 86_400
FIRST_YEAR, LAST_YEAR = 2025, 2200
LEAST_WORKING_DAYS, MOST_WORKING_DAYS = 200, 300
"""A year has about 250: neither a slip nor a vote makes claims wait for ever."""

_EPOCH = date(1970, 1, 1)
_EARLY_DAYS = 256
_FRIDAY = 4
_WORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class WorkingYear:
    """The working days of one year, as the ledger holds them."""

    year: int
    words: bytes
    """64 bytes, two words: bit n of the first is set if day n of the year, counted from 0, is a working day, bit n of
    the second if day 256 + n is."""

    @staticmethod
    def of(year: int, early: int, late: int) -> "WorkingYear":
        """From the words as numbers, as the contract has them."""
        return WorkingYear(year, early.to_bytes(_WORD_BYTES, "big") + late.to_bytes(_WORD_BYTES, "big"))

    @property
    def early(self) -> int:
        """The first word."""
        return int.from_bytes(self.words[:_WORD_BYTES], "big")

    @property
    def late(self) -> int:
        """The second word."""
        return int.from_bytes(self.words[_WORD_BYTES:], "big")

    def is_working(self, day: date) -> bool:
        """Whether a day of this year is a working day."""
        place = (day - date(self.year, 1, 1)).days
        return bool((self.early | self.late << _EARLY_DAYS) >> place & 1)

    def days(self) -> list[date]:
        """The working days, in order."""
        return [day for day in days_of(self.year) if self.is_working(day)]


Calendar = Mapping[int, WorkingYear]
"""What was voted, by year."""


def days_of(year: int) -> list[date]:
    """All days of a year."""
    first = date(year, 1, 1)
    return [first + timedelta(place) for place in range((date(year + 1, 1, 1) - first).days)]


def working_year(year: int, *, holidays: frozenset[date], worked: frozenset[date]) -> WorkingYear:
    """A year from what is announced.

    Args:
        year: of the common era.
        holidays: weekdays that are not worked; days of a weekend may stand among them.
        worked: Saturdays and Sundays that are.

    Raises:
        CodeFormatError: a day is of another year, stands in both lists or is worked anyway, or no
            ledger takes the year.
    """
    _check_number(year)
    for day in (*holidays, *worked):
        if day.year != year:
            raise CodeFormatError(f"{day} is not a day of {year}")
    if both := holidays & worked:
        raise CodeFormatError(f"{min(both)} cannot be a holiday and be worked")
    if usual := {day for day in worked if day.weekday() <= _FRIDAY}:
        raise CodeFormatError(f"{min(usual)} is no Saturday or Sunday, and worked anyway")
    bits = 0
    for place, day in enumerate(days_of(year)):
        if day in worked or (day.weekday() <= _FRIDAY and day not in holidays):
            bits |= 1 << place
    found = WorkingYear.of(year, bits & ((1 << _EARLY_DAYS) - 1), bits >> _EARLY_DAYS)
    check_working_year(found)
    return found


def holidays_and_worked(year: WorkingYear) -> tuple[list[date], list[date]]:
    """What makes a year different from Monday to Friday: weekdays off, Saturdays and Sundays worked."""
    holidays = [day for day in days_of(year.year) if day.weekday() <= _FRIDAY and not year.is_working(day)]
    return holidays, [day for day in year.days() if day.weekday() > _FRIDAY]


def check_working_year(year: WorkingYear) -> None:
    """Check a year as the ledger does, apart from whether it changes anything.

    Raises:
        CodeFormatError: it is out of reach, has days that the year does not have, or too few or many working days.
    """
    _check_number(year.year)
    if not (
        0 <= year.early < 1 << _EARLY_DAYS and 0 <= year.late < 1 << len(days_of(year.year)) - _EARLY_DAYS
    ):
        raise CodeFormatError(f"{year.year} does not have those days")
    working = year.early.bit_count() + year.late.bit_count()
    if not LEAST_WORKING_DAYS <= working <= MOST_WORKING_DAYS:
        raise CodeFormatError(
            f"{year.year} has {working} working days; {LEAST_WORKING_DAYS} to {MOST_WORKING_DAYS} can be right"
        )


def _check_number(year: int) -> None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise CodeFormatError(f"the calendar has the years {FIRST_YEAR} to {LAST_YEAR}")


def merge(before: Calendar, voted: WorkingYear, now: int) -> WorkingYear | None:
    """What comes of a vote: days that have begun at `now` stay what they were.

    Returns:
        The year as it is from then on; None if nothing that is still to come changes.
    """
    today, early, late, is_new = beijing_date(now), voted.early, voted.late, voted.year not in before
    changes = False
    for place, day in enumerate(days_of(voted.year)):
        was = is_working_day(before, day)
        if day > today:
            changes = changes or is_new or was != voted.is_working(day)
        elif was != voted.is_working(day):
            early, late = (
                (early ^ 1 << place, late)
                if place < _EARLY_DAYS
                else (early, late ^ 1 << place - _EARLY_DAYS)
            )
    return WorkingYear.of(voted.year, early, late) if changes else None


def is_working_day(calendar: Calendar, day: date) -> bool:
    """Whether it is one; Monday to Friday are in a year that was not voted on."""
    voted = calendar.get(day.year)
    return day.weekday() <= _FRIDAY if voted is None else voted.is_working(day)


def add_working_days(calendar: Calendar, time: int, count: int) -> int:
    """The first second after the last of `count` working days, the day of `time` itself not counted.

    Whatever the members vote, no later than 30 days and four times as many days as asked for from then on.
    """
    day = beijing_date(time)
    last = day + timedelta(30 + 4 * count)
    while count and day != last:
        day += timedelta(1)
        count -= is_working_day(calendar, day)
    return ((day - _EPOCH).days + 1) * DAY_SECONDS - AHEAD_SECONDS


def working_days_to_come(calendar: Calendar, now: int, until: int) -> int:
    """Working days that begin after today and before `until`, the first second that is too late."""
    day, last, count = beijing_date(now), beijing_date(until - 1), 0
    while day < last:
        day += timedelta(1)
        count += is_working_day(calendar, day)
    return count


def beijing_date(time: int) -> date:
    """The date in Beijing at a moment, seconds since 1970 UTC."""
    return _EPOCH + timedelta((time + AHEAD_SECONDS) // DAY_SECONDS)
