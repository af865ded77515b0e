"""Consents of people in the company's records, disputes, and who was told what."""

import argparse
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from node.cli.output import day, print_json, print_table, say
from node.cli.wallet.session import Session, open_session
from node.config import read_file
from node.domain.consent import RecordedConsent, open_consent
from node.domain.dispute import Dispute
from node.domain.document import document_digest, peek_document
from node.domain.wallet import ConsentCall, ConsentsCall, DisputeCall, DisputesCall, HoldersCall, WithdrawCall
from node.errors import ConfigError, MissingError
from node.wallet.client import WalletClient
from node.wallet.people import (
    SALT_BYTES,
    Proof,
    Told,
    check_consent_receipt,
    check_dispute_answer,
    check_notice,
    check_notice_receipt,
    sign_consent,
    sign_dispute,
    sign_withdrawal,
)


def key(args: argparse.Namespace) -> None:
    """The key that a record names as its person's."""
    wallet, scribe, client = open_session(args)
    client.close()
    public = scribe.signer.name
    if args.json:
        print_json({"consent_key": public, "home": wallet.state.home})
    else:
        print(public)
        say("交给单位，写入人员材料的 consent_key", "for the company: it goes into the record as consent_key")


def give(args: argparse.Namespace) -> None:
    """Consent with the wallet's own key."""
    _hand_in(args, None)


def record(args: argparse.Namespace) -> None:
    """Record a consent that was given on paper or otherwise."""
    given = datetime.fromisoformat(args.given).replace(tzinfo=UTC) if args.given else datetime.now(UTC)
    file = read_file(args.file)
    _hand_in(
        args, Proof(args.evidence, file, os.urandom(SALT_BYTES), args.recorder, int(given.timestamp()) - 1)
    )


def withdraw(args: argparse.Namespace) -> None:
    """Withdraw, at the home or at any other member."""
    wallet, scribe, client = _session(args)
    consent = _named(wallet.consents(), args.consent)
    home = wallet.member(open_consent(consent).home)
    client.close()
    with WalletClient(wallet.member(args.relay or home.name)) as node:
        withdrawal = sign_withdrawal(scribe, consent)
        receipt = node.withdraw_consent(scribe.call(WithdrawCall, node.member.name, withdrawal=withdrawal))
    if receipt:
        check_consent_receipt(scribe, receipt, home, consent)
        wallet.remember_consent(consent, receipt)
    if args.json:
        print_json({"consent": document_digest(consent).hex(), "receipt": receipt})
    elif receipt:
        say(
            "已撤回，立即生效；接收方将被通知删除",
            "withdrawn from this moment; the receiver is told to delete",
        )
    else:
        say("已受理，正转往注册中心", "taken; that member brings it to the home, which acts at once")


def consents(args: argparse.Namespace) -> None:
    """Consents as the home has them, and what grants lack."""
    _, scribe, client = _session(args)
    with client:
        found = client.consents(scribe.call(ConsentsCall, client.member.name))
    rows = []
    for entry in found.consents:
        said = open_consent(entry.consent)
        rows.append(
            {
                "consent": document_digest(entry.consent).hex(),
                "thing": said.thing,
                "receiver": said.receiver,
                "purpose": said.purpose,
                "fields": ", ".join(said.fields),
                "expires": day(said.exp),
                "by": "代录 recorded" if isinstance(said, RecordedConsent) else "本人 person",
                "state": _state(entry.withdrawal, entry.holder),
            }
        )
    lacks = [
        {
            "receiver": one.receiver,
            "purpose": one.purpose,
            "category": one.category,
            "thing": one.thing,
            "fields": ", ".join(one.fields),
        }
        for one in found.lacks
    ]
    if args.json:
        print_json({"consents": rows, "lacking": lacks})
        return
    header = ("同意 consent", "人员 thing", "接收方 receiver", "用途 purpose", "字段 fields", "到期 expires")
    print_table(
        (*header, "方式 by", "状态 state"),
        [[row["consent"][:16], *list(row.values())[1:]] for row in rows],
    )
    if lacks:
        say(
            "以下授权因缺少本人同意而无法读取：", "grants under which nobody can read, for lack of a consent:"
        )
        print_table(
            ("接收方 receiver", "用途 purpose", "类别 category", "人员 thing", "字段 fields"),
            [list(one.values()) for one in lacks],
        )


