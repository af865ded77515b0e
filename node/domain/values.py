"""The typed values that a record's fields may hold.

| type | in Python | in a disclosure |
|---|---|---|
| text | `str`, no lone surrogate, at most 64 KiB of UTF-8 | string |
| integer | `int`, below 2**53 either way, so that every JSON reader keeps it | number |
| decimal | `DecimalValue` | string |
| boolean | `bool` | true, false |
| date | `DateValue` | string |
| time | `TimeValue` | string |
| list | `tuple` of values | array |
| object | mapping from keys to values | object |

Floats cannot be said: two readers of one float may write it differently, and then its digest differs.
There is no null: a field without a value is not there. Types are matched exactly, so a subclass of `str` or
`int` that means something else (an enum, a number not yet converted) is refused instead of slipping through.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from node.errors import RecordFormatError

MAX_TEXT_BYTES = 65536
MAX_INTEGER = 2**53 - 1
MAX_ITEMS = 4096
"""Entries of one list or one object."""
MAX_DEPTH = 16
"""Lists and objects inside each other; a bare text has depth 0."""
ITEM_BYTES = 8
"""What every value weighs besides its text, so that a million empty objects are not weightless."""

# [0-9] and not \d: that one matches the digits of every script.
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,33})(?:\.[0-9]{1,18})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{1,9})?"
    r"(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OBJECT_KEY = re.compile(r"[A-Za-z0-9_@$:./-]{1,64}")
# RFC 9901 gives these keys a meaning wherever they stand: data must not pass itself off as digests.
_RESERVED_KEYS = frozenset({"_sd", "_sd_alg", "..."})


@dataclass(frozen=True, slots=True)
class DecimalValue:
    """An exact decimal number: at most 34 digits, a point and 18 more; no exponent, no minus zero."""

    digits: str
    """Trailing zeros are kept as given: 10.50 says more than 10.5 about how it was measured."""

    def __post_init__(self) -> None:
        """Raises:
        RecordFormatError: not a plain decimal number.
        """
        digits = self.digits
        if not _DECIMAL.fullmatch(digits) or (digits[0] == "-" and not digits.strip("-0.")):
            raise RecordFormatError(f"{_shown(digits)} is not a plain decimal number such as -12.50")


@dataclass(frozen=True, slots=True)
class DateValue:
    """A calendar day that exists, without a zone."""

    text: str
    """`YYYY-MM-DD`."""

    def __post_init__(self) -> None:
        """Raises:
        RecordFormatError: wrong form, or no such day.
        """
        if not is_day(self.text):
            raise RecordFormatError(f"{_shown(self.text)} is not a day such as 2026-02-28")


@dataclass(frozen=True, slots=True)
class TimeValue:
    """A moment: RFC 3339 with upper-case T, seconds and a zone.

    Second 60 is refused: hardly any system that reads these can represent a leap second.
    """

    text: str
    """`YYYY-MM-DDThh:mm:ss`, up to nine decimals, then `Z` or `±hh:mm`."""

    def __post_init__(self) -> None:
        """Raises:
        RecordFormatError: wrong form, no zone, or no such moment.
        """
        if not is_time(self.text):
            raise RecordFormatError(
                f"{_shown(self.text)} is not a time with a zone such as 2026-02-28T09:30:00+08:00"
            )


Value: TypeAlias = (
    str | int | bool | DecimalValue | DateValue | TimeValue | tuple["Value", ...] | Mapping[str, "Value"]
)
JsonValue: TypeAlias = str | int | bool | list["JsonValue"] | dict[str, "JsonValue"]


def to_json_value(value: Value) -> JsonValue:
    """What a checked value looks like in a disclosure: plain JSON types only.

    Decimals, dates and times are strings there: the schema of the category says which strings are which.
    """
    kind = type(value)
    if kind is str or kind is int or kind is bool:
        return value  # type: ignore[return-value]  # mypy does not narrow through type()
    if isinstance(value, DecimalValue):
        return value.digits
    if isinstance(value, DateValue | TimeValue):
        return value.text
    if isinstance(value, tuple):
        return [to_json_value(item) for item in value]
    if isinstance(value, Mapping):
        return {key: to_json_value(item) for key, item in value.items()}
    raise TypeError(f"{kind.__name__} was not checked with check_value")


def check_value(value: object, path: str = "value") -> int:
    """Refuse what is not a `Value`, or too large.

    Args:
        value: anything.
        path: what to call the value in the message.

    Returns:
        Its weight in bytes: UTF-8 of all texts and keys, and `ITEM_BYTES` for each value.

    Raises:
        RecordFormatError: names the place and the rule.
    """
    try:
        return _weigh(value, 0)
    except _FaultError as fault:
        raise _located(path, fault) from None


def check_fields(fields: Mapping[str, object]) -> int:
    """Refuse fields of which a name or a value is not allowed.

    Returns:
        The weight of all values, as `check_value` counts it.

    Raises:
        RecordFormatError: names the place and the rule.
    """
    weight, name = 0, ""
    is_name = _FIELD_NAME.fullmatch
    # One try around the loop and no call per name: every record that comes in passes here.
    try:
        for name, value in fields.items():
            if type(name) is not str or not is_name(name):
                raise RecordFormatError(f"{_shown(name)} is not a field name: [a-z][a-z0-9_]{{0,63}}")
            weight += _weigh(value, 0)
    except _FaultError as fault:
        raise _located(name, fault) from None
    return weight


def is_object_key(key: str) -> bool:
    """Whether an object inside a field may have this key."""
    return _OBJECT_KEY.fullmatch(key) is not None and key not in _RESERVED_KEYS


def is_time(text: str) -> bool:
    """Whether the text is what a `TimeValue` may hold."""
    return _TIME.fullmatch(text) is not None and is_day(text[:10])


class _FaultError(Exception):
    """Carries a problem outwards and picks up its path on the way: sound values pay nothing for paths."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        self.steps: list[str] = []


