import dataclasses

import pytest

from node.domain.draft import MAX_DRAFT_BYTES, MAX_FIELDS, RecordDraft, check_draft
from node.errors import RecordFormatError

SOUND = RecordDraft(
    category="trade.tender",
    thing="ocds-1/tender",
    owner="ab" * 32,
    source_system="示例交易系统",
    source_version="",
    occurred="2026-02-28T09:30:00+08:00",
    fields={"title": "示例"},
)


def test_sound_draft_passes():
    check_draft(SOUND)
    check_draft(dataclasses.replace(SOUND, owner=None, occurred=None, thing="合" * 200))


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("category", "Trade"),
        ("category", "x" * 64),
        ("category", ""),
        ("thing", ""),
        ("thing", "x" * 201),
        ("thing", "a\nb"),
        ("thing", "a\u202eb"),
        ("thing", "\ud800"),
        ("source_system", ""),
        ("source_version", "x" * 201),
        ("owner", "AB" * 32),
        ("owner", ""),
        ("occurred", "2026-02-28"),
        ("occurred", "2026-02-30T09:30:00Z"),
        ("occurred", ""),
        ("fields", {}),
        ("fields", {f"f{i}": 1 for i in range(MAX_FIELDS + 1)}),
        ("fields", {"A": 1}),
        ("fields", {"a": 1.0}),
        ("fields", {f"f{i}": "x" * 65536 for i in range(MAX_DRAFT_BYTES // 65536)}),
    ],
    ids=lambda v: ascii(v)[:25],
)
def test_bad_attribute_is_refused(attribute, value):
    with pytest.raises(RecordFormatError):
        check_draft(dataclasses.replace(SOUND, **{attribute: value}))
