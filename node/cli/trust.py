"""`heqi alliance trust`: the recognised certificate authorities, by vote."""

import argparse
import re
import time
from datetime import datetime
from pathlib import Path

import msgspec
from heqi.v1 import trust_service_pb2 as pb

from node.cli.client import OperatorClient
from node.cli.output import print_json, print_table, say
from node.cli.trust_file import read_entry
from node.domain.trust import (
    CreditCodeField,
    TrustAnchor,
    TrustList,
    anchor_from_pem,
    check_anchor,
    encode_anchor,
    parse_anchor,
)
from node.errors import ConfigError, MissingError

_EPILOG = """\
证书机构的互认由成员投票决定，清单记在账本上。Which authorities count is voted on; the list is on the ledger.

示例 | example:
  heqi alliance trust draft --ca ca.pem --id zj-ca --name 示例证书机构 --credit-code-oid 2.5.4.97 \\
        --ocsp http://ocsp.example/ --crl http://crl.example/ca.crl --out zj-ca.json
  heqi alliance trust propose --home centre-a zj-ca.json ; heqi alliance vote --home centre-b 1
  heqi alliance trust suspend --home centre-a zj-ca --from 2026-03-01T00:00:00Z
  heqi alliance trust list --home centre-a --out trust.json      for heqi verify --trust, heqi wallet delegate --trust
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("draft", help="起草条目 | write an entry from a CA certificate")
    _add_draft(one)
    one = commands.add_parser("list", help="现行清单与待表决条目 | the list in force, and what is voted on")
    one.add_argument("--out", type=Path, help="另存为文件 | write the entries in force to a file")
    one.set_defaults(run=show)
    one = commands.add_parser("propose", help="提议条目 | propose an entry")
    one.add_argument("entry", type=Path, help="见 draft | as draft writes it")
    one.set_defaults(run=propose)
    one = commands.add_parser("suspend", help="提议暂停机构 | propose to suspend an authority")
    one.add_argument("authority", help="清单中的名称 | its name on the list")
    one.add_argument(
        "--from", dest="since", default="", metavar="TIME", help="RFC 3339，默认现在 | since when; now"
    )
    one.set_defaults(run=suspend)
    one = commands.add_parser("readmit", help="提议恢复机构 | propose to end a suspension")
    one.add_argument("authority", help="清单中的名称 | its name on the list")
    one.set_defaults(run=readmit)
    for name, command in commands.choices.items():
        if name != "draft":
            command.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
            command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def _add_draft(one: argparse.ArgumentParser) -> None:
    one.add_argument("--ca", type=Path, required=True, metavar="PEM", help="证书机构证书 | CA certificate")
    one.add_argument("--id", required=True, help="清单中的名称 | its name on the list: a-z 0-9 -")
    one.add_argument("--name", required=True, help="机构名称 | for people")
    one.add_argument("--credit-code-oid", metavar="OID", help="信用代码所在 | where the credit code stands")
    one.add_argument(
        "--credit-code-source",
        choices=["subject", "extension", "extension-raw"],
        default="subject",
        help="主体属性、扩展项（DER 字符串或原文）| subject attribute, or extension (DER string or raw)",
    )
    one.add_argument("--credit-code-prefix", default="", help="代码前缀 | what stands before the code")
    for option, summary in (
        ("--policy", "接受的证书策略 | accepted policy OID"),
        ("--ocsp", "OCSP 地址 | OCSP address"),
        ("--crl", "吊销列表地址 | CRL address"),
        ("--timestamp", "时间戳地址：机构只签发时间戳 | for an authority that serves time stamps only"),
    ):
        one.add_argument(option, action="append", default=[], help=summary)
    one.add_argument("--nonces", action="store_true", help="OCSP 应答带回随机数 | its OCSP repeats nonces")
    one.add_argument("--out", type=Path, required=True)
    one.set_defaults(run=draft)


def draft(args: argparse.Namespace) -> None:
    """Write an entry."""
    try:
        pem = args.ca.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read {args.ca}: {error}") from error
    if bool(args.timestamp) == bool(args.credit_code_oid):
        raise ConfigError("give --credit-code-oid for signing certificates, or --timestamp for time stamps")
    field = CreditCodeField(
        args.credit_code_oid or "2.5.4.97", args.credit_code_source, args.credit_code_prefix
    )
    plain = anchor_from_pem(args.id, args.name, pem, field)
    changed = msgspec.structs.replace(
        plain,
        serves="timestamps" if args.timestamp else "signatures",
        credit_code=None if args.timestamp else field,
        policies=tuple(sorted(args.policy)),
        ocsp=tuple(args.ocsp),
        crl=tuple(args.crl),
        timestamp=tuple(args.timestamp),
        nonces=args.nonces,
    )
    _write(args.out, msgspec.to_builtins(check_anchor(changed)))
    say(f"已写入 {args.out}", f"wrote {args.out}; now heqi alliance trust propose")


def show(args: argparse.Namespace) -> None:
    """List the authorities."""
    found = _list(args.home)
    anchors = [parse_anchor(raw) for raw in found.entries]
    entries = [msgspec.to_builtins(anchor) for anchor in anchors]
    proposed = [
        {"proposal": one.proposal, "problem": one.problem, "entry": one.entry.decode("utf-8", "replace")}
        for one in found.proposed
    ]
    if args.out is not None:
        _write(args.out, entries)
    if args.json:
        print_json({"version": found.version, "authorities": entries, "proposed": proposed})
        return
    say(f"信任清单第 {found.version} 版", f"trust list, version {found.version}")
    rows = [
        (
            one.id,
            one.name,
            one.serves,
            _status_kinds(one),
            "-" if one.suspended is None else _time(one.suspended),
        )
        for one in anchors
    ]
    print_table(("机构 authority", "名称 name", "用途 serves", "状态 status", "暂停自 suspended"), rows)
    for proposal in proposed:
        say(f"待表决 {proposal['proposal']}", f"voted on: {proposal['problem'] or proposal['entry']}")


def propose(args: argparse.Namespace) -> None:
    """Propose an entry from a file."""
    _propose(args.home, read_entry(args.entry))


def suspend(args: argparse.Namespace) -> None:
    """Propose to suspend an authority."""
    _propose(args.home, msgspec.structs.replace(_entry(args), suspended=_moment(args.since)))


def readmit(args: argparse.Namespace) -> None:
    """Propose to end a suspension."""
    _propose(args.home, msgspec.structs.replace(_entry(args), suspended=None))


def _entry(args: argparse.Namespace) -> TrustAnchor:
    found = TrustList(parse_anchor(raw) for raw in _list(args.home).entries).anchor(args.authority)
    if found is None:
        raise MissingError(f"{args.authority} is not on the trust list")
    return found


def _list(home: Path) -> pb.ListAuthoritiesResponse:
    with OperatorClient(home) as node:
        return node.call(node.trust.ListAuthorities, pb.ListAuthoritiesRequest())


def _propose(home: Path, anchor: TrustAnchor) -> None:
    with OperatorClient(home) as node:
        node.call(node.trust.ProposeAuthority, pb.ProposeAuthorityRequest(entry=encode_anchor(anchor)))
    say("提案已进入发件箱", "the proposal is on its way; see heqi alliance proposals")


def _status_kinds(anchor: TrustAnchor) -> str:
    kinds = ("OCSP" * bool(anchor.ocsp), "CRL" * bool(anchor.crl), "TSA" * bool(anchor.timestamp))
    return "+".join(kind for kind in kinds if kind) or "-"


def _moment(text: str) -> int:
    if not text:
        return int(time.time())
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)", text):
        raise ConfigError(f"{text!r} is no time such as 2026-03-01T00:00:00+08:00")
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except ValueError as error:
        raise ConfigError(f"{text!r} is no time: {error}") from error


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _write(path: Path, value: object) -> None:
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error
