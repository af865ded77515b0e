"""Registration packages 注册材料: every mistake in all documents, found at once and told so that it can be put right.

The home refuses a package with any mistake that is not a mere warning; the wallet finds the same ones without a
network. Rules about one value belong to its category; those between fields and documents stand here:

- the credit code is the certificate's, in every document that has one
- dates that follow each other are in order
- a qualification that has run out, or a name that is not the certificate's, is warned of
- nothing is in a package twice
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from node.domain.catalogue.rules import Rules
from node.domain.category import Category, category
from node.domain.draft import NOBODY, RecordDraft, check_draft
from node.domain.registry import is_same_text
from node.domain.values import Value, check_fields, from_json_value
from node.domain.wallet import PackageRecord
from node.errors import InvalidError, Mistake, RecordFormatError

BASE = "subject.base"
WHOLE_PACKAGE = -1
"""Stands for the document in a mistake that is about no single one."""

FieldRules: TypeAlias = Callable[[str, Mapping[str, object]], Iterable[tuple[str, str, str]]]
"""Category and plain fields → field, Chinese and English of everything that the category's own rules refuse."""


def field_rules(in_force: Callable[[], Rules]) -> FieldRules:
    """What the definitions in force say, asked anew for every document."""

    def told(name: str, fields: Mapping[str, object]) -> Iterator[tuple[str, str, str]]:
        for one in in_force().mistakes(name, fields):
            chinese, _, english = one.advice.partition(" | ")
            yield one.path, f"{one.title or one.path}：{chinese}", f"{one.path}: {english}"

    return told


_IN_ORDER = (
    ("issue_date", "end_date"),
    ("sign_date", "finish_date"),
    ("birthdate", "work_start_date"),
)
"""Of two such fields in one document the first is not later than the second."""
_ENDS = {"subject.base": "licence_end_date", "subject.qualification": "end_date"}
"""Field that says when what a document is about runs out, by category."""
_NUMBER = "certificate_number"
"""Names a certificate: no two things of a category have the same."""


@dataclass(frozen=True, slots=True)
class Company:
    """Whose package it is, as its certificate says."""

    credit_code: str
    organisation: str


def check_package(
    documents: Sequence[PackageRecord],
    company: Company,
    *,
    is_first: bool,
    today: date,
    rules: FieldRules,
) -> list[Mistake]:
    """All mistakes of a package, warnings included, in order of documents.

    Args:
        documents: as they are handed in.
        company: of the certificate.
        is_first: whether nothing was handed in before.
        today: in China.
        rules: of the categories.
    """
    mistakes: list[Mistake] = []
    for place, document in enumerate(documents):
        tell = _Teller(place, document)
        of_company = list(_of_company(tell, company))
        told = {one.field for one in of_company if not one.is_warning}
        # Whatever is wrong with the form of a credit code: it is to be the certificate's.
        mistakes += [one for one in _of_form(tell) or _of_rules(tell, rules) if one.field not in told]
        mistakes += of_company
        mistakes += _of_dates(tell, today)
    mistakes += _of_repetition(documents)
    if is_first and not any(document.category == BASE for document in documents):
        mistakes.append(
            Mistake(
                WHOLE_PACKAGE,
                BASE,
                "",
                "",
                f"首次注册须提交主体基本信息（{BASE}）",
                f"the first package must hold a {BASE} document",
            )
        )
    return sorted(mistakes, key=lambda one: one.document if one.document >= 0 else len(documents))


