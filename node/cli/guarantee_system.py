"""`heqi guarantee system list | refer | retry | drop | file`: what the bank's e-guarantee system has to decide."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from heqi.v1 import desk_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.config import replace_file
from node.errors import VerificationError

_SUMMARY = "保函业务系统：推送的订单 | orders at the guarantor's own guarantee system"
_EPILOG = """\
规则未决的申请推送给本机构保函系统，由其审核、编号、出函 | what the rules leave open goes to that system:
  heqi guarantee system list --home bank-x                 未决与搁置的 | undecided, or something is parked
  heqi guarantee system refer --home bank-x APPLICATION    转交 | have it decide what was left to people
  heqi guarantee system retry --home bank-x APPLICATION    查明后再试 | tell it again, or issue again
  heqi guarantee system drop --home bank-x APPLICATION     已在该系统办理 | it was seen to there by hand
  heqi guarantee system file --home bank-x APPLICATION --out bank.pdf    系统所出文件 | the file that it made
"""
STATES = {
    "sent": "已推送",
    "approved": "已通过，待文件",
    "filed": "已收文件，待开立",
    "issued": "已开立",
    "refused": "不通过",
    "withdrawn": "已撤回",
}
_CALLS = {"apply": "订单推送", "withdraw": "取消", "opened": "解密通知", "surrender": "退保申请"}


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands."""
    group = commands.add_parser(
        "system",
        help=_SUMMARY,
        description=_SUMMARY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("list", help="未决与搁置的订单 | orders undecided, or with something parked")
    one.set_defaults(run=list_)
    one = actions.add_parser("refer", help="转交该系统审核 | have it decide what was left to people")
    one.add_argument("application", help="申请编号 | the application")
    one.set_defaults(run=refer)
    for name, summary, decision in (
        ("retry", "再试 | try again what is parked", "DECISION_RETRY"),
        ("drop", "放弃，已在该系统办理 | give what is parked up", "DECISION_DROP"),
    ):
        one = actions.add_parser(name, help=summary)
        one.add_argument(
            "application", help="申请编号，即订单号 | the application, which is the order's number"
        )
        one.set_defaults(run=decide, decision=decision)
    one = actions.add_parser("file", help="取系统所出文件 | write the file that the system made")
    one.add_argument("application", help="申请编号 | the application")
    one.add_argument("--out", type=Path, required=True, help="写入何处 | where to write it")
    one.set_defaults(run=file)
    return list(actions.choices.values())


def list_(args: argparse.Namespace) -> None:
    """List orders that are undecided, or of which the system is still to be told something."""
    with OperatorClient(args.home) as node:
        found = list(node.call(node.desk.ListSystemOrders, pb.ListSystemOrdersRequest()).orders)
    if args.json:
        print_json([facts_of(one) for one in found])
        return
    rows = [
        (
            one.application_id,
            f"{STATES.get(one.state, '')} {one.state}",
            one.number,
            "; ".join(f"{_CALLS.get(call.kind, '')} {call.kind}: {call.state}" for call in one.calls),
            _since(one.calls),
            one.problem or next((call.problem for call in one.calls if call.problem), ""),
        )
        for one in found
    ]
    heads = ("订单 order", "状态 state", "保函编号 number", "待推送 to tell", "自 since", "原因 problem")
    print_table(heads, rows)


def refer(args: argparse.Namespace) -> None:
    """Have the system decide an application."""
    with OperatorClient(args.home, timeout_seconds=60.0) as node:
        node.call(node.desk.ReferApplication, pb.ReferApplicationRequest(application_id=args.application))
    say("已转交", "handed over; heqi guarantee system list shows how it stands")


def decide(args: argparse.Namespace) -> None:
    """Try again what is parked about an order, or give it up."""
    with OperatorClient(args.home) as node:
        decision = pb.DecideSystemOrderRequest.Decision.Value(args.decision)
        request = pb.DecideSystemOrderRequest(application_id=args.application, decision=decision)
        node.call(node.desk.DecideSystemOrder, request)
    say("已记录", "done; heqi guarantee system list shows what is left")


def file(args: argparse.Namespace) -> None:
    """Write the file that the system has made of a guarantee."""
    with OperatorClient(args.home) as node:
        request = pb.GetSystemFileRequest(application_id=args.application)
        parts = list(node.stream(node.desk.GetSystemFile, request))
    content, digest = b"".join(part.chunk for part in parts), "".join(part.file_digest for part in parts)
    if sha256(content).hexdigest() != digest:
        raise VerificationError("the file did not come whole; try again")
    replace_file(args.out, content)
    say(f"已写入 {args.out}", f"written; SHA-256 {digest}")


def facts_of(order: pb.SystemOrder) -> dict[str, object]:
    """An order for machines."""
    calls = [{"kind": call.kind, "state": call.state, "problem": call.problem} for call in order.calls]
    return {
        "application": order.application_id,
        "state": order.state,
        "number": order.number,
        "file_sha256": order.file_digest,
        "problem": order.problem,
        "surrender": order.surrender,
        "calls": calls,
    }


def _since(calls: Sequence[pb.SystemCall]) -> str:
    times = [call.queue_time_seconds for call in calls]
    return datetime.fromtimestamp(min(times), UTC).isoformat() if times else ""
