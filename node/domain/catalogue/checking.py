"""A record's fields against a definition: all mistakes at once, each with its path and what to do.

jsonschema-rs decides; the words are made here, from the definition and never from the value: they are shown in lists
and logs, where a value may be personal.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import jsonschema_rs
from stdnum.cn import uscc

from node.domain.catalogue.definition import (
    Definition,
    FieldRule,
    currency_of,
    is_ambiguous,
    parse_definition,
    rules_beside,
)
from node.domain.catalogue.vocabulary import PATTERNS, patterns_of, to_engine
from node.domain.catalogue.wording import advice_on
from node.domain.values import is_day, is_time
from node.errors import DefinitionError

MAX_MISTAKES = 64
"""More are not told: who made so many will find the rest by themselves."""
_MAX_STEPS = 12
_PROGRAM_BYTES = 1 << 16
_TRANSACTION_CODE = re.compile(PATTERNS["transaction-code"])


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong with a record's fields."""

    path: str
    """`qualifications[2].end_date`."""
    title: str
    """The field's Chinese name; empty if there is no such field."""
    advice: str
    """What to do, in Chinese and English."""

    def __str__(self) -> str:
        """For people."""
        return f"{self.path}{f'（{self.title}）' if self.title else ''}: {self.advice}"


class Checker:
    """Checks records of one category. Immutable; made once per definition."""

    def __init__(self, definition: Definition) -> None:
        """Args:
        definition: checked.

        Raises:
            DefinitionError: the engine does not take one of its patterns.
        """
        self.definition = definition
        schema = {
            "type": "object",
            "properties": {name: to_engine(field.schema) for name, field in definition.fields.items()},
            **rules_beside(definition),
        }
        self._validator = _compile(schema, definition.name)
        self.is_valid = self._validator.is_valid
        """Whether plain JSON values by name are as the definition says."""

    def mistakes(self, fields: Mapping[str, object]) -> list[Mistake]:
        """Everything that is wrong, in the order of the definition's fields; at most `MAX_MISTAKES`.

        Args:
            fields: plain JSON values by name.
        """
        if self.is_valid(fields):
            return []
        found: dict[tuple[str, str], Mistake] = {}
        for error in self._validator.iter_errors(fields):
            for mistake in self._told(error):
                found.setdefault((mistake.path, mistake.advice), mistake)
            if len(found) >= MAX_MISTAKES:
                break
        order = {name: place for place, name in enumerate(self.definition.fields)}
        told = sorted(found.values(), key=lambda one: order.get(_first(one.path), len(order)))
        return told[:MAX_MISTAKES]

    def _told(self, error: jsonschema_rs.ValidationError) -> Iterator[Mistake]:
        steps, kind = error.instance_path, cast("Any", error.kind)
        path = _path(steps)
        name = type(kind).__name__
        if name == "Required":
            yield self._missing(steps, str(kind.property))
        elif name == "AdditionalProperties":
            for unknown in kind.unexpected:
                yield self._unknown(steps, str(unknown))
        elif not steps:
            # `dependentRequired` says only that something is missing.
            yield from self._unpaired(error)
        else:
            yield Mistake(path, self._title(steps), advice_on(self._schema(steps), kind, name))

    def _missing(self, steps: Sequence[str | int], name: str) -> Mistake:
        at = (*steps, name)
        return Mistake(_path(at), self._title(at), "必填 | must be there")

    def _unknown(self, steps: Sequence[str | int], name: str) -> Mistake:
        path = _path((*steps, ascii(name)[1:-1][:64]))
        if not steps and is_ambiguous(name):
            return Mistake(
                path,
                "",
                "金额只以元为单位，请换算后去掉单位字段 | amounts are in yuan only: convert the amount and leave the "
                "unit out",
            )
        return Mistake(
            path,
            "",
            "目录中没有此字段，请更正名称或去掉 | the category has no such field: correct its name or leave it out",
        )

    def _unpaired(self, error: jsonschema_rs.ValidationError) -> Iterator[Mistake]:
        fields = error.instance if isinstance(error.instance, dict) else {}
        for name, rule in self.definition.fields.items():
            if rule.schema.get("format") == "amount" and name in fields:
                currency = currency_of(name)
                if currency not in fields:
                    yield self._missing((), currency)

    def _title(self, steps: Sequence[str | int]) -> str:
        rule = self.definition.fields.get(str(steps[0])) if steps else None
        if rule is None:
            return ""
        inner = self._schema(steps) if len(steps) > 1 else {}
        title = inner.get("title")
        return f"{rule.chinese} · {title}" if isinstance(title, str) else rule.chinese

    def _schema(self, steps: Sequence[str | int]) -> dict[str, Any]:
        rule: FieldRule | None = self.definition.fields.get(str(steps[0]))
        schema: dict[str, Any] = rule.schema if rule is not None else {}
        for step in steps[1:]:
            schema = schema.get("items" if isinstance(step, int) else "properties", {})
            schema = schema if isinstance(step, int) else schema.get(step, {})
        return schema