def dispute(args: argparse.Namespace) -> None:
    """Say that a record is wrong."""
    _, scribe, client = _session(args)
    with client:
        home = client.member.name
        fields = args.field
        token = sign_dispute(
            scribe, home, args.category, args.thing, args.version, fields, args.statement.strip()
        )
        identity = client.open_dispute(scribe.call(DisputeCall, home, dispute=token))
    if args.json:
        print_json({"dispute": identity})
    else:
        say(f"异议 {identity} 已提出", "taken, recorded, and told to those who hold the record")


def disputes(args: argparse.Namespace) -> None:
    """Disputes with their answers."""
    _, scribe, client = _session(args)
    rows = []
    with client:
        for token, answer in client.disputes(scribe.call(DisputesCall, client.member.name)):
            said = peek_document(token, Dispute)
            answered = check_dispute_answer(scribe, answer, client.member, token) if answer else None
            rows.append(
                {
                    "dispute": document_digest(token).hex(),
                    "record": f"{said.category} {said.thing} v{said.version}",
                    "fields": ", ".join(said.fields),
                    "statement": said.statement,
                    "state": "待答复 open" if answered is None else answered.outcome,
                    "answer": "" if answered is None else answered.statement,
                }
            )
    if args.json:
        print_json(rows)
    else:
        header = ("异议 dispute", "记录 record", "字段 fields", "陈述 statement", "状态 state", "答复 answer")
        print_table(header, [[row["dispute"][:16], *list(row.values())[1:]] for row in rows])


def holders(args: argparse.Namespace) -> None:
    """Which members were told of this subject, and what they signed."""
    wallet, scribe, client = _session(args)
    rows = []
    with client:
        for one in client.holders(scribe.call(HoldersCall, client.member.name)):
            check_notice(scribe, one.notice, client.member)
            if one.receipt:
                check_notice_receipt(scribe, one.receipt, wallet.member(one.member), one.notice)
            rows.append({
                "member": one.member, "kind": one.kind, "told": day(int(one.time_seconds)),
                "outcome": one.outcome,
            })  # fmt: skip
    if args.json:
        print_json(rows)
    else:
        header = ("持有方 member", "事项 about", "通知 told", "答复 outcome")
        print_table(header, [list(row.values()) for row in rows])


