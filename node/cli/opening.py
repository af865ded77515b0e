"""`heqi opening`: when tenders are opened, and the sealed guarantees in their bids."""

import argparse
from datetime import datetime
from pathlib import Path

from heqi.v1 import opening_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.config import read_file
from node.domain.encoding import to_rfc3339
from node.domain.opening import MAX_SEALED_BYTES
from node.errors import ConfigError

_EPILOG = """\
密文投标保函 | sealed bid guarantees:
  heqi opening announce --home centre-b --section GC-1/2 --at 2027-03-01T09:30:00+08:00 \\
      --holder centre-c --holder centre-d --holder supervisor-e --threshold 2 --out opening.jwt
      公告开标时间，条款放入招标文件 | commit to the moment; the terms go into the tender's papers
  heqi opening list --home centre-b
  heqi opening postpone --home centre-b OPENING --at 2027-03-02T09:30:00+08:00 --reason 补遗 --out notice.jwt
  heqi opening open --home centre-b OPENING            到时开标 | once the moment has come
  heqi opening reveal --home centre-b OPENING bids/*.sealed --out opened
      凑齐份额、解密、核验、上链 | have holders give their shares, decrypt, check, bring to the ledger
开标前任何人（包括本中心）都打不开；份额不对时由投标人自行出示密钥：FILE:KEY-FILE
Before the opening nobody can open anything, this centre included. Where shares are bad the bidder shows its key
itself: FILE:KEY-FILE, the key in hex.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("announce", help="公告开标时间 | commit to the moment of an opening")
    one.add_argument("--section", required=True, help="标段编号 | section of the tender")
    one.add_argument("--at", required=True, help="开标时间，含时区 | moment with its zone, ISO 8601")
    one.add_argument(
        "--holder", action="append", required=True, help="份额持有成员 | member that holds a share"
    )
    one.add_argument(
        "--threshold", type=int, required=True, help="开启所需份额数 | so many shares open a bid"
    )
    one.add_argument("--out", type=Path, required=True, help="开标条款文件 | where to write the terms")
    one.set_defaults(run=announce)
    one = commands.add_parser("postpone", help="推迟开标 | put an opening off")
    one.add_argument("opening", help="开标编号 | id of the opening")
    one.add_argument("--at", required=True, help="新时间，只能更晚 | the new moment, a later one")
    one.add_argument("--reason", required=True, help="原因 | reason")
    one.add_argument("--out", type=Path, required=True, help="通知文件 | where to write the notice")
    one.set_defaults(run=postpone)
    one = commands.add_parser("open", help="开标 | begin an opening")
    one.add_argument("opening", help="开标编号 | id of the opening")
    one.set_defaults(run=open_)
    one = commands.add_parser("list", help="本中心的开标 | this centre's openings")
    one.set_defaults(run=list_)
    one = commands.add_parser("reveal", help="开启密文保函 | open the sealed guarantees of bids")
    one.add_argument("opening", help="开标编号 | id of the opening")
    one.add_argument("files", nargs="+", metavar="FILE[:KEY-FILE]", help="密封文件 | sealed files")
    one.add_argument("--out", type=Path, required=True, help="保函存放目录 | folder for the guarantees")
    one.set_defaults(run=reveal)
    for command in commands.choices.values():
        command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def announce(args: argparse.Namespace) -> None:
    """Commit to the moment of an opening."""
    request = pb.AnnounceOpeningRequest(
        section=args.section,
        open_time_seconds=_moment(args.at),
        holders=args.holder,
        threshold=args.threshold,
    )
    with OperatorClient(args.home, timeout_seconds=60.0) as node:
        made = node.call(node.openings.AnnounceOpening, request)
    _write(args.out, made.opening_terms)
    if args.json:
        print_json({"opening": made.opening_id})
    else:
        say(f"开标 {made.opening_id}", f"its terms are in {args.out}: put them into the tender's papers")


def postpone(args: argparse.Namespace) -> None:
    """Put an opening off."""
    request = pb.PostponeOpeningRequest(
        opening_id=args.opening, open_time_seconds=_moment(args.at), reason=args.reason
    )
    with OperatorClient(args.home) as node:
        notice = node.call(node.openings.PostponeOpening, request).opening_notice
    _write(args.out, notice)
    if args.json:
        print_json({"opening": args.opening})
    else:
        say("已推迟", f"put off; give the notice in {args.out} to everybody who has the terms")


def open_(args: argparse.Namespace) -> None:
    """Begin an opening."""
    with OperatorClient(args.home) as node:
        node.call(node.openings.OpenTender, pb.OpenTenderRequest(opening_id=args.opening))
    if args.json:
        print_json({"opening": args.opening})
    else:
        say("已开标", "on its way to the ledger; holders give shares once that is final")


def list_(args: argparse.Namespace) -> None:
    """Show this centre's openings."""
    with OperatorClient(args.home) as node:
        found = node.call(node.openings.ListOpenings, pb.ListOpeningsRequest()).openings
    rows = [(one.opening_id, one.section, to_rfc3339(one.open_time_seconds), one.state) for one in found]
    if args.json:
        print_json([dict(zip(("opening", "section", "time", "state"), row, strict=True)) for row in rows])
    else:
        print_table(("开标 opening", "标段 section", "时间 time", "状态 state"), rows)


def reveal(args: argparse.Namespace) -> int:
    """Open the sealed guarantees of bids; exit code 0 only if all were accepted."""
    request = pb.RevealGuaranteesRequest(opening_id=args.opening)
    names = [_add(request, text) for text in args.files]
    with OperatorClient(args.home, timeout_seconds=120.0) as node:
        found = node.call(node.openings.RevealGuarantees, request).guarantees
    args.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, one in zip(names, found, strict=True):
        if one.guarantee_id:
            _write(args.out / f"{name}.guarantee", one.guarantee)
        rows.append((name, one.guarantee_id or "-", one.problem, ", ".join(one.holders_at_fault)))
    if args.json:
        keys = ("file", "guarantee", "problem", "holders_at_fault")
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
    else:
        print_table(("文件 file", "保函 guarantee", "问题 problem", "失职持有人 holders at fault"), rows)
    return 0 if all(one.guarantee_id for one in found) else 1


def _add(request: pb.RevealGuaranteesRequest, text: str) -> str:
    """Put a file, and perhaps its key, into the request; the file's name without its end."""
    path, colon, key = text.partition(":")
    raw = read_file(Path(path))
    if len(raw) > MAX_SEALED_BYTES:
        raise ConfigError(f"{path} is too long for a sealed file")
    bid = request.bids.add(sealed_file=raw)
    if colon:
        try:
            bid.opening_key = bytes.fromhex(read_file(Path(key)).decode("ascii").strip())
        except ValueError as error:
            raise ConfigError(f"{key} holds no key in hex") from error
    return Path(path).stem


def _moment(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigError(f"{text} is no moment in ISO 8601") from error
    if moment.tzinfo is None:
        raise ConfigError(f"{text} names no time zone: write for example {text}+08:00")
    return int(moment.timestamp())


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text + "\n", encoding="ascii")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
