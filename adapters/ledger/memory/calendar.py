"""`Calendar.sol` in Python."""

from adapters.ledger.memory.state import State
from node.domain.alliance_life import CalendarSet
from node.domain.calendar import Calendar, WorkingYear, add_working_days, check_working_year, merge
from node.errors import CodeFormatError, LedgerRefusedError


class CalendarRules:
    """The calendar's functions; the alliance's rules set it, those of guarantees count by it."""

    def __init__(self, state: State) -> None:
        self._state = state

    def check(self, year: WorkingYear) -> None:
        """Raises:
        LedgerRefusedError: as `Calendar.check`.
        """
        self._merged(year)

    def set(self, year: WorkingYear) -> CalendarSet:
        """Raises:
        LedgerRefusedError: as `Calendar.set`.
        """
        merged = self._merged(year)
        self._state.put("calendar", "", {**self._years(), year.year: merged})
        return CalendarSet(merged)

    def add_working_days(self, time: int, count: int) -> int:
        """As `Calendar.addWorkingDays`."""
        return add_working_days(self._years(), time, count)

    def _merged(self, year: WorkingYear) -> WorkingYear:
        try:
            check_working_year(year)
        except CodeFormatError as error:
            raise LedgerRefusedError("CalendarMalformedYear", f"year={year.year}") from error
        merged = merge(self._years(), year, self._state.frame.now)
        if merged is None:
            raise LedgerRefusedError("CalendarUnchanged", f"year={year.year}")
        return merged

    def _years(self) -> Calendar:
        years: Calendar = self._state.get("calendar", "", {})
        return years
