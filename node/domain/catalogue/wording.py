"""What to do about a mistake, in Chinese and English; made from the definition, never from the value."""

from collections.abc import Mapping
from typing import Any

_FORMATS: Mapping[str, tuple[str, str]] = {
    "amount": (
        "以元为单位的小数，例如 50000000.00；万元须先乘以 10000",
        "a decimal in yuan (the currency's main unit) such as 50000000.00; multiply what is in 10,000 yuan",
    ),
    "decimal": ("十进制数，以文本给出", "a decimal number such as 12.50, as text"),
    "currency": ("货币代码（ISO 4217）", "a currency such as CNY (ISO 4217)"),
    "region-code": ("6 位行政区划代码", "an administrative division of 6 digits (GB/T 2260)"),
    "transaction-code": (
        "统一交易标识码",
        "a unified transaction code such as A01-<credit code>-20260105-000001-C",
    ),
    "sha-256": ("SHA-256，64 位小写十六进制", "SHA-256 as 64 lower-case hexadecimal digits"),
    "credit-code": (
        "统一社会信用代码，18 位且校验位正确",
        "a credit code of 18 characters with a true check character (GB 32100)",
    ),
    "date": ("日期，例如 2026-02-28", "a day that exists such as 2026-02-28"),
    "date-time": (
        "带时区的时间，例如 2026-02-28T09:30:00+08:00",
        "a time with its zone such as 2026-02-28T09:30:00+08:00",
    ),
}
_TYPES: Mapping[str, tuple[str, str]] = {
    "string": ("文本", "a text"),
    "integer": ("整数", "a whole number"),
    "boolean": ("是或否", "true or false"),
    "array": ("列表", "a list"),
    "object": ("对象", "an object"),
}
_LIMITS: Mapping[str, tuple[str, str]] = {
    "MaxLength": ("最多 {} 个字符", "at most {} characters"),
    "MinLength": ("至少 {} 个字符", "at least {} characters"),
    "MaxItems": ("最多 {} 项", "at most {} entries"),
    "MinItems": ("至少 {} 项", "at least {} entries"),
    "Minimum": ("不得小于 {}", "not less than {}"),
    "Maximum": ("不得大于 {}", "not more than {}"),
}
_SHOWN_CODES = 40


def advice_on(schema: Mapping[str, Any], kind: Any, name: str) -> str:
    """What a value must be that a keyword has refused.

    Args:
        schema: of the value, as the definition has it.
        kind: jsonschema-rs's `ValidationErrorKind`.
        name: of its class, for example `MaxLength`.
    """
    codes = schema.get("oneOf")
    if isinstance(codes, list):
        listed = "、".join(f"{one['const']} {one['title']}" for one in codes[:_SHOWN_CODES])
        english = ", ".join(one["const"] for one in codes[:_SHOWN_CODES])
        return f"须为代码之一：{listed} | must be one of the codes {english}"
    if name in _LIMITS:
        chinese, english = _LIMITS[name]
        return f"{chinese.format(kind.limit)} | {english.format(kind.limit)}"
    wanted = _FORMATS.get(schema.get("format", "")) or (
        _TYPES.get(str(schema.get("type"))) if name == "Type" else None
    )
    if wanted is not None:
        return f"须为{wanted[0]} | must be {wanted[1]}"
    if name == "Pattern":
        return f"格式不符：{schema.get('pattern', '')} | must have the form {schema.get('pattern', '')}"
    return "与目录定义不符 | not as the definition says"
