"""`heqi wallet`: a bidder's key, and what it signs."""

import argparse
from pathlib import Path
from typing import TypeAlias, get_args

from node.cli import guarantee_says
from node.cli.wallet import (
    approving,
    awards,
    bank,
    drafts,
    erasing,
    guarantees,
    keys,
    login,
    mandates,
    moving,
    people,
    recovering,
    releases,
    sealed,
    setup,
    sharing,
)
from node.domain.delegation import ReservedAct
from node.domain.grant import Basis
from node.domain.guarantee_table import Mover

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
密文投标保函 | sealed bid guarantees:
  heqi wallet prepare --wallet w --guarantor bank-x               平时 | long before
  heqi wallet apply --sealed --wait --wallet w --guarantor bank-x --centre centre-b --section GC-1/2 …
  heqi wallet sealed --wallet w --section GC-1/2 --wait
  heqi wallet seal --wallet w --section GC-1/2 --opening opening.jwt --out bid.sealed
  heqi wallet erase --wallet w --wait
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

_KEYS_EPILOG = """\
第二台设备 | a second device:
  heqi wallet init --wallet w2 --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet w2 --certificate cert.pem --certificate-key key.pem
  heqi wallet keys show --wallet w2                 在第二台设备 | on the second device
  heqi wallet keys add KEY --wallet w               在第一台设备 | on the first one
  heqi wallet keys attach SUBJECT --wallet w2       在第二台设备 | on the second one
每把密钥都能单独代表主体，也能移除其他密钥：丢失或被盗请立即移除
any one key speaks for the subject and can remove the others: remove a lost or stolen one at once
"""
_DRAFTED = {"draft": ("submit",), "mandate": ("give",), "keys": ("add", "remove", "replace", "attach")}
"""Commands in groups whose act may be for two officers."""
_RECOVER_EPILOG = """\
丢失全部密钥 | every key is lost:
  heqi wallet init --wallet new --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet new --certificate cert.pem --certificate-key key.pem
  heqi wallet recover start --papers papers.json --wallet new
  heqi wallet recover status --wallet new            两个抽签成员确认 | two drawn members confirm
  heqi wallet recover finish --wallet new            七天后 | after seven days
密钥其实未丢失而有人申请 | somebody asks although no key is lost:
  heqi wallet recover veto --wallet w
"""

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  # it has no public name


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _describe_setup(commands)
    _describe_sharing(commands)
    _describe_guarantees(commands)
    _describe_steps(commands)
    _describe_awards(commands)
    _describe_sealed(commands)
    _describe_login(commands)
    _describe_erasing(commands)
    _describe_backup(commands)
    for name in ("register", "status", "requests", "grant", "grants", "revoke"):
        commands.choices[name].add_argument(
            "--for",
            dest="acting_for",
            default="",
            metavar="MANDATE",
            help="代他人办理：收到的委托编号 | act for whoever gave this wallet the mandate",
        )
    _describe_approving(commands)
    people.describe(commands)
    plain = [
        one
        for name, one in commands.choices.items()
        if name not in {"consent", "dispute"}  # their own commands take them
    ]
    nested = [
        *bank.describe(commands),
        *_describe_drafts(commands),
        *_describe_mandates(commands),
        *_describe_keys(commands),
        *_describe_recovering(commands),
    ]
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


