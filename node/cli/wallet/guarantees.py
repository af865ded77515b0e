"""Applying for guarantees, and, as a beneficiary, releasing them."""

import argparse
import hashlib
import time

import msgspec

from node.cli.guarantee_says import EVENTS, event_named, says_of, show_life
from node.cli.output import print_json, print_table, say
from node.cli.scopes import read_scopes
from node.cli.waiting import wait_for
from node.cli.wallet.session import open_session
from node.config import read_file, replace_file
from node.domain.document import peek_document
from node.domain.encoding import canonical_json, from_rfc3339
from node.domain.guarantee_life import begin
from node.domain.guarantee_statement import Statement
from node.domain.guarantee_table import Event, mover_of
from node.domain.sealed_guarantee import peek_guarantee
from node.domain.wallet import StepCall
from node.errors import CodeFormatError, ConfigError
from node.wallet.applying import apply_once
from node.wallet.client import WalletClient
from node.wallet.guarantees import GuaranteeScribe, KeptStep, Seen, Terms, read_kept, seen_in
from node.wallet.pledges import Pledged, sign_pledge
from node.wallet.waivers import Tender, sign_waiver
from node.wire.guarantees import receipt_from

_WAIT_SECONDS = 60.0


def apply(args: argparse.Namespace) -> None:
    """Get the application code from the tender's centre, sign a grant, apply to the guarantor."""
    wallet, scribe, home = open_session(args)
    writer = GuaranteeScribe(scribe)
    with WalletClient(wallet.member(args.centre)) as centre:
        asked = writer.ask_code(args.centre, args.section, wallet.delegation(), args.kind)
        code = centre.application_code(asked)
    terms = terms_of(args, int(time.time()))
    with home, WalletClient(wallet.member(args.guarantor)) as guarantor:
        application = apply_once(wallet, writer, home, guarantor, code, terms, read_scopes(args.show))
    if args.json:
        print_json({"application": application})
    else:
        say(f"申请 {application}", f"is with {args.guarantor}")


def terms_of(args: argparse.Namespace, now: int) -> Terms:
    """What is applied for, sealed or not."""
    return Terms(
        beneficiary_name=args.beneficiary_name,
        beneficiary_key=args.beneficiary_key,
        section=args.section,
        guarantee_kind=args.kind,
        amount=args.amount,
        currency=args.currency,
        nbf=now,
        exp=now + args.days * 86_400,
    )


def applications(args: argparse.Namespace) -> None:
    """What became of the applications at a guarantor; writes the guarantee if one was issued."""
    wallet, scribe, home = open_session(args)
    home.close()
    writer, guarantor = GuaranteeScribe(scribe), wallet.member(args.guarantor)
    with WalletClient(guarantor) as client:

        def is_decided() -> bool:
            rows = client.applications(lambda: writer.applications(args.guarantor))
            return bool(rows) and all(row.state != "received" for row in rows)  # an offer is a decision too

        if args.wait:
            wait_for("a decision", is_decided, _WAIT_SECONDS)
        found = client.applications(lambda: writer.applications(args.guarantor))
        issued = [row for row in found if row.guarantee]
        if args.file and issued:
            asked = writer.applications(args.guarantor)
            replace_file(args.file, client.guarantee_file(asked, issued[-1].application_id))
    for row in found:
        if row.guarantee:
            writer.open(row.guarantee, guarantor)
    if args.out and issued:
        args.out.write_text(issued[-1].guarantee + "\n")
    for row in found:
        if row.offer:
            writer.open_offer(row.offer, guarantor, row.application_id)
    rows = [(row.application_id, row.state, row.refusal_reason or row.needs) for row in found]
    if args.json:
        print_json([dict(zip(("application", "state", "reason"), row, strict=True)) for row in rows])
        return
    print_table(("申请 application", "状态 state", "原因 reason"), rows)
    if args.out and issued:
        say(f"保函 {args.out}", "written; give it to the beneficiary or its centre")
    if args.file and issued:
        say(f"盖章文件 {args.file}", "written; anybody can check it with heqi verify")


def pledge(args: argparse.Namespace) -> None:
    """As a bidder: sign a pledge in place of bid security; it goes into the sealed bid and to nobody else."""
    wallet, scribe, home = open_session(args)
    home.close()
    signed = sign_pledge(
        scribe,
        args.centre,
        args.section,
        wallet.delegation(),
        hashlib.sha256(read_file(args.text)).digest(),
        Pledged(args.amount, args.currency, int(time.time()) + args.days * 86_400),
    )
    args.out.write_text(signed + "\n")
    if args.json:
        print_json({"pledge": str(args.out)})
    else:
        say(f"承诺函 {args.out}", "signed; put it into the bid")


