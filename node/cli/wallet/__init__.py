"""`heqi wallet`: a bidder's key, and what it signs."""

import argparse
from pathlib import Path
from typing import get_args

from node.cli.arguments import Commands
from node.cli.wallet import (
    acting_arguments,
    bank,
    erasing,
    guarantee_arguments,
    key_arguments,
    login,
    moving,
    people,
    setup,
    sharing,
)
from node.domain.delegation import ReservedAct
from node.domain.grant import Basis

_EPILOG = """\
顺序 | in order:
  heqi wallet init --wallet w --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet w --certificate cert.pem --certificate-key key.pem
  heqi wallet draft new --wallet w base; heqi wallet draft edit --wallet w base
  heqi wallet draft check --wallet w base; heqi wallet draft submit --wallet w base
  heqi wallet register --wallet w package.json       不用草稿 | the same without a draft
  heqi wallet requests --wallet w
  heqi wallet grant --wallet w 1
  heqi wallet standing --wallet w --to centre-b,centre-c --purpose registration-reuse --want subject.base:legal_name
  heqi wallet reads --wallet w
  heqi wallet revoke --wallet w GRANT
  heqi wallet mandate give --wallet w --key KEY --name 王五 --power look --days 90 --out mandate.jwt
  heqi wallet login --wallet w heqi:login/1/…
  heqi wallet erase --wallet w --wait
密文投标保函 | sealed bid guarantees:
  heqi wallet prepare --wallet w --guarantor bank-x               平时 | long before
  heqi wallet apply --sealed --wait --wallet w --guarantor bank-x --centre centre-b --section GC-1/2 …
  heqi wallet sealed --wallet w --section GC-1/2 --wait
  heqi wallet seal --wallet w --section GC-1/2 --opening opening.jwt --out bid.sealed
双人复核 | two officers:  heqi wallet grant 1 --wallet w --second act.json; heqi wallet approve --help
人员本人 | people in the records, each with a wallet of its own:
  heqi wallet consent give --wallet p --subject SUBJECT --thing STAFF --receiver centre-b --field person_name …
  heqi wallet consent withdraw --wallet p --subject SUBJECT CONSENT
密钥：第二台设备、更换、丢失 | keys: a second device, replacing, losing
  heqi wallet keys papers --out papers.json --wallet w   现在就做 | do it now: needed if all keys are lost
  heqi wallet backup w.backup --wallet w
  heqi wallet keys --help     heqi wallet recover --help
口令：提示输入，或 --passphrase-file；绝不放在命令行
passphrase: asked for, or --passphrase-file; never on the command line
"""

