"""`heqi access`: which systems may call the node, and what was done with its privileges."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

from heqi.v1 import system_service_pb2 as pb

from node.cli.client import (
    SYSTEM_CERTIFICATE,
    SYSTEM_KEY,
    NodeClient,
    OperatorClient,
    SystemClient,
    own_card,
)
from node.cli.completeness import add_completeness, when_complete
from node.cli.output import print_json, print_table, say
from node.config import CARD_FILE, replace_file
from node.domain.act import ActKind
from node.domain.system import SystemRole
from node.errors import ConfigError
from node.wire.tls import anchor_pem

_EPILOG = """\
示例 | examples:
  系统自备密钥，私钥不离开系统 | the system makes its key, which never leaves it:
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -keyout key.pem -out request.pem
    heqi access issue --home centre-a trading --role writer --csr request.pem --out trading
  在本机生成密钥 | or the key is made here, readable by this user only:
    heqi access issue --home centre-a archive --role reader --days 90 --out archive
  heqi access list --home centre-a                       有效证书 | who is let in
  heqi access revoke --home centre-a trading --reason "密钥外泄"
                                                         立即生效 | acts at once, on open connections too
  heqi access acts --home centre-a                       操作记录 | what was done, by whom
  heqi access acts --as supervisor                       监督方查看 | the same, for a supervisor elsewhere
  heqi access prove --as supervisor 7 --out act.json     证明 | then: heqi verify act.json --alliance alliance.json
