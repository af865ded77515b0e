"""Definitions: what may be voted on, what the shipped ones ask of records, and what an enemy tries."""

import json
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import (
    base_document,
    performance_document,
    personnel_document,
    qualification_document,
)
from node.domain.catalogue import shipped
from node.domain.catalogue.checking import Checker, checker_of, is_credit_code, warnings_of
from node.domain.catalogue.definition import (
    MAX_DEFINITION_BYTES,
    Definition,
    check_successor,
    definition_digest,
    encode_definition,
    parse_definition,
    read_definition,
    schema_of,
)
from node.domain.catalogue.rules import InForce, Rules, encode_rules, judge, rules_from, shipped_rules
from node.domain.category import Categories, OwnerRule, category, learn
from node.domain.disclosure import commit_fields, open_disclosures
from node.domain.encoding import canonical_json
from node.domain.record import RecordHeader, parse_payload, seal_record
from node.errors import DefinitionError, DefinitionMissingError, RecordFieldsError, RecordFormatError
from tests.support import catalogue
from tests.vectors import catalogue_vectors
from tests.vectors.catalogue_vectors import EXAMPLE, changed, encode, with_schema

as_before = catalogue.as_before
CODE = credit_code(1)
FOLDER = Path(shipped.__file__).with_name("definitions")
PINNED = Path(catalogue_vectors.__file__).with_name("catalogue.json")
DOCUMENTS = (
    base_document("虚构建设有限公司", CODE),
    qualification_document(CODE),
    performance_document(CODE),
    personnel_document(CODE),
)
RULES = shipped_rules()


def paths(name: str, fields: dict[str, object]) -> list[str]:
    return [mistake.path for mistake in RULES.mistakes(name, fields)]


def refused(value: object) -> str:
    raw = encode(value)
    with pytest.raises(DefinitionError) as caught:
        checker_of(raw)
    return str(caught.value)


# -- the shipped definitions -------------------------------------------------------------------------------


def test_every_shipped_definition_can_be_used_and_its_schema_is_json_schema():
    for digest, raw in shipped.texts().items():
        assert definition_digest(raw) == digest
        assert parse_definition(raw) == shipped.definitions()[parse_definition(raw).name]
    for file in FOLDER.iterdir():
        raw = encode_definition(read_definition(file.read_bytes()))
        assert raw in shipped.texts().values()
        assert file.name == f"{parse_definition(raw).name}.{parse_definition(raw).version}.json"
    for definition in shipped.definitions().values():
        Checker(definition)
        schema = schema_of(definition)
        assert schema["properties"].keys() == definition.fields.keys()


def test_shipped_definitions_are_what_the_vectors_pin():
    # What was released is on ledgers: changing a file would make every node refuse its own founding.
    pinned = json.loads(PINNED.read_text(encoding="utf-8"))["shipped"]
    for name, one in pinned.items():
        assert parse_definition(shipped.texts()[bytes.fromhex(one["sha256"])]).name == name
    assert list(pinned) == list(shipped.definitions()) == list(shipped.ORDER)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.category)
def test_a_complete_document_is_taken(document):
    assert RULES.check(document.category, document.fields) == 1


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda one: one.category)
def test_every_field_that_the_specification_requires_is_missed(document):
    required = [name for name, field in RULES.definition(document.category).fields.items() if field.required]
    assert len(required) >= 6
    for name in required:
        left = {field: value for field, value in document.fields.items() if field != name}
        assert name in paths(document.category, left)


def test_every_mistake_is_told_at_once_with_its_place_and_its_chinese_name():
    fields = {
        **DOCUMENTS[3].fields,
        "id_number": "a?",
        "gender": "7",
        "birthdate": "1990-02-30",
        "nickname": "x",
        "qualifications": [{"qualification_name": "一级建造师", "end_date": "soon"}],
    }
    del fields["job"]
    mistakes = {one.path: one for one in RULES.mistakes("subject.personnel", fields)}
    assert mistakes.keys() == {
        "birthdate", "gender", "id_number", "job", "nickname", "qualifications[0].qualification_type",
        "qualifications[0].certificate_number", "qualifications[0].end_date",
    }  # fmt: skip
    assert mistakes["gender"].title == "性别"
    assert mistakes["qualifications[0].end_date"].title == "执业资格 · 资格证书有效期截止日期"
    assert "1 男性" in mistakes["gender"].advice
    assert "2026-02-28" in mistakes["birthdate"].advice


def test_a_mistake_never_repeats_the_value():
    secret = "绝密的内容"
    fields = dict.fromkeys(RULES.definition("subject.personnel").fields, secret) | {"unknown": secret}
    text = "; ".join(map(str, RULES.mistakes("subject.personnel", fields)))
    assert secret not in text
    assert "unknown" in text


