"""`heqi legal`: reads on a legal basis, by two officers of the centre."""

import argparse
import hashlib
import os
import time
from datetime import UTC, datetime
from pathlib import Path

from heqi.v1 import alliance_service_pb2 as alliance_pb
from heqi.v1 import legal_service_pb2 as pb

from node.cli.client import SystemClient
from node.cli.completeness import add_completeness, when_complete
from node.cli.output import day, print_json, print_table, say
from node.cli.scopes import read_scopes
from node.cli.shown import print_records, shown_records
from node.domain.document import common_members, document_digest, peek_document, sign_document
from node.domain.legal_read import (
    DeferralLaw,
    LegalBasis,
    LegalCountersignature,
    LegalRequest,
    Notice,
    basis_of,
    check_legal_request,
    law_of,
)
from node.errors import ConfigError, MissingError

_BASES = "\n".join(f"  {one.code:<14} {one.chinese}（{one.law}）" for one in LegalBasis)
_EPILOG = f"""\
未经主体授权、依法查询其数据：须有案号、两名经办人各自签名；主体随即或于所定日期知悉。
Reading a subject's data without its grant: on a case number, signed by two officers with their own keys. The
subject's home keeps a record of it, and tells the subject at once or on the date that was set.

先为两名经办人各发一份证书 | first, a certificate for each of two officers:
  heqi access issue --home supervision officer-zhang --role officer --out zhang
  heqi access issue --home supervision officer-li --role officer --out li
示例 | example:
  heqi legal request --as zhang --second officer-li --from centre-a --credit-code 91… --basis complaint \\
      --authority 示例省行政监督局 --case 浙监投〔2026〕第17号 --purpose complaint-handling \\
      --want subject.base:credit_code,legal_name
  heqi legal list --as li                     复核前先看清 | see what is to be signed
  heqi legal countersign --as li REQUEST      第二名经办人签名 | the second officer signs
  heqi legal fetch --as zhang REQUEST         读取并核验 | read and verify
依据 | bases:
{_BASES}
"""
_STATES = {1: "待复核 one signature", 2: "已复核 signed", 3: "已读取 read"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("request", help="提出查询并签名 | ask, as the first officer")
    whom = one.add_mutually_exclusive_group(required=True)
    whom.add_argument("--subject", default="", help="主体编号 | subject id, 64 hex digits")
    whom.add_argument("--credit-code", default="", help="统一社会信用代码 | its credit code instead")
    one.add_argument("--from", dest="centre", required=True, help="注册中心 | the subject's home")
    one.add_argument("--want", action="append", required=True, metavar="CATEGORY:FIELD,…",
                     help="类别与字段，可重复 | category and fields, may be repeated")  # fmt: skip
    one.add_argument(
        "--basis", required=True, choices=[basis.code for basis in LegalBasis], help="依据 | legal basis"
    )
    one.add_argument("--authority", required=True, help="办案机关 | the body whose case it is")
    one.add_argument("--case", required=True, help="案号 | case number")
    one.add_argument("--purpose", required=True, help="用途代码 | purpose code")
    one.add_argument("--order", type=Path, help="调取通知书等文书 | file of the order that is presented")
    one.add_argument("--second", required=True, help="第二名经办人 | name of the second officer")
    one.add_argument("--tell-on", metavar="DATE", help="推迟告知至 | tell the owner on this day, not at once")
    one.add_argument("--tell-law", choices=[law.code for law in DeferralLaw], default="",
                     help="推迟告知的法律 | law by which that may wait")  # fmt: skip
    one.add_argument("--tell-reason", default="", help="推迟告知的理由 | why it waits in this case")
    one.set_defaults(run=request)
    one = commands.add_parser("list", help="本单位的查询 | this member's requests")
    one.set_defaults(run=list_)
    one = commands.add_parser("countersign", help="复核签名 | sign as the second officer")
    one.add_argument("request", help="查询编号 | request id")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.set_defaults(run=countersign)
    one = commands.add_parser("fetch", help="读取并核验 | read and verify")
    one.add_argument("request", help="查询编号 | request id")
    one.add_argument("--bundle", type=Path, help="另存证据包 | also write an evidence bundle")
    add_completeness(one)
    one.set_defaults(run=fetch)
    for command in commands.choices.values():
        command.add_argument("--as", type=Path, dest="officer", required=True, metavar="FOLDER",
                             help="以该经办人身份 | as the officer with this folder")  # fmt: skip
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def request(args: argparse.Namespace) -> None:
    """Sign a request and hand it in."""
    from node.cli.officer import OfficerKey  # noqa: PLC0415

    officer = OfficerKey(args.officer)
    with SystemClient(args.officer) as node:
        status = node.call(node.alliance.GetNodeStatus, alliance_pb.GetNodeStatusRequest())
        document = LegalRequest(
            **common_members(status.alliance_id, time.time(), os.urandom(16)),
            iss=status.member,
            aud=args.centre,
            subject=args.subject,
            credit_code=args.credit_code,
            scope=tuple(read_scopes(args.want)),
            purpose=args.purpose,
            basis=args.basis,
            authority=args.authority,
            case=args.case,
            instrument=hashlib.sha256(args.order.read_bytes()).hexdigest() if args.order else "",
            notice=Notice(_date(args.tell_on), args.tell_law, args.tell_reason),
            officer=officer.name,
            key=officer.public_key.hex(),
            second=args.second,
        )
        check_legal_request(document)
        token = sign_document(document, officer.sign)
        answer = node.call(node.legal.SubmitLegalRequest, pb.SubmitLegalRequestRequest(legal_request=token))
    if args.json:
        print_json({"request": answer.request_id})
    else:
        say(f"查询 {answer.request_id}", f"waits for the second officer, {args.second}")


def list_(args: argparse.Namespace) -> None:
    """Show all requests in full."""
    with SystemClient(args.officer) as node:
        found = node.call(node.legal.ListLegalRequests, pb.ListLegalRequestsRequest()).legal_requests
    rows = [
        {
            "request": one.request_id,
            "state": _STATES[one.state],
            "refused": one.refused,
            "receipt_waits": one.receipt_waits,
            **facts_of(peek_document(one.legal_request, LegalRequest)),
        }
        for one in found
    ]
    if args.json:
        print_json(rows)
        return
    for row in rows:
        print_table(("查询 request", str(row.pop("request"))), sorted(row.items()))
    if not rows:
        say("没有查询", "there are no requests")


def countersign(args: argparse.Namespace) -> int:
    """Show the very request that is to be signed, and sign it."""
    from node.cli.officer import OfficerKey  # noqa: PLC0415

    officer = OfficerKey(args.officer)
    with SystemClient(args.officer) as node:
        found = node.call(node.legal.ListLegalRequests, pb.ListLegalRequestsRequest()).legal_requests
        token = next((one.legal_request for one in found if one.request_id == args.request), None)
        if token is None:
            raise MissingError(f"there is no request {args.request}")
        asked = peek_document(token, LegalRequest)
        digest = document_digest(token).hex()  # of what was shown, and not what the node calls it
        if not args.json:
            print_table(("查询 request", digest), sorted(facts_of(asked).items()))
        question = "以第二名经办人身份签名？ Sign as the second officer? [y/N] "
        if not args.yes and input(question).strip().lower() not in {"y", "yes"}:
            say("未签署", "nothing was signed")
            return 1
        document = LegalCountersignature(
            **common_members(asked.alliance, time.time(), os.urandom(16)),
            iss=asked.iss,
            request=digest,
            officer=officer.name,
            key=officer.public_key.hex(),
        )
        signed = sign_document(document, officer.sign)
        node.call(
            node.legal.CountersignLegalRequest,
            pb.CountersignLegalRequestRequest(request_id=digest, countersignature=signed),
        )
    if args.json:
        print_json({"request": digest})
    else:
        say(f"已复核 {digest}", "is signed by both officers; heqi legal fetch reads")
    return 0


def fetch(args: argparse.Namespace) -> None:
    """Read and verify."""
    with SystemClient(args.officer, timeout_seconds=60.0) as node:
        answer = node.call(node.legal.FetchLegalRecords, pb.FetchLegalRecordsRequest(request_id=args.request))
        if args.bundle:
            wanted = pb.GetLegalBundleRequest(request_id=args.request, incomplete=args.incomplete)
            got = when_complete(args, lambda: node.call(node.legal.GetLegalBundle, wanted))
            args.bundle.write_bytes(got.bundle)
    records = shown_records(answer.records)
    if args.json:
        print_json({"read": answer.read_time, "records": records})
        return
    say(f"读取于 {answer.read_time}", "read then, and verified; no newer than that")
    print_records(records)


def facts_of(asked: LegalRequest) -> dict[str, object]:
    """A request in words."""
    basis, notice = basis_of(asked.basis), asked.notice
    facts: dict[str, object] = {
        "home": asked.aud,
        "subject": asked.subject or asked.credit_code,
        "fields": "; ".join(f"{part.category}: {', '.join(part.fields)}" for part in asked.scope),
        "basis": f"{basis.code} {basis.chinese}",
        "authority": asked.authority,
        "case": asked.case,
        "purpose": asked.purpose,
        "officers": f"{asked.officer}, {asked.second}",
        "notice": "随即 at once",
    }
    if asked.instrument:
        facts["order"] = asked.instrument
    if notice.until:
        facts["notice"] = f"{day(notice.until)} ({law_of(notice.law).law}: {notice.reason})"
    return facts


def _date(text: str | None) -> int:
    if not text:
        return 0
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise ConfigError(f"--tell-on {text}: say YYYY-MM-DD") from error
