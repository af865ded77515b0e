"""Existing registrations as JSON lines: every line stands for itself, and none can fill the memory."""

import json

from node.cli.registration_source import MAX_LINE_BYTES, messages_of, read_line


def line(number: int, **fields: object) -> str:
    records = [{"category": "subject.base", "thing": "base", "fields": {"credit_code": "x", **fields}}]
    return json.dumps({"id": str(number), "credit_code": "x", "records": records})


def test_a_line_without_end_is_no_reason_to_fill_the_memory(tmp_path):
    path = tmp_path / "existing.jsonl"
    path.write_bytes(b" " * 10 + b"x" * (MAX_LINE_BYTES + 5) + b"\n" + line(1).encode())
    kinds = [item.WhichOneof("kind") for message in messages_of(path, "s") for item in message.request.items]
    assert kinds[0] == "problem"
    assert kinds[-1] == "registration"


def test_floats_and_repeated_keys_are_refused_by_line():
    assert "float" in read_line(line(1, amount=1.5).encode()).problem
    assert "twice" in read_line(b'{"id":"1","id":"2","credit_code":"","records":[]}').problem
