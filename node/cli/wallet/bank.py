"""`heqi wallet guarantee accept | cancel | line`: what an applicant does at its guarantor after applying."""

import argparse
from datetime import UTC, datetime
from decimal import Decimal

from node.cli.arguments import Commands
from node.cli.output import print_json, print_table, say
from node.cli.wallet.session import open_session
from node.domain.credit_line import plain
from node.errors import MissingError
from node.wallet.client import WalletClient
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.lines import keep_statement

_SUMMARY = "报价、撤回、授信额度 | offers, cancelling, credit lines"
_EPILOG = """\
  heqi wallet applications --wallet w --guarantor bank-x                   查看进度 | how far it is
  heqi wallet guarantee accept --wallet w --guarantor bank-x APPLICATION   接受报价并签订合同 | sign the contract
  heqi wallet guarantee cancel --wallet w --guarantor bank-x APPLICATION   开立前撤回 | before the issue
  heqi wallet guarantee line --wallet w --guarantor bank-x                 本人授信额度 | the own credit line
"""


def describe(commands: Commands) -> list[argparse.ArgumentParser]:
    """Describe the commands."""
    group = commands.add_parser(
        "guarantee",
        help=_SUMMARY,
        description=_SUMMARY,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = group.add_subparsers(metavar="ACTION", required=True)
    one = actions.add_parser("accept", help="接受报价，签订合同 | accept the offer: sign the contract")
    one.add_argument("application")
    one.add_argument("--yes", action="store_true", help="不再询问 | do not ask again")
    one.set_defaults(run=accept)
    one = actions.add_parser("cancel", help="开立前撤回申请 | take an application back, before the issue")
    one.add_argument("application")
    one.set_defaults(run=cancel)
    actions.add_parser("line", help="本人授信额度 | the own credit line").set_defaults(run=line)
    for action in actions.choices.values():
        action.add_argument("--guarantor", required=True, help="担保人 | the guarantor")
    return list(actions.choices.values())


def accept(args: argparse.Namespace) -> None:
    """Show the offer, and sign the contract."""
    wallet, scribe, home = open_session(args)
    home.close()
    writer, guarantor = GuaranteeScribe(scribe), wallet.member(args.guarantor)
    with WalletClient(guarantor) as client:
        rows = client.applications(lambda: writer.applications(args.guarantor))
        found = next((row for row in rows if row.application_id == args.application), None)
        if found is None or not found.offer:
            raise MissingError("there is no offer for this application")
        offer = writer.open_offer(found.offer, guarantor, args.application)
        if not args.json:
            until = datetime.fromtimestamp(offer.exp, UTC).isoformat()
            facts = (
                ("保费 fee", f"{offer.fee} {offer.fee_currency}"),
                ("条件 conditions", offer.conditions),
                ("有效至 until", until),
            )
            print_table(("报价 offer", ""), facts)
        if not args.yes and not _agrees():
            say("未签订", "nothing was signed")
            return
        state = client.accept_offer(writer.accept(args.guarantor, args.application, found.offer))
    if args.json:
        print_json({"application": args.application, "state": state})
    else:
        say(f"合同已签订，状态 {state}", "signed; the guarantor issues once the fee is there")


def cancel(args: argparse.Namespace) -> None:
    """Take an application back."""
    wallet, scribe, home = open_session(args)
    home.close()
    with WalletClient(wallet.member(args.guarantor)) as client:
        client.cancel_application(GuaranteeScribe(scribe).cancel(args.guarantor, args.application))
    say("申请已撤回", "taken back; the code can be used again")


def line(args: argparse.Namespace) -> None:
    """Show the own credit line, and remember the guarantor's signature on it."""
    wallet, scribe, home = open_session(args)
    home.close()
    writer, guarantor = GuaranteeScribe(scribe), wallet.member(args.guarantor)
    with WalletClient(guarantor) as client:
        token = client.line(writer.ask_line(args.guarantor))
    if not token:
        raise MissingError("this subject has no credit line at that guarantor")
    found = writer.open_line(token, guarantor)
    keep_statement(wallet, token, found)
    facts = {
        "limit": f"{found.limit} {found.currency}",
        "used": found.used,
        "free": plain(max(Decimal(found.limit) - Decimal(found.used), Decimal(0))),
        "status": found.status,
        "until": datetime.fromtimestamp(found.until, UTC).isoformat(),
        "number": found.number,
    }
    if args.json:
        print_json(facts)
    else:
        print_table(("项目 item", "值 value"), list(facts.items()))


def _agrees() -> bool:
    return input("接受并签订？| accept and sign? [y/N] ").strip().lower() in {"y", "yes", "是"}