def draft_of(subject: str, document: PackageRecord) -> RecordDraft:
    """A document as a draft of a record.

    This is where the rules of a category apply to what wallets hand in.

    Raises:
        InvalidError: it breaks one.
    """
    kind = _kind_of(document)
    if len(document.fields) > kind.slots:
        raise RecordFormatError(f"at most {kind.slots} fields, not {len(document.fields)}")
    draft = RecordDraft(
        category=document.category,
        thing=document.thing,
        owner=subject,
        source_system="wallet",
        source_version="",
        occurred=None,
        fields={name: from_json_value(value, name) for name, value in document.fields.items()},
    )
    check_draft(draft)
    return draft


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says what is wrong with one document."""

    place: int
    document: PackageRecord

    def mistake(self, field: str, chinese: str, english: str, *, is_warning: bool = False) -> Mistake:
        about = self.document
        return Mistake(self.place, about.category, about.thing, field, chinese, english, is_warning)


def _kind_of(document: PackageRecord) -> Category:
    kind = category(document.category)
    if not kind.is_from_wallet:
        raise RecordFormatError("a wallet hands in documents of the subject only")
    return kind


def _of_rules(tell: _Teller, rules: FieldRules) -> list[Mistake]:
    """What the category's own rules say of a document that could be a record at all."""
    document = tell.document
    return [tell.mistake(*one) for one in rules(document.category, document.fields)]


def _of_form(tell: _Teller) -> list[Mistake]:
    document, found = tell.document, list[Mistake]()
    is_told = False
    for name, value in document.fields.items():
        try:
            fields: dict[str, Value] = {name: from_json_value(value, name)}
            check_fields(fields)
        except InvalidError as error:
            is_told = True
            found.append(tell.mistake(name, f"字段 {name} 格式不符：{error}", str(error)))
    try:
        draft_of(NOBODY, document)
    except InvalidError as error:
        # Of a field that was told already it says nothing new.
        try:
            _kind_of(document)
        except InvalidError:
            is_told = False
        if not is_told:
            found.append(tell.mistake("", f"材料格式不符：{error}", str(error)))
    return found


def _of_company(tell: _Teller, company: Company) -> Iterator[Mistake]:
    document, fields = tell.document, tell.document.fields
    is_base = document.category == BASE
    if (is_base or "credit_code" in fields) and fields.get("credit_code") != company.credit_code:
        yield tell.mistake(
            "credit_code",
            "统一社会信用代码与证书不一致，请按证书填写",
            "credit_code is not the one in the certificate; state the certificate's",
        )
    if is_base and "legal_name" in fields and not is_same_text(fields["legal_name"], company.organisation):
        yield tell.mistake(
            "legal_name",
            "单位名称与证书不一致，将记为核验不符；如已更名请换发证书",
            "legal_name is not the one in the certificate, and will be attested as differing",
            is_warning=True,
        )


def _of_dates(tell: _Teller, today: date) -> Iterator[Mistake]:
    fields = tell.document.fields
    days = {name: day for name, value in fields.items() if (day := _day(value)) is not None}
    for first, second in _IN_ORDER:
        if first in days and second in days and days[second] < days[first]:
            yield tell.mistake(
                second,
                f"{second}（{days[second]}）早于 {first}（{days[first]}），请核对两个日期",
                f"{second} ({days[second]}) is before {first} ({days[first]}); correct one of them",
            )
    end = _ENDS.get(tell.document.category, "")
    if end in days and days[end] < today:
        yield tell.mistake(
            end,
            f"已于 {days[end]} 到期，请更新证书",
            f"ran out on {days[end]}; hand in the renewed certificate",
            is_warning=True,
        )


def _of_repetition(documents: Sequence[PackageRecord]) -> Iterator[Mistake]:
    things: dict[tuple[str, str], int] = {}
    numbers: dict[tuple[str, str], int] = {}
    for place, document in enumerate(documents):
        tell = _Teller(place, document)
        first = things.setdefault((document.category, document.thing), place)
        if first != place:
            yield tell.mistake(
                "",
                f"与第 {first} 份材料重复，请只保留一份",
                f"the same thing as document {first}; keep one of them",
            )
            continue
        number = document.fields.get(_NUMBER)
        if not isinstance(number, str):
            continue
        other = numbers.setdefault((document.category, number), place)
        if other != place:
            yield tell.mistake(
                _NUMBER,
                f"证书编号与第 {other} 份材料相同，请核对",
                f"the same certificate number as document {other}; correct one of them",
            )


def _day(value: object) -> date | None:
    """The day that a date or a time names; None if it is neither."""
    if not isinstance(value, str) or len(value) < len("2026-01-01"):
        return None
    try:
        return date.fromisoformat(value[:10]) if len(value) == 10 or value[10] == "T" else None
    except ValueError:
        return None
