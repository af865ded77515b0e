"""Proofs of the own awards, and letting a lender fetch them."""

import argparse
import time

import msgspec

from node.cli.output import print_json, say
from node.cli.waiting import retry
from node.cli.wallet.session import open_session
from node.config import replace_file
from node.domain.approval import Reserved, reserved_by
from node.domain.award import open_award_grant
from node.domain.certified import peek_certified
from node.domain.delegation import Delegation
from node.errors import EvidencePendingError, SecondOfficerMissingError
from node.wallet.awards import AwardPapers, read_papers, sign_award_grant, terms_of
from node.wallet.client import WalletClient
from node.wallet.guarantees import GuaranteeScribe

_WAIT_SECONDS = 60.0
_DAY = 86_400


def show(args: argparse.Namespace) -> None:
    """Get the proof of the own awards in a project, to show to a lender."""
    wallet, scribe, home = open_session(args)
    home.close()
    with WalletClient(wallet.member(args.centre)) as centre:

        def ask() -> bytes:
            writer = GuaranteeScribe(scribe)
            return centre.prove_awards(writer.ask_awards(args.centre, args.project, wallet.delegation()))

        case = retry(ask, _WAIT_SECONDS if args.wait else 0.0, EvidencePendingError)
    replace_file(args.out, case)
    if args.json:
        print_json({"file": str(args.out), "bytes": len(case)})
    else:
        say(
            f"中标证明 {args.out}",
            "written; a lender checks it with heqi verify, and learns what you hand on",
        )


def give(args: argparse.Namespace) -> None:
    """Let a lender fetch the proof from the centre itself, until a day or a revocation."""
    wallet, scribe, home = open_session(args)
    if Reserved.GRANT in reserved_by([peek_certified(wallet.delegation(), Delegation)]):
        raise SecondOfficerMissingError("grants are reserved for two officers: use heqi wallet award show")
    lender, centre = wallet.member(args.lender).name, wallet.member(args.centre).name
    expires = int(time.time()) + args.days * _DAY
    token = sign_award_grant(scribe, lender, centre, args.project, expires)
    papers = AwardPapers(token, wallet.delegation())
    # Kept before it leaves: a revocation must not depend on anybody's answer.
    replace_file(args.out, msgspec.json.encode(papers) + b"\n")
    with home:
        grant = home.relay_grant(scribe.relay_terms(home.member.name, terms_of(token)))
    if args.json:
        print_json({"grant": grant, "file": str(args.out)})
    else:
        say(f"授权 {args.out}", f"written; give it to {lender}, and keep it: it is needed to revoke")
        say("查询调取记录", f"each fetch is noted: heqi wallet reads --at {centre}")


def revoke(args: argparse.Namespace) -> None:
    """End an award grant."""
    _, scribe, home = open_session(args)
    token = read_papers(args.file).award_grant
    with home:
        call = scribe.revoke_terms(home.member.name, terms_of(token), open_award_grant(token).jti)
        grant = home.revoke_grant(call)
    if args.json:
        print_json({"revoked": grant})
    else:
        say(f"已撤销 {grant}", "revoked; the centre refuses as soon as the ledger has it")
