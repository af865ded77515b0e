"""What a register says beside what a document says."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.domain.registry import (
    RegistryEntry,
    RegistryState,
    check_entry,
    compare,
    decode_entry,
    encode_entry,
    parse_entry,
)
from node.errors import RegistryAnswerError

CODE = "91110000600037341L"
ENTRY = RegistryEntry(
    credit_code=CODE,
    name="虚构（示例）建设有限公司",
    state=RegistryState.IN_OPERATION,
    as_of="2026-03-01T00:00:00Z",
    source="1",
    legal_representative="张三",
    kind="有限责任公司",
    address="示例市虚构路 1 号",
    registered_capital="50000000",
    currency="CNY",
)
BASE = {
    "credit_code": CODE,
    "legal_name": "虚构(示例)建设有限公司",
    "legal_representative": "张三",
    "legal_type": "有限责任公司",
    "address": "示例市虚构路1号",
    "registered_capital": "50000000.00",
    "registered_capital_currency": "CNY",
}


def test_what_is_the_same_but_for_its_form_does_not_differ() -> None:
    found = compare(ENTRY, BASE)
    assert found.compared == tuple(sorted(BASE.keys() - {"registered_capital_currency", "legal_type"}))
    assert found.differs == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("credit_code", "91110108740053589U"),
        ("legal_name", "虚构建设有限公司"),
        ("legal_representative", "李四"),
        ("address", "示例市虚构路11号"),
        ("registered_capital", "5000"),
        ("registered_capital", "NaN"),
        ("registered_capital", "five"),
        ("registered_capital_currency", "USD"),
    ],
)
def test_what_differs_is_named(field: str, value: str) -> None:
    named = "registered_capital" if field.startswith("registered_capital") else field
    assert compare(ENTRY, {**BASE, field: value}).differs == (named,)


@given(st.sets(st.sampled_from(sorted(BASE))))
def test_only_what_both_say_is_compared(left_out: set[str]) -> None:
    fields = {name: value for name, value in BASE.items() if name not in left_out}
    silent = msgspec.structs.replace(ENTRY, legal_representative="", address="", registered_capital="")
    assert set(compare(ENTRY, fields).compared) <= fields.keys()
    known = {"credit_code", "legal_name"}
    assert set(compare(silent, fields).compared) == fields.keys() & known


def test_an_entry_is_read_as_it_was_written() -> None:
    assert decode_entry(encode_entry(ENTRY)) == ENTRY
    assert parse_entry(encode_entry(ENTRY)) == ENTRY


def test_an_answer_about_another_company_is_none() -> None:
    check_entry(ENTRY, CODE)
    with pytest.raises(RegistryAnswerError, match="another credit code"):
        check_entry(ENTRY, "91110108740053589U")
    for wrong in ({"as_of": "today"}, {"credit_code": CODE[:-1] + "0"}):
        false = msgspec.structs.replace(ENTRY, **wrong)
        with pytest.raises(RegistryAnswerError):
            check_entry(false, false.credit_code)
