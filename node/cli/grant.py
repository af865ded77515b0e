"""`heqi grant`: asking bidders for access, and reading other centres' data under their grants."""

import argparse
from pathlib import Path
from typing import get_args

from heqi.v1 import access_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.completeness import add_completeness, when_complete
from node.cli.output import print_json, print_table, say
from node.cli.shown import print_records, shown_records
from node.cli.waiting import retry
from node.domain.grant import Basis
from node.errors import ConfigError, GrantMissingError

_EPILOG = """\
示例 | example:
  heqi grant request --home centre-b --subject 5f… --from centre-a --purpose qualification-review \\
      --want subject.base:legal_name,credit_code
  heqi grant list --home centre-b
  heqi grant fetch --home centre-b REQUEST --bundle bundle.json
  heqi grant kept --home centre-b REQUEST    原中心离线时用已读数据 | what was fetched, while its home is away
"""

_WAIT_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("request", help="向交易主体申请 | ask a subject for fields")
    one.add_argument("--subject", required=True, help="主体编号 | subject id, 64 hex digits")
    one.add_argument("--from", dest="centre", required=True, help="注册中心 | the subject's home")
    one.add_argument("--purpose", required=True, help="用途代码 | purpose code; never a tender's number")
    one.add_argument(
        "--want",
        action="append",
        required=True,
        metavar="CATEGORY:FIELD,…",
        help="类别与字段，可重复 | category and fields, may be repeated",
    )
    one.add_argument(
        "--uses",
        type=int,
        default=1,
        help="使用次数，-1 为到期前不限 | number of reads (default 1); -1 for any number until the end",
    )
    one.add_argument(
        "--basis",
        choices=get_args(Basis),
        default="consent",
        help="处理依据（个人信息保护法 13） | ground on which the data is handled",
    )
    one.add_argument("--days", type=int, default=30, help="有效天数 | valid for days (default 30)")
    one.set_defaults(run=request)
    one = commands.add_parser("list", help="本中心的申请 | this centre's requests")
    one.set_defaults(run=list_)
    one = commands.add_parser("fetch", help="在授权下读取并核验 | read under the grant and verify")
    one.add_argument("request", help="申请编号 | request id")
    one.add_argument("--bundle", type=Path, help="另存证据包 | also write an evidence bundle")
    add_completeness(one)
    one.add_argument("--wait", action="store_true", help="等待授权生效 | wait until the grant is live")
    one.set_defaults(run=fetch)
    one = commands.add_parser(
        "kept", help="使用已读数据，注明时间 | use what was fetched; says how old it is"
    )
    one.add_argument("request", help="申请编号 | request id")
    one.add_argument("--read", type=int, help="第几次读取，从 0 起 | which read, from 0 (default: the last)")
    one.set_defaults(run=kept)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def request(args: argparse.Namespace) -> None:
    """Ask."""
    scopes = []
    for want in args.want:
        category, colon, fields = want.partition(":")
        if not colon or not fields:
            raise ConfigError(f"--want {want}: say CATEGORY:FIELD,FIELD")
        scopes.append(pb.Scope(category=category, fields=fields.split(",")))
    with OperatorClient(args.home) as node:
        asked = pb.RequestAccessRequest(
            subject_id=args.subject,
            home=args.centre,
            scopes=scopes,
            purpose=args.purpose,
            uses=args.uses,
            valid_seconds=args.days * 86_400,
            basis=args.basis,
        )
        answer = node.call(node.access.RequestAccess, asked)
    if args.json:
        print_json({"request": answer.request_id})
    else:
        say(f"申请 {answer.request_id}", "is on its way to the subject's wallet")


def list_(args: argparse.Namespace) -> None:
    """List requests."""
    with OperatorClient(args.home) as node:
        found = node.call(node.access.ListAccessRequests, pb.ListAccessRequestsRequest()).access_requests
    states = {1: "待送达 waiting", 2: "待授权 delivered", 3: "已授权 granted"}
    if args.json:
        print_json(
            [
                {
                    "request": r.request_id,
                    "subject": r.subject_id,
                    "home": r.home,
                    "state": states[r.state].split()[1],
                    "reads": r.reads,
                }
                for r in found
            ]
        )
        return
    rows = [(r.request_id, r.subject_id[:16], r.home, r.purpose, states[r.state], r.reads) for r in found]
    header = ("申请 request", "主体 subject", "注册中心 home", "用途 purpose", "状态 state", "已读 reads")
    print_table(header, rows)


def kept(args: argparse.Namespace) -> None:
    """Show what was fetched before."""
    with OperatorClient(args.home) as node:
        wanted = pb.GetKeptRecordsRequest(request_id=args.request, read=args.read)
        answer = node.call(node.access.GetKeptRecords, wanted)
    found = shown_records(answer.records)
    if args.json:
        print_json(
            {
                "organisation": answer.organisation,
                "credit_code": answer.credit_code,
                "read": answer.read,
                "as_of": answer.as_of_time,
                "age_seconds": answer.age_seconds,
                "expires": answer.expire_time,
                "records": found,
            }
        )
        return
    hours = answer.age_seconds / 3_600
    say(f"{answer.organisation}（{answer.credit_code}）", "vouched for by its certificate")
    say(
        f"截至 {answer.as_of_time} 为最新，已过 {hours:.1f} 小时；可用至 {answer.expire_time}",
        f"newest as of then, {hours:.1f} hours ago; may have changed since; good until the grant ends",
    )
    print_records(found)


def fetch(args: argparse.Namespace) -> None:
    """Read and verify."""
    with OperatorClient(args.home, timeout_seconds=60.0) as node:
        wanted = pb.FetchRecordsRequest(request_id=args.request)
        answer = retry(
            lambda: node.call(node.access.FetchRecords, wanted),
            _WAIT_SECONDS if args.wait else 0.0,
            GrantMissingError,
        )
    records = shown_records(answer.records)
    if args.json:
        print_json(
            {
                "organisation": answer.organisation,
                "credit_code": answer.credit_code,
                "newest_as_of": answer.newest_as_of,
                "records": records,
            }
        )
    else:
        say(f"{answer.organisation}（{answer.credit_code}）", "vouched for by its certificate")
        say(f"注册中心声明：{answer.newest_as_of} 时没有更新的版本", "when the home had nothing newer")
        print_records(records)
    if args.bundle:
        _write_bundle(args, answer.read)


def _write_bundle(args: argparse.Namespace, read: int) -> None:
    request = pb.GetBundleRequest(request_id=args.request, read=read, incomplete=args.incomplete)
    with OperatorClient(args.home) as node:
        got = when_complete(args, lambda: node.call(node.access.GetBundle, request))
    args.bundle.write_bytes(got.bundle)
    if not args.json:
        say(f"证据包 {args.bundle}", "written; anybody can check it with heqi verify")
