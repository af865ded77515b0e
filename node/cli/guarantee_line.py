"""`heqi guarantee line …`: a guarantor's credit lines."""

import argparse
from datetime import UTC, datetime, time
from pathlib import Path

from heqi.v1 import desk_service_pb2 as pb

from node.cli.arguments import Commands
from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.cli.verify import add_verifier_arguments, verifier_of
from node.config import read_file, replace_file
from node.domain.case import read_case
from node.domain.credit_line import check_history, plain
from node.errors import ConfigError

_SUMMARY = "授信额度（一地授信、异地使用）| credit lines, drawn on at every centre"
_EPILOG = """\
  heqi guarantee line grant --home bank-x --basis APPLICATION --limit 2000000 --until 2027-12-31
  heqi guarantee line lower --home bank-x SUBJECT --limit 500000
  heqi guarantee line freeze --home bank-x SUBJECT           冻结 | no draws until thaw
  heqi guarantee line prove --home bank-x SUBJECT --out line.heqi      全部变动的证据 | the whole history
  heqi guarantee line verify line.heqi --alliance alliance.json        任何人离线核验 | anybody, offline
"""
_CHANGES = {
    "lower": ("调减 | lower the limit", "CHANGE_LOWER"),
    "freeze": ("冻结 | no draws until it is thawed", "CHANGE_FREEZE"),
    "thaw": ("解冻 | it can be drawn on again", "CHANGE_THAW"),
    "end": ("终止 | no draws any more", "CHANGE_END"),
}


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands; those that need a node's folder."""
    group = commands.add_parser(
        "line",
        help=_SUMMARY,
        description=_SUMMARY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("grant", help="授信，也用于续授信 | grant a line, also again")
    one.add_argument(
        "--basis", required=True, help="已读取其数据的申请或请求 | under which its data was read"
    )
    one.add_argument("--limit", required=True, help="额度（元）| plain decimal")
    one.add_argument("--currency", default="CNY")
    one.add_argument("--until", required=True, metavar="YYYY-MM-DD", help="到期日 | last day, UTC")
    one.set_defaults(run=grant)
    for name, (summary, change) in _CHANGES.items():
        one = actions.add_parser(name, help=summary)
        one.add_argument("subject")
        one.set_defaults(run=change_, change=change, limit="")
    actions.choices["lower"].add_argument("--limit", required=True, help="新额度（元）| plain decimal")
    one = actions.add_parser("show", help="额度、已用、可用、期限 | limit, used, free, term")
    one.add_argument("subject")
    one.set_defaults(run=show)
    one = actions.add_parser("prove", help="导出全部变动的证据 | write the whole history as a case")
    one.add_argument("subject")
    one.add_argument("--out", type=Path, required=True)
    one.add_argument("--incomplete", action="store_true", help="证据未齐也导出 | also while evidence lacks")
    one.set_defaults(run=prove)
    of_node = list(actions.choices.values())
    one = actions.add_parser(
        "verify", help="离线核验变动无缺、无分叉 | check offline that nothing is missing"
    )
    one.add_argument("file", type=Path)
    add_verifier_arguments(one)
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
    one.set_defaults(run=verify)
    return of_node


def grant(args: argparse.Namespace) -> None:
    """Grant a line on data that was read."""
    with OperatorClient(args.home) as node:
        request = pb.GrantLineRequest(
            basis=args.basis, currency=args.currency, limit=args.limit, end_time_seconds=_end_of(args.until)
        )
        line = node.call(node.desk.GrantLine, request).line
    _print(line, as_json=args.json)


def change_(args: argparse.Namespace) -> None:
    """Lower, freeze, thaw or end a line."""
    with OperatorClient(args.home) as node:
        change = pb.ChangeLineRequest.Change.Value(args.change)
        request = pb.ChangeLineRequest(subject_id=args.subject, change=change, limit=args.limit)
        line = node.call(node.desk.ChangeLine, request).line
    _print(line, as_json=args.json)


def show(args: argparse.Namespace) -> None:
    """Show a line."""
    with OperatorClient(args.home) as node:
        request = pb.GetCreditLineRequest(subject_id=args.subject)
        line = node.call(node.desk.GetCreditLine, request).line
    _print(line, as_json=args.json)


def prove(args: argparse.Namespace) -> None:
    """Write a line's history."""
    with OperatorClient(args.home, timeout_seconds=120.0) as node:
        request = pb.ProveLineRequest(subject_id=args.subject, incomplete=args.incomplete)
        content = b"".join(part.chunk for part in node.stream(node.desk.ProveLine, request))
    replace_file(args.out, content)
    say(f"已写入 {args.out}", "written; anybody checks it with: heqi guarantee line verify")


def verify(args: argparse.Namespace) -> None:
    """Check a line's history offline: every state by its evidence, and that none is missing or out of place."""
    case = read_case(read_file(args.file).splitlines(keepends=True), verifier_of(args))
    states = [record for bundle in case.bundles for record in bundle.evidence.records]
    found = check_history(states)
    facts = {
        "line": found.line,
        "issuer": found.issuer,
        "subject": found.state.subject,
        "states": found.number,
        "entry": found.entry.hex(),
        "limit": f"{plain(found.state.limit)} {found.state.currency}",
        "used": plain(found.state.used),
        "status": found.state.status.value,
    }
    if args.json:
        print_json({"verified": True, **facts})
        return
    print_table(("项目 item", "值 value"), list(facts.items()))
    say("变动完整、次序与规则均无误", "complete from the grant on, in order, each state by the line's rules")


def _end_of(day: str) -> int:
    try:
        last = datetime.strptime(day, "%Y-%m-%d").date()  # noqa: DTZ007  # a day, given its zone below
    except ValueError as error:
        raise ConfigError(f"--until wants YYYY-MM-DD, not {day!r}") from error
    return int(datetime.combine(last, time.max, UTC).timestamp()) + 1


def _print(line: pb.CreditLine, *, as_json: bool) -> None:
    facts = {
        "line": line.line_id,
        "subject": line.subject_id,
        "limit": f"{line.limit} {line.currency}",
        "used": line.used,
        "free": line.free,
        "status": line.status,
        "until": datetime.fromtimestamp(line.end_time_seconds, UTC).isoformat(),
        "states": line.number,
    }
    if as_json:
        print_json(facts)
    else:
        print_table(("项目 item", "值 value"), list(facts.items()))
