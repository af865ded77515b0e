"""JSON text to a tree that keeps what `json` would lose: the digits of numbers, double keys, NaN.

What is unusable stays where it stands as an `Unusable`, so that it costs the piece around it, not the file.
"""

import inspect
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

from adapters.systems.ocds.outcome import Parked, Reason

EXCERPT_LENGTH = 300
_EXCERPT_DEPTH = 8
_RECURSION = 900

# Data about people that a record does not need (PIPL art. 6: the least that serves the purpose).
PERSONAL_KEYS = frozenset(
    {
        "contactPoint",
        "contactPoints",
        "additionalContactPoints",
        "email",
        "telephone",
        "phone",
        "faxNumber",
        "persones",
        "beneficialOwners",
        "shareholders",
    }
)


class Number(str):
    """A number, as its literal stands in the source. Tell it from text by `type(x) is str`."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Unusable:
    """Stands for a value that has no one meaning."""

    reason: Reason
    message: str
    content: "Tree"
    """For the excerpt only: one of the possible readings."""


Tree: TypeAlias = str | Number | bool | Unusable | list["Tree"] | dict[str, "Tree"] | None


def parse(text: str) -> Tree:
    """Read one JSON document.

    Raises:
        ValueError: not JSON.
        RecursionError: nested so deep that nobody can have meant it.
    """
    with _bounded_recursion():
        tree: Tree = _load(text)
    return tree


def _load(text: str) -> Tree:
    tree: Tree = json.loads(
        text,
        parse_float=Number,
        # No int either: its conversion is quadratic and limited, and the digits are wanted as they are.
        parse_int=Number,
        parse_constant=lambda name: Unusable(Reason.NOT_A_NUMBER, f"{name} is not a number of JSON", name),
        object_pairs_hook=_to_object,
    )
    return tree


@contextmanager
def _bounded_recursion() -> Iterator[None]:
    """Python's usual bound while JSON is read: where a library has lifted it, deep JSON ends the process."""
    lifted = sys.getrecursionlimit()
    sys.setrecursionlimit(min(lifted, len(inspect.stack(0)) + _RECURSION))
    try:
        yield
    finally:
        sys.setrecursionlimit(lifted)


def _to_object(pairs: list[tuple[str, Tree]]) -> Tree:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    keys = [key for key, _ in pairs]
    twice = next(key for key in keys if keys.count(key) > 1)
    return Unusable(Reason.DUPLICATE_KEY, f"the key {printable(twice[:80])!r} is there more than once", found)


def is_personal(key: str) -> bool:
    """Whether the key, in whatever language variant (`contactPoint_fr`), holds data about a person."""
    return key.partition("_")[0] in PERSONAL_KEYS


def parked(reason: Reason, message: str, source: str, content: Tree, *, part: bool = False) -> Parked:
    """Park a piece of a tree."""
    return Parked(reason, printable(message), printable(source), excerpt(content), part)


def parked_unusable(unusable: Unusable, source: str) -> Parked:
    """Park what could not be read."""
    return parked(unusable.reason, unusable.message, source, unusable.content)


def step(key: str) -> str:
    """A key as one step of a JSON pointer (RFC 6901)."""
    return "/" + key.replace("~", "~0").replace("/", "~1")


def printable(text: str) -> str:
    """The text with lone surrogates escaped, so that it can be stored and shown."""
    return text if text.isascii() else text.encode(errors="backslashreplace").decode()


def excerpt(content: Tree) -> str:
    """The beginning of a tree in JSON's notation, without personal data: this ends up in logs."""
    found = ""
    for piece in _pieces(content, 0):
        found += piece
        if len(found) >= EXCERPT_LENGTH:
            break
    return printable(found[:EXCERPT_LENGTH])[:EXCERPT_LENGTH]


def _pieces(content: Tree, depth: int) -> Iterator[str]:
    if isinstance(content, Unusable):
        yield from _pieces(content.content, depth)
    elif isinstance(content, Number):
        yield content[:EXCERPT_LENGTH]
    elif isinstance(content, str):
        yield json.dumps(content[:EXCERPT_LENGTH], ensure_ascii=False)
    elif isinstance(content, dict | list) and depth > _EXCERPT_DEPTH:
        yield "…"
    elif isinstance(content, dict):
        lead = "{"
        for key, value in content.items():
            if not is_personal(key):
                yield f"{lead}{json.dumps(key[:EXCERPT_LENGTH], ensure_ascii=False)}: "
                yield from _pieces(value, depth + 1)
                lead = ", "
        yield "}" if lead == ", " else "{}"
    elif isinstance(content, list):
        lead = "["
        for value in content:
            yield lead
            yield from _pieces(value, depth + 1)
            lead = ", "
        yield "]" if content else "[]"
    else:
        yield json.dumps(content)
