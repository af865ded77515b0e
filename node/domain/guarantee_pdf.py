"""The bytes of a guarantee file: a PDF in which everything but the seal follows from the attachment.

No revision, no compression, no font program, no number that a library chooses: so a checker writes the file again
and compares, instead of reading it (`docs/adr/0047`). Characters are drawn as glyphs of Type 3 fonts.

Source: ISO 32000-1:2008 (7.5 file structure, 9.6.5 Type 3 fonts, 12.8 signatures, 7.11.4 embedded files);
ISO 19005-3 6.8 (associated files); ETSI EN 319 142-1 (the seal).
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from node.domain.guarantee_page import PAGE_HEIGHT, PAGE_WIDTH, GlyphOf, Run, advance_of
from node.errors import DocumentFormatError

ATTACHMENT = "heqi-guarantee.json"
MAX_FILE_BYTES = 2 << 20
MAX_SEAL_BYTES = 24 << 10
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_FILE, _CATALOG, _PAGES, _SPECIFICATION, _FIELD, _SEAL, _FIRST = 1, 2, 3, 4, 5, 6, 7
_CODES = 256
_SEQUENCE = b"\x30\x82"
_BEGIN = re.compile(
    re.escape(_HEADER) + rb"1 0 obj\n<</Type/EmbeddedFile/Subtype/application#2Fjson/Length ([1-9][0-9]{0,6})"
    rb">>\nstream\n"
)
_SEAL_TEXT = re.compile(rb"(?:[0-9a-f]{2})*")


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A file with a hole: what the seal covers, before and behind its hexadecimal digits."""

    before: bytes
    """Up to and with `<`."""
    after: bytes
    """From `>` on."""

    @property
    def covered(self) -> bytes:
        """What is sealed: the file without the hole and its brackets."""
        return self.before[:-1] + self.after[1:]

    def filled(self, seal: bytes) -> bytes:
        """The whole file.

        Args:
            seal: CMS, DER.

        Raises:
            DocumentFormatError: it does not fit.
        """
        if len(seal) > MAX_SEAL_BYTES:
            raise DocumentFormatError(f"a seal has at most {MAX_SEAL_BYTES} bytes, its certificates included")
        return self.before + seal.ljust(MAX_SEAL_BYTES, b"\0").hex().encode() + self.after


def read_attachment(raw: bytes) -> bytes:
    """The attachment of a file, by its place; nothing of the rest is looked at.

    Raises:
        DocumentFormatError: it is no guarantee file.
    """
    found = _BEGIN.match(raw[:256])
    if found is None or len(raw) > MAX_FILE_BYTES:
        raise DocumentFormatError("this PDF is not a guarantee file of this alliance's software")
    return raw[found.end() : found.end() + int(found[1])]


def is_guarantee_file(beginning: bytes) -> bool:
    """Whether a file begins as guarantee files do, and no other PDF."""
    return _BEGIN.match(beginning[:256]) is not None


def read_seal(raw: bytes, unsealed: Unsealed) -> bytes:
    """The seal of a file that is otherwise exactly as it must be.

    Args:
        raw: the file as somebody shows it.
        unsealed: what it must be.

    Returns:
        CMS, DER; not looked into but for its length (X.690 8.1.3.5: a sequence with two octets of length).

    Raises:
        DocumentFormatError: a byte of it differs: page, attachment, or anything added.
    """
    start, end = len(unsealed.before), len(unsealed.before) + 2 * MAX_SEAL_BYTES
    hole = raw[start:end]
    if raw != unsealed.before + hole + unsealed.after or not _SEAL_TEXT.fullmatch(hole):
        raise DocumentFormatError(
            "the file is not the one that belongs to its attached guarantee: its page or another part was altered"
        )
    padded = bytes.fromhex(hole.decode())
    end = len(_SEQUENCE) + 2 + int.from_bytes(padded[2:4], "big")
    if not padded.startswith(_SEQUENCE) or padded[end:].strip(b"\0"):
        raise DocumentFormatError("the file holds something else than a seal where its seal belongs")
    return padded[:end]


