"""`heqi alliance calendar`: how days are written and shown."""

import pytest

from node.cli import calendar
from node.errors import ConfigError


def test_days_are_written_one_by_one_or_as_spans() -> None:
    assert calendar._days(["2026-01-04", "2026-02-28..2026-03-01"]) == [
        "2026-01-04",
        "2026-02-28",
        "2026-03-01",
    ]


@pytest.mark.parametrize(
    "span", ["", "2026-1-4", "2026-02-30", "..2026-01-01", "2026-01-02..2026-01-01", "2026-01-01..2026-03-01"]
)
def test_what_is_no_span_of_days_is_refused(span: str) -> None:
    with pytest.raises(ConfigError):
        calendar._days([span])


def test_days_in_a_row_are_shown_as_one() -> None:
    days = ["2026-01-01", "2026-01-02", "2026-02-16", "2026-02-17", "2026-02-18", "2026-10-08"]
    assert calendar._short(days) == "01-01..01-02 02-16..02-18 10-08"
    assert calendar._short([]) == ""
