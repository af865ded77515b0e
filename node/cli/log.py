"""`heqi log`: this node's log, its witnesses, and what was found wrong with other members' logs."""

import argparse
import base64
from datetime import UTC, datetime
from pathlib import Path

from heqi.v1 import alliance_service_pb2
from heqi.v1 import log_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.domain.checkpoint import verifier_key
from node.errors import MissingError

_EPILOG = """\
示例 | examples:
  heqi log status --home centre-a        本日志与他日志 | this log, its witnesses, the others' logs
  heqi log checkpoint --home centre-a    最新检查点 | the newest checkpoint with its cosignatures
  heqi log key --home centre-a           供外部工具使用的公钥 | the log's key as foreign tools take it
  heqi log alarms --home centre-a        他日志的分叉与回退 | forks and rollbacks of other logs
  heqi log alarm --home centre-a 0       一条警报及其证据 | one alarm with its proof, JSON
  heqi log settle --home centre-a 0      已处理 | it has been dealt with
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary, run in (
        ("status", "日志与见证 | the log and its witnesses", status),
        ("checkpoint", "最新检查点 | the newest checkpoint", checkpoint),
        ("key", "日志公钥 | the log's verifier key (C2SP signed-note)", key),
        ("alarms", "列出警报 | list alarms", alarms),
        ("alarm", "一条警报及其证据 | one alarm with its proof", alarm),
        ("settle", "警报已处理 | an alarm has been dealt with", settle),
    ):
        one = commands.add_parser(name, help=summary)
        one.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        one.set_defaults(run=run)
        if name in {"alarm", "settle"}:
            one.add_argument("number", type=int, help="见 alarms | number from heqi log alarms")
        if name in {"status", "alarms"}:
            one.add_argument("--json", action="store_true", help="机器可读 | for machines")


def status(args: argparse.Namespace) -> None:
    """Show sizes, and how far each other log is vouched for."""
    with OperatorClient(args.home) as node:
        now = node.call(node.log.GetLogStatus, pb.GetLogStatusRequest())
    sizes = {"size": now.size, "anchored": now.anchored_size, "witnessed": now.witnessed_size}
    rows = [(one.member, one.size, _moment(one.time_seconds), one.problem) for one in now.logs]
    if args.json:
        logs = [dict(zip(("member", "size", "time", "problem"), row, strict=True)) for row in rows]
        print_json({**sizes, "needed": now.needed_count, "logs": logs})
        return
    say(
        f"本日志 {now.size}，已上链 {now.anchored_size}", f"own log: {now.size}, anchored {now.anchored_size}"
    )
    say(
        f"已见证 {now.witnessed_size}（需 {now.needed_count} 个会签）",
        f"witnessed {now.witnessed_size}: {now.needed_count} cosignatures are needed",
    )
    if rows:
        print_table(("成员 member", "已核 vouched for", "时间 time", "问题 problem"), rows)


def checkpoint(args: argparse.Namespace) -> None:
    """Print the newest checkpoint as it is signed.

    Raises:
        MissingError: nothing was published yet.
    """
    with OperatorClient(args.home) as node:
        note = node.call(node.log.GetLogStatus, pb.GetLogStatusRequest()).checkpoint
    if not note:
        raise MissingError("nothing was published yet; the first batch comes within a period")
    print(note, end="", flush=True)


def key(args: argparse.Namespace) -> None:
    """Print the verifier key."""
    with OperatorClient(args.home) as node:
        now = node.call(node.alliance.GetNodeStatus, alliance_service_pb2.GetNodeStatusRequest())
        members = node.call(node.alliance.ListMembers, alliance_service_pb2.ListMembersRequest()).members
    (own,) = [member.log_key for member in members if member.name == now.member] or [b""]
    if not own:
        raise MissingError("the ledger does not know this member yet")
    print(verifier_key(now.alliance_id, now.member, own))


def alarms(args: argparse.Namespace) -> None:
    """List alarms."""
    rows = [(a.number, a.member, a.fault, _moment(a.time_seconds), a.settled) for a in _alarms(args.home)]
    if args.json:
        print_json(
            [dict(zip(("number", "member", "fault", "time", "settled"), row, strict=True)) for row in rows]
        )
    elif rows:
        print_table(("编号 No", "成员 member", "问题 fault", "时间 time", "已处理 settled"), rows)
    else:
        say("没有警报", "no alarms: every log that was seen only grew")


def alarm(args: argparse.Namespace) -> None:
    """Print one alarm with all that proves it.

    Raises:
        MissingError: there is no such alarm.
    """
    found = [one for one in _alarms(args.home) if one.number == args.number]
    if not found:
        raise MissingError(f"there is no alarm {args.number}")
    one = found[0]
    print_json(
        {
            "member": one.member,
            "fault": one.fault,
            "time": _moment(one.time_seconds),
            "checkpoint": one.checkpoint,
            "known_checkpoint": one.known_checkpoint,
            "anchor_size": one.anchor_size,
            "anchor_root": base64.b64encode(one.anchor_root).decode(),
            "settled": one.settled,
        }
    )


def settle(args: argparse.Namespace) -> None:
    """Settle an alarm."""
    with OperatorClient(args.home) as node:
        node.call(node.log.SettleAlarm, pb.SettleAlarmRequest(number=args.number))
    say(
        f"警报 {args.number} 已处理",
        f"alarm {args.number} is settled; the log is cosigned again if it is sound",
    )


def _alarms(home: Path) -> list[pb.Alarm]:
    with OperatorClient(home) as node:
        return list(node.call(node.log.ListAlarms, pb.ListAlarmsRequest()).alarms)


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
