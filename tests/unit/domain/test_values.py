import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.values import (
    ITEM_BYTES,
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_ITEMS,
    MAX_TEXT_BYTES,
    DateValue,
    DecimalValue,
    TimeValue,
    check_fields,
    check_value,
    to_json_value,
)
from node.errors import RecordFormatError


class Word(str):
    __slots__ = ()


def nested(depth: int) -> object:
    value: object = "x"
    for _ in range(depth):
        value = (value,)
    return value


SOUND = [
    "",
    "合契",
    "\0",
    0,
    MAX_INTEGER,
    -MAX_INTEGER,
    True,
    DecimalValue("-0.5"),
    DateValue("2024-02-29"),
    TimeValue("2026-02-28T09:30:00.123456789+08:00"),
    (),
    {},
    ({"procurementMethod": "open", "x_foo": (1, DecimalValue("1.10"))},),
    "x" * MAX_TEXT_BYTES,
    ("x",) * MAX_ITEMS,
    nested(MAX_DEPTH),
]

REFUSED = [
    (1.0, "value: a float"),
    (math.nan, "value: a float"),
    (None, "value: there is no null"),
    (b"x", "value: bytes"),
    (["x"], "value: a list"),
    (1 + 2j, "value: a value cannot be a complex"),
    (Word("x"), "value: a value cannot be a Word"),
    (MAX_INTEGER + 1, "value: an integer"),
    (-MAX_INTEGER - 1, "value: an integer"),
    ("\ud800", "value: the text has a lone surrogate"),
    ("x" * (MAX_TEXT_BYTES + 1), "value: the text has 65537 bytes"),
    ("合" * (MAX_TEXT_BYTES // 3 + 1), "value: the text has 65538 bytes"),
    (("x",) * (MAX_ITEMS + 1), "value: 4097 entries"),
    (nested(MAX_DEPTH + 1), r"value(\[0\]){16}: lists and objects are more than 16 deep"),
    (({"a": ("x", 2.0)},), r"value\[0\]\.a\[1\]: a float"),
    ({"价": 1}, "value: '\\\\u4ef7' cannot be a key"),
    ({"a" * 65: 1}, "cannot be a key"),
    ({"": 1}, "cannot be a key"),
    ({1: 1}, "value: 1 cannot be a key"),
    ({"a b": 1}, "cannot be a key"),
    # RFC 9901 reads these as digests of hidden fields.
    ({"_sd": ("x",)}, "cannot be a key"),
    (({"...": "x"},), r"value\[0\]: '...' cannot be a key"),
]


@pytest.mark.parametrize("value", SOUND, ids=lambda v: repr(v)[:30])
def test_sound_value_passes_and_is_plain_json(value):
    assert check_value(value) >= ITEM_BYTES
    assert orjson.loads(orjson.dumps(to_json_value(value))) == to_json_value(value)


@pytest.mark.parametrize(("value", "message"), REFUSED, ids=lambda v: ascii(v)[:30])
def test_bad_value_is_refused_with_its_place(value, message):
    with pytest.raises(RecordFormatError, match=message):
        check_value(value)


def test_value_that_was_not_checked_cannot_be_disclosed():
    for value in (1.0, None, ["x"], Word("x")):
        with pytest.raises(TypeError, match="was not checked"):
            to_json_value(value)


def test_disclosure_keeps_the_digits_of_decimals():
    value = {"amount": DecimalValue("12.50"), "day": DateValue("2026-01-02"), "open": True, "n": (1,)}
    assert to_json_value(value) == {"amount": "12.50", "day": "2026-01-02", "open": True, "n": [1]}


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "+1",
        "01",
        "1.",
        ".5",
        "1e3",
        "-0",
        "-0.00",
        "1,5",
        "٣",
        " 1",
        "1\n",
        "9" * 35,
        "0." + "1" * 19,
        "NaN",
    ],
)
def test_decimal_that_is_not_plain_is_refused(digits):
    with pytest.raises(RecordFormatError):
        DecimalValue(digits)


@pytest.mark.parametrize("digits", ["0", "0.00", "-0.01", "10.50", "9" * 34 + "." + "9" * 18])
def test_plain_decimal_is_kept_as_it_is(digits):
    assert DecimalValue(digits).digits == digits


@pytest.mark.parametrize(
    "text", ["2026-02-29", "2026-13-01", "0000-01-01", "20260101", "2026-W01-1", "2026-1-1", ""]
)
def test_day_that_does_not_exist_is_refused(text):
    with pytest.raises(RecordFormatError):
        DateValue(text)


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T09:30:00",
        "2026-01-01 09:30:00Z",
        "2026-01-01T09:30Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T09:30:60Z",
        "2026-02-29T09:30:00Z",
        "2026-01-01T09:30:00+0800",
        "2026-01-01T09:30:00+24:00",
        "2026-01-01T09:30:00.1234567890Z",
        "2026-01-01t09:30:00z",
    ],
)
def test_time_of_another_form_is_refused(text):
    with pytest.raises(RecordFormatError):
        TimeValue(text)


def test_weight_counts_texts_keys_and_items():
    assert check_value("合契") == ITEM_BYTES + 6
    assert check_value({"ab": ("x", 1)}) == 4 * ITEM_BYTES + 3


def test_field_names_are_snake_case():
    assert check_fields({"a": "x", "value_amount": DecimalValue("1")}) > 0
    for name in ("", "A", "a-b", "_a", "1a", "a" * 65, "名", "a\n", 1):
        with pytest.raises(RecordFormatError, match="is not a field name"):
            check_fields({name: "x"})


def test_fields_name_the_place_of_the_fault():
    with pytest.raises(RecordFormatError, match=r"^items\[1\]\.quantity: a float"):
        check_fields({"title": "x", "items": ({}, {"quantity": 1.5})})


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.just("\ud800"),
    lambda inner: (
        st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text() | st.integers(), inner)
    ),
)


@given(anything)
def test_check_raises_nothing_but_its_own_error(value):
    try:
        check_value(value)
    except RecordFormatError:
        return
    assert orjson.dumps(to_json_value(value))


@given(st.text())
def test_constructors_raise_nothing_but_their_own_error(text):
    for kind in (DecimalValue, DateValue, TimeValue):
        try:
            kind(text)
        except RecordFormatError:
            continue
