"""Vectors of the catalogue: the shipped definitions by hash, one definition whole, and what is refused."""

import json
from typing import Any

from node.domain.catalogue import shipped
from node.domain.catalogue.checking import checker_of, has_check_character
from node.domain.catalogue.definition import definition_digest, parse_definition, schema_of
from node.domain.ledger_ids import category_to_bytes32

EXAMPLE = {
    "chinese": "示例",
    "english": "An example",
    "fields": {
        "fee": {
            "chinese": "费用（元）",
            "english": "Fee in yuan",
            "schema": {"format": "amount", "type": "string"},
        },
        "fee_currency": {
            "attested_by": ["centre"],
            "chinese": "费用币种",
            "english": "Its currency",
            "schema": {"format": "currency", "type": "string"},
        },
        "kind": {
            "chinese": "种类",
            "english": "Kind",
            "required": True,
            "schema": {
                "oneOf": [
                    {"const": "1", "description": "Small", "title": "小型"},
                    {"const": "2", "description": "Large", "title": "大型"},
                ]
            },
        },
    },
    "name": "example.thing",
    "owner": "centre",
    "slots": 8,
    "type": "heqi.category.v1",
    "version": 1,
}
FIELDS: tuple[dict[str, Any], ...] = (
    {"kind": "1"},
    {"kind": "2", "fee": "1200.50", "fee_currency": "CNY"},
    {"kind": "3"},
    {"kind": "1", "fee": "1200.50"},
    {"kind": "1", "fee": "1,200.50", "fee_currency": "yuan"},
    {"kind": "1", "fee_unit": "1"},
    {},
)
CODES = ("A01-91110108740053589U-20260105-000001-0", "A01-91110108740053589U-20260105-000001-7")


def changed(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in {**EXAMPLE, **members}.items() if value is not None}


def with_schema(schema: object, name: str = "kind") -> dict[str, Any]:
    """The example with another schema of one field."""
    fields = {**EXAMPLE["fields"], name: {**EXAMPLE["fields"]["kind"], "schema": schema}}  # type: ignore[dict-item]
    return changed(fields=fields)


def refused() -> list[tuple[str, dict[str, Any]]]:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(8):
        deep = {"type": "array", "items": deep}
    return [
        ("an unknown member", changed(note="x")),
        ("a default spelt out", changed(own=False)),
        ("a foreign type", changed(type="heqi.category.v9")),
        ("no slots", changed(slots=0)),
        ("no fields", changed(fields={})),
        ("a name that the ledger does not take", changed(name="Example")),
        ("a field that says the unit of an amount", with_schema({"type": "string"}, "fee_unit")),
        ("an amount without its currency", changed(fields={"fee": EXAMPLE["fields"]["fee"]})),  # type: ignore[index]
        ("a remote reference", with_schema({"$ref": "https://example.invalid/schema"})),
        ("a recursive reference", with_schema({"$ref": "#"})),
        ("definitions of its own", with_schema({"$defs": {}, "type": "string"})),
        ("alternatives that branch", with_schema({"oneOf": [{"type": "string"}, {"type": "integer"}]})),
        ("a keyword that no field may use", with_schema({"type": "array", "uniqueItems": True})),
        ("an unknown format", with_schema({"type": "string", "format": "regex"})),
        ("a schema too deep", with_schema(deep)),
        ("a pattern over any length of text", with_schema({"type": "string", "pattern": "^a+$"})),
        (
            "a pattern that needs backtracking",
            with_schema({"type": "string", "maxLength": 9, "pattern": "(a)\\1"}),
        ),
        (
            "a pattern that is huge",
            with_schema({"type": "string", "maxLength": 9, "pattern": "(a{1000}){1000}"}),
        ),
        (
            "sensitive, but not personal",
            changed(
                owner="subject_and_person",
                fields={**EXAMPLE["fields"], "kind": {**EXAMPLE["fields"]["kind"], "sensitive": True}},  # type: ignore[dict-item,index]
            ),
        ),
    ]


def vectors() -> dict[str, Any]:
    raw = encode(EXAMPLE)
    checker = checker_of(raw)
    base = next(one for one in shipped.founding_entries() if one.category == "subject.base")
    return {
        "shipped": {
            one.category: {"version": one.version, "sha256": one.definition.hex()}
            for one in shipped.founding_entries()
        },
        "definition": raw.decode(),
        "sha256": definition_digest(raw).hex(),
        "schema": schema_of(parse_definition(raw)),
        "category_on_ledger": category_to_bytes32(base.category).hex(),
        "fields": [
            {"fields": fields, "mistakes": [one.path for one in checker.mistakes(fields)]}
            for fields in FIELDS
        ],
        "transaction_codes": [{"code": code, "fits": has_check_character(code)} for code in CODES],
        "refused": [{"why": why, "definition": encode(value).decode()} for why, value in refused()],
    }


def encode(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
