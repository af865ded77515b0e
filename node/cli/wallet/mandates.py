"""Letting others act, acting for others, branches, joint bids."""

import argparse
import os
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from node.cli.output import day, print_json, print_table, say
from node.cli.wallet.holding import check_alone, hold
from node.cli.wallet.session import open_session, passphrase
from node.config import read_file, replace_file
from node.domain.approval import Reserved
from node.domain.encoding import canonical_json
from node.domain.grant import Scope
from node.domain.joint_bid import (
    SALT_BYTES,
    Agreement,
    JointBid,
    Share,
    agreement_digest,
    check_agreement,
    encode_joint_bid,
    open_joint_bid,
    section_commitment,
)
from node.domain.mandate import Form, Mandate, Power, open_mandate
from node.domain.wallet import BranchCall, JointBidCall
from node.errors import ConfigError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.drafts import company_of
from node.wallet.folder import WalletFolder, open_wallet
from node.wallet.mandates import NO_GRANTS, Limits, Mandates, find, mandate_id, sign_mandate, terms_of

EPILOG = """\
授权委托 | power of attorney:
  heqi wallet mandate key --wallet wang                    受托人报出公钥 | the agent tells its key
  heqi wallet mandate give --wallet w --key KEY --name 王五 --power look --power grant \\
      --may subject.base:legal_name,credit_code --to centre-b --days 90 --out mandate.jwt
  heqi wallet mandate accept --wallet wang mandate.jwt --home-centre centre-a
  heqi wallet requests --wallet wang --for MANDATE         代为查看、授权 | then act for the other
  heqi wallet grant --wallet wang --for MANDATE 1
  heqi wallet mandate revoke --wallet w MANDATE            立即终止，所签授权一并失效 | ends at once, its grants too
代理机构 | agency: give --agency SUBJECT …
分支机构 | branch: give --branch SUBJECT --branch-code CODE …, then as the branch: confirm-branch
联合体 | joint bid:
  heqi wallet mandate joint-bid --wallet lead bid.json --member S1=60 --member S2=40 --section 标段编号
  heqi wallet mandate give --wallet each --joint-bid bid.json --name 牵头人 … --out each.jwt
  heqi wallet mandate joint-bid --wallet lead bid.json --signed lead.jwt --signed each.jwt
                                                           全体签字后提交 | collect all and hand in
受托人不得转委托；迁移、删除、换钥只能由本人办理
a mandate cannot be passed on; moving, erasing and changing keys stay with the subject itself
"""
_DAY = 86_400
_FORMS = {
    "attorney": "授权委托 attorney",
    "agency": "代理 agency",
    "branch": "分支机构 branch",
    "joint-bid": "联合体 joint bid",
}


def key(args: argparse.Namespace) -> None:
    """Tell this wallet's key."""
    public = open_wallet(args.wallet).scribe(passphrase(args)).signer.name
    if args.json:
        print_json({"key": public})
    else:
        print(public)


def give(args: argparse.Namespace) -> None:
    """Sign a mandate and bring it to the ledger."""
    wallet, scribe, client = open_session(args)
    client.close()
    check_alone(args, wallet, Reserved.MANDATE)
    form, agent, agreement, codes = _agent(args, wallet.path)
    powers = [Power(power) for power in args.power]
    limits = NO_GRANTS
    if Power.GRANT in powers:
        limits = Limits(_scope(args.may), tuple(args.to), tuple(args.purpose), args.uses)
    elif args.may or args.to or args.purpose:
        raise ConfigError("--may, --to and --purpose go with --power grant")
    expires = int(time.time()) + args.days * _DAY
    if agreement is not None:
        expires = min(expires, agreement.exp)
    token = sign_mandate(
        scribe,
        form,
        agent,
        args.name,
        powers,
        expires,
        limits=limits,
        agreement="" if agreement is None else agreement_digest(agreement),
        codes=codes,
    )
    if not hold(args, token):
        bring(args, wallet, scribe, token, args.out)


