"""`heqi erasure`: what was erased at this node, by which rules, and erasing without a wallet."""

import argparse
from pathlib import Path

from heqi.v1 import erasure_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import day, print_json, print_table, say
from node.config import load_config
from node.domain.retention import LONGEST_MONTH_DAYS

_EPILOG = """\
示例 | examples:
  heqi erasure list --home centre-a                 删除记录 | what was erased, and what is held
  heqi erasure show --home centre-a 3               一次删除及其回执 | one erasure with its receipt
  heqi erasure rules --home centre-a                保存期限 | how long each category is kept, and by which law
  heqi erasure run --home centre-a SUBJECT --reason "钱包遗失，书面申请第 7 号"
                                                    代无钱包主体删除 | for a subject that has no wallet any more
  heqi erasure accept --home centre-a --reason "…"  恢复备份且最新清单已失 | a backup was put back, and the newest
                                                    list is lost: answer for it that nothing is missing
有钱包的主体自己申请：heqi wallet erase | who has a wallet asks by itself: heqi wallet erase
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="列出删除 | list erasures")
    one.set_defaults(run=list_)
    one = commands.add_parser("show", help="一次删除及其回执 | one erasure with its receipt")
    one.add_argument("number", type=int, help="见 list | number from heqi erasure list")
    one.set_defaults(run=show)
    one = commands.add_parser("rules", help="保存期限 | retention rules in force")
    one.set_defaults(run=rules)
    one = commands.add_parser("run", help="代无钱包主体删除 | erase for a subject without a wallet")
    one.add_argument("subject", nargs="?", default="", help="主体编号 | subject id")
    one.add_argument(
        "--credit-code-file",
        type=Path,
        metavar="FILE",
        help="改用统一社会信用代码，写在文件里 | a file that holds the credit code, instead of the id",
    )
    one.add_argument(
        "--category", action="append", default=[], help="只删这些类别 | only these; everything without it"
    )
    one.add_argument(
        "--reason",
        required=True,
        help="原因，入操作记录，勿写姓名 | why; kept in the record, so name nobody",
    )
    one.set_defaults(run=run)
    one = commands.add_parser("accept", help="确认清单完整 | answer for the list of erasures")
    one.add_argument("--reason", required=True, help="依据，入操作记录 | why nothing can be missing; kept")
    one.set_defaults(run=accept)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def list_(args: argparse.Namespace) -> None:
    """List erasures."""
    found: list[pb.Erasure] = []
    with OperatorClient(args.home) as node:
        token = ""
        while True:
            page = node.call(node.erasures.ListErasures, pb.ListErasuresRequest(page_token=token))
            found += page.erasures
            if not (token := page.next_page_token):
                break
    if args.json:
        print_json([_facts(one) for one in found])
        return
    rows = [
        (
            one.number,
            day(one.ask_time_seconds),
            one.owner[:16],
            "全部 all" if one.whole else ", ".join(one.erased),
            ", ".join(f"{held.category} → {day(held.until_time_seconds)}" for held in one.held),
            _state(one),
        )
        for one in found
    ]
    print_table(("号 no", "日期 day", "主体 subject", "已删 erased", "暂存 held", "状态 state"), rows)


def show(args: argparse.Namespace) -> None:
    """Show one erasure."""
    with OperatorClient(args.home) as node:
        one = node.call(node.erasures.GetErasure, pb.GetErasureRequest(number=args.number)).erasure
    if args.json:
        print_json(_facts(one))
        return
    print_table(("项目 item", "值 value"), list(_facts(one).items()))


def rules(args: argparse.Namespace) -> None:
    """Show the rules; the node need not run."""
    known = load_config(args.home).rules().all()
    if args.json:
        print_json(
            [
                {
                    "category": one.category,
                    "minimum_days": one.minimum_days,
                    "maximum_days": one.maximum_days,
                    "source": one.source,
                }
                for one in known
            ]
        )
        return
    rows = [
        (
            one.category,
            one.minimum_days or "-",
            "-" if one.maximum_days is None else one.maximum_days,
            one.source,
        )
        for one in known
    ]
    print_table(("类别 category", "至少(天) minimum", "至多(天) maximum", "依据 source"), rows)
    say(
        f"按月计算，至多 {LONGEST_MONTH_DAYS} 天之差",
        f"counted by the month of capture: up to {LONGEST_MONTH_DAYS} days longer or shorter",
    )


def run(args: argparse.Namespace) -> None:
    """Erase for a subject that has no wallet any more."""
    code = args.credit_code_file.read_text("utf-8").strip() if args.credit_code_file else ""
    request = pb.EraseSubjectRequest(
        subject_id=args.subject,
        credit_code=code,
        categories=sorted(set(args.category)),
        reason=args.reason,
    )
    with OperatorClient(args.home) as node:
        one = node.call(node.erasures.EraseSubject, request).erasure
    if args.json:
        print_json(_facts(one))
    else:
        say(f"已删除，第 {one.number} 号", f"erased, number {one.number}; heqi erasure show has the receipt")


def accept(args: argparse.Namespace) -> None:
    """Answer for the list."""
    with OperatorClient(args.home) as node:
        node.call(node.erasures.AcceptErasureList, pb.AcceptErasureListRequest(reason=args.reason))
    if args.json:
        print_json({"accepted": True})
    else:
        say("已确认，入操作记录", "accepted and recorded; subjects' data is served again")


def _facts(one: pb.Erasure) -> dict[str, object]:
    return {
        "number": one.number,
        "owner": one.owner,
        "asked": one.ask_time_seconds,
        "whole": one.whole,
        "erased": list(one.erased),
        "held": {held.category: held.until_time_seconds for held in one.held},
        "by_wallet": one.by_wallet,
        "done": one.done,
        "receipt": one.receipt,
    }


def _state(one: pb.Erasure) -> str:
    if one.receipt:
        return "回执已上链 receipt"
    return "待上链 being anchored" if one.done else "清除中 being purged"