"""
_SUMMARY = {kind.word: kind.summary for kind in ActKind}
_PAGE = 100
TRUST_ANCHOR = "node.pem"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("issue", help="签发接入证书 | let a system in")
    one.add_argument("name", help="系统名 | name of the system: a-z 0-9 -, at most 31")
    one.add_argument("--role", required=True, choices=[role.value for role in SystemRole], help="角色 | role")
    one.add_argument(
        "--days", type=int, default=90, help="有效天数 | days it is good (default 90, at most 397)"
    )
    one.add_argument(
        "--csr", type=Path, metavar="PEM", help="系统自己的证书请求 | the system's own PKCS #10 request"
    )
    one.add_argument(
        "--out",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="输出目录 | folder for what the system needs",
    )
    one.set_defaults(run=issue)
    one = commands.add_parser("list", help="列出接入证书 | who is let in")
    one.add_argument("--all", action="store_true", help="含已吊销和过期 | revoked and expired ones too")
    one.set_defaults(run=list_)
    one = commands.add_parser("revoke", help="吊销，立即生效 | shut a system out, at once")
    one.add_argument(
        "wanted", metavar="NAME|SERIAL", help="系统名或序列号 | all of a system, or one certificate"
    )
    one.add_argument("--reason", default="", help="原因 | why; kept in the record")
    one.set_defaults(run=revoke)
    one = commands.add_parser("acts", help="操作记录 | what was done with the node's privileges")
    one.add_argument(
        "--count", type=int, default=_PAGE, help="最近条数 | how many, newest first (default 100)"
    )
    one.set_defaults(run=acts)
    one = commands.add_parser("prove", help="生成操作记录的证据包 | a bundle over one act")
    one.add_argument("number", type=int, help="编号，见 acts | number from acts")
    one.add_argument("--out", type=Path, required=True)
    add_completeness(one)
    one.set_defaults(run=prove)
    for command in commands.choices.values():
        where = command.add_mutually_exclusive_group(required=True)
        where.add_argument("--home", type=Path, help="节点目录 | folder of the node")
        where.add_argument(
            "--as",
            type=Path,
            dest="system",
            metavar="FOLDER",
            help="以该系统身份 | as the system with this folder, from any machine",
        )
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def issue(args: argparse.Namespace) -> None:
    """Let a system in, and write what it needs to call."""
    from adapters.crypto.files import write_secret  # noqa: PLC0415
    from adapters.crypto.leaves import new_request  # noqa: PLC0415

    key_pem, request = (b"", args.csr.read_bytes()) if args.csr else new_request()
    if (args.out / SYSTEM_CERTIFICATE).exists() or (args.out / SYSTEM_KEY).exists():
        raise ConfigError(f"{args.out} holds a key or certificate already; nothing was changed")
    card = own_card(args.home or args.system)
    args.out.mkdir(parents=True, exist_ok=True, mode=0o700)
    if key_pem:
        write_secret(args.out / SYSTEM_KEY, key_pem)
    with _client(args) as node:
        answer = node.call(
            node.systems.IssueCertificate,
            pb.IssueCertificateRequest(
                signing_request=request,
                name=args.name,
                role=pb.SystemRole.Value(f"SYSTEM_ROLE_{args.role.upper()}"),
                days=args.days,
            ),
        )
    replace_file(args.out / SYSTEM_CERTIFICATE, answer.certificate)
    replace_file(args.out / TRUST_ANCHOR, anchor_pem(card.name, card.identity_key))
    replace_file(args.out / CARD_FILE, ((args.home or args.system) / CARD_FILE).read_bytes())
    if args.json:
        print_json({"serial": answer.serial, "folder": str(args.out)})
        return
    say(f"已允许 {args.name} 接入，角色 {args.role}", f"{args.name} is let in as {args.role}")
    say(f"序列号 {answer.serial}", f"serial; certificate and trust anchor are in {args.out}")


def list_(args: argparse.Namespace) -> None:
    """Show certificates."""
    with _client(args) as node:
        found = node.call(node.systems.ListCertificates, pb.ListCertificatesRequest()).certificates
    now = datetime.now(UTC).timestamp()
    rows = sorted(
        (_row(one, now) for one in found if args.all or _state(one, now) == "live"),
        key=lambda row: (row["name"], row["issued"]),
    )
    if args.json:
        print_json(rows)
        return
    print_table(
        ("系统 system", "角色 role", "状态 state", "签发 issued", "到期 expires", "序列号 serial"),
        [[row[key] for key in ("name", "role", "state", "issued", "expires", "serial")] for row in rows],
    )


def revoke(args: argparse.Namespace) -> None:
    """Shut a system out."""
    with _client(args) as node:
        request = pb.RevokeCertificateRequest(wanted=args.wanted, reason=args.reason)
        revoked = node.call(node.systems.RevokeCertificate, request).certificates
    if args.json:
        print_json([{"name": one.name, "serial": one.serial} for one in revoked])
        return
    for one in revoked:
        say(f"已吊销 {one.name} {one.serial}", "is revoked; its open streams have ended")


def acts(args: argparse.Namespace) -> None:
    """Show what was done, newest first."""
    rows: list[pb.Act] = []
    with _client(args) as node:
        token = ""
        while len(rows) < args.count:
            request = pb.ListActsRequest(page_size=min(1000, args.count - len(rows)), page_token=token)
            page = node.call(node.systems.ListActs, request)
            rows += page.acts
            token = page.next_page_token
            if not token:
                break
    if args.json:
        print_json([_act(row) for row in rows])
        return
    print_table(
        ("编号 No", "时间 time", "操作方 actor", "操作 act", "对象 about", "上链 final"),
        [
            (
                row.number,
                row.time,
                row.actor,
                f"{row.act} {_SUMMARY.get(row.act, '').partition(' | ')[0]}",
                ", ".join(f"{name}={value[:20]}" for name, value in sorted(row.about.items())),
                "✓" if row.is_final else "",
            )
            for row in rows
        ],
    )


def prove(args: argparse.Namespace) -> None:
    """Write a bundle over one act."""
    with _client(args) as node:
        request = pb.ProveActRequest(number=args.number, incomplete=args.incomplete)
        bundle = when_complete(args, lambda: node.call(node.systems.ProveAct, request)).bundle
    args.out.write_bytes(bundle)
    say(f"已写入 {args.out}", f"wrote {args.out}; check it with heqi verify")


def _client(args: argparse.Namespace) -> NodeClient:
    return OperatorClient(args.home) if args.home else SystemClient(args.system)


def _state(one: pb.SystemCertificate, now: float) -> str:
    if one.revoke_time_seconds:
        return "revoked"
    return "live" if now < one.expire_time_seconds else "expired"


def _row(one: pb.SystemCertificate, now: float) -> dict[str, str]:
    return {
        "name": one.name,
        "role": pb.SystemRole.Name(one.role).removeprefix("SYSTEM_ROLE_").lower(),
        "state": _state(one, now),
        "issued": _day(one.issue_time_seconds),
        "expires": _day(one.expire_time_seconds),
        "serial": one.serial,
        "issuer": one.issuer,
        "revoked": _day(one.revoke_time_seconds),
        "revoker": one.revoker,
        "reason": one.reason,
    }


def _act(row: pb.Act) -> dict[str, object]:
    return {
        "number": row.number,
        "time": row.time,
        "actor": row.actor,
        "act": row.act,
        "about": dict(row.about),
        "final": row.is_final,
    }


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M") if seconds else ""