_DRAFTED = {"draft": ("submit",), "mandate": ("give",), "keys": ("add", "remove", "replace", "attach")}
"""Commands in groups whose act may be for two officers."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _describe_setup(commands)
    _describe_sharing(commands)
    awarded = guarantee_arguments.describe(commands)
    _describe_login(commands)
    _describe_erasing(commands)
    keyed = key_arguments.describe(commands)
    for name in ("register", "status", "requests", "grant", "grants", "revoke"):
        commands.choices[name].add_argument(
            "--for",
            dest="acting_for",
            default="",
            metavar="MANDATE",
            help="代他人办理：收到的委托编号 | act for whoever gave this wallet the mandate",
        )
    acting = acting_arguments.describe(commands)
    people.describe(commands)
    nested = [*bank.describe(commands), *awarded, *acting, *keyed]
    # The commands in a group take the wallet, not the group.
    groups = {"consent", "dispute", *(one.prog.split()[-2] for one in nested)}
    plain = [one for name, one in commands.choices.items() if name not in groups]
    for command in (*plain, *nested):
        people.add_wallet(command)
    drafted = [
        commands.choices[name] for name in ("delegate", "grant", "standing", "register", "erase", "move")
    ]
    drafted += [
        one
        for group, names in _DRAFTED.items()
        for one in nested
        if one.prog.split()[-2] == group and one.prog.split()[-1] in names
    ]
    for command in drafted:
        command.add_argument(
            "--second",
            type=Path,
            metavar="FILE",
            help="须双人办理：只写入文件，待复核 | for two officers: only write it to this file, to be approved",
        )


def _describe_setup(commands: Commands) -> None:
    one = commands.add_parser("init", help="新建钱包 | make a wallet with a fresh key")
    one.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    one.add_argument("--home-centre", required=True, help="注册中心 | centre where to register")
    one.set_defaults(run=setup.init)
    one.add_argument(
        "--trial-passkey",
        metavar="HOST",
        help="试用：用模拟的通行密钥签名 | for trials: sign by a passkey for the page https://HOST, in a file",
    )
    one = commands.add_parser(
        "delegate", help="用证书为钱包密钥签发委托 | let a certificate vouch for the key"
    )
    one.add_argument("--certificate", type=Path, required=True, help="证书链 PEM | certificate chain, PEM")
    one.add_argument(
        "--certificate-key", type=Path, required=True, help="证书私钥 PEM | its private key, PEM"
    )
    one.add_argument(
        "--trust",
        type=Path,
        help="中心公布的机构清单 | trust list that a centre publishes, if the founding one is outdated",
    )
    one.add_argument(
        "--further",
        action="store_true",
        help="（已注册）再加一张本单位证书，与先前的并存 | once registered: hand in a further certificate of the "
        "same company, kept beside the first",
    )
    one.add_argument(
        "--two-officers",
        action="append",
        default=[],
        choices=get_args(ReservedAct),
        help="此事项须双人办理，可重复；见 heqi wallet approve --help | this act needs two officers; may be repeated",
    )
    one.set_defaults(run=setup.delegate)
    one = commands.add_parser("register", help="注册或补充材料 | register, or hand in further documents")
    one.add_argument("package", type=Path, help="JSON: [{category, thing, fields}, …]")
    one.add_argument("--wait", action="store_true", help="等待上链 | wait until everything is final")
    one.set_defaults(run=setup.register)
    one = commands.add_parser("move", help="迁往另一中心 | move to another home centre")
    one.add_argument("new_home", metavar="MEMBER", help="新的注册中心 | the new home centre")
    one.add_argument(
        "--without-home",
        action="store_true",
        help="不向原中心索取任何材料 | do not ask the old home for anything",
    )
    one.set_defaults(run=moving.move)
    one = commands.add_parser("status", help="注册与上链进度 | how far everything is")
    one.set_defaults(run=setup.status)
    one = commands.add_parser("export", help="导出本人材料为 SD-JWT | write the own records as SD-JWTs")
    one.add_argument("--out", type=Path, required=True, help="目录 | folder, made anew")
    one.set_defaults(run=setup.export)


def _describe_sharing(commands: Commands) -> None:
    one = commands.add_parser("requests", help="收到的申请 | requests for access")
    one.add_argument("--wait", action="store_true", help="等待新申请 | wait for an open request")
    one.set_defaults(run=sharing.requests)
    one = commands.add_parser("grant", help="签署授权 | sign a grant")
    one.add_argument("number", type=int, help="申请序号 | number in the list of requests")
    one.add_argument(
        "--only", action="append", metavar="CATEGORY:FIELD,…", help="只授权这些 | grant only these"
    )
    one.add_argument(
        "--uses",
        type=int,
        help="改次数，0 为到期前不限 | another number of reads; 0 for any number until the end",
    )
    one.add_argument("--days", type=int, help="改有效天数 | another number of days")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=sharing.grant)
    one = commands.add_parser(
        "standing",
        help="长期授权：指定成员随时可读，不含个人信息 | let named members read at any time; no personal data",
    )
    one.add_argument("--to", required=True, metavar="MEMBER,…", help="接收方 | who may read")
    one.add_argument(
        "--want",
        action="append",
        required=True,
        metavar="CATEGORY:FIELD,…",
        help="类别与字段，可重复 | category and fields, may be repeated",
    )
    one.add_argument("--purpose", required=True, help="用途代码 | purpose code")
    one.add_argument("--basis", choices=get_args(Basis), default="consent", help="处理依据 | ground")
    one.add_argument("--days", type=int, default=180, help="有效天数 | valid for days (default 180)")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=sharing.standing)
    one = commands.add_parser("grants", help="已签署的授权 | grants and their state")
    one.set_defaults(run=sharing.grants)
    one = commands.add_parser("revoke", help="撤回授权 | revoke a grant")
    one.add_argument("grant", help="授权编号 | grant id, or its beginning")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=sharing.revoke)
    one = commands.add_parser("reads", help="谁读过什么 | who read what")
    one.add_argument(
        "--at", metavar="MEMBER", help="向该成员查询中标证明的调取 | ask this centre who fetched award proofs"
    )
    one.set_defaults(run=sharing.reads)


def _describe_erasing(commands: Commands) -> None:
    one = commands.add_parser("erase", help="请注册中心删除本人数据 | have the home erase the own data")
    one.add_argument(
        "--category", action="append", default=[], help="只删这些类别 | only these; everything without it"
    )
    one.add_argument(
        "--at", help="改在读过数据的成员处删除 | at a member that read something, not at the home"
    )
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.add_argument("--wait", action="store_true", help="等待回执 | wait for the receipt")
    one.set_defaults(run=erasing.erase)
    one = commands.add_parser("erasures", help="删除回执 | fetch and show the receipts")
    one.set_defaults(run=erasing.erasures)


def _describe_login(commands: Commands) -> None:
    one = commands.add_parser("login", help="登录交易中心 | log in at a centre")
    one.add_argument("payload", help="二维码内容 | what the QR code holds")
    one.add_argument(
        "--number-only", action="store_true", help="不出示单位 | show the subject id, not the company"
    )
    one.add_argument(
        "--certificate", type=Path, help="改用证书登录（未注册时）PEM | log in with the certificate, PEM"
    )
    one.add_argument("--certificate-key", type=Path, help="证书私钥 PEM | its private key, PEM")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.set_defaults(run=login.login)
