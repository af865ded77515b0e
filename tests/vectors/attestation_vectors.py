"""A register's answer, and the attestation that a home makes of it."""

from collections.abc import Mapping
from typing import Any

from node.domain.attestation import About, Attestation, Method, Result, evidence_digest, fields_of
from node.domain.encoding import canonical_json
from node.domain.registry import RegistryEntry, RegistryState, compare, encode_entry
from node.domain.values import to_json_value

SALT = bytes(range(32))


def entry() -> RegistryEntry:
    return RegistryEntry(
        credit_code="91110000600037341L",
        name="示例建设有限公司",
        state=RegistryState.IN_OPERATION,
        as_of="2026-03-01T00:00:00+08:00",
        source="试用文件第 7 行",
        legal_representative="示例人李四",
        registered_capital="50000000.00",
        currency="CNY",
    )


def attestation() -> Attestation:
    base = {
        "credit_code": "91110000600037341L",
        "legal_name": "示例建设有限公司",
        "legal_representative": "示例人张三",
        "registered_capital": "50000000",
    }
    compared = compare(entry(), base)
    return Attestation(
        about=About("subject.base", "base", 1),
        fields=compared.compared,
        method=Method.LOOK_UP,
        attester="示例市市场监督管理局",
        result=Result.MISMATCH,
        checked="2026-03-01T02:00:00.125Z",
        evidence=evidence_digest(SALT, encode_entry(entry())),
        evidence_salt=SALT.hex(),
        differs=compared.differs,
        state=entry().state.value,
    )


def vectors() -> Mapping[str, Any]:
    fields = {name: to_json_value(value) for name, value in fields_of(attestation()).items()}
    return {
        "entry": encode_entry(entry()).decode(),
        "salt": SALT.hex(),
        "fields": canonical_json(fields).decode(),
    }
