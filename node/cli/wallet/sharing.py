"""Answering requests, granting, revoking, and seeing who read what."""

import argparse
import time
from collections import Counter
from collections.abc import Iterable

from heqi.v1.wallet_service_pb2 import AwardReadEntry, GrantState, LegalReadEntry

from node.cli.legal import facts_of
from node.cli.output import day, print_json, print_table, say
from node.cli.waiting import wait_for
from node.cli.wallet.holding import check_alone, hold
from node.cli.wallet.session import Session, open_session
from node.domain.approval import Reserved
from node.domain.category import category
from node.domain.document import peek_document
from node.domain.grant import UNCOUNTED, AccessRequest, Basis, Grant, Scope
from node.domain.legal_read import LegalRead, LegalRequest
from node.domain.reading import ReadAnswer, ReadRequest
from node.errors import ConfigError, MissingError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder
from node.wallet.moving import proven_uses

_WAIT_SECONDS, _DAY = 60.0, 86_400
_GROUNDS: dict[Basis, tuple[str, str]] = {
    "consent": ("同意（个人信息保护法 13 一）", "consent (PIPL 13 (1))"),
    "contract": ("订立或履行合同（13 二）", "a contract (PIPL 13 (2))"),
    "statutory-duty": ("法定职责（13 三）", "a statutory duty (PIPL 13 (3))"),
}


def requests(args: argparse.Namespace) -> None:
    """List requests in plain words."""
    if args.wait:
        wait_for(
            "a request", lambda: any(not answered for _, answered, _ in _requests(args)[1]), _WAIT_SECONDS
        )
    found = _requests(args)[1]
    if args.json:
        print_json(
            [{"number": n, "answered": answered, **_facts(r)} for n, (r, answered, _) in enumerate(found, 1)]
        )
        return
    if not found:
        say("没有申请", "nobody asks for anything")
    for number, (request, answered, _) in enumerate(found, 1):
        say(f"[{number}]{' 已答复' if answered else ''}", "(answered)" if answered else "(open)")
        _print_request(request)


def grant(args: argparse.Namespace) -> int:
    """Show a request once more, and sign."""
    (wallet, scribe, client), found = _requests(args)
    if not 1 <= args.number <= len(found):
        raise MissingError(f"there is no request number {args.number}")
    request, _, asked = found[args.number - 1]
    check_alone(args, wallet, Reserved.GRANT)
    if not args.json:
        _print_request(request)
    if not _agrees(args):
        return 1
    expires = 0 if args.days is None else int(time.time()) + args.days * _DAY
    token = scribe.grant(request, scope=_scope(args.only), uses=args.uses, expires=expires)
    if hold(args, token, asked):
        return 0
    return give(args, wallet, scribe, client, token, asked)


def standing(args: argparse.Namespace) -> int:
    """Let named members read at any time."""
    wallet, scribe, client = open_session(args)
    client.close()
    check_alone(args, wallet, Reserved.GRANT)
    readers = [wallet.member(name).name for name in args.to.split(",")]
    token = scribe.grant_unasked(
        readers,
        client.member.name,
        _scope(args.want),
        args.purpose,
        uses=UNCOUNTED,
        expires=int(time.time()) + args.days * _DAY,
        basis=args.basis,
        standing=True,
    )
    if not args.json:
        print_terms(peek_document(token, Grant), " ".join(readers))
    if not _agrees(args):
        return 1
    if hold(args, token):
        return 0
    return give(args, wallet, scribe, client, token)


def _agrees(args: argparse.Namespace) -> bool:
    agrees = args.yes or input("签署授权？ Sign this grant? [y/N] ").strip().lower() in {"y", "yes"}
    if not agrees:
        say("未签署", "nothing was signed")
    return agrees


def give(  # noqa: PLR0917
    args: argparse.Namespace,
    wallet: WalletFolder,
    scribe: Scribe,
    client: WalletClient,
    token: str,
    asked: str = "",
) -> int:
    """Hand a signed grant to the home, and to a relay if one is named.

    Args:
        args: of the command.
        wallet: keeps it.
        scribe: of who hands it in.
        client: of the home, not connected.
        token: the grant.
        asked: the access request that it answers.
    """
    grant_id = scribe.grant_id(token)
    # Kept before it leaves: a revocation must not depend on anybody's answer.
    wallet.remember_grant(grant_id, token, asked)
    with WalletClient(client.member) as home:
        home.give_grant(scribe.give(home.member.name, token))
    if args.relay:
        with WalletClient(wallet.member(args.relay)) as relay:
            relay.relay_grant(scribe.relay(args.relay, token))
    if args.json:
        print_json({"grant": grant_id, "token": token})
    else:
        say(f"授权 {grant_id}", "signed; it works once the ledger has it")
    return 0


def grants(args: argparse.Namespace) -> None:
    """List grants, with the state that the home centre reports."""
    wallet, scribe, client = open_session(args)
    with client:
        reported = {
            state.grant_id: state for state in client.status(scribe.status(client.member.name)).grants
        }
    rows = []
    for grant_id, token in wallet.grants().items():
        document, state = peek_document(token, Grant), reported.get(grant_id)
        rows.append(
            {
                "grant": grant_id,
                "receiver": ",".join(document.aud),
                "purpose": document.purpose,
                "expires": day(document.exp),
                "state": _state(state),
                "uses": f"{state.uses if state else 0}/{document.uses or '∞'}",
            }
        )
    if args.json:
        print_json(rows)
    else:
        header = ("授权 grant", "接收方 receiver", "用途 purpose", "到期 expires", "状态 state", "已用 uses")
        print_table(header, [list(row.values()) for row in rows])


