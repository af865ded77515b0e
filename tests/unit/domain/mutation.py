"""Hypothesis strategies that spoil valid inputs."""

import json
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

SAFE_INTEGERS = st.integers(-(2**53) + 1, 2**53 - 1)
ASCII_KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
CANONICAL_VALUES = st.recursive(
    st.none() | st.booleans() | SAFE_INTEGERS | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ASCII_KEYS, inner, max_size=4),
    max_leaves=12,
)
"""What canonical JSON may hold here."""


@st.composite
def spoilt_bytes(draw: st.DrawFn, valid: bytes) -> bytes:
    """One to three edits: overwrite, insert, cut out."""
    raw = bytearray(valid)
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(raw)))
        length = draw(st.integers(0, 8))
        raw[at : at + length] = draw(st.binary(max_size=8))
    return bytes(raw)


@st.composite
def spoilt_text(draw: st.DrawFn, valid: str) -> str:
    at, length = draw(st.integers(0, len(valid))), draw(st.integers(0, 8))
    return valid[:at] + draw(st.text(max_size=8)) + valid[at + length :]


@st.composite
def spoilt_json(draw: st.DrawFn, valid: Any) -> Any:
    """The value with one member somewhere replaced, added or taken away."""
    value = json.loads(json.dumps(valid))
    place, last = draw(st.sampled_from(list(_places(value))))
    if draw(st.booleans()):
        place[last] = draw(CANONICAL_VALUES | st.sampled_from(NASTY))
    elif isinstance(place, dict) and draw(st.booleans()):
        place[draw(ASCII_KEYS)] = draw(CANONICAL_VALUES)
    else:
        del place[last]
    return value


NASTY = ("", "ab\n", "AB" * 32, "0" * 64, "0" * 128, "zz" * 32, -1, 0, 2**53 - 1, -(2**53) + 1, "\x1b[2J")
"""Values that tend to slip through."""


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield value, key
            yield from _places(inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield value, index
            yield from _places(inner)


def refuses_or_returns(call: Callable[[], object], allowed: type[Exception]) -> object:
    """What the call returns; None if it raises an allowed error. Any other error fails the test."""
    try:
        return call()
    except allowed:
        return None
