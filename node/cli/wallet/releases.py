"""`heqi wallet releases`: what waits for this beneficiary's signature, and signing all of it at once."""

import argparse

from node.cli.output import print_json, print_table, say
from node.cli.wallet.session import open_session
from node.errors import ConfigError
from node.wallet.client import WalletClient
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.releases import Waiting, sign, waiting


def releases(args: argparse.Namespace) -> int:
    """List what waits; with --sign release it. The exit code is 1 if something waits that must not be signed."""
    wallet, scribe, home = open_session(args)
    home.close()
    writer, members = GuaranteeScribe(scribe), wallet.members()
    signed: dict[str, bool] = {}
    with WalletClient(wallet.member(args.at or wallet.state.home)) as client:
        found = [one for section in args.section for one in waiting(writer, client, members, section)]
        if args.sign:
            good = [one for one in found if one.terms is not None]
            if good and not args.yes and not args.json:
                _show(found)
            if good and not args.yes and not _is_agreed(len(good)):
                raise ConfigError("nothing was signed")
            for one in good:
                signed[one.prepared.guarantee_id] = sign(writer, client, members, one)
    if args.json:
        print_json([_told(one, signed) for one in found])
    elif args.sign:
        say(f"已解保 {len(signed)} 份", f"{len(signed)} released; final once the ledger has them")
    else:
        _show(found)
    return 1 if any(one.terms is None for one in found) else 0


def _is_agreed(count: int) -> bool:
    return input(f"签署 {count} 份解保？sign {count} releases? [y/N] ").strip().lower() == "y"


def _show(found: list[Waiting]) -> None:
    rows = []
    for one in found:
        terms, prepared = one.terms, one.prepared
        about = (
            ("", "", "")
            if terms is None
            else (f"{terms.iss}:{terms.number}", terms.applicant_name, f"{terms.amount} {terms.currency}")
        )
        rows.append((prepared.guarantee_id[:16], *about, prepared.due_date, one.objection or prepared.reason))
    print_table(
        ("保函 id", "编号 number", "申请人 applicant", "金额 amount", "期限 until", "依据 reason"), rows
    )


def _told(one: Waiting, signed: dict[str, bool]) -> dict[str, object]:
    prepared = one.prepared
    return {
        "guarantee": prepared.guarantee_id,
        "kind": prepared.obligation_kind,
        "due": prepared.due_date,
        "reason": prepared.reason,
        "records": list(prepared.record_positions),
        "objection": one.objection,
        "released": prepared.guarantee_id in signed,
    }
