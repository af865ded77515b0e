"""`heqi login`: have a bidder log in, as a centre's trading system does over gRPC."""

import argparse
from pathlib import Path

from heqi.v1 import login_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say

_EPILOG = """\
交易主体用钱包扫码，或把内容交给 heqi wallet login
the bidder scans the code with its wallet, or hands the text to heqi wallet login

示例 | example:
  heqi login create --home centre-b --company --watch
  heqi login watch --home centre-b LOGIN
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("create", help="出示登录二维码 | show a QR code to log in with")
    one.add_argument(
        "--company", action="store_true", help="请对方出示单位名称与信用代码 | ask for the company too"
    )
    one.add_argument("--purpose", default="login", help="用途代码 | purpose code; never a tender's number")
    one.add_argument("--state", default="", help="会话中原样返回 | repeated in the session")
    one.add_argument("--seconds", type=int, default=0, help="有效秒数 | may be answered for (default 180)")
    one.add_argument("--watch", action="store_true", help="等待应答 | wait for the answer")
    one.set_defaults(run=create)
    one = commands.add_parser("watch", help="等待应答 | wait for the answer")
    one.add_argument("login", help="登录编号 | login id")
    one.set_defaults(run=watch)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def create(args: argparse.Namespace) -> None:
    """Make a challenge and show it."""
    import segno  # noqa: PLC0415  # only this command draws

    wants = pb.LOGIN_WANTS_COMPANY if args.company else pb.LOGIN_WANTS_SUBJECT
    asked = pb.CreateLoginRequest(
        wants=wants, purpose=args.purpose, state=args.state, valid_seconds=args.seconds
    )
    with OperatorClient(args.home) as node:
        made = node.call(node.logins.CreateLogin, asked)
        if args.json and not args.watch:
            print_json({"login": made.login_id, "payload": made.payload, "end": made.end_time})
        elif not args.json:
            segno.make_qr(made.payload, error="m").terminal(compact=True)
            print(made.payload)
            say(f"登录 {made.login_id}，{made.end_time} 前有效", "may be answered once, until then")
        if args.watch:
            _wait(node, made.login_id, is_json=args.json)


def watch(args: argparse.Namespace) -> None:
    """Wait until somebody has answered."""
    with OperatorClient(args.home) as node:
        _wait(node, args.login, is_json=args.json)


def _wait(node: OperatorClient, login: str, *, is_json: bool) -> None:
    for answer in node.stream(node.logins.WatchLogin, pb.WatchLoginRequest(login_id=login)):
        session = answer.session
        facts = {
            "method": session.method,
            "subject": session.subject_id,
            "home": session.home,
            "credit_code": session.credit_code,
            "organisation": session.organisation,
            "state": session.state,
            "expires": session.expire_time,
        }
        if is_json:
            print_json({**facts, "session": session.session})
        else:
            print_table(("已登录 logged in", ""), [(name, value or "—") for name, value in facts.items()])
