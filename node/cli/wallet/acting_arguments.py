"""What `heqi wallet` takes about acting for others, drafts, and two officers."""

import argparse
from pathlib import Path

from node.cli.arguments import Commands
from node.cli.wallet import approving, drafts, mandates


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands; those in groups are returned."""
    _describe_approving(commands)
    return [*_describe_drafts(commands), *_describe_mandates(commands)]


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
