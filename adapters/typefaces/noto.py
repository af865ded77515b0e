"""The `Typeface` port: Noto Sans SC from a package, its outlines by fontTools.

The file's hash is part of the format: another version would draw other bytes, and true files would look altered.
Source: `docs/formats/guarantee-file.md`.
"""

import hashlib
from functools import cached_property
from importlib import resources
from threading import Lock
from typing import Any

from node.domain.guarantee_page import Glyph
from node.errors import ConfigError

SHA256 = "faa6c9df652116dde789d351359f3d7e5d2285a2b2a1f04a2d7244df706d5ea9"
_PACKAGE, _FILE = "pylopdf_fonts_zh_cn", "NotoSansSC-Regular.otf"
_OPERATORS = {"moveTo": b"m", "lineTo": b"l", "curveTo": b"c"}


class NotoSansSc:
    """Noto Sans SC Regular 2.004; read at the first glyph, and each glyph once. Safe for threads."""

    def __init__(self) -> None:
        self._known: dict[str, Glyph | None] = {}
        self._reading = Lock()  # fontTools reads the file as it goes, from one place at a time

    def glyph(self, character: str) -> Glyph | None:
        """See the port."""
        if character not in self._known:
            with self._reading:
                self._known[character] = self._draw(character)
        return self._known[character]

    def _draw(self, character: str) -> Glyph | None:
        from fontTools.pens.recordingPen import RecordingPen  # noqa: PLC0415  # only where a page is set

        names, glyphs = self._font
        name = names.get(ord(character))
        if name is None:
            return None
        pen = RecordingPen()
        glyphs[name].draw(pen)
        outline = b"".join(_operation(operator, points) for operator, points in pen.value)
        return Glyph(round(glyphs[name].width), outline) if outline else None

    @cached_property
    def _font(self) -> tuple[dict[int, str], Any]:
        """Character → glyph name → outline.

        Raises:
            ConfigError: the file is missing, or is another than the format names.
        """
        import io  # noqa: PLC0415

        from fontTools.ttLib import TTFont  # noqa: PLC0415

        try:
            content = resources.files(_PACKAGE).joinpath(_FILE).read_bytes()
        except (ModuleNotFoundError, OSError) as error:
            raise ConfigError(
                "the typeface of guarantee files is not installed; install heqi anew"
            ) from error
        if hashlib.sha256(content).hexdigest() != SHA256:
            raise ConfigError("the installed typeface is another than guarantee files are made with")
        font = TTFont(io.BytesIO(content), lazy=True)
        return font.getBestCmap(), font.getGlyphSet()


def _operation(operator: str, points: Any) -> bytes:
    if operator in _OPERATORS:
        numbers = b" ".join(b"%d %d" % (round(x), round(y)) for x, y in points)
        return numbers + b" " + _OPERATORS[operator] + b"\n"
    return b"h\n"
