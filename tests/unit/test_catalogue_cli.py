"""`heqi catalogue` without a node: what people see, and what machines read."""

import json
import re
from pathlib import Path

import jsonschema_rs
import msgspec
import pytest

from adapters.systems.sample import credit_code
from adapters.systems.sample_packages import base_document, qualification_document
from node.cli.main import main
from node.domain.catalogue import shipped
from tests.vectors.catalogue_vectors import EXAMPLE, with_schema

CODE = credit_code(7)
ROOT = Path(__file__).resolve().parents[2]


def heqi(*arguments):
    return main([str(one) for one in arguments])


def written(folder, value):
    path = folder / "file.json"
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")
    return path


def test_every_category_is_listed_with_its_hash(capsys):
    assert heqi("catalogue", "list", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert [one["category"] for one in listed] == list(shipped.definitions())
    assert {one["sha256"] for one in listed} == {digest.hex() for digest in shipped.texts()}
    assert heqi("catalogue", "list") == 0
    assert "主体基本信息" in capsys.readouterr().out


def test_a_table_says_of_every_field_what_it_must_be_and_whose_word_counts(capsys):
    assert heqi("catalogue", "show", "subject.personnel") == 0
    shown = capsys.readouterr().out
    rows = {line.split()[0]: line for line in shown.splitlines() if line}
    assert all(part in rows["id_number"] for part in ("证件号码", "必填 yes", "敏感 sensitive", "本人"))
    assert "个人 personal" in rows["person_name"]
    assert "1 男性 Male" in shown
    assert rows.keys() >= shipped.definitions()["subject.personnel"].fields.keys()


@pytest.mark.parametrize("name", list(shipped.definitions()))
def test_every_definition_can_be_shown_and_its_text_is_taken_back(name, capsys, tmp_path):
    assert heqi("catalogue", "show", name) == 0
    capsys.readouterr()
    assert heqi("catalogue", "show", name, "--text") == 0
    text = json.loads(capsys.readouterr().out)
    assert heqi("catalogue", "check", written(tmp_path, text)) == 0
    assert heqi("catalogue", "show", name, "--schema") == 0
    capsys.readouterr()


def test_the_schema_serves_other_tools(capsys):
    assert heqi("catalogue", "show", "subject.qualification", "--schema") == 0
    schema = json.loads(capsys.readouterr().out)
    fields = dict(qualification_document(CODE).fields)
    assert jsonschema_rs.is_valid(schema, fields)
    assert not jsonschema_rs.is_valid(schema, fields | {"level": "甲级别"})


def test_a_package_without_mistakes_is_said_to_be_good(tmp_path, capsys):
    package = [
        msgspec.to_builtins(base_document("虚构公司", CODE)),
        msgspec.to_builtins(qualification_document(CODE)),
    ]
    assert heqi("catalogue", "check", written(tmp_path, package)) == 0
    assert "2 documents" in capsys.readouterr().out


def test_the_package_of_the_operators_page_is_complete(tmp_path, capsys):
    page = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
    (package,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    assert heqi("catalogue", "check", written(tmp_path, json.loads(package))) == 0
    assert "1 documents" in capsys.readouterr().out


def test_all_mistakes_of_a_package_are_listed_at_once(tmp_path, capsys):
    base = msgspec.to_builtins(base_document("虚构公司", CODE, region_code="99", reg_unit="1"))
    package = [base, {"category": "subject.nothing", "thing": "x", "fields": {}}, "x"]
    assert heqi("catalogue", "check", written(tmp_path, package)) == 1
    told = capsys.readouterr().err
    assert "RECORD_FIELDS" in told
    assert all(part in told for part in ("region_code（行政区划代码）", "reg_unit", "subject.nothing", "[2]"))


def test_a_doubtful_transaction_code_is_a_warning_and_no_mistake(tmp_path, capsys):
    fields = {"tender_project_code": "X", "section_code": "X", "section_name": "一标段"}
    fields["transaction_code"] = "A01-91110108740053589U-20260105-000001-Z"
    document = {"category": "trade.section", "thing": "x", "fields": fields}
    assert heqi("catalogue", "check", written(tmp_path, document)) == 0
    assert "校验位不符" in capsys.readouterr().out


def test_an_unusable_definition_is_refused_with_every_reason(tmp_path, capsys):
    assert heqi("catalogue", "check", written(tmp_path, with_schema({"$ref": "#", "type": "text"}))) == 1
    told = capsys.readouterr().err
    assert "DEFINITION" in told
    assert "type must be one of" in told
    assert heqi("catalogue", "check", written(tmp_path, EXAMPLE)) == 0


@pytest.mark.parametrize("content", [b"", b"\xff", b"[" * 5000, b'{"a":1,"a":2}'])
def test_a_file_that_is_no_json_is_refused_with_a_reason(tmp_path, content, capsys):
    path = tmp_path / "x.json"
    path.write_bytes(content)
    assert heqi("catalogue", "check", path) == 1
    assert "[DOCUMENT_FORMAT]" in capsys.readouterr().err
    assert heqi("catalogue", "check", tmp_path / "nothing") == 2


def test_an_unknown_category_is_said_to_be_unknown(capsys):
    assert heqi("catalogue", "show", "subject.nothing") == 1
    assert "heqi catalogue list" in capsys.readouterr().err
