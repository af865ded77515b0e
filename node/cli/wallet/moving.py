"""Moving to another home centre, with the old one's help if it answers and without it if not."""

import argparse
from collections.abc import Mapping

import msgspec

from node.cli.output import print_json, say
from node.cli.waiting import wait_for
from node.cli.wallet.holding import check_alone, hold
from node.cli.wallet.session import passphrase
from node.domain.approval import Reserved
from node.domain.document import peek_document
from node.domain.grant import Grant
from node.domain.wallet import CarriedGrant, MoveCall, PackageRecord
from node.errors import ConfigError, NodeError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder, open_wallet
from node.wallet.moving import carry, proven_uses

_WAIT_SECONDS = 60.0


def move(args: argparse.Namespace) -> None:
    """Collect, sign, hand over, wait for the ledger, revoke what named the old home."""
    wallet = open_wallet(args.wallet)
    if not wallet.state.subject:
        raise ConfigError("this wallet is registered nowhere yet: heqi wallet register")
    check_alone(args, wallet, Reserved.MOVE)
    scribe = wallet.scribe(passphrase(args))
    old = wallet.state.home
    if not args.without_home:
        _collect(wallet, scribe, is_silent=args.json)
    package = wallet.package()
    if not package:
        raise ConfigError("this wallet has no copy of its registration, and its home does not give one")
    live = _live_grants(wallet, old)
    with WalletClient(wallet.member(args.new_home)) as client:
        home = client.member.name
        place = client.place(scribe.place(home))
        carried: dict[str, CarriedGrant] = {}
        # Each grant that is carried over would need an approval of its own: two officers sign them again afterwards.
        if place.home != home and not args.second:
            carried = carry(scribe, home, live, {one: wallet.request_of(one) for one in live}, wallet.uses())
            for old_id, one in carried.items():
                # Kept before it leaves, as every grant is.
                wallet.remember_grant(scribe.grant_id(one.grant), one.grant, wallet.request_of(old_id))
        signed = scribe.move(
            home, wallet.delegation(), package, place.version + 1, place.contract, tuple(carried.values())
        )
        if place.home == home or not hold(args, signed):
            hand_over(args, wallet, scribe, client, "" if place.home == home else signed)


def hand_over(
    args: argparse.Namespace, wallet: WalletFolder, scribe: Scribe, client: WalletClient, signed: str
) -> None:
    """Hand a signed move to the new home, wait for the ledger, revoke what named the old one.

    Args:
        args: of the command.
        wallet: that moves.
        scribe: signs for it.
        client: of the new home.
        signed: the move; empty if the ledger has it already.
    """
    old, home = wallet.state.home, client.member.name
    live = _live_grants(wallet, old)
    count = 0
    if signed:
        count = len(peek_document(signed, MoveCall).grants)
        client.take_over(signed)
    wait_for("the move", lambda: client.place(scribe.place(home)).home == home, _WAIT_SECONDS)
    wallet.remember_home(home)
    for token in live.values():
        # Dead by now, and to stay so if the subject should ever move back.
        client.revoke_grant(scribe.revoke(home, token))
    if args.json:
        print_json({"subject": wallet.state.subject, "from": old, "home": home, "grants": count})
    else:
        say(f"已从 {old} 迁至 {home}", f"moved from {old} to {home}, with {count} grant(s) signed again")


def _live_grants(wallet: WalletFolder, old: str) -> Mapping[str, str]:
    """Grants that name the old home."""
    revoked = wallet.revoked()
    named = {one: token for one, token in wallet.grants().items() if peek_document(token, Grant).home == old}
    return {one: token for one, token in named.items() if one not in revoked}


def _collect(wallet: WalletFolder, scribe: Scribe, *, is_silent: bool) -> None:
    """What the old home still gives: documents, requests, signed reads. Without it the wallet's own copy serves."""
    home = wallet.member(wallet.state.home)
    try:
        with WalletClient(home) as client:
            package = msgspec.json.decode(client.copy(scribe.copy(home.name)), type=list[PackageRecord])
            reads = client.reads(scribe.history(home.name)).reads
            status = client.status(scribe.status(home.name))
    except (NodeError, msgspec.MsgspecError) as error:
        if not is_silent:
            say(
                f"{home.name} 未配合，使用钱包自存副本",
                f"{home.name} does not help ({error}); using the wallet's copy",
            )
        return
    # Its own copy goes first: what the home says the documents were proves nothing against it.
    wallet.remember_package([*package, *wallet.package()])
    wallet.remember_uses(proven_uses([(read.grant_id, read.answer) for read in reads], home))
    wallet.remember_revoked([state.grant_id for state in status.grants if state.revoked])
