"""`heqi notice`: who was told what became of subjects' data, disputes, and withdrawals of consent on record."""

import argparse
from pathlib import Path

from heqi.v1 import notice_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import day, print_json, print_table, say
from node.config import read_file
from node.domain.dispute import Dispute, DisputeAnswer
from node.domain.document import peek_document

_EPILOG = """\
示例 | examples:
  heqi notice list --home centre-a --waiting        未答复的持有方 | who has not answered
  heqi notice disputes --home centre-a              异议 | disputes about records
  heqi notice settle --home centre-a SUBJECT DISPUTE --outcome corrected --statement "…" --corrections fix.json
                                                    答复并更正 | answer, with the right values as a JSON object
  heqi notice withdraw-consent --home centre-a SUBJECT CONSENT --reason "来函第 7 号"
                                                    代录本人撤回 | a person withdrew a recorded consent here
  heqi notice remarks --home centre-b SUBJECT       所读记录有无新版本、异议 | what homes say of what was read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("list", help="通知与答复 | notices and what was answered")
    one.add_argument("--waiting", action="store_true", help="只列未了结的 | only those that are not settled")
    one.set_defaults(run=list_)
    one = commands.add_parser("disputes", help="异议 | disputes")
    one.add_argument("subject", nargs="?", default="", help="主体编号 | subject id")
    one.set_defaults(run=disputes)
    one = commands.add_parser("settle", help="答复异议 | answer a dispute")
    one.add_argument("subject", help="主体编号 | subject id")
    one.add_argument("dispute", help="异议编号 | id of the dispute")
    one.add_argument(
        "--outcome", choices=["corrected", "kept"], required=True, help="更正或维持 | corrected or kept"
    )
    one.add_argument("--statement", required=True, help="理由，写入记录 | why; goes into the record")
    one.add_argument(
        "--corrections", type=Path, help="更正值 JSON 文件 | file with the right values, a JSON object"
    )
    one.set_defaults(run=settle)
    one = commands.add_parser("withdraw-consent", help="代录撤回同意 | record that a person withdrew")
    one.add_argument("subject", help="主体编号 | subject id")
    one.add_argument("consent", help="同意编号 | id of the consent")
    one.add_argument(
        "--reason", required=True, help="如何撤回，勿写姓名 | how; kept in the record, so name nobody"
    )
    one.set_defaults(run=withdraw_consent)
    one = commands.add_parser(
        "remarks", help="所读记录的新版本与异议 | newer versions and disputes of what was read"
    )
    one.add_argument("subject", help="主体编号 | subject id")
    one.set_defaults(run=remarks)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def list_(args: argparse.Namespace) -> None:
    """List notices."""
    found: list[pb.SentNotice] = []
    with OperatorClient(args.home) as node:
        token = ""
        while True:
            request = pb.ListNoticesRequest(waiting=args.waiting, page_token=token)
            page = node.call(node.notices.ListNotices, request)
            found += page.notices
            if not (token := page.next_page_token):
                break
    rows = [
        {
            "number": one.number,
            "told": day(int(one.time_seconds)),
            "member": one.member,
            "about": one.kind,
            "subject": one.subject_id,
            "outcome": one.outcome,
            "reason": one.reason,
        }
        for one in found
    ]
    if args.json:
        print_json(rows)
        return
    header = ("号 no", "日期 day", "成员 member", "事项 about", "主体 subject", "答复 outcome", "原因 reason")
    table = [[str(value)[:16] if name == "subject" else value for name, value in row.items()] for row in rows]
    print_table(header, table)


def disputes(args: argparse.Namespace) -> None:
    """List disputes."""
    with OperatorClient(args.home) as node:
        request = pb.ListDisputesRequest(subject_id=args.subject)
        found = node.call(node.notices.ListDisputes, request).disputes
    rows = []
    for one in found:
        said = peek_document(one.dispute, Dispute)
        answer = peek_document(one.answer, DisputeAnswer) if one.answer else None
        rows.append(
            {
                "dispute": one.dispute_id,
                "subject": said.subject,
                "record": f"{said.category} {said.thing} v{said.version}",
                "fields": ", ".join(said.fields),
                "by": "本人 person" if one.by_person else "主体 subject",
                "statement": said.statement,
                "state": "待答复 open" if answer is None else answer.outcome,
            }
        )
    if args.json:
        print_json(rows)
        return
    header = (
        "异议 dispute",
        "主体 subject",
        "记录 record",
        "字段 fields",
        "提出者 by",
        "陈述 statement",
        "状态 state",
    )
    print_table(header, [list(row.values()) for row in rows])


def settle(args: argparse.Namespace) -> None:
    """Answer a dispute."""
    request = pb.SettleDisputeRequest(
        subject_id=args.subject,
        dispute_id=args.dispute,
        outcome=args.outcome,
        statement=args.statement,
        corrections_json=read_file(args.corrections) if args.corrections else b"",
    )
    with OperatorClient(args.home) as node:
        answer = node.call(node.notices.SettleDispute, request).answer
    if args.json:
        print_json({"answer": answer})
    else:
        say(
            "已答复，双方陈述入日志，持有方将获通知",
            "answered; both statements are recorded, holders are told",
        )


def withdraw_consent(args: argparse.Namespace) -> None:
    """End a recorded consent."""
    request = pb.WithdrawRecordedConsentRequest(
        subject_id=args.subject, consent_id=args.consent, reason=args.reason
    )
    with OperatorClient(args.home) as node:
        receipt = node.call(node.notices.WithdrawRecordedConsent, request).receipt
    if args.json:
        print_json({"receipt": receipt})
    else:
        say("已撤回，立即生效，入操作记录", "withdrawn from this moment, and recorded; the receiver is told")


def remarks(args: argparse.Namespace) -> None:
    """What was said of what this node read."""
    with OperatorClient(args.home) as node:
        found = node.call(node.notices.ListRemarks, pb.ListRemarksRequest(subject_id=args.subject)).remarks
    rows = [
        {
            "home": one.home,
            "record": f"{one.category} {one.thing}",
            "newest": one.version or "-",
            "disputed": ", ".join(one.disputed_fields),
            "settled": one.settled,
        }
        for one in found
    ]
    if args.json:
        print_json(rows)
    else:
        header = ("中心 home", "记录 record", "最新版本 newest", "争议字段 disputed", "曾有异议 settled")
        print_table(header, [list(row.values()) for row in rows])
