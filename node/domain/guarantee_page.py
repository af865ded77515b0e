"""What the page of a guarantee file says, and where: lines of text out of the signed document, and nothing else.

Every member of the document stands on the page, a member without a label of its own under its bare name, so that
nothing that counts can be left out of sight. Source: `docs/formats/guarantee-file.md`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from node.errors import DocumentFormatError

PAGE_WIDTH, PAGE_HEIGHT = 595, 842
"""A4 in points."""
_LEFT, _VALUES, _RIGHT, _TOP, _BOTTOM = 56, 206, 539, 786, 60
_MAX_VALUE_CHARS, _MAX_PAGES = 2_000, 40
_EM = 1_000
_CHINA = timezone(timedelta(hours=8))


@dataclass(frozen=True, slots=True)
class Glyph:
    """How one character is drawn."""

    advance: int
    """In thousandths of the size."""
    outline: bytes
    """Path operators of ISO 32000-1 8.5.2, integers in thousandths of the size; without painting operator."""


GlyphOf = Callable[[str], Glyph | None]
"""One character → its glyph; None if the typeface has none, or one that draws nothing."""


@dataclass(frozen=True, slots=True)
class Run:
    """Text on one line; its lower left corner in points from the page's."""

    x: int
    y: int
    size: int
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: what, in Chinese and English, and the value as it is shown."""

    chinese: str
    english: str
    value: str


_LABELS = {
    "guarantee_kind": ("保函种类", "Kind"),
    "number": ("保函编号", "Number"),
    "amount": ("担保金额", "Amount"),
    "currency": ("币种", "Currency"),
    "iss": ("担保人", "Guarantor"),
    "applicant_name": ("申请人", "Applicant"),
    "applicant_code": ("申请人信用代码", "Credit code of the applicant"),
    "beneficiary_name": ("受益人", "Beneficiary"),
    "section": ("标段", "Section"),
    "centre": ("交易中心", "Centre"),
    "legal_nature": ("担保性质", "Legal nature"),
    "nbf": ("生效时间", "In force from"),
    "exp": ("到期时间", "In force until"),
    "iat": ("出具时间", "Signed at"),
    "applicant": ("申请人主体标识", "Subject id of the applicant"),
    "code": ("申请码", "Application code"),
    "applicant_key": ("申请人操作公钥", "Key of the applicant"),
    "beneficiary_key": ("受益人操作公钥", "Key of the beneficiary"),
    "jti": ("文件随机标识", "Document id"),
    "alliance": ("联盟", "Alliance"),
}
"""In the order of the page; members that are not here follow in the order of their names."""
_TIMES = frozenset({"nbf", "exp", "iat"})
_WORDS = {
    "guarantee_kind": {
        "bid": "投标保函",
        "performance": "履约保函",
        "quality": "质量保函",
        "advance-payment": "预付款保函",
    },
    "legal_nature": {"independent": "独立保函", "suretyship": "保证", "insurance": "保证保险"},
}
_TITLE = ("电子保函", "Electronic guarantee")
_NOTES = (
    "本页由附件 heqi-guarantee.json 逐字节生成；以附件中担保人签名的文件为准。",
    "This page is made, to the byte, from the attached heqi-guarantee.json, which holds the signed guarantee.",
    "是否有效（已开立、未到期、未解保）须向任一成员节点查询账本：heqi guarantee check --file",
    "Whether it is in force now, only the ledger says: ask the node of any member.",
)


def lines_of(
    document: Mapping[str, object], guarantee: str, contract: str, seal: Mapping[str, object]
) -> list[Line]:
    """The table.

    Args:
        document: members of the guarantee document.
        guarantee: id on the ledger, 64 hex digits.
        contract: address, 40 hex digits.
        seal: members of the statement by which the guarantor names its certificate.

    Raises:
        DocumentFormatError: a value is too long for a page.
    """
    known = [name for name in _LABELS if name in document]
    names = known + sorted(document.keys() - _LABELS.keys())
    lines = [Line(*_LABELS.get(name, (name, name)), _shown(name, document[name])) for name in names]
    lines += [
        Line("账本编号", "Id on the ledger", guarantee),
        Line("账本合约", "Contract", f"0x{contract}"),
        Line("盖章单位信用代码", "Credit code of the seal", _shown("", seal["credit_code"])),
        Line("盖章证书 SHA-256", "Certificate of the seal", _shown("", seal["certificate"])),
        Line("盖章时间", "Sealed at", _shown("iat", seal["iat"])),
    ]
    return lines


def compose(lines: Sequence[Line], glyph_of: GlyphOf) -> list[list[Run]]:
    """The lines set on pages; line breaks fall between any two characters.

    Raises:
        DocumentFormatError: they do not fit on so many pages as a guarantee may have.
    """
    pages: list[list[Run]] = [[Run(_LEFT, _TOP, 20, _TITLE[0]), Run(_LEFT, _TOP - 20, 11, _TITLE[1])]]
    y = _TOP - 48
    for line in lines:
        values = list(_broken(line.value, 10, _RIGHT - _VALUES, glyph_of))
        height = max(21, 13 * len(values) + 5)
        if y - height < _BOTTOM:
            pages.append([])
            y = _TOP
        pages[-1] += [Run(_LEFT, y, 10, line.chinese), Run(_LEFT, y - 9, 7, line.english)]
        pages[-1] += [Run(_VALUES, y - 13 * place, 10, text) for place, text in enumerate(values)]
        y -= height
    if y - 12 * len(_NOTES) < _BOTTOM:
        pages.append([])
        y = _TOP
    pages[-1] += [Run(_LEFT, y - 8 - 12 * place, 8, text) for place, text in enumerate(_NOTES)]
    if len(pages) > _MAX_PAGES:
        raise DocumentFormatError(f"a guarantee has at most {_MAX_PAGES} pages")
    return pages


def characters(text: str, glyph_of: GlyphOf) -> str:
    """The text as it is drawn: what has no glyph is spelled out, so that nothing is invisible or turns the line."""
    return "".join(one if one == " " or glyph_of(one) is not None else f"[U+{ord(one):04X}]" for one in text)


def _broken(text: str, size: int, width: int, glyph_of: GlyphOf) -> Iterator[str]:
    line, used = "", 0
    for one in characters(text, glyph_of):
        advance = advance_of(one, glyph_of)
        if used + advance > width * _EM // size:
            yield line
            line, used = "", 0
        line, used = line + one, used + advance
    yield line


def advance_of(character: str, glyph_of: GlyphOf) -> int:
    """In thousandths of the size; a space has a quarter."""
    glyph = glyph_of(character)
    return 250 if glyph is None else glyph.advance


def _shown(name: str, value: object) -> str:
    if name in _TIMES and isinstance(value, int):
        moment = datetime.fromtimestamp(value, UTC).astimezone(_CHINA)
        return f"{moment:%Y-%m-%d %H:%M:%S} (UTC+8)"
    text = value if isinstance(value, str) else repr(value)
    if len(text) > _MAX_VALUE_CHARS:
        raise DocumentFormatError(f"{name or 'a value'} is too long for a page")
    word = _WORDS.get(name, {}).get(text)
    return f"{word} {text}" if word else text
