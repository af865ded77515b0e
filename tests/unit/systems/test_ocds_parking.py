import json
import os

import pytest

HEAD = '"ocid": "ocds-1", "id": "r1", "date": "2026-01-01T00:00:00Z", "tag": ["award"]'
SOUND = '{"id": "sound", "value": {"amount": 1.10, "currency": "CNY"}}'


@pytest.fixture
def read_awards(read_text):
    """Reads a release with the given award (as text) before a sound one."""
    return lambda award: read_text(f'{{{HEAD}, "awards": [{award}, {SOUND}]}}')


@pytest.mark.parametrize(
    ("award", "reason", "pointer"),
    [
        ('{"id": "a", "value": {"amount": NaN}}', "NOT_A_NUMBER", "/value/amount"),
        ('{"id": "a", "items": [{"quantity": -Infinity}]}', "NOT_A_NUMBER", "/items/0/quantity"),
        ('{"id": "a", "status": "x", "status": "x"}', "DUPLICATE_KEY", ""),
        ('{"id": "a", "value": {"amount": 1, "amount": 2}}', "DUPLICATE_KEY", "/value"),
        ('{"id": "a", "value": {"amount": 1e99}}', "NUMBER_RANGE", "/value/amount"),
        ('{"id": "a", "value": {"amount": ' + "9" * 5000 + "}}", "NUMBER_RANGE", "/value/amount"),
        ('{"id": "a", "date": "2026-02-30"}', "BAD_DATE", "/date"),
        ('{"title": "x"}', "MISSING_ID", ""),
        ('{"id": " "}', "MISSING_ID", ""),
        ('{"id": {"x": 1}}', "MISSING_ID", ""),
        ('{"id": "' + "x" * 200 + '"}', "BAD_IDENTIFIER", ""),
        ('{"id": "a\\u202eb"}', "BAD_IDENTIFIER", ""),
        ('{"id": "\\ud800"}', "BAD_IDENTIFIER", ""),
        ('"x"', "WRONG_SHAPE", ""),
        ("[1]", "WRONG_SHAPE", ""),
    ],
)
def test_bad_award_costs_only_itself(read_awards, award, reason, pointer):
    reading = read_awards(award)
    assert reading.reasons == [reason]
    assert reading.parked[0].source.endswith("a.json#/awards/0" + pointer)
    assert not reading.parked[0].part
    assert reading.things == ["ocds-1/awards/sound"]


@pytest.mark.parametrize(
    ("part", "reason", "pointer"),
    [
        ('"title": "' + "x" * 70000 + '"', "TOO_LARGE", "/title"),
        ('"extra": {"text": "' + "x" * 70000 + '"}', "TOO_LARGE", "/extra/text"),
        ('"items": ' + json.dumps([{"id": 1}] * 5000), "TOO_LARGE", "/items"),
        ('"extra": ' + "[" * 20 + "1" + "]" * 20, "TOO_DEEP", "/extra" + "/0" * 15),
        ('"title": "\\udc00"', "BAD_TEXT", "/title"),
        ('"items": [{"价": 1}]', "BAD_KEY", "/items/0"),
        ('"a b": 1', "BAD_KEY", "/a b"),
        ('"_sd": ["x"]', "BAD_KEY", "/_sd"),
        ('"value": {"amount": 5, "currency": "\\udc00"}', "BAD_TEXT", "/value/currency"),
    ],
)
def test_part_of_bad_form_costs_only_itself(read_awards, part, reason, pointer):
    reading = read_awards(f'{{"id": "a", "status": "active", {part}}}')
    assert reading.reasons == [reason]
    assert reading.parked[0].part
    assert reading.parked[0].source.endswith("a.json#/awards/0" + pointer)
    first, second = reading.drafts
    assert first.fields["status"] == "active"
    assert second.thing == "ocds-1/awards/sound"
    assert reading.summary.parked_parts.total() == 1


def test_record_that_is_too_heavy_loses_its_heaviest_parts(read_awards):
    texts = json.dumps(["x" * 60000] * 10)
    reading = read_awards(f'{{"id": "a", "items": {texts}, "documents": {texts}, "status": "active"}}')
    assert reading.reasons == ["TOO_LARGE"]
    assert set(reading.drafts[0].fields) == {"id", "documents", "status"}


