"""What commands print: Chinese and English side by side for people, JSON for machines."""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from unicodedata import east_asian_width


def say(chinese: str, english: str) -> None:
    """One line for people."""
    print(f"{chinese}  {english}", flush=True)


def print_json(value: object) -> None:
    """One JSON document for machines."""
    print(json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True), flush=True)


def print_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table whose columns line up, wide characters included."""
    texts = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(header, *texts, strict=True)]
    for row in [list(header), ["-" * width for width in widths], *texts]:
        print(
            "  ".join(
                cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
        )
    sys.stdout.flush()


def fail(reason: str, message: str, advice: str) -> None:
    """An error for people, on standard error."""
    print(f"错误 Error [{reason}]: {message}", file=sys.stderr)
    if advice:
        print(f"  → {advice}", file=sys.stderr)


def printable(text: str) -> str:
    """What comes from others may hold escape sequences, which must not reach a terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def day(seconds: int) -> str:
    """The UTC day of a time in seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