def test_what_has_thousands_of_mistakes_is_told_some_of_them():
    many = {**DOCUMENTS[3].fields, "qualifications": [{} for _ in range(4000)]}
    started = time.process_time()
    assert len(RULES.mistakes("subject.personnel", many)) == 64
    assert time.process_time() - started < 1


# -- amounts, codes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["registered_capital_unit", "unit", "reg_unit", "money_unit", "capital_in_wan"]
)
def test_a_unit_beside_an_amount_is_refused_and_the_way_out_is_told(name):
    (mistake,) = RULES.mistakes("subject.base", {**DOCUMENTS[0].fields, name: "1"})
    assert mistake.path == name
    assert "yuan" in mistake.advice
    assert "convert" in mistake.advice


@pytest.mark.parametrize("amount", ["5,000.00", "5e3", "-1.00", "5000万", "05", "1.0000001", "", 5000, " 5"])
def test_an_amount_is_a_plain_decimal_in_yuan(amount):
    assert paths("subject.base", {**DOCUMENTS[0].fields, "registered_capital": amount}) == [
        "registered_capital"
    ]


def test_an_optional_amount_needs_its_currency():
    fields = {"project_code": "A0199999900000001", "project_name": "示例", "region_code": "999999"}
    assert paths("trade.project", {**fields, "investment_amount": "1.00"}) == ["investment_currency"]
    both = {**fields, "investment_amount": "1.00", "investment_currency": "CNY"}
    assert paths("trade.project", both) == []


def test_a_transaction_code_with_another_check_character_is_noticed_and_taken():
    definition, code = RULES.definition("trade.section"), "A01-91110108740053589U-20260105-000001-"
    fields = {"tender_project_code": "X", "section_code": "X", "section_name": "一标段"}
    noticed = []
    for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ*":
        stated = {**fields, "transaction_code": code + character}
        assert RULES.check("trade.section", stated) == 1
        noticed.append(bool(warnings_of(definition, stated)))
    assert noticed.count(False) == 1
    assert paths("trade.section", {**fields, "transaction_code": "A01-1"}) == ["transaction_code"]


@pytest.mark.parametrize(
    ("code", "holds"),
    [
        ("91110108740053589U", True),
        ("12350100MB02709751", True),
        ("91359128593462349A", False),
        ("91110108740053589u", False),
        ("9111 0108740053589U", False),
        ("", False),
    ],
)
def test_credit_codes_are_checked_by_their_check_character(code, holds):
    assert is_credit_code(code) is holds


def test_what_a_kind_of_entry_needs_is_asked_for_that_kind_only():
    entry = {
        "kind": "reward",
        "entry_code": "X-1",
        "body_name": "虚构建设有限公司",
        "body_code": CODE,
        "occurred_date": "2026-01-05",
        "authority_name": "示例市发展和改革委员会",
        "document_number": "示例〔2026〕1号",
        "scope": "1",
    }
    assert paths("subject.credit", entry) == []
    assert paths("subject.credit", {**entry, "kind": "blacklist"}) == ["reason", "revocation_status"]


# -- what may be voted on -----------------------------------------------------------------------------------


def test_the_example_can_be_used():
    assert checker_of(encode(EXAMPLE)).definition.name == "example.thing"


@pytest.mark.parametrize(("why", "value"), catalogue_vectors.refused(), ids=lambda one: str(one)[:40])
def test_what_no_node_may_use_is_refused(why, value):
    assert refused(value), why


def test_all_reasons_against_a_definition_are_told_at_once():
    text = refused(
        changed(
            fields={
                "a": {"chinese": "甲", "english": "a", "schema": {"$ref": "https://example.invalid"}},
                "b_unit": {"chinese": "乙", "english": "b", "schema": {"type": "float"}, "sensitive": True},
            }
        )
    )
    assert all(part in text for part in ("$ref", "b_unit: type", "personal", "ambiguous"))


def test_a_huge_definition_is_refused_before_it_is_read():
    with pytest.raises(DefinitionError, match="at most"):
        parse_definition(encode(changed(english="x" * MAX_DEFINITION_BYTES)))


def test_only_the_one_encoding_is_a_definition():
    raw = encode(EXAMPLE)
    for other in (
        b" " + raw,
        raw + b"\n",
        raw.replace(b'"slots":8', b'"slots":8.0'),
        raw[:-1] + b',"own":false}',
    ):
        with pytest.raises(DefinitionError):
            parse_definition(other)
    assert encode_definition(read_definition(b"\n " + raw)) == raw


