"""The calendar of working days, by which periods of claims run: whether the members have voted it in time."""

from datetime import date

from node.domain.calendar import LAST_YEAR, beijing_date
from node.domain.member import Role
from node.probes import NodeState
from node.services.doctor.finding import Finding, Unknown, note, ok, warning

_NOVEMBER, _DECEMBER = 11, 12
"""A year's holidays are announced about November of the year before; a claim of December runs into it."""


def check_calendar(state: NodeState | Unknown, now: float) -> list[Finding]:
    """Whether this year's working days were voted, and, once they are announced, the next year's.

    Args:
        state: of the node; before its first block nothing is said.
        now: seconds since 1970 UTC.
    """
    if isinstance(state, Unknown) or state.block_number < 0:
        return []
    today = beijing_date(int(now))
    lacking = [year for year in _needed(today) if year not in state.guarantees.years]
    # Without a guarantor no period runs by it.
    matters = any(one.active and one.member.roles & Role.GUARANTOR for one in state.members)
    found = [_lacking(year, is_pressing=matters and _is_pressing(year, today)) for year in lacking]
    return found or [
        ok(
            "工作日历已表决",
            f"the working days are voted: {', '.join(map(str, state.guarantees.years)) or '-'}",
        )
    ]


def _needed(today: date) -> list[int]:
    years = [today.year, today.year + 1] if today.month >= _NOVEMBER else [today.year]
    return [year for year in years if year <= LAST_YEAR]


def _is_pressing(year: int, today: date) -> bool:
    return year == today.year or today.month >= _DECEMBER


def _lacking(year: int, *, is_pressing: bool) -> Finding:
    what = (
        f"{year} 年的工作日历未表决：索赔期限按周一至周五计，节假日与调休均未计入",
        (
            f"the working days of {year} are not voted: for claims Monday to Friday count, holidays and worked "
            "weekends left out of account"
        ),
    )
    if not is_pressing:
        return note("CALENDAR_LACKING", *what)
    return warning(
        "CALENDAR_LACKING",
        what,
        (
            f"按国务院办公厅通知提案：heqi alliance calendar propose {year} --off … --worked …，由成员表决",
            (
                f"propose it as the State Council has announced it: heqi alliance calendar propose {year} --off … "
                "--worked …, and have the members vote"
            ),
        ),
    )