def _located(path: str, fault: _FaultError) -> RecordFormatError:
    return RecordFormatError(f"{path}{''.join(reversed(fault.steps))}: {fault.problem}")


def _weigh(value: object, depth: int) -> int:
    kind = type(value)
    if kind is str:
        return ITEM_BYTES + _weigh_text(value)  # type: ignore[arg-type]  # mypy does not narrow through type()
    if kind is bool or kind is DecimalValue or kind is DateValue or kind is TimeValue:
        return ITEM_BYTES
    if kind is int:
        if not -MAX_INTEGER <= value <= MAX_INTEGER:  # type: ignore[operator]
            raise _FaultError("an integer must stay below 2**53 either way; use a decimal")
        return ITEM_BYTES
    if kind is tuple:
        return ITEM_BYTES + _weigh_entries(enumerate(value), len(value), depth + 1)  # type: ignore[arg-type]
    if isinstance(value, Mapping):
        return ITEM_BYTES + _weigh_object(value, depth + 1)
    raise _FaultError(_REFUSED.get(kind, f"a value cannot be a {kind.__name__}"))


_REFUSED: Mapping[type, str] = {
    float: "a float is not exact; use a decimal",
    type(None): "there is no null; leave the field out",
    list: "a list must be a tuple, which nobody can change after the check",
    bytes: "bytes cannot be a value; put their digest in hexadecimal",
}


def _weigh_text(text: str) -> int:
    # ASCII needs no encoded copy to be measured.
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise _FaultError("the text has a lone surrogate and no UTF-8 form") from None
    if size > MAX_TEXT_BYTES:
        raise _FaultError(f"the text has {size} bytes, more than {MAX_TEXT_BYTES}")
    return size


def _weigh_object(value: Mapping[object, object], depth: int) -> int:
    weight = 0
    for key in value:
        if type(key) is not str or not is_object_key(key):
            raise _FaultError(
                f"{_shown(key)} cannot be a key: 1 to 64 of A-Z a-z 0-9 _ @ $ : . / -, not reserved"
            )
        weight += len(key)
    return weight + _weigh_entries(value.items(), len(value), depth)


def _weigh_entries(entries: Iterable[tuple[object, object]], count: int, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise _FaultError(f"lists and objects are more than {MAX_DEPTH} deep")
    if count > MAX_ITEMS:
        raise _FaultError(f"{count} entries are more than {MAX_ITEMS}")
    weight = 0
    for step, item in entries:
        try:
            weight += _weigh(item, depth)
        except _FaultError as fault:
            fault.steps.append(f".{step}" if type(step) is str else f"[{step}]")
            raise
    return weight


def is_day(text: str) -> bool:
    """Whether a text is `YYYY-MM-DD` and names a day that exists."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return _DATE.fullmatch(text) is not None


def _shown(value: object) -> str:
    """A short, printable form for messages: the value came from outside."""
    text = ascii(value)
    return text if len(text) <= 80 else text[:77] + "..."


def from_json_value(value: object, path: str = "value") -> Value:
    """The checked value that plain JSON stands for: arrays become tuples, numbers must be integers.

    Args:
        value: what `json` makes of it.
        path: names the value in messages.

    Raises:
        RecordFormatError: a float, a null, or anything else that no field may hold.
    """
    converted = _without_lists(value, 0)
    check_value(converted, path)
    return converted  # type: ignore[return-value]  # check_value has just made sure


def _without_lists(value: object, depth: int) -> object:
    if depth > MAX_DEPTH:
        return value  # check_value refuses it with a path
    if isinstance(value, list):
        return tuple(_without_lists(item, depth + 1) for item in value)
    if isinstance(value, dict):
        return {key: _without_lists(item, depth + 1) for key, item in value.items()}
    return value
