"""`heqi recovery`: a drawn member's word on companies that have lost their wallets' keys."""

import argparse
from pathlib import Path

from heqi.v1 import recovery_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say

_EPILOG = """\
企业丢失钱包密钥，由抽签选出的成员核对证书 | a company has lost its keys; drawn members check it:
  heqi recovery list --home centre-b              待确认的申请 | what waits for this member
  heqi recovery confirm --home centre-b REQUEST   确认 | say on the ledger that the certificate stands
节点已自动核对：新委托的证书有效且未吊销，旧密钥认可的委托出自同一信用代码的证书。
确认前请以登记电话等途径与企业核实；两个成员确认后还有七天，任何旧密钥可否决。
The node has checked that the new delegation's certificate holds and is not revoked, and that the delegation that a
lost key accepted is of the same credit code. Before you confirm, reach the company in a way that you know by
yourself; after two confirmations any old key has seven days to object.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="待确认的申请 | requests that wait for this member")
    one.set_defaults(run=list_)
    one = commands.add_parser("confirm", help="确认一件申请 | confirm one")
    one.add_argument("request", help="申请编号 | id of the request, from list")
    one.set_defaults(run=confirm)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def list_(args: argparse.Namespace) -> None:
    """Show what waits."""
    with OperatorClient(args.home) as node:
        found = node.call(node.recoveries.ListRecoveries, pb.ListRecoveriesRequest()).recoveries
    if args.json:
        print_json(
            [
                {
                    "request": one.request_id,
                    "organisation": one.organisation,
                    "credit_code": one.credit_code,
                    "subject": one.subject_id,
                    "proposed": one.is_proposed,
                    "confirmers": list(one.confirmers),
                }
                for one in found
            ]
        )
        return
    print_table(
        ("申请 request", "企业 company", "信用代码 credit code", "已上链 on the ledger", "已确认 confirmed"),
        [
            (
                one.request_id,
                one.organisation,
                one.credit_code,
                "✓" if one.is_proposed else "",
                ", ".join(one.confirmers),
            )
            for one in found
        ],
    )


def confirm(args: argparse.Namespace) -> None:
    """Give this member's word."""
    with OperatorClient(args.home) as node:
        node.call(node.recoveries.ConfirmRecovery, pb.ConfirmRecoveryRequest(request_id=args.request))
    if args.json:
        print_json({"request": args.request})
    else:
        say("已确认", "confirmed; it goes to the ledger")
