"""The list of erasures: one encoding, chained, and nobody shortens or alters it unseen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.erasure import (
    AGAIN,
    Held,
    Mark,
    by_category,
    category_of,
    divide,
    due_at,
    encode_line,
    held_until,
    latest,
    read_lines,
    record_part,
)
from node.domain.retention import Override, RetentionRules
from node.errors import ErasureListError
from tests.vectors import erasure_vectors

LINES = erasure_vectors.lines()
RAW = b"".join(map(encode_line, LINES))


def test_a_list_is_read_as_it_was_written() -> None:
    assert [line for line, _ in read_lines(RAW, Mark())] == LINES
    last = list(read_lines(RAW, Mark()))[-1][1]
    assert (last.number, last.end) == (len(LINES), len(RAW))


def test_reading_goes_on_from_every_mark() -> None:
    marks = [Mark(), *(mark for _, mark in read_lines(RAW, Mark()))]
    for number, mark in enumerate(marks):
        rest = [line for line, _ in read_lines(RAW[mark.start :], mark)]
        assert rest == LINES[number:]


def test_a_list_that_is_older_than_the_mark_is_refused() -> None:
    marks = [mark for _, mark in read_lines(RAW, Mark())]
    for mark in marks:
        for length in (0, mark.end - mark.start - 1):
            with pytest.raises(ErasureListError, match="older copy, or was altered"):
                list(read_lines(RAW[mark.start :][:length], mark))


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_no_byte_of_a_list_can_be_altered(place: int, change: int) -> None:
    """A byte of the last line may: nothing is chained to it yet, so the mark behind it tells."""
    altered = bytearray(RAW)
    altered[place] ^= change
    whole = list(read_lines(RAW, Mark()))
    try:
        found = list(read_lines(bytes(altered), Mark()))
    except ErasureListError:
        return
    assert [mark.head for _, mark in found] != [mark.head for _, mark in whole]
    last = whole[-1][1]
    with pytest.raises(ErasureListError):
        list(read_lines(bytes(altered)[last.start :], last))


@given(st.binary(max_size=300))
def test_what_is_no_list_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    try:
        assert list(read_lines(raw, Mark())) == []
        assert raw == b""
    except ErasureListError:
        pass


def test_lines_cannot_be_left_out_repeated_or_exchanged() -> None:
    raws = list(map(encode_line, LINES))
    for false in ([raws[1]], [raws[0], raws[0]], [raws[0], raws[2]], [raws[1], raws[0], raws[2]]):
        with pytest.raises(ErasureListError):
            list(read_lines(b"".join(false), Mark()))


def test_parts_tell_their_category() -> None:
    part = record_part("subject.base", "2026-11")
    assert category_of(part) == category_of(part + AGAIN) == "subject.base"
    assert category_of("registration") == category_of("obtained") == category_of("") == ""


def test_what_the_law_holds_is_divided_from_what_goes() -> None:
    rules = RetentionRules({"subject.credit": Override(maximum_days=31)})
    parts = ["registration", "subject.base/2026-01", "access.read/2026-01", "access.read/2026-02~", ""]
    erased, held = divide(parts, rules, 1_770_000_000)
    assert erased == ("", "registration", "subject.base/2026-01")
    assert list(held) == ["access.read/2026-01", "access.read/2026-02~"]
    assert latest(held) == (Held("access.read", held["access.read/2026-02~"]),)
    assert divide(parts, rules, held["access.read/2026-02~"])[1] == {}
    assert by_category(parts) == ("access.read", "subject.base")
    assert due_at("registration", rules) is None
    assert due_at("subject.credit/2026-01", rules) is not None
    assert held_until("obtained", rules) == 0
