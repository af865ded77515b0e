"""`heqi wallet`: a bidder's key, and what it signs."""

import argparse
import getpass
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from node.cli.output import print_json, print_table, say

_EPILOG = """\
顺序 | in order:
  heqi wallet init --wallet w --alliance alliance.json --home-centre centre-a
  heqi wallet delegate --wallet w --certificate cert.pem --certificate-key key.pem
  heqi wallet register --wallet w package.json
  heqi wallet requests --wallet w
  heqi wallet grant --wallet w 1
  heqi wallet reads --wallet w
  heqi wallet revoke --wallet w GRANT
口令 | passphrase: 提示输入，或 --passphrase-file；绝不放在命令行 | asked for, or --passphrase-file; never on the command line
"""
_DELEGATION_DAYS = 365


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the commands."""
    parser.epilog = _EPILOG
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    one = commands.add_parser("init", help="新建钱包 | make a wallet with a fresh key")
    one.add_argument("--alliance", type=Path, required=True, help="联盟描述 | the signed descriptor")
    one.add_argument("--home-centre", required=True, help="注册中心 | centre where to register")
    one.set_defaults(run=init)
    one = commands.add_parser(
        "delegate", help="用证书为钱包密钥签发委托 | let a certificate vouch for the key"
    )
    one.add_argument("--certificate", type=Path, required=True, help="证书链 PEM | certificate chain, PEM")
    one.add_argument(
        "--certificate-key", type=Path, required=True, help="证书私钥 PEM | its private key, PEM"
    )
    one.set_defaults(run=delegate)
    one = commands.add_parser("register", help="注册或补充材料 | register, or hand in further documents")
    one.add_argument("package", type=Path, help="JSON: [{category, thing, fields}, …]")
    one.set_defaults(run=register)
    one = commands.add_parser("status", help="注册与上链进度 | how far everything is")
    one.set_defaults(run=status)
    one = commands.add_parser("requests", help="收到的申请 | requests for access")
    one.set_defaults(run=requests)
    one = commands.add_parser("grant", help="签署授权 | sign a grant")
    one.add_argument("number", type=int, help="申请序号 | number in the list of requests")
    one.add_argument(
        "--only", action="append", metavar="CATEGORY:FIELD,…", help="只授权这些 | grant only these"
    )
    one.add_argument("--uses", type=int, default=0, help="改次数 | another number of reads")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=grant)
    one = commands.add_parser("grants", help="已签署的授权 | grants and their state")
    one.set_defaults(run=grants)
    one = commands.add_parser("revoke", help="撤回授权 | revoke a grant")
    one.add_argument("grant", help="授权编号 | grant id, or its beginning")
    one.add_argument(
        "--relay", metavar="MEMBER", help="由另一成员上链 | let another member bring it to the ledger"
    )
    one.set_defaults(run=revoke)
    one = commands.add_parser("reads", help="谁读过什么 | who read what")
    one.set_defaults(run=reads)
    for command in commands.choices.values():
        command.add_argument("--wallet", type=Path, required=True, help="钱包目录 | folder of the wallet")
        command.add_argument("--passphrase-file", type=Path, help="口令文件 | file with the passphrase")
        command.add_argument("--json", action="store_true", help="机器可读 | for machines")


def init(args: argparse.Namespace) -> None:
    """Make a wallet."""
    from node.wallet.folder import create_wallet  # noqa: PLC0415

    create_wallet(args.wallet, _read(args.alliance), args.home_centre, _passphrase(args, is_new=True))
    say(
        f"钱包 {args.wallet} 已建立",
        "made; keep a copy of key.pem: without it nothing can be granted or revoked",
    )


def delegate(args: argparse.Namespace) -> None:
    """Sign the delegation with the certificate's key."""
    import time  # noqa: PLC0415

    from cryptography import x509  # noqa: PLC0415
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec, rsa  # noqa: PLC0415

    from node.domain.certificate import check_certificate  # noqa: PLC0415
    from node.domain.delegation import Delegation, sign_delegation  # noqa: PLC0415
    from node.domain.encoding import to_base64url  # noqa: PLC0415
    from node.errors import ConfigError  # noqa: PLC0415
    from node.wallet.folder import DELEGATION_FILE, open_wallet  # noqa: PLC0415

    wallet = open_wallet(args.wallet)
    try:
        certificates = x509.load_pem_x509_certificates(_read(args.certificate))
        key = serialization.load_pem_private_key(_read(args.certificate_key), None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the certificate or its key cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ConfigError("the certificate's key is neither RSA nor P-256")
    chain = [certificate.public_bytes(serialization.Encoding.DER) for certificate in certificates]
    now = int(time.time())
    identity = check_certificate(chain, wallet.descriptor.trust_anchors, now)
    delegation = Delegation(
        alliance=wallet.descriptor.alliance,
        iat=now,
        jti=to_base64url(os.urandom(16)),
        key=wallet.key(_passphrase(args)).public_key.hex(),
        credit_code=identity.credit_code,
        exp=now + _DELEGATION_DAYS * 86_400,
    )
    (args.wallet / DELEGATION_FILE).write_text(sign_delegation(delegation, chain, key) + "\n")
    say(f"{identity.organisation} 已委托此钱包", "vouches for this wallet's key in this alliance")


def register(args: argparse.Namespace) -> None:
    """Register, or hand in further documents."""
    import msgspec  # noqa: PLC0415

    from node.domain.wallet import PackageRecord  # noqa: PLC0415
    from node.errors import ConfigError  # noqa: PLC0415

    try:
        package = msgspec.json.decode(_read(args.package), type=tuple[PackageRecord, ...])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{args.package}: {error}") from error
    wallet, scribe, client = _open(args)
    with client:
        signed = scribe.register(client.member.name, wallet.delegation(), package)
        registered = client.register(signed)
    wallet.remember_subject(registered.subject_id)
    if args.json:
        print_json({"subject": registered.subject_id, "records": registered.record_count})
    else:
        say(f"主体编号 {registered.subject_id}", f"registered with {registered.record_count} documents")


def status(args: argparse.Namespace) -> None:
    """How far everything is."""
    wallet, scribe, client = _open(args)
    with client:
        now = client.status(scribe.status(client.member.name))
    facts = {
        "subject": wallet.state.subject,
        "home": wallet.state.home,
        "subject_final": now.subject_final,
        "records_accepted": now.accepted_count,
        "records_final": now.final_count,
        "requests_open": sum(not request.answered for request in now.requests),
        "grants": len(now.grants),
    }
    if args.json:
        print_json(facts)
    else:
        print_table(("项目 item", "值 value"), list(facts.items()))


def requests(args: argparse.Namespace) -> None:
    """List requests in plain words."""
    found = _requests(args)[1]
    if args.json:
        print_json(
            [{"number": n, "answered": answered, **_facts(r)} for n, (r, answered) in enumerate(found, 1)]
        )
        return
    if not found:
        say("没有申请", "nobody asks for anything")
    for number, (request, answered) in enumerate(found, 1):
        say(f"[{number}]{' 已答复' if answered else ''}", "(answered)" if answered else "(open)")
        _print_request(request)


def grant(args: argparse.Namespace) -> int:
    """Show a request once more, and sign."""
    from node.errors import MissingError  # noqa: PLC0415
    from node.wallet.client import WalletClient  # noqa: PLC0415

    (wallet, scribe, home), found = _requests(args)
    if not 1 <= args.number <= len(found):
        raise MissingError(f"there is no request number {args.number}")
    request = found[args.number - 1][0]
    if not args.json:
        _print_request(request)
    if not args.yes and input("签署授权？ Sign this grant? [y/N] ").strip().lower() not in {"y", "yes"}:
        say("未签署", "nothing was signed")
        return 1
    token = scribe.grant(request, scope=_scope(args.only), uses=args.uses)
    relay = wallet.member(args.relay) if args.relay else home
    with WalletClient(home) as client:
        grant_id = client.give_grant(scribe.give(home.name, token))
    if relay.name != home.name:
        with WalletClient(relay) as client:
            client.give_grant(scribe.give(relay.name, token))
    if args.json:
        print_json({"grant": grant_id, "token": token})
    else:
        say(f"授权 {grant_id}", "signed; it works once the ledger has it")
    return 0


def grants(args: argparse.Namespace) -> None:
    """List grants."""
    rows = _grants(args)
    if args.json:
        print_json(rows)
    else:
        keys = ("grant", "receiver", "purpose", "expires", "state", "uses")
        header = ("授权 grant", "接收方 receiver", "用途 purpose", "到期 expires", "状态 state", "已用 uses")
        print_table(header, [[row[key] for key in keys] for row in rows])


def revoke(args: argparse.Namespace) -> None:
    """Revoke."""
    from node.errors import MissingError  # noqa: PLC0415
    from node.wallet.client import WalletClient  # noqa: PLC0415

    rows = [row for row in _grants(args) if row["grant"].startswith(args.grant)]
    if len(rows) != 1:
        raise MissingError(f"{len(rows)} grants begin with {args.grant!r}")
    wallet, scribe, client = _open(args)
    client.__exit__(None, None, None)
    relay = wallet.member(args.relay or wallet.state.home)
    with WalletClient(relay) as client:
        client.revoke_grant(scribe.revoke(relay.name, rows[0]["token"]))
    say(
        f"已撤回 {rows[0]['grant']}",
        "revoked; the home centre refuses from this moment, all others with the ledger",
    )


def reads(args: argparse.Namespace) -> None:
    """Who read what."""
    from node.domain.document import peek_document  # noqa: PLC0415
    from node.domain.reading import ReadAnswer, ReadRequest  # noqa: PLC0415

    _, scribe, client = _open(args)
    with client:
        found = client.reads(scribe.history(client.member.name)).reads
    rows = []
    for entry in found:
        request, answer = (
            peek_document(entry.read_request, ReadRequest),
            peek_document(entry.answer, ReadAnswer),
        )
        rows.append(
            {
                "time": entry.time,
                "reader": request.iss,
                "purpose": request.purpose,
                "fields": "; ".join(f"{part.category}: {', '.join(part.fields)}" for part in request.scope),
                "use": answer.use,
                "receipt": bool(entry.receipt),
            }
        )
    if args.json:
        print_json(rows)
        return
    header = ("时间 time", "读取方 reader", "用途 purpose", "字段 fields", "第几次 use", "回执 receipt")
    print_table(
        header, [[*list(row.values())[:-1], "有 yes" if row["receipt"] else "缺 MISSING"] for row in rows]
    )


def _open(args: argparse.Namespace) -> Any:
    from node.wallet.client import WalletClient  # noqa: PLC0415
    from node.wallet.documents import Scribe  # noqa: PLC0415
    from node.wallet.folder import open_wallet  # noqa: PLC0415

    wallet = open_wallet(args.wallet)
    scribe = Scribe(wallet.key(_passphrase(args)), wallet.descriptor, wallet.state.subject)
    return wallet, scribe, WalletClient(wallet.member(wallet.state.home))


def _requests(args: argparse.Namespace) -> Any:
    from node.domain.document import peek_document  # noqa: PLC0415
    from node.domain.grant import AccessRequest  # noqa: PLC0415

    wallet, scribe, client = _open(args)
    with client:
        received = client.status(scribe.status(client.member.name)).requests
    found = []
    for entry in received:
        reader = wallet.member(peek_document(entry.access_request, AccessRequest).iss)
        found.append((scribe.check_request(entry.access_request, reader), entry.answered))
    found.sort(key=lambda pair: (pair[0].iat, pair[0].jti))
    return (wallet, scribe, client.member), found


def _grants(args: argparse.Namespace) -> list[dict[str, Any]]:
    from node.domain.document import peek_document  # noqa: PLC0415
    from node.domain.grant import Grant  # noqa: PLC0415

    _, scribe, client = _open(args)
    with client:
        found = client.status(scribe.status(client.member.name)).grants
    rows = []
    for entry in found:
        document = peek_document(entry.grant, Grant)
        live = "有效 live" if entry.registered else "待上链 waiting"
        rows.append(
            {
                "grant": entry.grant_id,
                "receiver": document.aud,
                "purpose": document.purpose,
                "expires": _day(document.exp),
                "state": "已撤回 revoked" if entry.revoked else live,
                "uses": f"{entry.uses}/{document.uses}",
                "token": entry.grant,
            }
        )
    return rows


def _scope(only: list[str] | None) -> Any:
    from node.domain.grant import Scope  # noqa: PLC0415
    from node.errors import ConfigError  # noqa: PLC0415

    parts = [part.partition(":") for part in only or []]
    if any(not colon or not fields for _, colon, fields in parts):
        raise ConfigError("--only wants CATEGORY:FIELD,FIELD")
    return sorted(
        (Scope(category, tuple(sorted(set(fields.split(","))))) for category, _, fields in parts),
        key=lambda part: part.category,
    )


def _facts(request: Any) -> dict[str, Any]:
    return {
        "reader": request.iss,
        "purpose": request.purpose,
        "uses": request.uses,
        "until": _day(request.exp),
        "fields": {part.category: list(part.fields) for part in request.scope},
    }


def _print_request(request: Any) -> None:
    until = _day(request.exp)
    say(
        f"  {request.iss} 请求读取（用途 {request.purpose}，{request.uses} 次，至 {until}）：",
        f"{request.iss} asks to read, for {request.purpose}, {request.uses} time(s), until {until}:",
    )
    for part in request.scope:
        print(f"    {part.category}: {', '.join(part.fields)}")


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")


def _passphrase(args: argparse.Namespace, *, is_new: bool = False) -> bytes:
    from node.errors import ConfigError  # noqa: PLC0415

    if args.passphrase_file:
        return _read(args.passphrase_file).rstrip(b"\r\n")
    first = getpass.getpass("口令 Passphrase: ")
    if is_new and getpass.getpass("再输一次 Again: ") != first:
        raise ConfigError("the two passphrases differ")
    return first.encode()


def _read(path: Path) -> bytes:
    from node.errors import ConfigError  # noqa: PLC0415

    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