@pytest.mark.parametrize(
    "pattern", ["(a+)+$", "(a|aa)+$", "^(([a-z])+.)+[A-Z]([a-z])+$", "(x+x+)+y", "^([0-9]|[0-9][0-9])*$"]
)
def test_patterns_that_make_others_hang_are_run_in_linear_time(pattern):
    raw = encode(with_schema({"type": "string", "maxLength": 1000, "pattern": pattern}))
    try:
        checker = checker_of(raw)
    except DefinitionError:
        return
    started = time.process_time()
    for letter in ("a", "x", "1"):
        checker.mistakes({"kind": letter * 60_000 + "!"})
    assert time.process_time() - started < 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**60) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keywords = st.sampled_from(
    [
        "type",
        "oneOf",
        "enum",
        "$ref",
        "items",
        "properties",
        "required",
        "pattern",
        "format",
        "maxLength",
        "not",
        "allOf",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(keywords, json_values | st.sampled_from(["string", "array", "object", "#", "date"])))
def test_no_schema_gets_past_the_check_that_the_engine_then_refuses(schema):
    try:
        definition = parse_definition(encode(with_schema(schema)))
    except DefinitionError:
        return
    try:
        checker = Checker(definition)
    except DefinitionError as error:
        assert "pattern" in str(error)
        return
    checker.mistakes({"kind": "x"})


# -- versions -----------------------------------------------------------------------------------------------


def later(**members: object) -> Definition:
    return msgspec.structs.replace(parse_definition(encode(EXAMPLE)), version=2, **members)


def test_a_later_version_may_add_fields_and_change_what_they_must_be():
    first, fields = parse_definition(encode(EXAMPLE)), dict(parse_definition(encode(EXAMPLE)).fields)
    added = {**fields, "more": msgspec.structs.replace(fields["kind"], required=False)}
    check_successor(first, later(fields=added))
    check_successor(first, later(fields={"kind": fields["kind"]}))


@pytest.mark.parametrize("members", [{"slots": 16}, {"owner": "subject"}, {"own": True}, {"name": "another"}])
def test_what_records_rest_on_never_changes(members):
    with pytest.raises(DefinitionError, match="stays so"):
        check_successor(parse_definition(encode(EXAMPLE)), later(**members))


@pytest.mark.parametrize("mark", ["personal", "sealed"])
def test_a_mark_is_never_taken_from_a_field(mark):
    first = parse_definition(encode(EXAMPLE))
    kind = first.fields["kind"]
    marked = msgspec.structs.replace(
        first, fields={**first.fields, "kind": msgspec.structs.replace(kind, **{mark: True})}
    )
    with pytest.raises(DefinitionError, match=f"kind was {mark}"):
        check_successor(marked, later())


def test_marks_accumulate_in_whatever_order_definitions_are_learnt():
    first = parse_definition(encode(EXAMPLE))
    marked = later(
        fields={**first.fields, "kind": msgspec.structs.replace(first.fields["kind"], personal=True)}
    )
    for order in ((first, marked), (marked, first)):
        assert Categories(order).category("example.thing").personal == {"kind"}
    with pytest.raises(DefinitionError):
        Categories([first, later(slots=16)])


def test_a_category_says_what_its_definition_says():
    personnel, credit = category("subject.personnel"), category("subject.credit")
    assert personnel.sensitive <= personnel.personal
    assert {"id_number", "biometric", "track", "bank_account"} == personnel.sensitive
    assert personnel.is_from_wallet
    assert credit.owner is OwnerRule.SUBJECT
    assert not credit.is_from_wallet
    assert "tenderers" in category("trade.bid").sealed


def test_records_of_a_category_that_was_voted_in_are_read_once_its_definition_is_known():
    header = RecordHeader(
        alliance="0" * 64, member="centre-a", category="example.verify", thing="x", version=1, owner="centre-a",
        source_system="s", source_version="", captured="2026-03-01T02:00:00.125Z", clock="system", definition=1,
    )  # fmt: skip
    with pytest.raises(RecordFormatError, match="unknown category"):
        seal_record(header, {"kind": "1"}, bytes(32))
    learn(read_definition(encode(changed(name="example.verify"))))
    sealed = seal_record(header, {"kind": "1"}, bytes(32))
    assert parse_payload(sealed.payload)[0] == header
    assert len(parse_payload(sealed.payload)[1]) == 8


# -- in force -----------------------------------------------------------------------------------------------


def entry(raw: bytes, **members: object) -> InForce:
    known = {"category": "example.thing", "version": 1, "digest": definition_digest(raw), "text": raw}
    return InForce(**{**known, **members})


def test_a_text_of_another_hash_is_not_used():
    raw, other = encode(EXAMPLE), encode(changed(slots=16))
    judged = judge(entry(raw, text=other), ())
    assert "another definition" in judged.problem
    with pytest.raises(DefinitionMissingError, match="cannot be used"):
        Rules([judged]).check("example.thing", {"kind": "1"})


@pytest.mark.parametrize("members", [{"version": 2}, {"category": "example.other"}])
def test_a_text_under_another_name_or_version_is_not_used(members):
    assert judge(entry(encode(EXAMPLE), **members), ()).problem


def test_a_definition_that_changes_what_records_rest_on_is_not_used():
    second = encode(changed(version=2, slots=16))
    assert "slots" in judge(entry(second, version=2), [encode(EXAMPLE)]).problem


def test_a_category_without_its_text_takes_nothing_and_the_others_go_on():
    rules = Rules([*shipped_rules().entries, entry(encode(EXAMPLE), text=b"")])
    with pytest.raises(DefinitionMissingError, match="its text is not here"):
        rules.check("example.thing", {"kind": "1"})
    assert rules.check("trade.award", {"title": "示例"}) == 1
    assert rules.version("example.thing") == 1
    assert rules.lacking.keys() == {"example.thing"}


def test_rules_reach_another_process_whole():
    rules = Rules(
        [
            *shipped_rules().entries,
            entry(encode(EXAMPLE)),
            entry(b"x", category="a.b", text=b"", problem="no"),
        ]
    )
    again = rules_from(encode_rules(rules))
    assert again.entries == rules.entries
    assert again.lacking == {"a.b": "no"}
    assert again.check("example.thing", {"kind": "2"}) == 1
    assert len(encode_rules(shipped_rules())) < 2_500


def test_an_unknown_category_and_bad_fields_are_different_refusals():
    with pytest.raises(RecordFormatError, match="unknown category"):
        RULES.check("trade.nothing", {})
    with pytest.raises(RecordFieldsError):
        RULES.check("trade.award", {"nothing": 1})


# -- values that pass survive --------------------------------------------------------------------------------


def fields_of(definition: Definition) -> st.SearchStrategy[dict[str, object]]:
    """Values that the definition's schemas describe, those it demands among them."""
    optional = {
        name: _values(field.schema) for name, field in definition.fields.items() if not field.required
    }
    required = {name: _values(field.schema) for name, field in definition.fields.items() if field.required}
    return st.fixed_dictionaries(required, optional=optional)


def _values(schema):
    if "oneOf" in schema:
        return st.sampled_from([one["const"] for one in schema["oneOf"]])
    match schema.get("type"), schema.get("format"):
        case None, _:
            return st.text(max_size=20)
        case "boolean", _:
            return st.booleans()
        case "integer", _:
            return st.integers(schema.get("minimum", -(2**53) + 1), 2**53 - 1)
        case "array", _:
            return st.lists(_values(schema.get("items", {})), max_size=2).map(list)
        case "object", _:
            wanted = {
                k: _values(v)
                for k, v in schema.get("properties", {}).items()
                if k in schema.get("required", [])
            }
            return st.fixed_dictionaries(wanted)
        case _, "date":
            return st.dates().map(lambda day: day.isoformat())
        case _, "date-time":
            return st.just("2026-02-28T09:30:00+08:00")
        case _, "credit-code":
            return st.integers(0, 99_999_999).map(credit_code)
        case _, "amount" | "decimal":
            return st.decimals(0, 10**12, places=2).map(str)
        case _, "currency":
            return st.sampled_from(["CNY", "USD"])
        case _, "region-code":
            return st.from_regex(r"\A[0-9]{6}\Z")
        case _, "sha-256":
            return st.binary(min_size=32, max_size=32).map(bytes.hex)
        case _, "transaction-code":
            return st.just("A01-91110108740053589U-20260105-000001-0")
    if "pattern" in schema:
        return st.from_regex(schema["pattern"].replace("$", r"\Z"), alphabet=st.characters(max_codepoint=127))
    most = schema.get("maxLength", 40)
    return st.text(
        st.characters(exclude_categories=["Cs"]), min_size=schema.get("minLength", 0), max_size=min(most, 40)
    )


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(list(shipped.definitions())))
def test_fields_that_pass_survive_commitment_disclosure_and_json(data, name):
    definition = RULES.definition(name)
    fields = data.draw(fields_of(definition))
    mistakes = RULES.mistakes(name, fields)
    known = {"currency", *(one.path for one in mistakes if one.path.endswith("_currency"))}
    lacking = {name for condition in definition.conditions for name in condition.required}
    if [one for one in mistakes if one.path not in known | lacking]:
        raise AssertionError(mistakes)
    if mistakes or len(fields) > definition.slots:
        return
    commitments = commit_fields(fields, bytes(32), definition.slots)
    opened = open_disclosures(commitments.disclosures.values(), commitments.digests)
    again = {field.name: field.value for field in opened}
    assert again == fields
    assert RULES.check(name, again) == definition.version
    assert canonical_json(again) == canonical_json(fields)
