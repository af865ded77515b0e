"""`heqi record list`: find records by category, owner, project and time."""

import argparse
import json
from typing import Any

from heqi.v1 import record_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say

_TITLE_CHARS = 60


def add_arguments(commands: Any) -> None:
    """Describe the command."""
    one = commands.add_parser(
        "list",
        help="查找记录 | find records",
        description="查找记录，按接收时间从旧到新 | find records, by the time they were taken in, oldest first",
    )
    one.add_argument("--category", default="", help="类别，如 trade.tender | category")
    one.add_argument("--owner", default="", help="主体编号或本中心名 | subject id, or this centre's name")
    one.add_argument(
        "--project", default="", help="项目编号（完整）或 OCDS ocid | project number in full, or OCDS ocid"
    )
    one.add_argument("--since", default="", help="此刻或之后接收，RFC 3339 | taken in then or later")
    one.add_argument("--until", default="", help="此刻之前接收，RFC 3339 | taken in before")
    one.add_argument("--fields", action="store_true", help="显示字段 | show the fields too")
    one.add_argument("--limit", type=int, default=100, help="至多条数，默认 100 | at most so many")
    one.add_argument("--page", default="", help="上一页给出的页标 | token that the last page gave")
    one.set_defaults(run=list_)


def list_(args: argparse.Namespace) -> None:
    """Print records until the limit, or the end."""
    request = pb.ListRecordsRequest(
        category=args.category,
        owner=args.owner,
        project=args.project,
        since=args.since,
        until=args.until,
        with_fields=args.fields,
        page_token=args.page,
    )
    found: list[Any] = []
    with OperatorClient(args.home) as node:
        while True:
            request.page_size = min(args.limit - len(found), 1000)
            page = node.call(node.records.ListRecords, request)
            found += page.records
            request.page_token = page.next_page_token
            if not page.next_page_token or len(found) >= args.limit:
                break
    if args.json:
        print_json({"records": [_for_machines(one) for one in found], "next_page": request.page_token})
        return
    columns = ("位置 position", "类别 category", "对象 thing", "版本 version", "接收 captured", "上链 final")
    print_table(columns, [_row(one) for one in found])
    if args.fields:
        for one in found:
            print(f"{one.position}: {one.fields_json or '-'}")
    if request.page_token:
        say(f"下一页：--page {request.page_token}", f"there is more: --page {request.page_token}")


def _row(one: Any) -> tuple[str, ...]:
    thing = one.thing if len(one.thing) <= _TITLE_CHARS else one.thing[: _TITLE_CHARS - 1] + "…"
    return (
        str(one.position),
        one.category,
        thing or f"({one.owner[:16]}…)",
        str(one.version or "-"),
        one.captured,
        "是 yes" if one.final else "否 no",
    )


def _for_machines(one: Any) -> dict[str, Any]:
    names = ("position", "category", "owner", "captured", "final")
    shown = {name: getattr(one, name) for name in names}
    if one.thing:
        more = ("thing", "version", "project", "source_system", "source_version", "occurred")
        shown |= {name: getattr(one, name) for name in more}
    if one.fields_json:
        shown["fields"] = json.loads(one.fields_json)
    return shown
