"""`heqi record`: a centre's trading records."""

import argparse
from pathlib import Path
from typing import Any

from heqi.v1 import event_service_pb2
from heqi.v1 import record_service_pb2 as pb

from adapters.systems.ocds import Summary
from node.cli import record_list, record_load
from node.cli.client import OperatorClient
from node.cli.completeness import add_completeness, when_complete
from node.cli.output import print_json, print_table, say
from node.cli.record_source import append_messages
from node.errors import ConfigError

_EPILOG = """\
示例 | examples:
  heqi record import --home centre-a exports/          导入 OCDS 数据 | import OCDS data
  heqi record load --home centre-a history/            成批导入，可续传 | load years of records, resumable
  heqi record list --home centre-a --category trade.award --since 2026-01-01T00:00:00+08:00
  heqi record parked --home centre-a                   被搁置的条目 | what could not be used, and why
  heqi record release --home centre-a 3                再试一次 | try number 3 again
  heqi record drop --home centre-a 3                   放弃 | give number 3 up
  heqi record prove --home centre-a 17 --out bundle.json
  heqi record case --home centre-a --title "(2026)浙01民初1号" --record 17 --record 20-25 --out case.heqi
  heqi record export --home centre-a 17 --out record.sd-jwt
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("import", help="导入 OCDS 文件或目录 | import a file or folder of OCDS data")
    one.add_argument("path", type=Path)
    one.add_argument("--system", default="ocds", help="来源系统名 | name of the source system (default ocds)")
    one.add_argument("--wait", action="store_true", help="等待上链 | wait until everything is final")
    one.set_defaults(run=import_)
    record_load.add_arguments(commands)
    record_list.add_arguments(commands)
    one = commands.add_parser("parked", help="列出搁置条目 | list what was parked")
    one.set_defaults(run=parked)
    one = commands.add_parser("release", help="再试搁置条目 | try a parked item again")
    one.add_argument("number", type=int)
    one.set_defaults(run=release)
    one = commands.add_parser("drop", help="放弃搁置条目 | give a parked item up")
    one.add_argument("number", type=int)
    one.set_defaults(run=drop)
    one = commands.add_parser("prove", help="生成证据包 | make an evidence bundle over one record")
    one.add_argument("position", type=int, help="记录位置 | position that import printed")
    one.add_argument("--field", action="append", default=[], help="只披露这些字段 | show only these fields")
    one.add_argument(
        "--log", default="", metavar="MEMBER", help="已导入档案的成员 | of a log whose archive was imported"
    )
    one.add_argument("--out", type=Path, required=True)
    add_completeness(one)
    one.set_defaults(run=prove)
    one = commands.add_parser("case", help="汇编案卷 | many bundles in one file, under one signed list")
    one.add_argument("--title", required=True, help="案号或案由 | what the case is about")
    one.add_argument("--record", action="append", default=[], metavar="N[-M]", help="记录位置 | own records")
    one.add_argument(
        "--read", action="append", default=[], metavar="REQUEST/N", help="在他处读取的 | read elsewhere"
    )
    one.add_argument("--out", type=Path, required=True)
    add_completeness(one)
    one.set_defaults(run=case)
    one = commands.add_parser("export", help="导出为 SD-JWT | write one record as a standard SD-JWT")
    one.add_argument("position", type=int, help="记录位置 | position that import printed")
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=export)
    one = commands.add_parser("watch", help="跟踪节点事件 | follow what happens at the node")
    one.add_argument("--first", type=int, default=0, help="起始编号 | first event")
    one.set_defaults(run=watch)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def import_(args: argparse.Namespace) -> int:
    """Read OCDS data and append it, 500 records a message; the same data again is stored once."""
    summary = Summary()
    messages = append_messages(args.path, args.system, summary, wait=args.wait)
    totals = {"records": 0, "parked": 0, "final": 0}
    with OperatorClient(args.home) as node:
        for answer in node.stream(node.records.AppendRecords, messages):
            _progress(args, totals, answer)
    result: dict[str, Any] = {
        **totals,
        "unchanged": sum(summary.unchanged.values()),
        "left_out": sum(summary.left_out.values()),
        "by_category": dict(summary.accepted),
        "parked_by_reason": {reason.value: count for reason, count in summary.parked.items()},
    }
    if args.json:
        print_json(result)
    else:
        _print_summary(result)
    return 0


def parked(args: argparse.Namespace) -> None:
    """List parked items."""
    rows: list[tuple[int, str, str]] = []
    with OperatorClient(args.home) as node:
        token = ""
        while True:
            page = node.call(
                node.records.ListParkedRecords, pb.ListParkedRecordsRequest(page_size=1000, page_token=token)
            )
            rows += [(row.number, row.reason, row.message) for row in page.parked_records]
            token = page.next_page_token
            if not token:
                break
    if args.json:
        print_json([{"number": n, "reason": r, "message": m} for n, r, m in rows])
    else:
        print_table(("编号 No", "原因 reason", "说明 message"), [(n, r, m[:100]) for n, r, m in rows])


def release(args: argparse.Namespace) -> None:
    """Try a parked item again."""
    with OperatorClient(args.home) as node:
        request = pb.ReleaseParkedRecordRequest(number=args.number)
        position = node.call(node.records.ReleaseParkedRecord, request).position
    say(f"已成为记录 {position}", f"item {args.number} is the record at position {position} now")


def drop(args: argparse.Namespace) -> None:
    """Give a parked item up."""
    with OperatorClient(args.home) as node:
        node.call(node.records.DropParkedRecord, pb.DropParkedRecordRequest(number=args.number))
    say(f"已放弃 {args.number}", f"item {args.number} is dropped")


def prove(args: argparse.Namespace) -> None:
    """Write a bundle."""
    with OperatorClient(args.home) as node:
        request = pb.ProveRecordRequest(
            position=args.position, fields=args.field, incomplete=args.incomplete, log=args.log
        )
        got = when_complete(args, lambda: node.call(node.records.ProveRecord, request))
    args.out.write_bytes(got.bundle)
    say(f"已写入 {args.out}", f"wrote {args.out}; check it with heqi verify")


def case(args: argparse.Namespace) -> None:
    """Write a case."""
    items = [pb.CaseItem(position=at) for text in args.record for at in _positions(text)]
    items += [pb.CaseItem(read=_read(text)) for text in args.read]
    request = pb.ProveCaseRequest(title=args.title, items=items, incomplete=args.incomplete)
    unfinished = args.out.with_name(f"{args.out.name}.part")
    with OperatorClient(args.home) as node, unfinished.open("wb") as file:

        def write() -> None:
            file.seek(0)
            for part in node.stream(node.records.ProveCase, request):
                file.write(part.chunk)

        when_complete(args, write)
    unfinished.replace(args.out)
    say(
        f"已写入 {args.out}：{len(items)} 个证据包",
        f"wrote {len(items)} bundle(s); check them with heqi verify",
    )


def _positions(text: str) -> range:
    first, dash, last = text.partition("-")
    if not first.isdecimal() or (dash and not last.isdecimal()):
        raise ConfigError(f"--record takes a position or a range like 20-25, not {text!r}")
    return range(int(first), int(last if dash else first) + 1)


def _read(text: str) -> pb.ReadReference:
    request, slash, number = text.partition("/")
    if slash and not number.isdecimal():
        raise ConfigError(f"--read takes the id of an access request and the number of a read, not {text!r}")
    return pb.ReadReference(request_id=request, read=int(number or "0"))


def export(args: argparse.Namespace) -> None:
    """Write an SD-JWT."""
    with OperatorClient(args.home) as node:
        answer = node.call(node.records.ExportRecord, pb.ExportRecordRequest(position=args.position))
    args.out.write_text(answer.sd_jwt, encoding="ascii")
    say(f"已写入 {args.out}", f"wrote {args.out}: any SD-JWT library checks it with this node's identity key")


def watch(args: argparse.Namespace) -> None:
    """Follow events until interrupted."""
    with OperatorClient(args.home) as node:
        for event in node.stream(node.events.Watch, event_service_pb2.WatchRequest(first=args.first)):
            print(f"{event.number:>8}  {event.time}  {event.kind:<18}", dict(event.about), flush=True)


def _progress(args: argparse.Namespace, totals: dict[str, int], answer: Any) -> None:
    if answer.HasField("accepted"):
        totals["records"] += answer.accepted.record_count
        totals["parked"] += answer.accepted.parked_count
        if not args.json:
            first = answer.accepted.first_position
            last = first + answer.accepted.record_count - 1
            say(
                f"已受理 {answer.accepted.record_count} 条（位置 {first}–{last}）",
                f"accepted {answer.accepted.record_count} records at positions {first} to {last}",
            )
    else:
        totals["final"] += 1
        if not args.json:
            say(f"第 {answer.sequence} 批已上链", f"message {answer.sequence} is anchored")


def _print_summary(result: dict[str, Any]) -> None:
    rows = [(category, count) for category, count in sorted(result["by_category"].items())]
    print_table(("类别 category", "记录 records"), rows)
    say(
        f"未变化 {result['unchanged']}，略去个人信息 {result['left_out']}",
        f"unchanged {result['unchanged']}, personal data left out {result['left_out']}",
    )
    for reason, count in sorted(result["parked_by_reason"].items()):
        say(f"搁置 {count}：{reason}", f"parked {count}: {reason}")