def test_two_awards_under_one_id_are_not_taken_for_versions(read_awards):
    reading = read_awards('{"id": "sound", "title": "another"}')
    assert reading.reasons == ["DUPLICATE_ID"]
    assert reading.things == ["ocds-1/awards/sound"]
    repeated = read_awards(SOUND)
    assert repeated.reasons == []
    assert repeated.summary.unchanged == {"trade.award": 1}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "NOT_JSON"),
        ("{", "NOT_JSON"),
        ("NaN", "NOT_A_NUMBER"),
        ('{"releases": [], "releases": []}', "DUPLICATE_KEY"),
        ("[" * 100_000, "TOO_DEEP"),
        ('{"id": "r1", "tender": {"id": "t"}}', "MISSING_OCID"),
        ('{"ocid": 5, "tender": {"id": "t"}, "date": "2026-02-30"}', "BAD_DATE"),
        ('{"ocid": "a\\nb", "tender": {"id": "t"}}', "BAD_IDENTIFIER"),
        ('{"ocid": "' + "x" * 121 + '", "tender": {"id": "t"}}', "BAD_IDENTIFIER"),
        ('{"ocid": "x", "date": "2026-01-01", "date": "2026-01-02", "tender": {"id": "t"}}', "DUPLICATE_KEY"),
        ('{"ocid": "x"}', "EMPTY"),
        ('{"ocid": "x", "tender": {}, "awards": [], "planning": null}', "EMPTY"),
        ('{"ocid": "x", "tender": {"id": null}}', "EMPTY"),
        ('{"ocid": "x", "tender": [{"id": "t"}]}', "WRONG_SHAPE"),
        ('{"ocid": "x", "awards": {"id": "a"}}', "WRONG_SHAPE"),
    ],
)
def test_document_that_gives_nothing_says_why(read_text, text, reason):
    reading = read_text(text)
    assert reading.reasons == [reason]
    assert reading.accepted == []


def test_bytes_that_are_no_text_are_parked(read_path, tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"ocid": "\xff\xfe\xba"}')
    assert read_path(tmp_path).reasons == ["NOT_JSON"]


def test_files_that_cannot_be_read_are_parked(read_path, tmp_path):
    assert read_path(tmp_path / "missing.json").reasons == ["UNREADABLE"]
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "gone.json").symlink_to(tmp_path / "nowhere")
    (tmp_path / "ok.json").write_text(f'{{{HEAD}, "awards": [{SOUND}]}}')
    reading = read_path(tmp_path)
    assert reading.reasons == ["UNREADABLE", "UNREADABLE"]
    assert reading.things == ["ocds-1/awards/sound"]


def test_document_that_is_too_large_is_parked(read_path, tmp_path, monkeypatch):
    monkeypatch.setattr("adapters.systems.ocds.files.MAX_DOCUMENT_BYTES", 200)
    (tmp_path / "a.json").write_text(f'{{{HEAD}, "awards": [{SOUND}], "x": "{"x" * 200}"}}')
    line = f'{{{HEAD}, "awards": [{SOUND}]}}'
    (tmp_path / "b.jsonl").write_text("x" * 1000 + "\n" + line)
    reading = read_path(tmp_path)
    assert reading.reasons == ["TOO_LARGE", "TOO_LARGE"]
    assert reading.things == ["ocds-1/awards/sound"]
    assert reading.accepted[0].source.endswith("b.jsonl:2#/awards/0")


def test_what_stands_beside_the_sections_costs_no_record(read_text):
    reading = read_text(
        f'{{{HEAD}, "buyer": {{"name": "a", "name": "b"}}, "x": NaN, "subject": ["s"], "awards": [{SOUND}]}}'
    )
    assert sorted(reading.reasons) == ["DUPLICATE_KEY", "NOT_A_NUMBER"]
    assert all(parked.part for parked in reading.parked)
    assert reading.drafts[0].fields["process"] == {"subject": ("s",)}


def test_excerpt_is_short_and_without_contact_data(read_text):
    contact = '"contactPoint": {"name": "Somebody", "email": "a@b.example"}'
    reading = read_text(f'{{"id": "r", "buyer": {{{contact}}}, "tender": {{"title": "{"x" * 999}"}}}}')
    (parked,) = reading.parked
    assert parked.reason.value == "MISSING_OCID"
    assert len(parked.excerpt) == 300
    assert "Somebody" not in parked.excerpt
