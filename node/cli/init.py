"""`heqi init`: a new node's folder."""

import argparse
from functools import reduce
from operator import or_
from pathlib import Path

from adapters.crypto.passphrase import DEFAULT_SOURCE
from node.cli.output import say
from node.domain.member import Role
from node.setup import create_home

_EPILOG = """\
示例 | example:
  heqi init --home centre-a --name centre-a \\
      --members 127.0.0.1:7101 --wallets 127.0.0.1:7102 --ledger unix:///var/lib/heqi/chain.sock
之后 | then:
  把 centre-a/card.jwt 交给发起中心 | give centre-a/card.jwt to the centre that founds the alliance
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.epilog = _EPILOG
    parser.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node, made anew")
    parser.add_argument("--name", required=True, help="成员名 | member name: a-z 0-9 -, at most 31")
    parser.add_argument(
        "--role",
        action="append",
        choices=[role.name for role in Role],
        help="角色，可重复 | role, may be repeated (default CENTRE)",
    )
    parser.add_argument(
        "--members", required=True, metavar="HOST:PORT", help="成员端口 | listener for members"
    )
    parser.add_argument(
        "--wallets", required=True, metavar="HOST:PORT", help="钱包端口 | listener for wallets"
    )
    parser.add_argument("--ledger", required=True, metavar="URL", help="unix:///… 或 or http://host:port")
    parser.add_argument(
        "--confirmations", type=int, default=0, help="确认块数 | blocks until final (default 0)"
    )
    parser.add_argument(
        "--period", type=float, default=10.0, help="上链周期秒 | seconds per batch (default 10)"
    )
    parser.add_argument(
        "--batch", type=int, default=64, help="每批条数 | entries in every batch (default 64)"
    )
    parser.add_argument(
        "--passphrase",
        metavar="SOURCE",
        default=DEFAULT_SOURCE,
        help="密钥口令来源 | where the passphrase of the keys comes from: file:PATH (made if it is not there), "
        f"credential:NAME (systemd) or prompt (default {DEFAULT_SOURCE} in the folder)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Make the folder."""
    roles = reduce(or_, (Role[name] for name in args.role or ["CENTRE"]))
    create_home(
        args.home,
        args.name,
        roles,
        args.members,
        args.wallets,
        args.ledger,
        args.confirmations,
        args.period,
        args.batch,
        args.passphrase,
    )
    say(f"已建立 {args.home}（配置、密钥、成员名片）", f"made {args.home}: configuration, keys, member card")
    say(
        f"请备份 {args.home}/keys",
        f"keep a copy of {args.home}/keys in a safe place: it cannot be made again",
    )
    if args.passphrase.startswith("file:"):
        path = args.home / args.passphrase.removeprefix("file:")
        say(
            f"密钥口令在 {path}，请另处备份：它防密钥备份外泄，不防本机被攻破",
            f"the keys' passphrase is in {path}; keep its copy apart from that of the keys: it protects copies of "
            "the keys that get into wrong hands, and does not protect against who has broken into this machine",
        )
