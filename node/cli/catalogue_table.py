"""What `heqi catalogue` prints: categories, and the fields of one."""

from collections.abc import Mapping, Sequence
from typing import Any

from node.cli.output import print_table, say
from node.domain.catalogue.definition import Definition, FieldRule, definition_digest, encode_definition

_OWNERS = {
    "subject": "主体 subject",
    "subject_and_person": "主体与本人 subject and person",
    "authority": "主管部门 authority",
    "centre": "中心 centre",
}
_ATTESTERS = {
    "ca": "证书机构",
    "centre": "中心",
    "guarantor": "担保人",
    "home_centre": "注册中心",
    "issuing_authority": "发证机关",
    "node": "节点",
    "person": "本人",
    "registry": "市场监管",
    "subject": "主体",
    "supervisor": "监管部门",
}
_FORMATS = {
    "amount": "元 yuan",
    "decimal": "小数 decimal",
    "currency": "币种 ISO 4217",
    "region-code": "行政区划 6 digits",
    "transaction-code": "交易标识码 code",
    "sha-256": "SHA-256 hex",
    "credit-code": "信用代码 GB 32100",
    "date": "日期 date",
    "date-time": "时间 time",
}
_TYPES = {
    "string": "文本 text",
    "integer": "整数 integer",
    "boolean": "是否 boolean",
    "array": "列表 list",
    "object": "对象 object",
}


def print_definition(definition: Definition) -> None:
    """The table of a category's fields, what else is required, and its code lists."""
    digest = definition_digest(encode_definition(definition))
    say(
        f"{definition.name} {definition.chinese}，第 {definition.version} 版，归{_OWNERS[definition.owner]}",
        f"{definition.english}; version {definition.version}, SHA-256 {digest.hex()}",
    )
    if definition.source:
        say(f"来源 {definition.source}", "source")
    rows = [
        (
            name,
            field.chinese,
            "必填 yes" if field.required else "",
            form_of(field.schema),
            _marks(field),
            "、".join(_ATTESTERS[one] for one in field.attested_by),
        )
        for name, field in definition.fields.items()
    ]
    print_table(
        ("字段 field", "中文 Chinese", "必填 required", "格式 format", "属性 marks", "可核验方 attested by"),
        rows,
    )
    for condition in definition.conditions:
        say(
            f"{condition.field} 为 {condition.equals} 时必填：",
            f"required where {condition.field} is {condition.equals}: {', '.join(condition.required)}",
        )
    for name, field in definition.fields.items():
        codes = field.schema.get("oneOf")
        if isinstance(codes, list):
            say(
                f"{name} 代码：",
                "; ".join(f"{one['const']} {one['title']} {one['description']}" for one in codes),
            )


def print_categories(rows: Sequence[tuple[object, ...]]) -> None:
    """Categories as `category_row` gives them."""
    header = ("类别 category", "中文", "版本 version", "归属 owner", "字段 fields", "SHA-256", "说明 note")
    print_table(header, rows)


def category_row(definition: Definition, digest: bytes, problem: str) -> tuple[object, ...]:
    """What the list says of a definition.

    Args:
        definition: that can be read.
        digest: its SHA-256.
        problem: why its category takes nothing; empty if it does.
    """
    note = problem or ("节点自写 written by the node" if definition.own else "")
    return (
        definition.name,
        definition.chinese,
        definition.version,
        _OWNERS[definition.owner],
        len(definition.fields),
        digest.hex()[:16],
        note,
    )


def form_of(schema: Mapping[str, Any]) -> str:
    """In a few words what a value must be."""
    if "oneOf" in schema:
        return f"代码 code ({len(schema['oneOf'])})"
    if "format" in schema:
        return _FORMATS[schema["format"]]
    kind = schema.get("type")
    if kind is None:
        return "任意 any"
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if most is None:
        return _TYPES[kind]
    return f"{_TYPES[kind]} {'=' if least == most or _is_fixed(schema) else '≤'}{most}"


def _is_fixed(schema: Mapping[str, Any]) -> bool:
    return str(schema.get("pattern", "")).endswith(f"]{{{schema.get('maxLength')}}}$")


def _marks(field: FieldRule) -> str:
    marks = (
        (field.sensitive, "敏感 sensitive"),
        (field.personal and not field.sensitive, "个人 personal"),
        (field.sealed, "开标前密封 sealed"),
    )
    return " ".join(text for holds, text in marks if holds)
