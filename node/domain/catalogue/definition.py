"""A definition: who owns records of a category and what each of their fields must be (docs/formats/catalogue.md).

Definitions are voted on and known by the SHA-256 of their canonical JSON. A later version may add and change fields,
but what records of the category rest on stays: its owner rule, its slots, who writes it; and what was once marked
personal, sensitive or sealed stays marked, for records made under an earlier version are still read.
"""

import enum
import functools
import hashlib
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec

from node.domain.catalogue.vocabulary import problems_of
from node.domain.encoding import canonical_json, decode_canonical, parse_readable_json
from node.errors import DefinitionError, DocumentFormatError

MAX_DEFINITION_BYTES = 65_536
MAX_DEFINED_FIELDS = 96
MAX_SLOTS = 128
MAX_VERSION = 2**32 - 1
AMBIGUOUS = ("unit", "_unit", "_in_wan", "_wan_yuan")
"""Endings of names that would say in what unit an amount is: an amount is in the currency's main unit (yuan), and a
field that could say otherwise is how amounts become ten thousand times what they are."""

CategoryName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_.]{0,30}\Z")]
FieldName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,63}\Z")]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
Owner = Literal["subject", "subject_and_person", "authority", "centre"]
Attester = Literal[
    "ca",
    "centre",
    "guarantor",
    "home_centre",
    "issuing_authority",
    "node",
    "person",
    "registry",
    "subject",
    "supervisor",
]
"""Who may vouch for a field's value."""


class OwnerRule(enum.Enum):
    """Under whose name records of a category are filed, and under whose grant they are read."""

    SUBJECT = "subject"
    CENTRE = "centre"


class FieldRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """What one field must be."""

    chinese: Title
    english: Title
    schema: dict[str, Any]
    """JSON Schema of the value, within `vocabulary.py`."""
    required: bool = False
    attested_by: tuple[Attester, ...] = ()
    """Strictly ascending."""
    personal: bool = False
    """About a natural person: a reader needs that person's own consent too (PIPL art. 23)."""
    sensitive: bool = False
    """Needs a consent apart from any other (PIPL art. 28 and 29); such a field is personal."""
    sealed: bool = False
    """Read by nobody before opening."""
    source: Annotated[str, msgspec.Meta(max_length=120)] = ""
    """Its name in the national data specification 公共资源交易平台系统数据规范."""


class Condition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fields that must be there where another field has a certain value."""

    field: FieldName
    equals: Title
    required: tuple[FieldName, ...]


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One version of a category."""

    type: Literal["heqi.category.v1"]
    name: CategoryName
    version: Annotated[int, msgspec.Meta(ge=1, le=MAX_VERSION)]
    chinese: Title
    english: Title
    owner: Owner
    """`subject`: handed in by its wallet. `subject_and_person`: as that, and the person it is about consents too.
    `authority`: about a subject, handed in by the centre's systems on an authority's word, read as the subject's, and
    never written by it. `centre`: the centre's own."""
    slots: Annotated[int, msgspec.Meta(ge=1, le=MAX_SLOTS)]
    """Digests in every record, decoys included."""
    fields: dict[FieldName, FieldRule]
    own: bool = False
    """Only the node itself writes such records."""
    open: bool = False
    """Whether a record may have further fields, of which the definition says nothing."""
    conditions: tuple[Condition, ...] = ()
    source: Annotated[str, msgspec.Meta(max_length=200)] = ""
    """Where the fields are taken from."""

    @property
    def rule(self) -> OwnerRule:
        """Under whose name its records are filed."""
        return OwnerRule.CENTRE if self.owner == "centre" else OwnerRule.SUBJECT

    def marked(self, mark: Literal["personal", "sensitive", "sealed"]) -> frozenset[str]:
        """Names of the fields with a mark."""
        return frozenset(name for name, field in self.fields.items() if getattr(field, mark))


def encode_definition(definition: Definition) -> bytes:
    """The one encoding of a definition: canonical JSON."""
    return canonical_json(msgspec.to_builtins(definition))


def definition_digest(raw: bytes) -> bytes:
    """32 bytes: SHA-256 of a definition's canonical JSON, by which the ledger knows it."""
    return hashlib.sha256(raw).digest()


@functools.lru_cache(maxsize=512)
def parse_definition(raw: bytes) -> Definition:
    """Read a definition in its one encoding and check it.

    Raises:
        DefinitionError: it is none, or no node may use it; the message has every reason.
    """
    if len(raw) > MAX_DEFINITION_BYTES:
        raise DefinitionError(f"a definition has at most {MAX_DEFINITION_BYTES} bytes, not {len(raw)}")
    try:
        definition = decode_canonical(raw, Definition)
    except DocumentFormatError as error:
        raise DefinitionError(f"not a definition: {error}") from error
    return check_definition(definition)


