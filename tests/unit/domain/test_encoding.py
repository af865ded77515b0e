import base64
import json
from typing import Any

import msgspec
import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from node.domain.encoding import (
    MAX_INTEGER,
    Hex20,
    Hex32,
    Hex64,
    Seconds,
    canonical_json,
    decode_canonical,
    from_base64url,
    from_hex,
    parse_canonical_json,
    parse_readable_json,
    to_base64url,
    to_rfc3339,
)
from node.errors import CodeFormatError, DocumentFormatError
from tests.unit.domain.mutation import CANONICAL_VALUES


class Pair(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    a: int
    b: int = 1


class Lean(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    a: int
    b: int = 1


@given(CANONICAL_VALUES)
@example({"a": '\x00\x08\x0b\x1f\x7f\u2028\u20ac\U0001f600"\\/', "A": 0, "": -0})
def test_canonical_bytes_are_those_of_rfc8785(value):
    raw = canonical_json(value)
    assert raw == rfc8785.dumps(value)
    assert parse_canonical_json(raw) == value


@given(CANONICAL_VALUES)
def test_any_other_layout_of_a_value_is_refused(value):
    raw = canonical_json(value)
    for other in (json.dumps(value).encode(), json.dumps(value, indent=1).encode(), raw + b" ", b" " + raw):
        if other != raw:
            with pytest.raises(DocumentFormatError):
                parse_canonical_json(other)


@pytest.mark.parametrize("number", [MAX_INTEGER, -MAX_INTEGER])
def test_largest_integers_pass_and_the_next_do_not(number):
    assert parse_canonical_json(b"%d" % number) == number
    with pytest.raises(DocumentFormatError):
        parse_canonical_json(b"%d" % (number + (1 if number > 0 else -1)))


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_nesting_is_bounded_whatever_its_depth(opening):
    closing = b"]" if opening == b"[" else b"}"
    assert parse_canonical_json(opening * 32 + b"1" + closing * 32)
    for depth in (33, 900, 100_000):
        with pytest.raises(DocumentFormatError):
            parse_canonical_json(opening * depth + b"1" + closing * depth)


@given(st.binary())
def test_base64url_is_that_of_rfc4648_without_padding(raw):
    assert to_base64url(raw) == base64.urlsafe_b64encode(raw).decode().rstrip("=")
    assert from_base64url(to_base64url(raw)) == raw


@given(st.text(st.sampled_from("ABCDabcd0189-_=+/ \n"), max_size=9))
def test_base64url_of_some_bytes_has_one_text_only(text):
    try:
        raw = from_base64url(text)
    except DocumentFormatError:
        return
    assert to_base64url(raw) == text


@pytest.mark.parametrize("text", ["", "AB", "ab ", "a", "abc", "0x", "ab\n", "é" * 2, "abab"])
def test_hex_of_another_length_or_alphabet_is_refused(text):
    with pytest.raises(CodeFormatError):
        from_hex(text, 1)


def test_hex_is_read():
    assert from_hex("00ff", 2) == b"\0\xff"


@pytest.mark.parametrize(("kind", "digits"), [(Hex20, 40), (Hex32, 64), (Hex64, 128)])
def test_hex_types_take_no_line_break_behind_the_text(kind, digits):
    assert msgspec.convert("a" * digits, kind)
    for wrong in ("a" * digits + "\n", "A" * digits, "a" * (digits - 1), " " + "a" * (digits - 1)):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(wrong, kind)


@pytest.mark.parametrize("wrong", [-1, 253_402_300_800, 1.0, True, "1"])
def test_seconds_end_with_the_year_9999(wrong):
    assert msgspec.convert(253_402_300_799, Seconds)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Seconds)


def test_structure_is_decoded_from_its_one_encoding():
    assert decode_canonical(b'{"a":1,"b":2}', Pair) == Pair(1, 2)
    assert decode_canonical(b'{"a":1,"b":1}', Pair) == Pair(1)
    assert decode_canonical(b'{"a":1}', Lean) == Lean(1)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b'{"a":1}', Pair),
        (b'{"a":1,"b":1}', Lean),
        (b'{"a":1,"b":2,"c":3}', Pair),
        (b'{"a":"1","b":2}', Pair),
    ],
    ids=["default left out", "default spelt out", "unknown member", "wrong type"],
)
def test_second_encoding_of_a_structure_is_refused(raw, kind):
    with pytest.raises(DocumentFormatError):
        decode_canonical(raw, kind)


def test_readable_json_takes_any_layout():
    assert parse_readable_json(b'{\n "b": [1, 2],\n "a": "\\u0041"\n}\n') == {"a": "A", "b": [1, 2]}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a":1,"a":1}',
        b'[{"x":{"a":1,"b":2,"a":3}}]',
        b'{"a":1.0}',
        b"9007199254740992",
        b'{"a":NaN}',
        b'"\\ud800"',
        b'"\xff"',
        b"[" * 5_000,
        b"[" * 50 + b"]" * 50,
    ],
)
def test_readable_json_with_two_meanings_is_refused(raw):
    with pytest.raises(DocumentFormatError):
        parse_readable_json(raw)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1767323045.678, "2026-01-02T03:04:05.678Z"),
        (1767323045.9999, "2026-01-02T03:04:05.999Z"),
    ],
)
def test_time_is_utc_with_milliseconds(seconds: float, text: Any):
    assert to_rfc3339(seconds) == text