def revoke(args: argparse.Namespace) -> None:
    """Revoke through the home centre, or through any other member if the home does not answer."""
    wallet, scribe, home = open_session(args)
    found = {grant: token for grant, token in wallet.grants().items() if grant.startswith(args.grant)}
    if len(found) != 1:
        raise MissingError(f"{len(found)} grants of this wallet begin with {args.grant!r}")
    grant_id, token = found.popitem()
    relay = wallet.member(args.relay or home.member.name)
    home.close()
    with WalletClient(relay) as client:
        client.revoke_grant(scribe.revoke(relay.name, token))
    wallet.remember_revoked([grant_id])
    say(
        f"已撤回 {grant_id}",
        "revoked; the home centre refuses from this moment, all others with the ledger",
    )


def reads(args: argparse.Namespace) -> None:
    """Who read what, at the home; and at any centre, which lender fetched the proof of awards."""
    wallet, scribe, client = open_session(args)
    if args.at:
        client.close()
        client = WalletClient(wallet.member(args.at))
    with client:
        found = client.reads(scribe.history(client.member.name))
    wallet.remember_uses(proven_uses([(one.grant_id, one.answer) for one in found.reads], client.member))
    rows = []
    for entry in found.reads:
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
    legal = [_legal(entry) for entry in found.legal_reads]
    awards = _award_reads(found.award_reads)
    asked = [
        {"time": one.time, "reader": one.reader, "waiver": one.waiver_id} for one in found.evaluation_reads
    ]
    if args.json:
        print_json([*rows, *legal, *awards, *asked])
        return
    for one in legal:
        say(f"依法查询（未经授权） {one['time']}", "read on a legal basis, without a grant")
        print_table(("项目 item", "内容 content"), list(one.items()))
    header = ("时间 time", "读取方 reader", "用途 purpose", "字段 fields", "第几次 use", "回执 receipt")
    print_table(
        header, [[*list(row.values())[:-1], "有 yes" if row["receipt"] else "缺 MISSING"] for row in rows]
    )
    if awards:
        say("中标证明的调取", "award proofs that lenders fetched")
        columns = ("时间 time", "贷款机构 lender", "授权 grant", "项目 project", "第几次 use")
        print_table(columns, [list(row.values()) for row in awards])
    if asked:
        say("信用评价现状的查询", "centres that asked how an evaluation in a waiver stands")
        print_table(
            ("时间 time", "招标中心 centre", "减免凭证 waiver"), [list(row.values()) for row in asked]
        )


def _award_reads(found: Iterable[AwardReadEntry]) -> list[dict[str, object]]:
    uses = Counter[str]()
    rows: list[dict[str, object]] = []
    for one in found:
        uses[one.grant_id] += 1
        rows.append(
            {
                "time": one.time,
                "reader": one.reader,
                "award_grant": one.grant_id,
                "project": one.project,
                "use": uses[one.grant_id],
            }
        )
    return rows


def _legal(entry: LegalReadEntry) -> dict[str, object]:
    """A read on a legal basis, in words; the documents are kept by the home, for whoever disputes it."""
    read = peek_document(entry.legal_read, LegalRead)
    request = peek_document(entry.legal_request, LegalRequest)
    return {
        "time": entry.time,
        "reader": read.iss,
        **facts_of(request),
        "receipt": bool(entry.receipt),
    }


def _requests(args: argparse.Namespace) -> tuple[Session, list[tuple[AccessRequest, bool, str]]]:
    wallet, scribe, client = open_session(args)
    with client:
        received = client.status(scribe.status(client.member.name)).requests
    found = []
    for entry in received:
        reader = wallet.member(peek_document(entry.access_request, AccessRequest).iss)
        request = scribe.check_request(entry.access_request, reader)
        found.append((request, entry.answered, entry.access_request))
    found.sort(key=lambda pair: (pair[0].iat, pair[0].jti))
    return (wallet, scribe, client), found


def _state(reported: GrantState | None) -> str:
    if reported is None:
        return "未知 unknown"
    if reported.revoked:
        return "已撤回 revoked"
    return "有效 live" if reported.registered else "待上链 waiting"


def _scope(only: list[str] | None) -> list[Scope]:

    parts = [part.partition(":") for part in only or []]
    if any(not colon or not fields for _, colon, fields in parts):
        raise ConfigError("fields are named as CATEGORY:FIELD,FIELD")
    return sorted(
        (Scope(category, tuple(sorted(set(fields.split(","))))) for category, _, fields in parts),
        key=lambda part: part.category,
    )


def _facts(request: AccessRequest) -> dict[str, object]:
    return {
        "reader": request.iss,
        "purpose": request.purpose,
        "basis": request.basis,
        "uses": request.uses,
        "until": day(request.exp),
        "fields": {part.category: list(part.fields) for part in request.scope},
    }


def _print_request(request: AccessRequest) -> None:
    print_terms(request, request.iss)


def print_terms(asked: AccessRequest | Grant, readers: str) -> None:
    """In plain words: who, what for, on what ground, how often, until when, and which fields."""
    until, (ground, ground_en) = day(asked.exp), _GROUNDS[asked.basis]
    often, often_en = (
        (f"{asked.uses} 次", f"{asked.uses} time(s)") if asked.uses else ("次数不限", "any number of times")
    )
    say(
        f"  {readers} 读取（用途 {asked.purpose}，依据：{ground}，{often}，至 {until}）：",
        f"{readers} may read, for {asked.purpose} on the ground of {ground_en}, {often_en}, until {until}:",
    )
    for part in asked.scope:
        kind = category(part.category)
        print(f"    {kind.chinese} {part.category}")
        for name in part.fields:
            mark = "  个人敏感信息 sensitive" if name in kind.sensitive else ""
            mark = mark or ("  个人信息 personal" if name in kind.personal else "")
            print(f"      {name}{mark}")
