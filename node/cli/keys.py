"""`heqi keys`: this node's own keys."""

import argparse
from pathlib import Path

from heqi.v1 import alliance_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import day, print_json, print_table, say
from node.config import replace_file
from node.domain.keys import KeyKind

_ROTATED = [kind.value for kind in KeyKind if kind is not KeyKind.INDEX]
_DEFAULT_DAYS = 7.0
_EPILOG = """\
更换期间节点照常工作；新旧密钥在重叠期内同时有效。
A node goes on working while its keys change; old and new count together for the overlap.

示例 | examples:
  heqi keys list --home centre-a
  heqi keys rotate --home centre-a identity              定期更换 | from time to time
  heqi keys rotate --home centre-a log --compromised     密钥泄露 | somebody else has the old one
  heqi keys rotate --home centre-a identity \\
      --holder 'pkcs11:token=heqi;object=identity?module-path=/…/pkcs11.so&pin-source=file:/…/pin'
                                                         移入硬件 | move it to a token
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="密钥及其状态 | the keys and how they stand")
    one.set_defaults(run=show)
    _add_home(one)
    one = commands.add_parser("history", help="密钥更替记录 | the changes of the keys, for wallets")
    one.add_argument("--out", type=Path, required=True, metavar="JSON", help="输出 | file to write")
    one.set_defaults(run=history)
    _add_home(one)
    one = commands.add_parser("rotate", help="更换密钥 | make new keys and announce them")
    one.add_argument("kinds", nargs="+", choices=_ROTATED, metavar="KEY", help=", ".join(_ROTATED))
    one.add_argument(
        "--overlap-days",
        type=float,
        default=_DEFAULT_DAYS,
        help="旧密钥继续有效的天数 | how long the old account and identity key count too (default 7, below 30)",
    )
    one.add_argument(
        "--compromised",
        action="store_true",
        help="已泄露：旧密钥立即失效 | somebody else has the old key: it counts no longer",
    )
    one.add_argument(
        "--holder", default="", metavar="URI", help="新密钥所在 | where the new key is: pkcs11:, ssh-agent:"
    )
    one.set_defaults(run=rotate)
    _add_home(one)


def show(args: argparse.Namespace) -> None:
    """List the keys."""
    with OperatorClient(args.home) as node:
        found = node.call(node.alliance.ListKeys, pb.ListKeysRequest()).keys
    rows = [
        {
            "kind": key.kind,
            "generation": key.generation,
            "public_key": key.public_key,
            "holder": key.holder,
            "state": key.state,
            "until": day(key.until_time_seconds) if key.until_time_seconds else "",
        }
        for key in found
    ]
    if args.json:
        print_json(rows)
        return
    print_table(
        ("密钥 key", "代 generation", "公钥 public", "持有 holder", "状态 state", "至 until"),
        [
            (
                row["kind"],
                row["generation"],
                f"{str(row['public_key'])[:16]}…",
                row["holder"],
                row["state"],
                row["until"],
            )
            for row in rows
        ],
    )


def history(args: argparse.Namespace) -> None:
    """Write the changes of this member's keys."""
    with OperatorClient(args.home) as node:
        found = node.call(node.alliance.ListKeys, pb.ListKeysRequest()).history
    replace_file(args.out, found)
    say(f"已写出 {args.out}，可交给钱包", f"wrote {args.out}: wallets put it into their folder cards/")


def rotate(args: argparse.Namespace) -> None:
    """Change keys."""
    overlap = 0 if args.compromised else int(args.overlap_days * 86_400)
    request = pb.RotateKeysRequest(kinds=args.kinds, overlap_seconds=overlap, holder=args.holder)
    with OperatorClient(args.home) as node:
        node.call(node.alliance.RotateKeys, request)
    say(
        "新密钥已生成；账本确认后启用，见 heqi keys list",
        "the new keys are made; they are taken up when the ledger has confirmed them: see heqi keys list",
    )
    say(f"请备份 {args.home}/keys", f"keep a new copy of {args.home}/keys")


def _add_home(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    parser.add_argument("--json", action="store_true", help="机器可读 | for machines")