@functools.lru_cache(maxsize=256)
def checker_of(raw: bytes) -> Checker:
    """The checker of a definition in its one encoding; made once.

    Raises:
        DefinitionError: no node may use it.
    """
    return Checker(parse_definition(raw))


def told(mistakes: Iterable[Mistake]) -> str:
    """All of them in one text."""
    return "; ".join(map(str, mistakes))


def warnings_of(definition: Definition, fields: Mapping[str, object]) -> list[Mistake]:
    """What is odd about valid fields and does not keep them out: the check character of transaction codes.

    No published rule gives the check characters that are in use, so a code cannot be refused for it.
    """
    found = []
    for name, rule in definition.fields.items():
        code = fields.get(name)
        if rule.schema.get("format") != "transaction-code" or not isinstance(code, str):
            continue
        if not has_check_character(code):
            advice = "校验位不符，请核对 | its check character does not fit: compare it with the source"
            found.append(Mistake(name, rule.chinese, advice))
    return found


def has_check_character(code: str) -> bool:
    """Whether a transaction code ends as ISO 7064 MOD 37-2 would have it.

    That is the rule said of it; codes in use break it, so it says nothing against one.

    Source: ISO 7064; field rules of provincial platforms.
    """
    if not _TRANSACTION_CODE.fullmatch(code):
        return False
    alphabet, remainder = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*", 0
    for char in code.replace("-", ""):
        value = alphabet.index(char)
        remainder = (remainder * 2 + value) % 37
    return remainder == 1


def _compile(schema: dict[str, Any], name: str) -> Any:
    try:
        return jsonschema_rs.Draft202012Validator(
            schema,
            formats={"credit-code": is_credit_code, "date": is_day, "date-time": is_time},
            validate_formats=True,
            ignore_unknown_formats=False,
            # The engine without backtracking; what a pattern compiles to is bounded too.
            pattern_options=jsonschema_rs.RegexOptions(
                size_limit=_PROGRAM_BYTES, dfa_size_limit=16 * _PROGRAM_BYTES
            ),
            offline=True,
        )
    except (ValueError, jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError) as error:
        bad = [one for one in patterns_of({"properties": schema["properties"]}) if not _is_pattern(one)]
        raise DefinitionError(
            f"{name}: not a pattern that may be used: {', '.join(map(ascii, bad))}"
        ) from error


def _is_pattern(pattern: str) -> bool:
    try:
        jsonschema_rs.Draft202012Validator(
            {"pattern": pattern},
            pattern_options=jsonschema_rs.RegexOptions(
                size_limit=_PROGRAM_BYTES, dfa_size_limit=16 * _PROGRAM_BYTES
            ),
        )
    except (ValueError, jsonschema_rs.ValidationError):
        return False
    return True


def is_credit_code(text: str) -> bool:
    """Whether a text is a credit code in its one form (GB 32100), check character included."""
    return len(text) == 18 and bool(uscc.is_valid(text)) and uscc.compact(text) == text


def _path(steps: Iterable[str | int]) -> str:
    text = ""
    for place, step in enumerate(steps):
        if place >= _MAX_STEPS:
            return text + "…"
        text += f"[{step}]" if isinstance(step, int) else (f".{step}" if text else str(step))
    return text


def _first(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]
