"""`heqi wallet`: a bidder's key, and what it signs."""

import argparse
from pathlib import Path
from typing import TypeAlias, get_args

from node.cli.wallet import erasing, guarantees, login, moving, people, setup, sharing
from node.domain.grant import Basis

_EPILOG = """\
顺序 | in order:
  heqi wallet init --wallet w --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet w --certificate cert.pem --certificate-key key.pem
  heqi wallet register --wallet w package.json
  heqi wallet requests --wallet w
  heqi wallet grant --wallet w 1
  heqi wallet standing --wallet w --to centre-b,centre-c --purpose registration-reuse --want subject.base:legal_name
  heqi wallet reads --wallet w
  heqi wallet revoke --wallet w GRANT
  heqi wallet login --wallet w heqi:login/1/…
  heqi wallet erase --wallet w --wait
人员本人 | people in the records, each with a wallet of its own:
  heqi wallet consent give --wallet p --subject SUBJECT --thing STAFF --receiver centre-b --field person_name …
  heqi wallet consent withdraw --wallet p --subject SUBJECT CONSENT
口令：提示输入，或 --passphrase-file；绝不放在命令行
passphrase: asked for, or --passphrase-file; never on the command line
"""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # it has no public name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _describe_setup(commands)
    _describe_sharing(commands)
    _describe_guarantees(commands)
    _describe_login(commands)
    _describe_erasing(commands)
    people.describe(commands)
    for name, command in commands.choices.items():
        if name not in {"consent", "dispute"}:  # their own commands take them
            people.add_wallet(command)


def _describe_setup(commands: Commands) -> None:
    one = commands.add_parser("init", help="新建钱包 | make a wallet with a fresh key")
    one.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    one.add_argument("--home-centre", required=True, help="注册中心 | centre where to register")
    one.set_defaults(run=setup.init)
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


def _describe_guarantees(commands: Commands) -> None:
    one = commands.add_parser("apply", help="申请保函 | apply for a guarantee")
    one.add_argument("--guarantor", required=True, help="担保人 | member that issues it")
    one.add_argument("--centre", required=True, help="招标中心 | centre that runs the tender")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--amount", required=True, help="金额（元）| plain decimal")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--kind", default="bid", choices=["bid", "performance", "quality"])
    one.add_argument("--days", type=int, default=90, help="有效天数 | valid for days (default 90)")
    one.add_argument("--beneficiary-name", required=True, help="受益人 | in whose favour")
    one.add_argument("--beneficiary-key", required=True, help="受益人公钥 | from heqi wallet key")
    one.set_defaults(run=guarantees.apply)
    one = commands.add_parser("applications", help="保函申请结果 | what became of applications")
    one.add_argument("--guarantor", required=True, help="担保人 | member that was asked")
    one.add_argument("--wait", action="store_true", help="等待决定 | wait for the decision")
    one.add_argument("--out", type=Path, help="保函文件 | where to write the guarantee")
    one.set_defaults(run=guarantees.applications)
    one = commands.add_parser("release", help="（受益人）解保 | as beneficiary: give a guarantee back")
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("--reason", required=True, help="原因 | reason")
    one.set_defaults(run=guarantees.release)
    one = commands.add_parser(
        "key", help="（受益人）标段公钥 | as beneficiary: the one-time key for a section"
    )
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.set_defaults(run=guarantees.key)
