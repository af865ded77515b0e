"""`heqi obligation`: 三金一款, what is owed in this centre's sections, due and late."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from heqi.v1 import obligation_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table

_EPILOG = """\
示例 | examples:
  heqi obligation list --home centre-a --late                逾期的 | what is late today
  heqi obligation list --home centre-a --section GC-2026-001-1
  heqi obligation list --home centre-a --json                机器可读 | for machines
未开标的标段不显示 | a section whose bids are not opened does not show.
期限在 heqi.toml 的 [obligations.…] 中设定，法定期限只能缩短
how long debtors have is set in heqi.toml; a period of the law can only be shortened
"""
_KINDS = {
    "bid-return": "投标保证金退还",
    "performance-return": "履约保证金退还",
    "quality-return": "质量保证金返还",
    "progress-pay": "工程进度款支付",
}
_STATES = {"waiting": "未到期", "due": "应办", "late": "逾期", "done": "已办"}
_REASONS = {
    "no-contract": "合同未签订",
    "winner-not-on-list": "合同承包人不在投标人名单",
    "no-performance-security": "履约担保未生效",
    "documents-missing": "保函变更文件缺失",
    "award-lost": "中标后未签约，是否退还由招标人定（条例74条）",
    "revoked-after-deadline": "截止后撤销投标，是否退还由招标人定（条例35条）",
    "no-completion": "未完工验收",
    "no-end-of-defects-period": "缺陷责任期未约定",
    "no-date": "合同未约定日期",
    "claim-or-amendment-open": "索赔或变更未结",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="应退应付清单 | what is owed, to whom, until when")
    one.add_argument("--section", default="", help="标段编号 | only this section")
    one.add_argument("--late", action="store_true", help="只看逾期 | only what is late today")
    one.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=list_)


def list_(args: argparse.Namespace) -> int:
    """List; with --late the exit code is 1 if anything is."""
    with OperatorClient(args.home) as node:
        found = list(_obligations(node, args))
    if args.json:
        print_json([_told(one) for one in found])
    else:
        head = (
            "标段 section",
            "事项 what",
            "状态 state",
            "应付方 by",
            "应收方 to",
            "金额 amount",
            "期限 until",
            "依据 proof",
        )
        print_table(head, [_row(one) for one in found])
    return 1 if args.late and found else 0


def _obligations(node: OperatorClient, args: argparse.Namespace) -> Iterator[pb.Obligation]:
    token = ""
    while True:
        request = pb.ListObligationsRequest(
            section=args.section, is_late=args.late, page_size=1000, page_token=token
        )
        page = node.call(node.obligations.ListObligations, request)
        yield from page.obligations
        if not (token := page.next_page_token):
            return


def _row(one: pb.Obligation) -> tuple[str, ...]:
    state = f"{_STATES.get(one.state, '')} {one.state}"
    if one.state == "waiting" and one.waits_reason:
        state += f" ({_REASONS.get(one.waits_reason, one.waits_reason)})"
    proof = f"{one.proof.says} {one.proof.source} {one.proof.reference}" if one.HasField("proof") else ""
    return (
        one.section,
        f"{_KINDS.get(one.kind, '')} {one.kind}",
        state,
        one.debtor_name,
        f"{one.creditor_name} {one.creditor_code}".strip(),
        f"{one.amount} {one.currency}".strip(),
        one.due_date,
        proof or one.rule_source,
    )


def _told(one: pb.Obligation) -> dict[str, object]:
    told: dict[str, object] = {
        "obligation": one.obligation_id,
        "kind": one.kind,
        "section": one.section,
        "state": one.state,
        "debtor": one.debtor_name,
        "creditor": one.creditor_name,
        "creditor_code": one.creditor_code,
        "amount": one.amount,
        "currency": one.currency,
        "from": one.trigger_date,
        "due": one.due_date,
        "waits_for": one.waits_reason,
        "rule": one.rule,
        "source": one.rule_source,
        "records": list(one.record_positions),
        "guarantee": one.guarantee_id,
    }
    if one.HasField("proof"):
        proof = one.proof
        told["proof"] = {
            "source": proof.source, "reference": proof.reference, "says": proof.says, "day": proof.date
        }  # fmt: skip
    return told
