"""Sealed bid guarantees: applying without naming the tender, and sealing the guarantee to the opening."""

import argparse
import time
from typing import NamedTuple

from msgspec.structs import replace

from node.cli.output import print_json, print_table, say
from node.cli.waiting import wait_for
from node.cli.wallet.guarantees import terms_of
from node.cli.wallet.session import open_session
from node.config import read_file
from node.domain.member import Member
from node.domain.opening import open_terms
from node.errors import ConflictError, UnavailableError
from node.wallet.applying import sign_grant
from node.wallet.client import WalletClient
from node.wallet.folder import WalletFolder
from node.wallet.guarantees import GuaranteeScribe
from node.wallet.sealed_plans import SealedPlans
from node.wallet.sealing import SealedPlan, SealedScribe, new_plan, seal

_WAIT_SECONDS = 900.0
"""Longer than a period of reservations."""


class _Desk(NamedTuple):
    wallet: WalletFolder
    writer: GuaranteeScribe
    plans: SealedPlans

    @property
    def sealed(self) -> SealedScribe:
        return SealedScribe(self.writer.scribe)


def prepare(args: argparse.Namespace) -> None:
    """Let a guarantor read what it needs, long before anything is applied for."""
    wallet, scribe, home = open_session(args)
    writer = GuaranteeScribe(scribe)
    with home:
        days = args.days * 86_400
        grant = sign_grant(wallet, writer, args.guarantor, int(time.time()), seconds=days, uses=args.uses)
        home.give_grant(scribe.give(home.member.name, grant))
    say(f"已授权 {args.guarantor}", "may read name and credit code; sealed applications use this grant")


def apply(args: argparse.Namespace) -> None:
    """Reserve, and once that is final apply without naming the tender; going on where it was left."""
    wallet, scribe, home = open_session(args)
    desk = _Desk(wallet, GuaranteeScribe(scribe), SealedPlans(wallet))
    plan = _reserved(args, desk, _plan(args, desk))
    if plan.application:
        raise ConflictError(f"this application is with {plan.reservations[-1].guarantor} already")
    now, guarantor = int(time.time()), plan.reservations[-1].guarantor
    with home, WalletClient(wallet.member(guarantor)) as client:
        grant = desk.plans.grant_for(guarantor, now)
        if not grant:
            grant = sign_grant(wallet, desk.writer, guarantor, now)
            home.give_grant(scribe.give(home.member.name, grant))
        plan = desk.plans.keep(replace(plan, application=client.apply(desk.sealed.apply(plan, grant))))
    if args.json:
        print_json({"application": plan.application})
    else:
        say(f"密文申请 {plan.application}", f"is with {guarantor}, which does not learn the tender")


def collect(args: argparse.Namespace) -> None:
    """What became of a sealed application: nothing yet, refused, issued, and whether its proof is there."""
    wallet, scribe, home = open_session(args)
    home.close()
    desk = _Desk(wallet, GuaranteeScribe(scribe), SealedPlans(wallet))
    plan = desk.plans.load(args.section)
    if args.show_key:
        if not plan.opening_key:
            raise ConflictError("nothing was sealed yet")
        print(plan.opening_key)
        return
    if plan.application and not plan.reservations[-1].refusal:
        guarantor = wallet.member(plan.reservations[-1].guarantor)
        with WalletClient(guarantor) as client:
            if args.wait:
                wait_for("the proof", lambda: _is_ready(_collected(desk, client, guarantor, plan)), 120.0)
            known, plan = plan.signature, _collected(desk, client, guarantor, plan)
        if plan.opening_key and plan.signature != known:
            say(
                "合约已更换，担保人已重新签名",
                "signed anew for the new contract: seal again, while bids are taken",
            )
    state = _state(plan)
    if args.json:
        print_json({"state": state, "application": plan.application})
    else:
        name = plan.reservations[-1].guarantor if plan.reservations else ""
        titles = ("状态 state", "担保人 guarantor", "申请 application")
        print_table(titles, [(state, name, plan.application)])


def seal_(args: argparse.Namespace) -> None:
    """Seal the guarantee to the tender's opening: the file goes into the encrypted bid."""
    wallet, scribe, home = open_session(args)
    home.close()
    desk = _Desk(wallet, GuaranteeScribe(scribe), SealedPlans(wallet))
    plan = desk.plans.load(args.section)
    opening = open_terms(read_file(args.opening).decode("ascii", "replace").strip(), wallet.member)
    sealed = seal(plan, opening)
    # The key first: a file that nobody can open alone is worse than a key without a file.
    desk.plans.keep(replace(plan, opening_key=sealed.opening_key.hex()))
    draft = args.out.with_name(args.out.name + ".new")
    draft.write_bytes(sealed.file)
    draft.replace(args.out)
    say(f"密封文件 {args.out}", "put it into the encrypted bid; keep this wallet, it can open the bid alone")


def _plan(args: argparse.Namespace, desk: _Desk) -> SealedPlan:
    """The plan with a live reservation for the guarantor, written down before anybody is asked."""
    plan, now = desk.plans.find(args.section), int(time.time())
    if plan is None:
        with WalletClient(desk.wallet.member(args.centre)) as centre:
            asked = desk.writer.ask_code(args.centre, args.section, desk.wallet.delegation())
            code = centre.application_code(asked)
        plan = new_plan(code, terms_of(args, now))
    last = plan.reservations[-1] if plan.reservations else None
    if last is None or last.guarantor != args.guarantor or last.refusal or last.until < now:
        plan = desk.plans.keep(desk.sealed.begin(plan, args.guarantor, now))
    return plan


def _reserved(args: argparse.Namespace, desk: _Desk, plan: SealedPlan) -> SealedPlan:
    """Once the ledger has the reservation.

    Raises:
        UnavailableError: it does not have it yet.
    """
    # The tender's centre made the code that the nullifier follows from; any other member would learn who reserves.
    relay = args.relay or args.centre
    if relay != args.centre and not args.json:
        say(
            f"由 {relay} 代为预约",
            f"{relay} learns that this subject reserves something now, not for which tender",
        )
    with WalletClient(desk.wallet.member(relay)) as client:

        def is_there() -> bool:
            return client.reserve(desk.sealed.reserve(relay, plan)) == "reserved"

        if args.wait:
            wait_for("the reservation", is_there, _WAIT_SECONDS, check=lambda: time.sleep(2.0))
        elif not is_there():
            raise UnavailableError("reserved with the next batch; run this command again in some minutes")
    return plan


def _collected(desk: _Desk, client: WalletClient, guarantor: Member, plan: SealedPlan) -> SealedPlan:
    found = client.sealed_guarantee(desk.sealed.ask(plan))
    if found.refusal:
        return desk.plans.keep(desk.sealed.take_refusal(plan, guarantor, found.refusal))
    if found.sealed_guarantee:
        issued = (found.sealed_guarantee, found.issue_signature, found.proof, found.contract)
        return desk.plans.keep(desk.sealed.take(plan, guarantor, *issued))
    return plan


def _is_ready(plan: SealedPlan) -> bool:
    return _state(plan) in {"refused", "issued"}


def _state(plan: SealedPlan) -> str:
    if plan.opening_key:
        return "sealed"
    if plan.reservations and plan.reservations[-1].refusal:
        return "refused"
    if plan.guarantee:
        return "issued" if plan.proof else "issued, proof to come"
    return "received" if plan.application else "reserving"