def bring(args: argparse.Namespace, wallet: WalletFolder, scribe: Scribe, token: str, out: Path) -> None:
    """Keep a signed mandate, have the home bring it to the ledger, and write it to a file for the agent."""
    # Kept before it leaves: a revocation must not depend on anybody's answer.
    found = Mandates(wallet.path).remember_given(token)
    with WalletClient(wallet.member(wallet.state.home)) as client:
        client.relay_grant(scribe.relay_terms(client.member.name, terms_of(token)))
    replace_file(out, f"{token}\n".encode())
    if args.json:
        print_json({"mandate": found, "file": str(out)})
    else:
        print_mandate(open_mandate(token))
        say(f"委托 {found}", f"signed, written to {out}; it works once the ledger has it")


def accept(args: argparse.Namespace) -> None:
    """Keep a mandate to act under."""
    wallet, token = open_wallet(args.wallet), _token(args.file)
    wallet.member(args.home_centre)
    mandate = open_mandate(token)
    if mandate.alliance != wallet.descriptor.alliance:
        raise ConfigError("the mandate was made for another alliance")
    found = Mandates(wallet.path).accept(token, args.home_centre)
    if args.json:
        print_json({"mandate": found})
    else:
        print_mandate(mandate)
        say(f"已收下 {found}", f"kept; act under it with --for {found[:8]}")


def list_(args: argparse.Namespace) -> None:
    """Mandates given and received."""
    mandates = Mandates(open_wallet(args.wallet).path)
    found = [("给出 given", name, open_mandate(token)) for name, token in mandates.given().items()]
    found += [("收到 received", name, open_mandate(one.token)) for name, one in mandates.received().items()]
    if args.json:
        print_json([{"mandate": name, "kind": kind.split()[1], **_facts(one)} for kind, name, one in found])
        return
    rows = [
        (kind, name[:16], _FORMS[one.form], one.agent_name, ", ".join(one.powers) or "-", day(one.exp))
        for kind, name, one in found
    ]
    header = ("", "委托 mandate", "形式 form", "受托人 agent", "权限 powers", "到期 expires")
    print_table(header, rows)


def show(args: argparse.Namespace) -> None:
    """Check a mandate offline, and say in plain words what it allows."""
    token = _token(args.file)
    mandate = open_mandate(token)
    if args.json:
        print_json({"mandate": mandate_id(token), **_facts(mandate)})
    else:
        print_mandate(mandate)
        say(
            "签名无误；是否仍有效以账本为准", "its signature is right; whether it still holds the ledger says"
        )


def revoke(args: argparse.Namespace) -> None:
    """End a mandate."""
    wallet, scribe, home = open_session(args)
    found, token = find(Mandates(wallet.path).given(), args.mandate)
    relay = wallet.member(args.relay or home.member.name)
    home.close()
    with WalletClient(relay) as client:
        client.revoke_grant(scribe.revoke_terms(relay.name, terms_of(token), open_mandate(token).jti))
    if args.json:
        print_json({"revoked": found})
    else:
        say(f"已撤销 {found}", "revoked, and with it the grants that were signed under it")


def confirm_branch(args: argparse.Namespace) -> None:
    """As a branch: hand in the parent's confirmation."""
    _, scribe, client = open_session(args)
    with client:
        call = scribe.call(
            BranchCall,
            client.member.name,
            confirmation=_token(args.file),
            delegation=_token(args.parent_delegation),
        )
        client.confirm_branch(call)
    if args.json:
        print_json({"confirmed": True})
    else:
        say("上级确认已核验并记录", "the parent's confirmation is attested in the base document's record")


def joint_bid(args: argparse.Namespace) -> None:
    """Draft an agreement, or collect all signatures and hand the joint bid in."""
    wallet, scribe, client = open_session(args)
    with client:
        if args.member:
            _draft(args, scribe)
            return
        bid = _collect(args)
        raw = encode_joint_bid(bid)
        open_joint_bid(raw)
        replace_file(args.file, raw)
        if args.at:
            with WalletClient(wallet.member(args.at)) as other:
                count = other.keep_joint_bid(
                    scribe.call(JointBidCall, other.member.name, joint_bid=raw.decode())
                )
        else:
            call = scribe.call(JointBidCall, client.member.name, joint_bid=raw.decode())
            count = client.keep_joint_bid(call)
    if args.json:
        print_json({"members_here": count})
    else:
        say(
            f"全体签字无误，已提交（{count} 个成员在此注册）",
            "all have signed; hand it in at every member's home",
        )