def write(attachment: bytes, pages: Sequence[Sequence[Run]], glyph_of: GlyphOf, sealed: int) -> Unsealed:
    """The file for an attachment.

    Args:
        attachment: what the machine reads.
        pages: what people read.
        glyph_of: the typeface.
        sealed: seconds since 1970 UTC.
    """
    drawn = sorted({one for page in pages for run in page for one in run.text if glyph_of(one) is not None})
    place = {one: divmod(number, _CODES) for number, one in enumerate(drawn)}
    fonts = [drawn[start : start + _CODES] for start in range(0, len(drawn), _CODES)]
    first_page = _FIRST + sum(3 + len(font) for font in fonts) - len(fonts)
    objects: list[bytes] = []
    font_numbers = []
    for font in fonts:
        font_numbers.append(_FIRST + len(objects))
        objects += _font(_FIRST + len(objects), font, glyph_of)
    first_page = _FIRST + len(objects)
    resources = b"".join(b"/F%d %d 0 R" % pair for pair in enumerate(font_numbers))
    page_numbers = [first_page + 2 * number for number in range(len(pages))]
    for number, page in zip(page_numbers, pages, strict=True):
        annotations = b"/Annots[%d 0 R]" % _FIELD if number == first_page else b""
        objects += [
            b"<</Type/Page/Parent %d 0 R/MediaBox[0 0 %d %d]/Resources<</Font<<%s>>>>/Contents %d 0 R%s>>"
            % (_PAGES, PAGE_WIDTH, PAGE_HEIGHT, resources, number + 1, annotations),
            _stream(b"", _content(page, place, glyph_of)),
        ]
    kids = b" ".join(b"%d 0 R" % number for number in page_numbers)
    name = ATTACHMENT.encode()
    head = [
        _stream(b"/Type/EmbeddedFile/Subtype/application#2Fjson", attachment),
        b"<</Type/Catalog/Pages %d 0 R/Lang(zh-CN)/AF[%d 0 R]/Names<</EmbeddedFiles<</Names[(%s)%d 0 R]>>>>"
        b"/PageMode/UseNone/AcroForm<</Fields[%d 0 R]/SigFlags 3>>/Perms<</DocMDP %d 0 R>>>>"
        % (_PAGES, _SPECIFICATION, name, _SPECIFICATION, _FIELD, _SEAL),
        b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, len(pages)),
        b"<</Type/Filespec/F(%s)/UF(%s)/AFRelationship/Source/EF<</F %d 0 R/UF %d 0 R>>>>"
        % (name, name, _FILE, _FILE),
        b"<</Type/Annot/Subtype/Widget/FT/Sig/T(Seal)/F 132/Rect[0 0 0 0]/P %d 0 R/V %d 0 R>>"
        % (first_page, _SEAL),
    ]
    return _assembled(head, objects, attachment, sealed)


def _assembled(head: list[bytes], objects: list[bytes], attachment: bytes, sealed: int) -> Unsealed:
    out, offsets = bytearray(_HEADER), {}
    numbers = [*range(_FILE, _SEAL), *range(_FIRST, _FIRST + len(objects))]
    for number, content in zip(numbers, [*head, *objects], strict=True):
        offsets[number] = len(out)
        out += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    offsets[_SEAL] = len(out)
    count = _FIRST + len(objects)
    moment = datetime.fromtimestamp(sealed, UTC).strftime("D:%Y%m%d%H%M%SZ").encode()
    out += (
        b"%d 0 obj\n<</Type/Sig/Filter/Adobe.PPKLite/SubFilter/ETSI.CAdES.detached/M(%s)/Reference[<</Type/SigRef"
        b"/TransformMethod/DocMDP/TransformParams<</Type/TransformParams/P 1/V/1.2>>>>]/ByteRange"
        % (_SEAL, moment)
    )
    table = b"xref\n0 %d\n0000000000 65535 f \n" % count + b"".join(
        b"%010d 00000 n \n" % offsets[number] for number in range(1, count)
    )
    identity = hashlib.sha256(attachment).hexdigest()[:32].encode()
    after = b">>>\nendobj\n"
    # Four numbers of ten places each, brackets, "/Contents" and "<".
    before_length = len(out) + 45 + len(b"/Contents<")
    start = before_length + 2 * MAX_SEAL_BYTES + len(after)
    after += table + b"trailer\n<</Size %d/Root %d 0 R/ID[<%s><%s>]>>\nstartxref\n%d\n%%%%EOF\n" % (
        count,
        _CATALOG,
        identity,
        identity,
        start,
    )
    end_of_hole = before_length + 2 * MAX_SEAL_BYTES + 1
    out += b"[%-10d %-10d %-10d %-10d]" % (0, before_length - 1, end_of_hole, len(after) - 1)
    out += b"/Contents<"
    return Unsealed(bytes(out), after)