def _hand_in(args: argparse.Namespace, proof: Proof | None) -> None:
    wallet, scribe, client = _session(args)
    with client:
        home = client.member
        told = Told(
            home.name,
            args.category,
            args.thing,
            args.receiver,
            args.receiver_name,
            args.contact,
            args.purpose,
            args.way,
            args.field,
            args.necessity,
            args.days,
        )
        if not args.json:
            _print_told(told)
        if not args.yes and input("确认？ Is that so? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise ConfigError("nothing was signed")
        token = sign_consent(scribe, told, proof)
        # Kept before it leaves: whoever gave a consent can always withdraw it.
        wallet.remember_consent(token, "", b"" if proof is None else proof.salt)
        receipt = client.give_consent(scribe.call(ConsentCall, home.name, consent=token))
        check_consent_receipt(scribe, receipt, home, token)
    wallet.remember_consent(token, receipt)
    identity = document_digest(token).hex()
    if args.json:
        print_json({"consent": identity, "receipt": receipt})
    else:
        say(
            f"同意 {identity[:16]} 已存",
            f"kept; heqi wallet consent withdraw {identity[:16]} ends it at any time",
        )


def _print_told(told: Told) -> None:
    say(
        f"{told.receiver_name}（{told.receiver}，{told.contact}）将为 {told.purpose} 取得：",
        f"{told.receiver} will have, for {told.purpose}:",
    )
    print(f"    {told.category} {told.thing}: {', '.join(told.fields)}")
    say(f"  处理方式：{told.way}；{told.days} 天", f"handled: {told.way}; for {told.days} days")
    if told.necessity:
        say(
            f"  敏感信息单独同意，必要性与影响：{told.necessity}",
            "sensitive, agreed to apart: why, and what it means",
        )


def _session(args: argparse.Namespace) -> Session:
    """As `open_session`, for the subject that is named: a person's wallet has none of its own."""
    wallet, scribe, client = open_session(args)
    subject = getattr(args, "subject", None) or wallet.state.subject
    if len(subject) != 64:
        client.close()
        raise ConfigError("name the company's subject id: --subject")
    return wallet, replace(scribe, subject=subject), client


def _named(consents: dict[str, str], beginning: str) -> str:
    found = [token for identity, token in consents.items() if identity.startswith(beginning)]
    if len(found) != 1:
        raise MissingError(f"{len(found)} consents of this wallet begin with {beginning!r}")
    return found[0]


def _state(withdrawal: str, holder: str) -> str:
    if not withdrawal:
        return "有效 live"
    words = {"": "", "waiting": "；待接收方答复 receiver has not answered", "deleted": "；接收方已删 deleted"}
    return "已撤回 withdrawn" + words.get(holder, f"；{holder}")


def describe(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the commands."""
    _describe_consent(commands.add_parser("consent", help="人员本人同意 | consents of people in the records"))
    _describe_dispute(commands.add_parser("dispute", help="对记录提出异议 | say that a record is wrong"))
    one = commands.add_parser("holders", help="谁持有、如何答复 | who holds data, and what they answered")
    one.add_argument("--subject", help="主体编号（已删除者）| subject id, if this wallet forgot it")
    one.set_defaults(run=holders)


def _describe_consent(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    one = commands.add_parser("key", help="本人公钥，交单位写入材料 | the own key, for the company's record")
    one.set_defaults(run=key)
    _add_common(one)
    given = commands.add_parser("give", help="以本人密钥同意 | consent with the own key")
    given.set_defaults(run=give)
    recorded = commands.add_parser(
        "record", help="单位代录书面等同意 | the company records a consent on paper"
    )
    recorded.set_defaults(run=record)
    for one in (given, recorded):
        _add_terms(one)
        _add_common(one)
    recorded.add_argument(
        "--evidence", choices=["paper", "recording", "electronic"], required=True, help="凭证种类 | kind"
    )
    recorded.add_argument("--file", type=Path, required=True, help="凭证文件 | scan or recording; stays here")
    recorded.add_argument(
        "--recorder", required=True, help="经办部门，勿写姓名 | office that recorded it, no name"
    )
    recorded.add_argument("--given", help="同意日期 | when, YYYY-MM-DD; today if left out")
    one = commands.add_parser("withdraw", help="撤回 | withdraw, at the home or any member")
    one.add_argument("consent", help="编号开头 | beginning of its id")
    one.add_argument("--relay", help="改由此成员转交 | member that takes it to the home")
    one.set_defaults(run=withdraw)
    _add_common(one)
    one = commands.add_parser("list", help="同意与缺少的同意 | consents, and what lacks one")
    one.set_defaults(run=consents)
    _add_common(one)


def _add_terms(one: argparse.ArgumentParser) -> None:
    one.add_argument("--category", default="subject.personnel", help="类别 | category of the record")
    one.add_argument("--thing", required=True, help="人员记录 | which record")
    one.add_argument("--receiver", required=True, help="接收成员 | member that may read")
    one.add_argument(
        "--receiver-name", required=True, help="接收方名称 | its full name, as told to the person"
    )
    one.add_argument("--contact", required=True, help="接收方联系方式 | how to reach it")
    one.add_argument("--purpose", required=True, help="用途代码 | code, as in the grant")
    one.add_argument("--way", required=True, help="处理方式 | how it will handle the data")
    one.add_argument("--field", action="append", required=True, help="字段，可多次 | field; may be repeated")
    one.add_argument(
        "--necessity",
        default="",
        help="敏感信息必填：必要性及影响 | for sensitive fields, agreed to apart: why, and the effects",
    )
    one.add_argument("--days", type=int, default=365, help="有效天数 | valid for days (default 365)")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")


def _describe_dispute(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="ACTION", required=True)
    one = commands.add_parser("open", help="提出 | open one")
    one.add_argument("--category", required=True, help="类别 | category of the record")
    one.add_argument("--thing", required=True, help="记录 | which record")
    one.add_argument("--version", type=int, required=True, help="版本 | its newest version")
    one.add_argument("--field", action="append", required=True, help="字段，可多次 | field; may be repeated")
    one.add_argument("--statement", required=True, help="错在哪里 | what is wrong")
    one.set_defaults(run=dispute)
    _add_common(one)
    one = commands.add_parser("list", help="异议与答复 | disputes and answers")
    one.set_defaults(run=disputes)
    _add_common(one)


def _add_common(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "--subject", help="单位主体编号（本人钱包用）| the company's subject id, in a person's wallet"
    )
    add_wallet(one)


def add_wallet(one: argparse.ArgumentParser) -> None:
    """Which wallet, and how to print."""
    one.add_argument("--wallet", type=Path, required=True, help="钱包目录 | folder of the wallet")
    one.add_argument("--passphrase-file", type=Path, help="口令文件 | file with the passphrase")
    one.add_argument("--json", action="store_true", help="机器可读 | for machines")
