"""What a check says: how bad, what it is, what to do; Chinese and English."""

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Level(enum.IntEnum):
    """How bad; the exit code of the command follows the worst."""

    OK = 0
    NOTE = 1
    """Good to know; nothing has to be done."""
    WARNING = 2
    """Something does not work fully, or will not much longer."""
    ERROR = 3
    """The node does not work, or must not be relied on."""

    @property
    def exit_code(self) -> int:
        """0 for OK and NOTE, 1 for WARNING, 2 for ERROR."""
        return max(0, self - 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """One finding."""

    level: Level
    reason: str
    """Stable UPPER_SNAKE word; docs/doctor.md explains it."""
    zh: str
    en: str
    do_zh: str = ""
    """What to do; empty where nothing has to be done."""
    do_en: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """What one check found."""

    check: str
    title: tuple[str, str]
    """Chinese and English."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A fact that could not be had."""

    why: str
    timed_out: bool = False


def worst(sections: Iterable[Section]) -> Level:
    """The worst level of all findings."""
    return max((finding.level for section in sections for finding in section.findings), default=Level.OK)


def ok(zh: str, en: str) -> Finding:
    """Nothing to do."""
    return Finding(Level.OK, "OK", zh, en)


def note(reason: str, zh: str, en: str) -> Finding:
    """Good to know."""
    return Finding(Level.NOTE, reason, zh, en)


def warning(reason: str, what: tuple[str, str], do: tuple[str, str]) -> Finding:
    """Not fully working."""
    return Finding(Level.WARNING, reason, *what, *do)


def error(reason: str, what: tuple[str, str], do: tuple[str, str]) -> Finding:
    """Not working."""
    return Finding(Level.ERROR, reason, *what, *do)


def unexamined(fact: Unknown) -> Finding:
    """For a check whose facts could not be had."""
    if fact.timed_out:
        return warning(
            "NO_ANSWER_IN_TIME",
            (f"未能按时查明：{fact.why}", f"could not be found out in time: {fact.why}"),
            ("稍后再试；若仍如此，检查磁盘与网络", "try again; if it stays so, check disk and network"),
        )
    return warning(
        "NOT_EXAMINED",
        (f"未能检查：{fact.why}", f"could not be examined: {fact.why}"),
        ("先处理其他发现，然后再次运行", "put the other findings right, then run it again"),
    )
