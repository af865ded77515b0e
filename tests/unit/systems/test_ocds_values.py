from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.systems.ocds.convert import to_decimal
from adapters.systems.ocds.dates import order_key, read_date
from adapters.systems.ocds.fault import FaultError
from node.domain.values import DateValue, DecimalValue, TimeValue


@pytest.mark.parametrize(
    ("literal", "digits"),
    [
        ("0", "0"),
        ("-0", "0"),
        ("-0.0", "0.0"),
        ("0e999999999999", "0"),
        ("8923.94", "8923.94"),
        ("670084096.0", "670084096.0"),
        ("1.50e1", "15.0"),
        ("1.5E+6", "1500000"),
        ("15e-1", "1.5"),
        ("-1e-2", "-0.01"),
        ("123456e-6", "0.123456"),
        ("0.1", "0.1"),
        ("12345678901234567890123.45", "12345678901234567890123.45"),
    ],
)
def test_number_keeps_its_digits(literal, digits):
    assert to_decimal(literal) == DecimalValue(digits)


@pytest.mark.parametrize(
    "literal", ["1e34", "1e-19", "1e999999999999", "1e-999999999999", "9" * 35, "9" * 100_000]
)
def test_number_beyond_a_decimal_is_out_of_range(literal):
    with pytest.raises(FaultError) as caught:
        to_decimal(literal)
    assert caught.value.reason.value == "NUMBER_RANGE"
    assert len(str(caught.value)) < 200


@given(st.from_regex(r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True))
def test_number_is_never_another_number(literal):
    try:
        found = to_decimal(literal)
    except FaultError:
        return
    assert Decimal(found.digits) == Decimal(literal)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2015-06-03", DateValue("2015-06-03")),
        ("2014-12-17T16:44:58Z", TimeValue("2014-12-17T16:44:58Z")),
        ("2015-02-09t14:22:32-0500", TimeValue("2015-02-09T14:22:32-05:00")),
        ("2015-02-09 14:22+08:00", TimeValue("2015-02-09T14:22:00+08:00")),
        ("2017-11-15T19:07:52.732458Z", TimeValue("2017-11-15T19:07:52.732458Z")),
        # No zone is made up, no order of day and month is guessed.
        ("2017-06-30T06:32:13.512560", None),
        ("2017-06-30 06:32", None),
        ("30/06/2017", None),
        ("2017年6月30日", None),
        ("", None),
    ],
)
def test_date_is_read_only_where_its_meaning_is_sure(text, value):
    assert read_date(text) == value


@pytest.mark.parametrize(
    "text", ["2026-02-30", "2026-02-30T10:00:00Z", "2026-01-01T25:00:00Z", "2026-13-01T00:00:00"]
)
def test_date_that_does_not_exist_is_a_fault(text):
    with pytest.raises(FaultError) as caught:
        read_date(text)
    assert caught.value.reason.value == "BAD_DATE"


def test_order_follows_the_moment_and_not_the_text():
    texts = [
        "no date",
        "0001-01-01T00:00:00+08:00",
        "2015-02-09",
        "2015-02-09T09:00:00+08:00",
        "2015-02-09T02:00:00Z",
        "2015-02-09T02:00:00.5Z",
        "2015-02-09T02:00:00.75+00:00",
        "2015-02-09T03:00:00",
        "2015-02-08T23:30:00-04:00",
        "9999-12-31T23:59:59-08:00",
    ]
    assert sorted(texts, key=order_key) == texts


@given(st.datetimes(timezones=st.timezones()), st.datetimes(timezones=st.timezones()))
def test_order_agrees_with_the_calendar(one, other):
    if one.utcoffset().seconds % 60 or other.utcoffset().seconds % 60 or min(one.year, other.year) < 2:
        return  # offsets with seconds have no RFC 3339 form
    if max(one.year, other.year) > 9998:
        return
    assert (order_key(one.isoformat()) < order_key(other.isoformat())) == (one < other)