def _draft(args: argparse.Namespace, scribe: Scribe) -> None:
    parts = [stated.partition("=") for stated in args.member]
    if not args.section or any(not equals for _, equals, _ in parts):
        raise ConfigError(
            "an agreement wants --section and --member SUBJECT=SHARE for each, the own included"
        )
    now, salt = int(time.time()), os.urandom(SALT_BYTES)
    agreement = Agreement(
        alliance=scribe.descriptor.alliance,
        members=tuple(
            sorted((Share(subject, share) for subject, _, share in parts), key=lambda one: one.subject)
        ),
        lead=scribe.subject,
        section=section_commitment(salt, args.section),
        nbf=now,
        exp=now + args.days * _DAY,
        salt=os.urandom(SALT_BYTES).hex(),
    )
    check_agreement(agreement)
    replace_file(args.file, canonical_json(msgspec.to_builtins(agreement)))
    secret = args.file.with_name(f"{args.file.name}.section")
    replace_file(secret, canonical_json({"section": args.section, "salt": salt.hex()}))
    if args.json:
        print_json({"agreement": agreement_digest(agreement), "file": str(args.file), "section": str(secret)})
    else:
        say(f"协议已起草：{args.file}", "send it to all members; each signs with mandate give --joint-bid")
        say(
            f"标段与盐值：{secret}",
            "opens the commitment to the section: only for members, until bids are opened",
        )


def _collect(args: argparse.Namespace) -> JointBid:
    raw = read_file(args.file)
    if args.signed:
        return JointBid(_agreement(args.file), tuple(_token(path) for path in args.signed))
    try:
        return msgspec.json.decode(raw, type=JointBid)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{args.file}: not a whole joint bid; collect with --signed: {error}") from error


def _agreement(path: Path) -> Agreement:
    try:
        agreement = msgspec.json.decode(read_file(path), type=Agreement)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: {error}") from error
    check_agreement(agreement)
    return agreement


def _agent(args: argparse.Namespace, wallet: Path) -> tuple[Form, str, Agreement | None, tuple[str, str]]:
    """Form, agent, agreement and credit codes that the command line names."""
    if args.agent_key:
        return Form.ATTORNEY, args.agent_key, None, ("", "")
    if args.agency:
        return Form.AGENCY, args.agency, None, ("", "")
    if args.branch:
        own = company_of(open_wallet(wallet).delegation()).credit_code
        return Form.BRANCH, args.branch, None, (own, args.branch_code)
    agreement = _agreement(args.joint_bid)
    return Form.JOINT_BID, agreement.lead, agreement, ("", "")


def _scope(may: Sequence[str]) -> tuple[Scope, ...]:
    parts = [part.partition(":") for part in may]
    if not parts or any(not colon or not fields for _, colon, fields in parts):
        raise ConfigError("--power grant wants --may CATEGORY:FIELD,FIELD")
    scopes = (Scope(name, tuple(sorted(set(fields.split(","))))) for name, _, fields in parts)
    return tuple(sorted(scopes, key=lambda part: part.category))


def _token(path: Path) -> str:
    return read_file(path).decode("ascii", "replace").strip()


def _facts(one: Mandate) -> dict[str, object]:
    return {
        "form": one.form,
        "principal": one.iss,
        "agent": one.agent or one.agent_key,
        "agent_name": one.agent_name,
        "powers": list(one.powers),
        "fields": {part.category: list(part.fields) for part in one.scope},
        "receivers": list(one.receivers),
        "purposes": list(one.purposes),
        "uses": one.uses,
        "from": day(one.nbf),
        "until": day(one.exp),
    }


def print_mandate(one: Mandate) -> None:
    """Say in plain words what a mandate lets somebody do."""
    term = f"{day(one.nbf)} 至 {day(one.exp)}"
    say(
        f"{_FORMS[one.form].split()[0]}：主体 {one.iss[:16]} 委托 {one.agent_name}，{term}，"
        f"可：{'、'.join(one.powers) or '无'}",
        f"subject {one.iss[:16]} lets {one.agent_name} do: {', '.join(one.powers) or 'nothing'}",
    )
    if one.scope:
        to, purposes = ", ".join(one.receivers) or "任何成员 any", ", ".join(one.purposes) or "任何 any"
        say(f"  至多授权（每项 {one.uses} 次；给 {to}；用途 {purposes}）：", "it may grant at most:")
        for part in one.scope:
            print(f"    {part.category}: {', '.join(part.fields)}")
