"""`heqi guarantee bank list | retry | drop`: what the core banking system is still to do."""

import argparse
from datetime import UTC, datetime

from heqi.v1 import desk_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say

_SUMMARY = "核心系统指令：收费、占用、释放、赔付 | orders to the core banking system"
_EPILOG = """\
每件事只下一条指令，再试也只办一次 | one order for one thing, carried out once however often it is tried:
  heqi guarantee bank list --home bank-x            未办结与搁置的 | what is under way or parked
  heqi guarantee bank retry --home bank-x ORDER     查明后再试 | try it again, under the same id
  heqi guarantee bank drop --home bank-x ORDER      已手工办理 | it was seen to by hand
赔付指令先行召回；召回中（recalling）再 drop，即以人的认定为准。
A payment is recalled first; dropped while it is recalled, it is given up on a person's word.
"""
_KINDS = {
    "earmark": "占用额度",
    "release": "释放额度",
    "collect-fee": "收取保费",
    "refund-fee": "退还保费",
    "pay-claim": "赔付",
}


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands."""
    group = commands.add_parser(
        "bank",
        help=_SUMMARY,
        description=_SUMMARY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("list", help="未办结与搁置的指令 | orders under way or parked")
    one.set_defaults(run=list_)
    for name, summary, decision in (
        ("retry", "再试 | try a parked order again", "DECISION_RETRY"),
        ("drop", "放弃，已手工办理 | give a parked order up", "DECISION_DROP"),
    ):
        one = actions.add_parser(name, help=summary)
        one.add_argument("order")
        one.set_defaults(run=decide, decision=decision)
    return list(actions.choices.values())


def list_(args: argparse.Namespace) -> None:
    """List orders that are neither done nor given up."""
    with OperatorClient(args.home) as node:
        found = list(node.call(node.desk.ListBankOrders, pb.ListBankOrdersRequest()).orders)
    if args.json:
        print_json(
            [
                {
                    "order": one.order_id,
                    "kind": one.kind,
                    "about": one.about,
                    "amount": one.amount,
                    "currency": one.currency,
                    "state": one.state,
                    "problem": one.problem,
                }
                for one in found
            ]
        )
        return
    rows = [
        (
            one.order_id,
            f"{_KINDS.get(one.kind, '')} {one.kind}",
            f"{one.amount} {one.currency}",
            one.state,
            datetime.fromtimestamp(one.queue_time_seconds, UTC).isoformat(),
            one.problem,
        )
        for one in found
    ]
    heads = ("指令 order", "事项 kind", "金额 amount", "状态 state", "自 since", "原因 problem")
    print_table(heads, rows)


def decide(args: argparse.Namespace) -> None:
    """Try an order again, or give it up."""
    with OperatorClient(args.home) as node:
        decision = pb.DecideBankOrderRequest.Decision.Value(args.decision)
        node.call(
            node.desk.DecideBankOrder, pb.DecideBankOrderRequest(order_id=args.order, decision=decision)
        )
    say("已记录", "on record; heqi guarantee bank list shows what is left")
