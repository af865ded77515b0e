"""Parts of a tree to typed values, exactly: no number passes through a float, nothing is guessed.

Nulls, and what is empty without them, are dropped: they state nothing.
"""

import re

from adapters.systems.ocds.fault import FaultError
from adapters.systems.ocds.outcome import Reason, Summary
from adapters.systems.ocds.tree import Number, Tree, Unusable, is_personal, step
from node.domain.values import (
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_ITEMS,
    MAX_TEXT_BYTES,
    DecimalValue,
    Value,
    is_object_key,
)
from node.errors import RecordFormatError

_LITERAL = re.compile(r"(-?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]+))?")
_PLAIN = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
# Far beyond what a decimal may hold, and small enough that expanding costs nothing.
_MAX_EXPONENT = 99
# These are decimals in OCDS even where the literal happens to be whole: a field keeps one type.
_DECIMAL_KEYS = frozenset({"amount", "amountNet", "quantity"})


def to_decimal(literal: str) -> DecimalValue:
    """The exact decimal that a JSON number literal says, exponents expanded.

    Raises:
        FaultError: NUMBER_RANGE: more than 34 digits before or 18 after the point.
    """
    match = _LITERAL.fullmatch(literal)
    if match is None:
        raise FaultError(Reason.NUMBER_RANGE, f"{literal[:40]!r} is not a number")
    sign, whole, fraction, exponent = match[1], match[2], match[3] or "", match[4] or "0"
    digits = whole + fraction
    if not digits.strip("0"):
        return DecimalValue(f"0.{fraction[:18]}" if fraction else "0")
    shift = int(exponent) if len(exponent) < 6 else _MAX_EXPONENT + 1
    if abs(shift) > _MAX_EXPONENT:
        raise FaultError(Reason.NUMBER_RANGE, f"{literal[:40]} is outside the range of decimals")
    point = len(whole) + shift
    # Zeros on either side, so that the point falls inside the digits.
    digits = "0" * -point + digits + "0" * (point - len(digits))
    point = max(point, 0)
    text = sign + (digits[:point].lstrip("0") or "0") + ("." + digits[point:] if digits[point:] else "")
    try:
        return DecimalValue(text)
    except RecordFormatError:
        raise FaultError(
            Reason.NUMBER_RANGE, f"{literal[:60]} has more digits than a decimal can hold"
        ) from None


def to_amount(node: Tree) -> DecimalValue | None:
    """An amount, also one that stands as a plain decimal text; None for anything else.

    A text with separators (1.234,50) is not read: which of them is the point would be a guess.
    """
    if isinstance(node, Number) or (type(node) is str and _PLAIN.fullmatch(node)):
        return to_decimal(node)
    return None


def to_integer(node: Tree) -> int | None:
    """A whole number below 2**53 either way; None for anything else."""
    if isinstance(node, Number) and len(node) < 18 and node.lstrip("-").isdigit():
        number = int(node)
        return number if abs(number) <= MAX_INTEGER else None
    return None


def to_text(text: str) -> str:
    """The text, checked.

    Raises:
        FaultError: TOO_LARGE or BAD_TEXT.
    """
    try:
        size = len(text) if text.isascii() else len(text.encode())
    except UnicodeEncodeError:
        raise FaultError(Reason.BAD_TEXT, "the text has a lone surrogate and no UTF-8 form") from None
    if size > MAX_TEXT_BYTES:
        raise FaultError(Reason.TOO_LARGE, f"the text has {size} bytes, more than {MAX_TEXT_BYTES}")
    return str(text)


def to_identifier(node: Tree) -> str | None:
    """An identifier as text; None where there is none."""
    if isinstance(node, str):
        return str(node).strip() or None
    return None


def usable(node: Tree) -> Tree:
    """The node, if it has one meaning.

    Raises:
        FaultError: it has none.
    """
    if isinstance(node, Unusable):
        raise FaultError(node.reason, node.message)
    return node


class Converter:
    """Converts parts of one release, and counts what it leaves out or notices."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary

    def is_left_out(self, key: str) -> bool:
        """Whether the key holds personal data; counts it if so."""
        if not is_personal(key):
            return False
        self._summary.left_out[key] += 1
        return True

    def note(self, what: str) -> None:
        """Count something that was taken as it is but is odd."""
        self._summary.noted[what] += 1

    def to_value(self, node: Tree, key: str = "", depth: int = 1) -> Value | None:
        """Any part of a tree as a value, or None if it states nothing.

        Args:
            node: the part.
            key: under which it stands; decides whether a whole number is a decimal.
            depth: 1 by default: the part may still be put into one object.

        Raises:
            FaultError: it cannot be a value.
        """
        if node is None or isinstance(node, bool):
            return node
        if isinstance(node, Number):
            whole = None if key in _DECIMAL_KEYS else to_integer(node)
            return to_decimal(node) if whole is None else whole
        if isinstance(node, str):
            return (to_amount(node) if key in {"amount", "amountNet"} else None) or to_text(node)
        if isinstance(node, Unusable):
            raise FaultError(node.reason, node.message)
        if depth >= MAX_DEPTH:
            raise FaultError(Reason.TOO_DEEP, f"lists and objects are more than {MAX_DEPTH} deep")
        if len(node) > MAX_ITEMS:
            raise FaultError(Reason.TOO_LARGE, f"{len(node)} entries are more than {MAX_ITEMS}")
        if isinstance(node, list):
            items = [self._inner(item, str(i), key, depth) for i, item in enumerate(node)]
            return tuple(item for item in items if item is not None) or None
        return self._object(node, depth) or None

    def _object(self, node: dict[str, Tree], depth: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        for key, part in node.items():
            if part is None or self.is_left_out(key):
                continue
            if not is_object_key(key):
                raise FaultError(Reason.BAD_KEY, f"{key[:64]!a} cannot be a key of a record's object")
            value = self._inner(part, key, key, depth)
            if value is not None:
                found[key] = value
        return found

    def _inner(self, node: Tree, place: str, key: str, depth: int) -> Value | None:
        try:
            return self.to_value(node, key, depth + 1)
        except FaultError as fault:
            fault.pointer = step(place) + fault.pointer
            raise
