"""How long records of a category are kept: what the law demands at least, and what a centre allows at most.

Time is counted by calendar months, because everything of one owner, category and month lies under one key
(`node/services/vault.py`) and goes with it. A month's records are held until the minimum after its last moment, and
are due at the maximum after its first, so none is erased too early and none is kept too long.

The minima are reviewed defaults; a centre may only lengthen them, and may only shorten a maximum. Source: PIPL
art. 19 (no longer than needed) and 47 (erasure, unless a legal period still runs); each rule names its own.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache

from node.domain.category import Category, OwnerRule, categories
from node.domain.category import category as known_category
from node.errors import InvalidError

DAY_SECONDS = 86_400
LONGEST_MONTH_DAYS = 31
MAX_DAYS = 100 * 366
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Retention:
    """The rule of one category."""

    category: str
    minimum_days: int
    """Kept at least so long, whoever asks for erasure; 0 where no period is known."""
    maximum_days: int | None
    """Erased after so long by the node itself; None: kept until its owner asks."""
    source: str
    """The law that sets the minimum; what was not checked against the text says so."""
    is_fixed: bool = False
    """Whether the category cannot have a maximum: the node itself depends on these records."""


_YEAR = 366  # of days, so that a leap year does not cut a period short
_FILES = (
    "政府采购法 42: procurement files 15 years from the end of procurement (not checked against the text)"
)
_NONE = "no period is set; erased when its owner asks (PIPL 47)"

_RULES = (
    Retention("subject.base", 0, None, _NONE),
    Retention("subject.qualification", 0, None, _NONE),
    Retention("subject.performance", 0, None, _NONE),
    Retention("subject.personnel", 0, None, _NONE),
    Retention("subject.credit", 0, None, _NONE),
    Retention("subject.evaluation", 0, None, _NONE),
    Retention("subject.attestation", 0, None, _NONE),
    Retention("subject.dispute", 0, None, _NONE),
    Retention("trade.party", 15 * _YEAR, None, _FILES),
    Retention("trade.planning", 15 * _YEAR, None, _FILES),
    Retention("trade.tender", 15 * _YEAR, None, _FILES),
    Retention("trade.bid", 15 * _YEAR, None, _FILES),
    Retention("trade.award", 15 * _YEAR, None, _FILES),
    Retention("trade.contract", 15 * _YEAR, None, _FILES),
    Retention("trade.performance", 15 * _YEAR, None, _FILES),
    Retention("access.read", 3 * _YEAR, None, "个人信息保护法 56: records of handling are kept three years"),
    Retention("access.legal", 3 * _YEAR, None, "个人信息保护法 56: records of handling are kept three years"),
    Retention("node.act", 0, None, "who used the node's privileges; the node never erases it", is_fixed=True),
)


@dataclass(frozen=True, slots=True)
class Override:
    """What a centre's configuration says of one category; None leaves the default."""

    minimum_days: int | None = None
    maximum_days: int | None = None


class RetentionRules:
    """The rules in force at one node."""

    def __init__(self, overrides: Mapping[str, Override] | None = None) -> None:
        """Args:
        overrides: by category.

        Raises:
            InvalidError: a category is unknown, a minimum would be shortened, a maximum lengthened, or the maximum
                leaves no whole month after the minimum.
        """
        known = {rule.category: rule for rule in _RULES}
        self._rules = {one.name: known.get(one.name) or _default(one) for one in categories()}
        for name, override in (overrides or {}).items():
            rule = self._rules.get(name)
            if rule is None:
                raise InvalidError(
                    f"retention: unknown category {name!r}; known are {', '.join(self._rules)}"
                )
            self._rules[name] = _overridden(rule, override)

    def rule(self, category: str) -> Retention:
        """The rule of a category.

        Raises:
            RecordFormatError: there is no such category.
        """
        found = self._rules.get(category)
        if found is None:  # one that a vote has brought since
            return _default(known_category(category))
        return found

    def all(self) -> tuple[Retention, ...]:
        """Every rule, in the order of the categories."""
        return tuple(self._rules.values())

    def held_until(self, category: str, month: str) -> int:
        """Until when the law holds what was captured in a month, seconds since 1970 UTC; 0 where no period is set."""
        days = self.rule(category).minimum_days
        return _start(_following(month)) + days * DAY_SECONDS if days else 0

    def due_at(self, category: str, month: str) -> int | None:
        """When the node erases what was captured in a month; None for never."""
        days = self.rule(category).maximum_days
        return None if days is None else _start(month) + days * DAY_SECONDS


def _default(kind: Category) -> Retention:
    """Of categories without a rule of their own: what is about trading is kept as procurement files are."""
    if kind.owner is OwnerRule.SUBJECT:
        return Retention(kind.name, 0, None, _NONE)
    return Retention(kind.name, 15 * _YEAR, None, _FILES)


def month_of(time: str) -> str:
    """`2026-11` of an RFC 3339 UTC time."""
    return time[:7]


def month_at(seconds: float) -> str:
    """`2026-11` of seconds since 1970 UTC."""
    return _month_of_day(int(seconds // DAY_SECONDS))


@lru_cache(maxsize=64)
def _month_of_day(day: int) -> str:
    return datetime.fromtimestamp(day * DAY_SECONDS, UTC).strftime("%Y-%m")


def is_month(text: str) -> bool:
    """Whether a text is a month as these rules write it."""
    return _MONTH.fullmatch(text) is not None


def _overridden(rule: Retention, override: Override) -> Retention:
    name = f"retention.{rule.category}"
    minimum, maximum = rule.minimum_days, rule.maximum_days
    for days in (override.minimum_days, override.maximum_days):
        if days is not None and not 0 <= days <= MAX_DAYS:
            raise InvalidError(f"{name}: days must be 0 to {MAX_DAYS}")
    if override.minimum_days is not None:
        if override.minimum_days < minimum:
            raise InvalidError(
                f"{name}: minimum_days may not be below {minimum} ({rule.source}); it may only be lengthened"
            )
        minimum = override.minimum_days
    if override.maximum_days is not None:
        if rule.is_fixed:
            raise InvalidError(f"{name} cannot have a maximum: {rule.source}")
        if maximum is not None and override.maximum_days > maximum:
            raise InvalidError(f"{name}: maximum_days may not be above {maximum}; it may only be shortened")
        maximum = override.maximum_days
    if maximum is not None and maximum < minimum + LONGEST_MONTH_DAYS:
        raise InvalidError(
            f"{name}: maximum_days must be {minimum + LONGEST_MONTH_DAYS} or more: the minimum and one month"
        )
    return replace(rule, minimum_days=minimum, maximum_days=maximum)


def _following(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{year + number // 12:04d}-{number % 12 + 1:02d}"


def _start(month: str) -> int:
    return int(datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC).timestamp())
