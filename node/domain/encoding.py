"""The encodings that everything signed or hashed uses: canonical JSON, base64url, hex, times.

Canonical JSON is RFC 8785. With the value rules of this project (no floats, integers below 2^53, ASCII keys,
no duplicate keys) `orjson` with sorted keys gives the same bytes as RFC 8785 at a fraction of the cost; the
tests hold it against the `rfc8785` package.
"""

import base64
import binascii
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, TypeVar

import msgspec
import orjson

from node.domain.values import is_time
from node.errors import CodeFormatError, DocumentFormatError

T = TypeVar("T")
MAX_INTEGER = 2**53 - 1
_MAX_DEPTH = 32
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# \Z and not $, which would let a line break pass behind the text.
Hex20 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{40}\Z")]
Hex32 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Hex64 = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{128}\Z")]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=253_402_300_799)]
"""Since 1970 UTC; the bound is the end of the year 9999, past which calendars differ."""
_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
_HEX = re.compile(r"(?:[0-9a-f]{2})*")


def canonical_json(value: object) -> bytes:
    """RFC 8785 bytes of a value that obeys this project's rules (the caller has checked it)."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def parse_canonical_json(raw: bytes) -> object:
    """Parse JSON that must already be in canonical form.

    Raises:
        DocumentFormatError: it is not JSON, not canonical (spaces, key order, duplicate keys, escapes) or
            holds a float or an integer beyond 2^53.
    """
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DocumentFormatError(f"not JSON: {error}") from error
    _refuse_numbers(value, 0)
    if canonical_json(value) != raw:
        raise DocumentFormatError("the JSON is not in canonical form (RFC 8785)")
    return value


def decode_canonical(raw: bytes, kind: type[T]) -> T:
    """The structure that canonical JSON stands for, if this is the only way to write it.

    Raises:
        DocumentFormatError: not canonical, not exactly the members of `kind`, or a member that is left out
            when it has its default is spelt out (or the other way round).
    """
    value = parse_canonical_json(raw)
    try:
        decoded = msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise DocumentFormatError(str(error)) from error
    if canonical_json(msgspec.to_builtins(decoded)) != raw:
        raise DocumentFormatError("a member is missing, or spelt out where it must be left out")
    return decoded


def parse_readable_json(raw: bytes) -> object:
    """Parse JSON in any layout under the rules for canonical values; for files that people read.

    Raises:
        DocumentFormatError: not JSON, a key twice, a float, or an integer beyond 2^53.
    """
    try:
        value: object = orjson.loads(raw)
        _refuse_numbers(value, 0)
        json.loads(raw, object_pairs_hook=_refuse_repetition)
    except ValueError as error:
        raise DocumentFormatError(f"not JSON: {error}") from error
    return value


def _refuse_repetition(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        raise DocumentFormatError("the JSON has a key twice")


def _refuse_numbers(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise DocumentFormatError("the JSON is nested too deeply")
    if isinstance(value, float):
        raise DocumentFormatError("the JSON holds a floating-point number")
    if isinstance(value, bool):
        return
    if isinstance(value, int) and abs(value) > MAX_INTEGER:
        raise DocumentFormatError("the JSON holds an integer beyond 2^53")
    if isinstance(value, dict):
        for key, item in value.items():
            if not key.isascii():
                raise DocumentFormatError("the JSON has a key that is not ASCII")
            _refuse_numbers(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _refuse_numbers(item, depth + 1)


def to_base64url(raw: bytes) -> str:
    """Base64url without padding, RFC 4648 section 5."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def from_base64url(text: str) -> bytes:
    """Strict inverse of `to_base64url`.

    Raises:
        DocumentFormatError: padding, foreign characters, or bits that encode nothing.
    """
    try:
        if not _BASE64URL.fullmatch(text):
            raise DocumentFormatError("not base64url without padding")
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise DocumentFormatError("not base64url without padding") from error
    # Only the last letters, where bytes and letters do not end together, can have bits that encode nothing.
    left = len(text) % 4
    if left and to_base64url(raw[-(left - 1) :]) != text[-left:]:
        raise DocumentFormatError("the base64url has stray bits")
    return raw


def from_hex(text: str, length: int) -> bytes:
    """Lower-case hex of exactly `length` bytes, without prefix.

    Raises:
        CodeFormatError: anything else.
    """
    if len(text) != 2 * length or not _HEX.fullmatch(text):
        raise CodeFormatError(f"expected {2 * length} lower-case hex digits")
    return bytes.fromhex(text)


def from_rfc3339(text: str) -> int:
    """Milliseconds since 1970 UTC of a moment with a zone; what is finer is cut off.

    Raises:
        CodeFormatError: not RFC 3339 with a zone, or before 1970.
    """
    found = (datetime.fromisoformat(text) - _EPOCH) // timedelta(milliseconds=1) if is_time(text) else -1
    if found < 0:
        raise CodeFormatError("expected a moment since 1970 such as 2026-02-28T09:30:00+08:00")
    return found


def to_rfc3339(seconds: float) -> str:
    """UTC with milliseconds, for example `2026-01-02T03:04:05.678Z`."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
