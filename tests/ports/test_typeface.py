"""The `Typeface` port: the glyphs of the format, from any thread, and from no other file."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

import pytest

from adapters.typefaces import noto
from adapters.typefaces.noto import NotoSansSc
from node.errors import ConfigError

VECTOR = json.loads((Path(__file__).parents[1] / "vectors/guarantee-file.json").read_text(encoding="utf-8"))
TEXT = "电子保函合契0123456789ABCxyz（）元"


def digest(typeface: NotoSansSc, text: str = TEXT) -> str:
    return hashlib.sha256(repr([typeface.glyph(one) for one in text]).encode()).hexdigest()


def test_the_glyphs_are_those_of_the_format() -> None:
    glyph = NotoSansSc().glyph(VECTOR["glyph"]["character"])
    assert glyph is not None
    assert (glyph.advance, glyph.outline.decode()) == (VECTOR["glyph"]["advance"], VECTOR["glyph"]["outline"])
    assert VECTOR["typeface"] == noto.SHA256


def test_many_threads_are_given_the_same_as_one() -> None:
    shared, expected = NotoSansSc(), digest(NotoSansSc())
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(lambda _: digest(shared), range(24))) == {expected}


@pytest.mark.parametrize("character", [" ", "\u3000", "\u200b", "\u202e", "\x00", "\U00020bb7", "\U000e0001"])
def test_what_draws_nothing_has_no_glyph(character: str) -> None:
    assert NotoSansSc().glyph(character) is None


def test_another_file_or_none_is_refused() -> None:
    with mock.patch.object(noto, "SHA256", "00" * 32), pytest.raises(ConfigError, match="another"):
        NotoSansSc().glyph("一")
    with mock.patch.object(noto, "_FILE", "Nothing.otf"), pytest.raises(ConfigError, match="not installed"):
        NotoSansSc().glyph("一")