def _font(number: int, font: Sequence[str], glyph_of: GlyphOf) -> Iterable[bytes]:
    """A Type 3 font, its table of characters, and the glyphs."""
    glyphs = [glyph for one in font if (glyph := glyph_of(one)) is not None]
    widths = b" ".join(b"%d" % glyph.advance for glyph in glyphs)
    names = b"".join(b"/g%d" % code for code in range(len(glyphs)))
    programs = b"".join(b"/g%d %d 0 R" % (code, number + 2 + code) for code in range(len(glyphs)))
    yield (
        b"<</Type/Font/Subtype/Type3/FontBBox[0 0 0 0]/FontMatrix[.001 0 0 .001 0 0]/Resources<<>>/FirstChar 0"
        b"/LastChar %d/Widths[%s]/Encoding<</Type/Encoding/Differences[0%s]>>/CharProcs<<%s>>/ToUnicode %d 0 R>>"
        % (len(glyphs) - 1, widths, names, programs, number + 1)
    )
    yield _stream(b"", _to_unicode(font))
    for glyph in glyphs:
        yield _stream(b"", b"%d 0 d0\n%sf" % (glyph.advance, glyph.outline))


def _to_unicode(font: Sequence[str]) -> bytes:
    pairs = [b"<%02x> <%s>" % (code, one.encode("utf-16-be").hex().encode()) for code, one in enumerate(font)]
    parts = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    listed = b"".join(b"%d beginbfchar\n%s\nendbfchar\n" % (len(part), b"\n".join(part)) for part in parts)
    return (
        b"/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo\n<< /Registry (Adobe)\n"
        b"/Ordering (UCS) /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        b"1 begincodespacerange\n<00> <ff>\nendcodespacerange\n"
        + listed
        + b"endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    )


def _content(page: Sequence[Run], place: dict[str, tuple[int, int]], glyph_of: GlyphOf) -> bytes:
    """The operators of a page: one text object, each stretch in one font put at its place in thousandths."""
    out = [b"BT"]
    for run in page:
        x, start = run.x * 1_000, 0
        while start < len(run.text):
            font = _font_of(run.text[start], place)
            end = start
            while end < len(run.text) and _font_of(run.text[end], place) == font:
                end += 1
            stretch = run.text[start:end]
            if font is not None:
                codes = bytes(place[one][1] for one in stretch).hex().encode()
                out.append(
                    b"/F%d %d Tf 1 0 0 1 %d.%03d %d Tm<%s>Tj"
                    % (font, run.size, x // 1_000, x % 1_000, run.y, codes)
                )
            x += sum(advance_of(one, glyph_of) for one in stretch) * run.size
            start = end
    out.append(b"ET")
    return b"\n".join(out)


def _font_of(character: str, place: dict[str, tuple[int, int]]) -> int | None:
    """None for a space, which nothing draws."""
    return place[character][0] if character in place else None


def _stream(about: bytes, content: bytes) -> bytes:
    return b"<<%s/Length %d>>\nstream\n%s\nendstream" % (about, len(content), content)
