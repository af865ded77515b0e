"""`heqi guarantee`: checking guarantees, and a guarantor's desk."""

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from heqi.v1 import guarantee_pb2 as life_pb
from heqi.v1 import guarantee_service_pb2 as pb

from node.cli import (
    guarantee_bank,
    guarantee_desk,
    guarantee_file,
    guarantee_line,
    guarantee_pay,
    guarantee_rules,
    guarantee_system,
)
from node.cli.client import OperatorClient
from node.cli.guarantee_batch import check_batch, is_waiver
from node.cli.guarantee_says import EVENTS, add_options, event_named, says_of, show_life
from node.cli.guarantee_section import describe_section
from node.cli.output import print_json, print_table, say
from node.cli.waiting import retry
from node.domain.encoding import canonical_json
from node.domain.guarantee_statement import Claim, Statement, peek_step
from node.domain.guarantee_table import Mover
from node.errors import ConfigError, GrantMissingError

_EPILOG = """\
示例 | examples:
  heqi guarantee check --home centre-a --file guarantee.jwt     核验保函文件 | check a guarantee file
  heqi guarantee check --home centre-a --number bank-x:BH-001   按编号 | by number
  heqi guarantee check --home centre-a --batch FOLDER --section S   开标批量核验 | all of a section, at opening
  heqi guarantee check --home centre-a --file waiver.jwt --section S --waivers rules.json   信用减免 | a waiver
  heqi guarantee list --home bank-x                             待审申请 | applications
  heqi guarantee assess --home bank-x APPLICATION --wait        核验申请人 | read and verify the applicant
  heqi guarantee issue --home bank-x APPLICATION --number BH-001
  heqi guarantee claims --home bank-x                           待处理索赔 | open claims, with days left
  heqi guarantee pay --home bank-x GUARANTEE                    赔付放款 | what is due on a claim; release it
  heqi guarantee life --home bank-x GUARANTEE                   经过与可做 | what happened, what can be done
  heqi guarantee step --home bank-x GUARANTEE find-discrepant --discrepancy …  步骤 | a step; step --help
  heqi guarantee list --home bank-x --open --outcome manual     转人工的 | what the rules left to people
  heqi guarantee offer --home bank-x APPLICATION --fee 160      报价 | then: fee, issue
"""
_WAIT_SECONDS = 60.0
_VERDICTS = {
    "VALID": "有效",
    "NOT_YET": "未生效",
    "EXPIRED": "已到期",
    "RELEASED": "已解保",
    "FALSE": "不实",
    "UNKNOWN": "未知",
    "ISSUED": "已开立，期限以文件为准",
    "WRONG_CODE": "申请码不符",
    "AMBIGUOUS": "编号重复",
    "NEVER_ISSUED": "从未开立",
    "ENDED": "已终止",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG + guarantee_file.EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("check", help="保函是否有效 | whether a guarantee is valid now")
    by = one.add_mutually_exclusive_group(required=True)
    by.add_argument("--file", type=Path, help="保函文件 | the guarantee file")
    by.add_argument("--number", metavar="GUARANTOR:NUMBER", help="担保人与编号 | guarantor and number")
    by.add_argument("--id", help="账本编号 | id on the ledger")
    by.add_argument(
        "--batch",
        type=Path,
        metavar="FOLDER|FILE",
        help="整个标段：文件夹，或每行一个 JSON | all of a section: a folder of files, or a list, one JSON a line",
    )
    describe_section(one)
    one.set_defaults(run=check)
    one = commands.add_parser("list", help="收到的申请 | applications at this guarantor")
    one.add_argument("--open", action="store_true", help="只列未了结的 | only those that are not over")
    one.add_argument("--state", default="", help="只列此状态 | only in this state")
    one.add_argument("--outcome", default="", help="规则结论 | of the rules: manual, for instance")
    one.set_defaults(run=list_)
    one = commands.add_parser("assess", help="读取并核验申请人 | read and verify the applicant's data")
    one.add_argument("application")
    one.add_argument("--wait", action="store_true", help="等待授权生效 | wait until the grant is live")
    one.set_defaults(run=assess)
    one = commands.add_parser("issue", help="开立保函 | sign a guarantee")
    one.add_argument("application")
    one.add_argument("--number", required=True, help="保函编号 | the guarantor's own number")
    one.add_argument(
        "--outside-line", action="store_true", help="不占用授信额度 | leave the credit line alone"
    )
    one.set_defaults(run=issue)
    one = commands.add_parser("refuse", help="不通过 | refuse an application")
    one.add_argument("application")
    one.add_argument("--reason", required=True, help="原因，告知申请人 | reason, told to the applicant")
    one.set_defaults(run=refuse)
    one = commands.add_parser("claims", help="待处理索赔 | open claims on this guarantor's guarantees")
    one.set_defaults(run=claims)
    one = commands.add_parser("life", help="经过、现状、可做 | how a guarantee stands")
    one.add_argument("guarantee", help="账本编号 | id on the ledger")
    one.set_defaults(run=life)
    one = commands.add_parser("step", help="担保人或中心的步骤 | a step of the guarantor or the centre")
    one.add_argument("guarantee", help="账本编号 | id on the ledger")
    add_options(one, (Mover.GUARANTOR, Mover.CENTRE))
    one.set_defaults(run=step)
    guarantee_file.add_arguments(commands)
    guarantee_desk.describe(commands)
    guarantee_pay.describe(commands)
    plain = list(commands.choices.values())
    nested = (guarantee_rules, guarantee_line, guarantee_bank, guarantee_system)
    for command in (*plain, *(one for group in nested for one in group.describe(commands))):
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def check(args: argparse.Namespace) -> int:
    """Check a guarantee; exit code 0 only if it is valid now, or nothing is found in the whole batch."""
    if args.batch or (args.file and is_waiver(args.file)):
        return check_batch(args)
    request, sealed = pb.CheckGuaranteeRequest(), b""
    if args.file:
        try:
            raw = args.file.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot read {args.file}: {error.strerror}") from error
        sealed = raw if raw.startswith(b"%PDF-") else b""
        request.file = "" if sealed else raw.decode("ascii", errors="replace").strip()
    elif args.number:
        guarantor, colon, number = args.number.partition(":")
        if not colon:
            raise ConfigError("--number wants GUARANTOR:NUMBER")
        request.number.guarantor, request.number.number = guarantor, number
    else:
        request.guarantee_id = args.id
    about: dict[str, str] = {}
    if sealed:
        answer, about = guarantee_file.check(args.home, sealed)
    else:
        with OperatorClient(args.home) as node:
            answer = node.call(node.guarantees.CheckGuarantee, request)
    verdict = pb.CheckGuaranteeResponse.Verdict.Name(answer.verdict).removeprefix("VERDICT_")
    facts = {
        "verdict": verdict,
        "reason": answer.reason,
        "guarantee": answer.guarantee_id,
        "block": answer.block_number,
        "state": answer.state,
    }
    if answer.HasField("terms"):
        terms = answer.terms
        facts |= {
            "guarantor": terms.guarantor,
            "number": terms.number,
            "applicant": f"{terms.applicant_name} {terms.applicant_code}",
            "beneficiary": terms.beneficiary_name,
            "section": terms.section,
            "centre": terms.centre,
            "kind": f"{terms.guarantee_kind}, {terms.legal_nature}",
            "amount": f"{terms.amount} {terms.currency}",
            "in_force": f"{answer.amount_in_force or terms.amount} {terms.currency}",
            "until": datetime.fromtimestamp(
                answer.expire_time_seconds or terms.end_time_seconds, UTC
            ).isoformat(),
        }
    facts |= about
    if args.json:
        print_json(facts)
    else:
        facts["verdict"] = f"{_VERDICTS.get(verdict, '')} {verdict}".strip()
        print_table(("项目 item", "值 value"), list(facts.items()))
    return 0 if verdict == "VALID" else 1


def list_(args: argparse.Namespace) -> None:
    """List applications."""
    with OperatorClient(args.home) as node:
        found = [
            row
            for row in _applications(node, open_only=args.open)
            if args.state in {"", row.state} and args.outcome in {"", row.outcome}
        ]
    if args.json:
        print_json(
            [
                {
                    "application": row.application_id,
                    "state": row.state,
                    "outcome": row.outcome,
                    "applicant": row.legal_name,
                    "amount": row.amount,
                    "section": row.section,
                }
                for row in found
            ]
        )
        return
    rows = [
        (
            row.application_id,
            row.state,
            row.outcome,
            row.legal_name,
            f"{row.amount} {row.currency}",
            row.section,
        )
        for row in found
    ]
    heads = (
        "申请 application",
        "状态 state",
        "规则 rules",
        "申请人 applicant",
        "金额 amount",
        "标段 section",
    )
    print_table(heads, rows)


def _applications(node: OperatorClient, *, open_only: bool) -> Iterator[pb.Application]:
    token = ""
    while True:
        request = pb.ListApplicationsRequest(page_size=1000, page_token=token, open_only=open_only)
        page = node.call(node.guarantees.ListApplications, request)
        yield from page.applications
        if not (token := page.next_page_token):
            return


def assess(args: argparse.Namespace) -> None:
    """Read and verify the applicant's data."""
    with OperatorClient(args.home, timeout_seconds=60.0) as node:
        wanted = pb.AssessApplicationRequest(application_id=args.application)
        answer = retry(
            lambda: node.call(node.guarantees.AssessApplication, wanted),
            _WAIT_SECONDS if args.wait else 0.0,
            GrantMissingError,
        )
    rows = [(r.category, r.version, r.member, r.fields_json) for r in answer.records]
    if args.json:
        print_json([dict(zip(("category", "version", "member", "fields"), row, strict=True)) for row in rows])
    else:
        print_table(("类别 category", "版本 version", "中心 centre", "字段 fields"), rows)


def issue(args: argparse.Namespace) -> None:
    """Sign a guarantee."""
    with OperatorClient(args.home) as node:
        request = pb.IssueGuaranteeRequest(
            application_id=args.application, number=args.number, outside_line=args.outside_line
        )
        guarantee = node.call(node.guarantees.IssueGuarantee, request).guarantee_id
    if args.json:
        print_json({"guarantee": guarantee})
    else:
        say(f"保函 {guarantee}", "signed; valid once the ledger has it")


def refuse(args: argparse.Namespace) -> None:
    """Refuse an application."""
    with OperatorClient(args.home) as node:
        request = pb.RefuseApplicationRequest(application_id=args.application, reason=args.reason)
        node.call(node.guarantees.RefuseApplication, request)
    say("已拒绝", "refused; the applicant is told why")


def claims(args: argparse.Namespace) -> None:
    """List open claims."""
    with OperatorClient(args.home) as node:
        found = list(_claims(node))
    rows = [
        (life.guarantee_id, life.number, life.state, _claimed(life), life.working_days_left, _how(args, life))
        for life in found
    ]
    if args.json:
        names = ("guarantee", "number", "state", "claimed", "working_days_left", "rests_on_receipt")
        print_json([dict(zip(names, row, strict=True)) for row in rows])
        return
    header = (
        "保函 guarantee",
        "编号 number",
        "状态 state",
        "索赔额 claimed",
        "剩余工作日 days left",
        "逾期 late",
    )
    print_table(header, rows)


def _claims(node: OperatorClient) -> Iterator[life_pb.GuaranteeLife]:
    token = ""
    while True:
        request = pb.ListClaimsRequest(page_size=1000, page_token=token)
        page = node.call(node.guarantees.ListClaims, request)
        yield from page.claims
        if not (token := page.next_page_token):
            return


def _how(args: argparse.Namespace, life: life_pb.GuaranteeLife) -> bool | str:
    """Whether a claim is in time by another's receipt alone."""
    if args.json:
        return life.rests_on_receipt
    return "仅凭他方回执 by another's receipt alone" if life.rests_on_receipt else ""


def _claimed(life: life_pb.GuaranteeLife) -> str:
    claim = [one for one in life.steps if one.event.startswith("CLAIM")][-1]
    if not claim.document:
        return "文件不在本节点 document not here"
    says = peek_step(claim.document)
    return says.says.amount if isinstance(says, Statement) and isinstance(says.says, Claim) else ""


def life(args: argparse.Namespace) -> None:
    """Show how a guarantee stands."""
    with OperatorClient(args.home) as node:
        request = pb.GetGuaranteeLifeRequest(guarantee_id=args.guarantee)
        found = node.call(node.guarantees.GetGuaranteeLife, request).life
    show_life(found, as_json=args.json)


def step(args: argparse.Namespace) -> None:
    """Make a step of the guarantor or the centre."""
    event = event_named(args)
    says = canonical_json(msgspec.to_builtins(says_of(event, args))).decode()
    with OperatorClient(args.home, timeout_seconds=60.0) as node:
        request = pb.StepGuaranteeRequest(guarantee_id=args.guarantee, event=event.name, says_json=says)
        taken = node.call(node.guarantees.StepGuarantee, request)
    if args.json:
        print_json({"guarantee": args.guarantee, "was_under_way": taken.was_under_way})
    elif taken.was_under_way:
        say(f"{EVENTS[event]}已在途", "is on its way already; final once the ledger has it")
    else:
        say(f"{EVENTS[event]}已签署", "signed; final once the ledger has it")