def read_definition(raw: bytes) -> Definition:
    """Read a definition from a file that people wrote, in any layout, and check it.

    Raises:
        DefinitionError: as for `parse_definition`.
    """
    if len(raw) > 4 * MAX_DEFINITION_BYTES:
        raise DefinitionError(f"a definition has at most {MAX_DEFINITION_BYTES} bytes")
    try:
        value = parse_readable_json(raw)
    except (DocumentFormatError, RecursionError) as error:
        raise DefinitionError(f"not a definition: {error}") from error
    return parse_definition(canonical_json(value))


def check_definition(definition: Definition) -> Definition:
    """Check that a definition can serve as one, and return it.

    Raises:
        DefinitionError: it cannot; the message has every reason.
    """
    problems = [*_problems(definition)]
    if problems:
        raise DefinitionError(f"{definition.name} version {definition.version}: {'; '.join(problems)}")
    return definition


def check_successor(earlier: Definition, later: Definition) -> None:
    """Check that a definition can follow another of the same category.

    Raises:
        DefinitionError: it changes what earlier records rest on.
    """
    problems = [
        f"{member} was {getattr(earlier, member)!r} and stays so"
        for member in ("name", "owner", "slots", "own")
        if getattr(earlier, member) != getattr(later, member)
    ]
    for mark in ("personal", "sensitive", "sealed"):
        dropped = (earlier.marked(mark) & later.fields.keys()) - later.marked(mark)
        problems += [f"{name} was {mark} and stays so" for name in sorted(dropped)]
    if problems:
        raise DefinitionError(f"{later.name} version {later.version}: {'; '.join(problems)}")


def schema_of(definition: Definition) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a record's fields, as other tools take it."""
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{definition.name} {definition.chinese}",
        "type": "object",
        "properties": {
            name: {"title": field.chinese, "description": field.english, **field.schema}
            for name, field in definition.fields.items()
        },
        **rules_beside(definition),
    }
    return schema


def rules_beside(definition: Definition) -> dict[str, Any]:
    """What a schema of a record says besides its fields: which must be there, together with which."""
    rules: dict[str, Any] = {
        "required": sorted(n for n, field in definition.fields.items() if field.required)
    }
    pairs = dict(_money(definition.fields))
    if pairs:
        rules["dependentRequired"] = {amount: [currency] for amount, currency in pairs.items()}
    if not definition.open:
        rules["additionalProperties"] = False
    if definition.conditions:
        rules["allOf"] = [
            {
                "if": {"properties": {one.field: {"const": one.equals}}, "required": [one.field]},
                "then": {"required": list(one.required)},
            }
            for one in definition.conditions
        ]
    return rules


def currency_of(amount: str) -> str:
    """Name of the field that says in what currency an amount is: `value_amount` → `value_currency`."""
    stem = amount.removesuffix("_amount")
    return "currency" if stem == "amount" else f"{stem}_currency"


def is_ambiguous(name: str) -> bool:
    """Whether a field of that name would say in what unit an amount is."""
    return name.endswith(AMBIGUOUS)


def _money(fields: Mapping[str, FieldRule]) -> Iterator[tuple[str, str]]:
    for name, field in fields.items():
        if field.schema.get("format") == "amount":
            yield name, currency_of(name)


def _problems(definition: Definition) -> Iterator[str]:
    fields = definition.fields
    if not 1 <= len(fields) <= MAX_DEFINED_FIELDS:
        yield f"a definition has 1 to {MAX_DEFINED_FIELDS} fields"
    if sum(field.required for field in fields.values()) > definition.slots:
        yield "more fields are required than a record has slots"
    if definition.owner != "subject_and_person" and any(field.sensitive for field in fields.values()):
        yield "sensitive fields stand only where the person owns the record too"
    for name, field in fields.items():
        yield from _field_problems(name, field)
    for amount, currency in _money(fields):
        if currency not in fields or fields[currency].schema.get("format") != "currency":
            yield f"{amount}: an amount needs the field {currency} of format currency"
        elif fields[amount].required and not fields[currency].required:
            yield f"{currency}: required, because {amount} is"
    for condition in definition.conditions:
        for name in {condition.field, *condition.required} - fields.keys():
            yield f"conditions: there is no field {name}"


def _field_problems(name: str, field: FieldRule) -> Iterator[str]:
    yield from problems_of(field.schema, name)
    if list(field.attested_by) != sorted(set(field.attested_by)):
        yield f"{name}: attested_by is sorted, each once"
    if field.sensitive and not field.personal:
        yield f"{name}: what is sensitive is personal"
    if is_ambiguous(name):
        yield f"{name}: a unit of its own makes amounts ambiguous; they are in the main unit (yuan)"
