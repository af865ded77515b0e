"""Verified records as the commands show them, to people and to machines."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from heqi.v1.record_pb2 import VerifiedRecord

from node.cli.output import print_table


def shown_records(records: Iterable[VerifiedRecord]) -> list[dict[str, Any]]:
    """For machines."""
    return [
        {
            "category": record.category,
            "thing": record.thing,
            "version": record.version,
            "member": record.member,
            "index": record.index,
            "fields": json.loads(record.fields_json),
        }
        for record in records
    ]


def print_records(records: Sequence[dict[str, Any]]) -> None:
    """For people."""
    for record in records:
        print(f"{record['category']} v{record['version']} @ {record['member']} #{record['index']}")
        print_table(("字段 field", "值 value"), sorted(record["fields"].items()))
