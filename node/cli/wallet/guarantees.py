"""Applying for guarantees, and, as a beneficiary, releasing them."""

import argparse
import hashlib
import time

from node.cli.output import print_json, print_table, say
from node.cli.scopes import read_scopes
from node.cli.waiting import wait_for
from node.cli.wallet.session import open_session
from node.config import read_file, replace_file
from node.domain.sealed_guarantee import peek_guarantee
from node.wallet.applying import apply_once
from node.wallet.client import WalletClient
from node.wallet.guarantees import GuaranteeScribe, Terms
from node.wallet.pledges import Pledged, sign_pledge

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


def release(args: argparse.Namespace) -> None:
    """As the beneficiary: give a guarantee back."""
    wallet, scribe, home = open_session(args)
    token = read_file(args.file).decode().strip()
    guarantor = wallet.member(peek_guarantee(token).iss)
    with home:
        signed = GuaranteeScribe(scribe).release(home.member.name, token, guarantor, args.reason)
        taken = home.release_guarantee(signed)
    if taken.was_under_way:
        say(
            f"解保已在途 {taken.guarantee_id}",
            "a release is on its way already; final once the ledger has it",
        )
    else:
        say(f"已解保 {taken.guarantee_id}", "released; final once the ledger has it")


def key(args: argparse.Namespace) -> None:
    """The wallet's one-time public key for a section, which a beneficiary gives to applicants."""
    _, scribe, home = open_session(args)
    home.close()
    one_time = scribe.key.beneficiary_key(args.section).public_key.hex()
    if args.json:
        print_json({"key": one_time})
    else:
        print(one_time)
