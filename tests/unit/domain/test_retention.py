"""How long what is kept: nothing too early, nothing too long, never looser than the law."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.category import categories
from node.domain.retention import (
    DAY_SECONDS,
    LONGEST_MONTH_DAYS,
    MAX_DAYS,
    Override,
    RetentionRules,
    is_month,
    month_at,
)
from node.errors import InvalidError

MOMENTS = st.datetimes(datetime(1980, 1, 1), datetime(2150, 12, 31)).map(  # noqa: DTZ001  # made UTC here
    lambda when: when.replace(tzinfo=UTC).timestamp()
)
DAYS = st.integers(0, MAX_DAYS)


@given(MOMENTS, DAYS)
def test_nothing_is_erased_before_its_minimum(captured: float, days: int) -> None:
    rules = RetentionRules({"subject.base": Override(minimum_days=days)})
    until = rules.held_until("subject.base", month_at(captured))
    assert until == 0 if days == 0 else until >= captured + days * DAY_SECONDS


@given(MOMENTS, st.integers(LONGEST_MONTH_DAYS, 36_600))
def test_nothing_is_kept_past_its_maximum(captured: float, days: int) -> None:
    rules = RetentionRules({"subject.base": Override(maximum_days=days)})
    due = rules.due_at("subject.base", month_at(captured))
    assert due is not None
    assert due <= captured + days * DAY_SECONDS


@given(MOMENTS, DAYS, DAYS)
def test_what_is_due_is_not_held(captured: float, minimum: int, more: int) -> None:
    maximum = min(minimum + LONGEST_MONTH_DAYS + more, MAX_DAYS)
    if maximum < minimum + LONGEST_MONTH_DAYS:
        return
    rules = RetentionRules({"subject.base": Override(minimum, maximum)})
    month = month_at(captured)
    due = rules.due_at("subject.base", month)
    assert due is not None
    assert due >= rules.held_until("subject.base", month)


def test_every_category_has_a_rule_that_names_its_source() -> None:
    rules = RetentionRules()
    assert [rule.category for rule in rules.all()] == [one.name for one in categories()]
    assert all(rule.source for rule in rules.all())
    # What was not checked against the text says so.
    assert all("not checked" in rule.source for rule in rules.all() if rule.category.startswith("trade."))


@pytest.mark.parametrize(
    ("name", "override", "why"),
    [
        ("access.read", Override(minimum_days=3 * 366 - 1), "only be lengthened"),
        ("trade.tender", Override(minimum_days=365), "only be lengthened"),
        ("trade.tender", Override(maximum_days=365), "the minimum and one month"),
        ("access.read", Override(maximum_days=3 * 366 + 30), "the minimum and one month"),
        ("node.act", Override(maximum_days=10_000), "cannot have a maximum"),
        ("subject.base", Override(minimum_days=-1), "days must be"),
        ("subject.base", Override(maximum_days=MAX_DAYS + 1), "days must be"),
        ("subject.none", Override(), "unknown category"),
    ],
)
def test_a_rule_cannot_be_loosened(name: str, override: Override, why: str) -> None:
    with pytest.raises(InvalidError, match=why):
        RetentionRules({name: override})


def test_a_rule_can_be_made_stricter() -> None:
    rules = RetentionRules(
        {"access.read": Override(2_000, 2_031), "subject.credit": Override(maximum_days=365)}
    )
    assert (rules.rule("access.read").minimum_days, rules.rule("access.read").maximum_days) == (2_000, 2_031)
    assert rules.rule("subject.credit").maximum_days == 365
    assert rules.due_at("subject.base", "2026-01") is None
    with pytest.raises(InvalidError):
        rules.rule("subject.none")


def test_a_month_is_written_in_one_way() -> None:
    assert is_month("2026-12")
    assert not any(map(is_month, ("2026-13", "2026-00", "2026-1", "x2026-11", "2026-11~", "")))
