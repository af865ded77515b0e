"""The page of a guarantee file: all of the document, and nothing that cannot be seen."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.typefaces.noto import NotoSansSc
from node.domain.guarantee_page import (
    PAGE_HEIGHT,
    PAGE_WIDTH,
    Line,
    advance_of,
    characters,
    compose,
    lines_of,
)
from node.domain.guarantee_pdf import write
from node.errors import DocumentFormatError
from tests.vectors import guarantee_story

GLYPH = NotoSansSc().glyph
DOCUMENT = msgspec.to_builtins(guarantee_story.guarantee())
SEAL = {"credit_code": "91110000600037341L", "certificate": "ab" * 32, "iat": 0}


def test_every_member_of_the_document_stands_on_the_page() -> None:
    lines = lines_of({**DOCUMENT, "rules": "URDG 758"}, "cd" * 32, "ef" * 20, SEAL)
    values = [line.value for line in lines]
    for name, value in DOCUMENT.items():
        if isinstance(value, str):
            assert any(shown.endswith(value) for shown in values), name
    assert len(lines) == len(DOCUMENT) + 1 + 5
    assert Line("rules", "rules", "URDG 758") in lines, "also one that no version of the page knows"
    drawn = "".join(run.text for page in compose(lines, GLYPH) for run in page)
    assert all(value in drawn for value in values)


def test_what_has_no_glyph_is_spelled_out() -> None:
    assert (
        characters("8\u200b0\u202e\u3000\x00\U00020bb7 x", GLYPH)
        == "8[U+200B]0[U+202E][U+3000][U+0000][U+20BB7] x"
    )


@given(st.text(max_size=300))
def test_no_text_leaves_its_column_or_its_page(text: str) -> None:
    pages = compose([Line("甲", "A", text)] * 3, GLYPH)
    for run in (run for page in pages for run in page):
        assert run.x + sum(advance_of(one, GLYPH) for one in run.text) * run.size / 1_000 <= PAGE_WIDTH - 56
        assert 40 <= run.y <= PAGE_HEIGHT
    shown = characters(text, GLYPH)
    assert "".join(run.text for page in pages for run in page if run.x == 206) == shown * 3
    write(b"{}", pages, GLYPH, 0)


def test_a_document_beyond_all_measure_has_no_page() -> None:
    with pytest.raises(DocumentFormatError):
        lines_of({"number": "x" * 2_001}, "", "", SEAL)
    with pytest.raises(DocumentFormatError):
        compose([Line("甲", "A", "x" * 2_000)] * 200, GLYPH)


def test_more_characters_than_one_font_holds_go_to_a_second() -> None:
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 400)))
    file = write(b"{}", compose([Line("甲", "A", text)], GLYPH), GLYPH, 0).before
    assert file.count(b"/Subtype/Type3") == 2