def waiver(args: argparse.Namespace) -> None:
    """As a bidder: show the credit grade that waives bid security; it goes into the sealed bid and to nobody else."""
    wallet, scribe, home = open_session(args)
    home.close()
    try:
        opening = from_rfc3339(args.opening) // 1_000
    except CodeFormatError as error:
        raise ConfigError(
            f"--opening is a time with its zone, such as 2026-03-20T09:30:00+08:00: {error}"
        ) from error
    waived = sign_waiver(
        scribe,
        Tender(args.centre, args.section, opening),
        wallet.delegation(),
        read_file(args.evidence),
        opening + args.days * 86_400,
    )
    args.out.write_text(waived.token + "\n")
    shown = waived.evaluation
    if args.json:
        told = {"evaluator": shown.evaluator, "scale": shown.scale, "grade": shown.grade}
        print_json({"waiver": str(args.out), **told, "valid_until": shown.last.isoformat()})
    else:
        say(
            f"减免凭证 {args.out}：{shown.evaluator} {shown.scale} {shown.grade}，有效至 {shown.last}",
            "signed; it shows this grade and nothing else; put it into the bid",
        )


def release(args: argparse.Namespace) -> None:
    """As the beneficiary: give a guarantee back."""
    wallet, scribe, home = open_session(args)
    token = read_file(args.file).decode().strip()
    guarantor, writer = wallet.member(peek_guarantee(token).iss), GuaranteeScribe(scribe)
    with home:
        life = home.own_guarantee(writer.ask_steps(home.member.name, token))
        signed = writer.release(home.member.name, seen_in(token, life), guarantor, args.reason)
        taken = home.release_guarantee(signed)
    if taken.was_under_way:
        say(
            f"解保已在途 {taken.guarantee_id}",
            "a release is on its way already; final once the ledger has it",
        )
    else:
        say(f"已解保 {taken.guarantee_id}", "released; final once the ledger has it")


def show(args: argparse.Namespace) -> None:
    """How a guarantee stands, and what this wallet can do."""
    wallet, scribe, home = open_session(args)
    home.close()
    token = read_file(args.file).decode().strip()
    writer, guarantee = GuaranteeScribe(scribe), peek_guarantee(token)
    mover = writer.part_in(guarantee)
    node = wallet.member(args.at or guarantee.iss)
    with WalletClient(node) as client:
        life = client.own_guarantee(writer.ask_steps(node.name, token))
    show_life(life, as_json=args.json, mover=mover.name.lower())


def step(args: argparse.Namespace) -> None:
    """As beneficiary or applicant: move a guarantee."""
    wallet, scribe, home = open_session(args)
    token = read_file(args.file).decode().strip()
    writer, guarantee = GuaranteeScribe(scribe), peek_guarantee(token)
    event, at = event_named(args), wallet.member(args.at) if args.at else home.member
    home.close()
    asked = wallet.member(args.see_at or guarantee.iss)
    with WalletClient(asked) as client:
        life = client.own_guarantee(writer.ask_steps(asked.name, token))
    shown = seen_in(token, life)
    signed = writer.step(at.name, shown, event, says_of(event, args))
    document = peek_document(signed, StepCall).step
    with WalletClient(at) as client:
        taken = client.take_step(signed)
    receipt = receipt_from(taken.receipt) if taken.HasField("receipt") else None
    if args.keep:
        kept = KeptStep(document, shown.documents, life.contract, receipt)
        args.keep.write_bytes(canonical_json(msgspec.to_builtins(kept)) + b"\n")
    if args.json:
        print_json({"guarantee": taken.guarantee_id, "receipt": msgspec.to_builtins(receipt)})
    elif taken.was_under_way:
        say(f"{EVENTS[event]}已在途", "is on its way already; final once the ledger has it")
    elif receipt is not None:
        say(
            f"{EVENTS[event]}已提交，{receipt.member} 已签收",
            f"handed in, and receipted by {receipt.member}; final once the ledger has it",
        )
    else:
        say(f"{EVENTS[event]}已提交", "handed in; final once the ledger has it")


def step_again(args: argparse.Namespace) -> None:
    """Hand a kept step in again: the ledger could not be reached in time, and its receipt shows that it was."""
    wallet, scribe, home = open_session(args)
    token = read_file(args.file).decode().strip()
    writer, guarantee = GuaranteeScribe(scribe), peek_guarantee(token)
    kept = read_kept(read_file(args.kept))
    at = wallet.member(args.at) if args.at else home.member
    home.close()
    before = Seen(token, guarantee, begin(guarantee), 1, b"", kept.earlier, bytes.fromhex(kept.contract))
    one_time = writer.key_of(guarantee, mover_of(Event[peek_document(kept.step, Statement).event]))
    with WalletClient(at) as client:
        taken = client.take_step(writer.hand_in(at.name, before, one_time, kept.step, kept.receipt))
    say(f"已补交 {taken.guarantee_id}", "handed in again; final once the ledger has it")


def key(args: argparse.Namespace) -> None:
    """The wallet's one-time public key for a section, which a beneficiary gives to applicants."""
    _, scribe, home = open_session(args)
    home.close()
    one_time = scribe.key.beneficiary_key(args.section).public_key.hex()
    if args.json:
        print_json({"key": one_time})
    else:
        print(one_time)