def _describe_approving(commands: Commands) -> None:
    one = commands.add_parser(
        "approve",
        help="复核另一位经办人的事项 | as second officer: approve what another drafted",
        epilog=approving.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("file", type=Path, help="经办人写的文件 | file that the first officer wrote")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.set_defaults(run=approving.approve)
    one = commands.add_parser(
        "submit",
        help="提交已复核的事项 | as first officer: hand in what was approved",
        epilog=approving.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    one.add_argument("file", type=Path, help="已复核的文件 | the approved file")
    one.add_argument(
        "--relay", metavar="MEMBER", help="授权：由另一成员上链 | a grant: through another member"
    )
    one.add_argument("--out", type=Path, help="委托：写入此文件 | a mandate: where to write it")
    one.add_argument("--wait", action="store_true", help="删除：等待回执 | an erasure: wait for the receipt")
    one.set_defaults(run=approving.submit)


def _describe_drafts(commands: Commands) -> list[argparse.ArgumentParser]:
    summary = "注册材料草稿 | drafts of a registration package"
    group = commands.add_parser(
        "draft",
        help=summary,
        description=summary,
        epilog=drafts.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("new", help="新建草稿 | begin a draft")
    one.add_argument("--package", type=Path, help="以此文件为底稿 | begin with the documents in this file")
    one.add_argument(
        "--registered",
        action="store_true",
        help="以已提交的材料为底稿 | begin with what was handed in before",
    )
    one.set_defaults(run=drafts.new)
    one = actions.add_parser("edit", help="用编辑器修改 | open it in $EDITOR")
    one.set_defaults(run=drafts.edit)
    one = actions.add_parser("set", help="填写一份材料的字段 | set fields of one document")
    one.set_defaults(run=drafts.set_)
    one = actions.add_parser("check", help="一次列出全部错误 | tell all mistakes at once")
    one.add_argument("--offline", action="store_true", help="只在本机检查 | do not ask the home")
    one.set_defaults(run=drafts.check)
    one = actions.add_parser("submit", help="提交 | hand it in")
    one.add_argument("--wait", action="store_true", help="等待上链 | wait until everything is final")
    one.set_defaults(run=drafts.submit)
    for action in actions.choices.values():
        action.add_argument("name", metavar="NAME", help="草稿名 | name of the draft")
    one = actions.choices["set"]
    one.add_argument("document", metavar="CATEGORY:THING", help="材料 | the document, made if missing")
    one.add_argument(
        "fields", nargs="*", metavar="FIELD=VALUE", help="文字，或 FIELD:=JSON | a text, or FIELD:=JSON"
    )
    one.add_argument("--unset", action="append", default=[], metavar="FIELD", help="删去字段 | take out")
    actions.add_parser("list", help="列出草稿 | list drafts").set_defaults(run=drafts.list_)
    return list(actions.choices.values())


def _describe_mandates(commands: Commands) -> list[argparse.ArgumentParser]:
    summary = "委托他人办理、分支机构、联合体 | let others act; branches; joint bids"
    group = commands.add_parser(
        "mandate",
        help=summary,
        description=summary,
        epilog=mandates.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser(
        "key", help="本钱包公钥，交给委托人 | this wallet's key, for whoever lets it act"
    )
    one.set_defaults(run=mandates.key)
    one = actions.add_parser("give", help="签发委托 | let somebody act")
    who = one.add_mutually_exclusive_group(required=True)
    who.add_argument("--key", dest="agent_key", help="受托人公钥 | the agent's key: power of attorney")
    who.add_argument("--agency", metavar="SUBJECT", help="代理机构主体编号 | an agency's subject id")
    who.add_argument("--branch", metavar="SUBJECT", help="分支机构主体编号 | a branch's subject id")
    who.add_argument("--joint-bid", type=Path, metavar="FILE", help="联合体协议 | agreement of a joint bid")
    one.add_argument("--name", required=True, help="受托人名称 | the agent's name, for people")
    one.add_argument(
        "--power",
        action="append",
        default=[],
        choices=["grant", "look", "register", "revoke"],
        help="授予的权限，可重复 | what may be done, may be repeated",
    )
    one.add_argument(
        "--may",
        action="append",
        default=[],
        metavar="CATEGORY:FIELD,…",
        help="（grant）至多授权这些字段 | with grant: at most these fields",
    )
    one.add_argument("--to", action="append", default=[], metavar="MEMBER", help="只可授权给 | only to these")
    one.add_argument("--purpose", action="append", default=[], help="只可用于 | only for these purposes")
    one.add_argument("--uses", type=int, default=1, help="每项授权至多次数 | most reads under one grant")
    one.add_argument("--branch-code", default="", help="分支机构信用代码 | the branch's credit code")
    one.add_argument("--days", type=int, required=True, help="有效天数 | valid for days")
    one.add_argument("--out", type=Path, required=True, help="委托文件 | where to write the mandate")
    one.set_defaults(run=mandates.give)
    one = actions.add_parser("accept", help="收下委托 | keep a mandate to act under")
    one.add_argument("file", type=Path, help="委托文件 | the mandate")
    one.add_argument("--home-centre", required=True, help="委托人的注册中心 | home of who gave it")
    one.set_defaults(run=mandates.accept)
    one = actions.add_parser("list", help="给出与收到的委托 | mandates given and received")
    one.set_defaults(run=mandates.list_)
    one = actions.add_parser("show", help="离线核验并以白话说明 | check offline, and say in plain words")
    one.add_argument("file", type=Path, help="委托文件 | the mandate")
    one.set_defaults(run=mandates.show)
    one = actions.add_parser(
        "revoke", help="撤销给出的委托，立即生效 | end a mandate that was given, at once"
    )
    one.add_argument("mandate", help="委托编号 | mandate id, or its beginning")
    one.add_argument("--relay", metavar="MEMBER", help="由另一成员上链 | through another member")
    one.set_defaults(run=mandates.revoke)
    one = actions.add_parser(
        "confirm-branch", help="（分支机构）提交上级确认 | as a branch: the parent confirms"
    )
    one.add_argument("file", type=Path, help="上级签发的确认 | the parent's confirmation")
    one.add_argument("--parent-delegation", type=Path, required=True, help="上级的证书委托 | its delegation")
    one.set_defaults(run=mandates.confirm_branch)
    one = actions.add_parser("joint-bid", help="（联合体）起草协议、汇总签字、提交 | draft, collect, hand in")
    one.add_argument("file", type=Path, help="协议或整份联合体文件 | the agreement, or the whole joint bid")
    one.add_argument(
        "--member", action="append", default=[], metavar="SUBJECT=SHARE", help="起草：成员及份额 | to draft"
    )
    one.add_argument(
        "--section", default="", help="起草：标段编号，只以承诺值入协议 | to draft; committed to"
    )
    one.add_argument("--days", type=int, default=90, help="起草：有效天数 | to draft (default 90)")
    one.add_argument(
        "--signed",
        action="append",
        default=[],
        type=Path,
        metavar="MANDATE",
        help="汇总：各成员的签字 | collect",
    )
    one.add_argument("--at", metavar="MEMBER", help="提交至此中心（默认本人注册中心）| hand in there")
    one.set_defaults(run=mandates.joint_bid)
    return list(actions.choices.values())


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


def _describe_backup(commands: Commands) -> None:
    one = commands.add_parser("backup", help="备份整个钱包，加密 | write the whole wallet, encrypted")
    one.add_argument("file", type=Path, help="备份文件 | file to write")
    one.set_defaults(run=keys.backup)
    one = commands.add_parser("restore", help="在新设备上恢复 | make the wallet from a backup")
    one.add_argument("file", type=Path, help="备份文件 | the backup")
    one.set_defaults(run=keys.restore)


def _describe_keys(commands: Commands) -> list[argparse.ArgumentParser]:
    group = commands.add_parser(
        "keys",
        help="主体密钥：查看、增加、移除、更换 | the subject's keys: list, add, remove, replace",
        epilog=_KEYS_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = group.add_subparsers(metavar="COMMAND", required=True)
    inner.add_parser("show", help="本钱包的密钥 | this wallet's own key").set_defaults(run=keys.show)
    inner.add_parser("list", help="账本上的密钥 | those on the ledger").set_defaults(run=keys.list_)
    one = inner.add_parser("add", help="增加一把密钥 | let another key speak too")
    one.add_argument("key", metavar="KEY", help="由 keys show 得到 | from keys show")
    one.set_defaults(run=keys.add)
    one = inner.add_parser("remove", help="移除一把密钥 | a key speaks no longer")
    one.add_argument("key", metavar="KEY", help="由 keys list 得到 | from keys list")
    one.set_defaults(run=keys.remove)
    one = inner.add_parser("replace", help="更换本钱包的密钥 | a fresh key in place of this wallet's")
    one.add_argument("--certificate", type=Path, required=True, help="证书链 PEM | certificate chain, PEM")
    one.add_argument(
        "--certificate-key", type=Path, required=True, help="证书私钥 PEM | its private key, PEM"
    )
    one.add_argument("--trust", type=Path, help="机构清单 | trust list, if the founding one is outdated")
    one.set_defaults(run=keys.replace)
    one = inner.add_parser("attach", help="（新设备）提交委托 | on a new device: hand its delegation in")
    one.add_argument("subject", help="主体编号 | subject id")
    one.set_defaults(run=keys.attach)
    one = inner.add_parser("papers", help="恢复所需材料，不含秘密 | what a recovery needs; no secret in it")
    one.add_argument("--out", type=Path, required=True, help="文件 | file to write")
    one.set_defaults(run=keys.papers)
    return list(inner.choices.values())


def _describe_recovering(commands: Commands) -> list[argparse.ArgumentParser]:
    group = commands.add_parser(
        "recover",
        help="丢失全部密钥后恢复 | when every key is lost",
        epilog=_RECOVER_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    inner = group.add_subparsers(metavar="COMMAND", required=True)
    one = inner.add_parser("start", help="申请 | ask for it")
    one.add_argument("--papers", type=Path, required=True, help="keys papers 写的文件 | from keys papers")
    one.set_defaults(run=recovering.start)
    inner.add_parser("status", help="进度 | how far it is").set_defaults(run=recovering.status)
    inner.add_parser("finish", help="七天后完成 | after the waiting time").set_defaults(run=recovering.finish)
    for one in inner.choices.values():
        one.add_argument(
            "--member", help="经由该成员（注册中心不配合时）| at this member, if the home does not help"
        )
    inner.add_parser("veto", help="（密钥未丢失）否决 | a key that is not lost objects").set_defaults(
        run=recovering.veto
    )
    return list(inner.choices.values())


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


def _describe_sealed(commands: Commands) -> None:
    one = commands.add_parser(
        "prepare", help="预先授权担保人 | long before: let a guarantor read what it needs for applications"
    )
    one.add_argument("--guarantor", required=True, help="担保人 | member that will be asked")
    one.add_argument("--days", type=int, default=365, help="有效天数 | for days (default 365)")
    one.add_argument("--uses", type=int, default=100, help="可读次数 | reads (default 100)")
    one.set_defaults(run=sealed.prepare)
    one = commands.add_parser("sealed", help="密文保函进展 | where a sealed application stands")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--wait", action="store_true", help="等待开立与存证 | wait for the issue and its proof")
    one.add_argument("--show-key", action="store_true", help="显示开标密钥 | the opening key, to open alone")
    one.set_defaults(run=sealed.collect)
    one = commands.add_parser("seal", help="密封保函 | seal the guarantee to the tender's opening")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--opening", type=Path, required=True, help="开标条款 | the opening's terms")
    one.add_argument("--out", type=Path, required=True, help="密封文件 | goes into the encrypted bid")
    one.set_defaults(run=sealed.seal_)


def _describe_awards(commands: Commands) -> None:
    group = commands.add_parser(
        "award", help="中标证明，供贷款机构核验 | proof of the own awards, for lenders"
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("show", help="取得证明，自行出示 | get the proof, to hand it on")
    one.add_argument("--wait", action="store_true", help="等待上链 | wait until the proof is complete")
    one.set_defaults(run=awards.show)
    two = actions.add_parser("grant", help="授权贷款机构自行查询 | let a lender fetch it")
    two.add_argument("--lender", required=True, help="贷款机构 | member that may read")
    two.add_argument(
        "--days", type=int, default=30, help="有效天数 | valid for days (default 30, at most 92)"
    )
    two.set_defaults(run=awards.give)
    for action in (one, two):
        action.add_argument("--centre", required=True, help="招标中心 | centre that ran the tender")
        action.add_argument(
            "--project", required=True, help="项目编号 | as the centre files it, or the OCDS ocid"
        )
        action.add_argument("--out", type=Path, required=True, metavar="FILE", help="输出 | file to write")
    one = actions.add_parser("revoke", help="撤销授权 | end a lender's grant")
    one.add_argument("file", type=Path, help="授权文件 | what award grant has written")
    one.set_defaults(run=awards.revoke)


def _describe_steps(commands: Commands) -> None:
    one = commands.add_parser(
        "life", help="（受益人、申请人）保函经过、现状、可做 | how a guarantee stands, what can be done"
    )
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("--at", help="问哪个成员，默认担保人 | member to ask; the guarantor if not given")
    one.set_defaults(run=guarantees.show)
    one = commands.add_parser(
        "step", help="（受益人、申请人）索赔、答复、退保等 | claim, answer, surrender and the like"
    )
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    guarantee_says.add_options(one, (Mover.BENEFICIARY, Mover.APPLICANT))
    one.add_argument("--at", help="交给哪个成员，默认本中心 | member to hand it to; the home if not given")
    one.add_argument("--see-at", help="向哪个成员了解现状，默认担保人 | member that says how it stands")
    one.add_argument("--keep", type=Path, help="保存步骤与回执 | keep the step and its receipt in this file")
    one.set_defaults(run=guarantees.step)
    one = commands.add_parser(
        "step-again", help="账本中断后凭回执补交 | hand a kept step in again, with its receipt"
    )
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("kept", type=Path, help="step --keep 保存的文件 | what step --keep wrote")
    one.add_argument("--at", help="交给哪个成员，默认本中心 | member to hand it to; the home if not given")
    one.set_defaults(run=guarantees.step_again)


def _describe_guarantees(commands: Commands) -> None:
    one = commands.add_parser("apply", help="申请保函 | apply for a guarantee")
    one.add_argument("--guarantor", required=True, help="担保人 | member that issues it")
    one.add_argument("--centre", required=True, help="招标中心 | centre that runs the tender")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--amount", required=True, help="金额（元）| plain decimal")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--kind", default="bid", choices=["bid", "performance", "quality", "advance"])
    one.add_argument("--days", type=int, default=90, help="有效天数 | valid for days (default 90)")
    one.add_argument("--beneficiary-name", required=True, help="受益人 | in whose favour")
    one.add_argument("--beneficiary-key", required=True, help="受益人公钥 | from heqi wallet key")
    one.add_argument(
        "--show",
        action="append",
        default=[],
        metavar="CATEGORY:FIELD,FIELD",
        help="另授权银行读取，供其规则判断 | also let the guarantor read this, for its rules",
    )
    one.add_argument(
        "--sealed",
        action="store_true",
        help="密文申请：担保人开标前不知标段 | the guarantor does not learn the tender before it is opened",
    )
    one.add_argument(
        "--relay", default="", help="代为预约的成员 | with --sealed: member that reserves (home)"
    )
    one.add_argument(
        "--wait", action="store_true", help="等待预约上链 | with --sealed: wait for the reservation"
    )
    one.set_defaults(run=lambda args: (sealed if args.sealed else guarantees).apply(args))
    one = commands.add_parser("applications", help="保函申请结果 | what became of applications")
    one.add_argument("--guarantor", required=True, help="担保人 | member that was asked")
    one.add_argument("--wait", action="store_true", help="等待决定 | wait for the decision")
    one.add_argument("--out", type=Path, help="保函文件 | where to write the guarantee")
    one.add_argument("--file", type=Path, metavar="PDF", help="盖章文件 | where to write the sealed file")
    one.set_defaults(run=guarantees.applications)
    one = commands.add_parser("pledge", help="承诺函替代投标保证金 | a pledge in place of bid security")
    one.add_argument("--centre", required=True, help="招标中心 | centre that runs the tender")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--text", type=Path, required=True, help="承诺函正文 | the text, as the tender gives it")
    one.add_argument("--amount", required=True, help="金额（元）| plain decimal")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--days", type=int, default=90, help="有效天数 | binding for days (default 90)")
    one.add_argument("--out", type=Path, required=True, help="承诺函文件 | where to write it")
    one.set_defaults(run=guarantees.pledge)
    one = commands.add_parser("release", help="（受益人）解保 | as beneficiary: give a guarantee back")
    one.add_argument("file", type=Path, help="保函文件 | the guarantee file")
    one.add_argument("--reason", required=True, help="原因 | reason")
    one.set_defaults(run=guarantees.release)
    one = commands.add_parser(
        "releases",
        help="（受益人）待解保清单、一次签署 | as beneficiary: what waits to be released; sign all",
    )
    one.add_argument("--section", action="append", required=True, help="标段编号，可重复 | may be repeated")
    one.add_argument(
        "--at", default="", metavar="CENTRE", help="招标中心（默认注册中心）| the tender's centre"
    )
    one.add_argument("--sign", action="store_true", help="全部签署 | sign all of them")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.set_defaults(run=releases.releases)
    one = commands.add_parser(
        "key", help="（受益人）标段公钥 | as beneficiary: the one-time key for a section"
    )
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.set_defaults(run=guarantees.key)
