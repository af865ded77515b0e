"""Having data erased, and keeping the receipts."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime

from node.cli.output import day, print_json, print_table, say
from node.cli.waiting import wait_for
from node.cli.wallet.holding import check_alone, hold
from node.cli.wallet.session import open_session, passphrase
from node.domain.approval import Reserved
from node.domain.document import document_digest, peek_document
from node.domain.erasure import ErasureReceipt
from node.domain.wallet import EraseCall, HoldersCall
from node.errors import ConfigError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder, open_wallet
from node.wallet.people import check_notice, check_notice_receipt

_WAIT_SECONDS = 90.0


def erase(args: argparse.Namespace) -> None:
    """Ask the home to erase; keep the request first, the receipt when it comes."""
    wallet, scribe, client = open_session(args)
    if not scribe.subject:
        raise ConfigError("this wallet is registered nowhere: there is nothing to erase")
    check_alone(args, wallet, Reserved.ERASE)
    if args.at:
        client.close()
        client = WalletClient(wallet.member(args.at))
    what = ", ".join(args.category) or "全部 everything"
    if (
        not args.yes
        and input(f"在 {client.member.name} 删除 erase at it: {what}? [y/N] ").strip().lower() != "y"
    ):
        raise ConfigError("nothing was sent")
    token = scribe.erase(client.member.name, args.category)
    with client:
        if not hold(args, token):
            send(args, wallet, scribe, client, token)


def send(
    args: argparse.Namespace, wallet: WalletFolder, scribe: Scribe, client: WalletClient, token: str
) -> None:
    """Hand a signed request for erasure to a node."""
    # Kept before it leaves: by it the receipt is asked for, also by later ones.
    wallet.remember_erasure(token)
    client.erase(token)
    is_whole = not peek_document(token, EraseCall).categories
    if is_whole and client.member.name == wallet.state.home:
        wallet.remember_subject("")
    if args.wait:
        wait_for("the receipt", lambda: _collect(wallet, scribe, client, token) > 0, _WAIT_SECONDS)
    if args.json:
        print_json({"request": document_digest(token).hex(), "receipts": wallet.receipts(token)})
    elif args.wait:
        say("已删除，回执已保存", "erased; the receipt is kept: heqi wallet erasures")
    else:
        say("已删除，回执待上链", "erased; heqi wallet erasures fetches the receipt once it is anchored")


def erasures(args: argparse.Namespace) -> None:
    """Fetch receipts that have come since, and show all."""
    wallet = open_wallet(args.wallet)
    scribe = wallet.scribe(passphrase(args))
    rows: list[tuple[str, ...]] = []
    told: list[tuple[str, ...]] = []
    for token in wallet.erasures():
        with WalletClient(wallet.member(peek_document(token, EraseCall).node)) as client:
            _collect(wallet, scribe, client, token)
            told += _holders(wallet, scribe, client, token)
        rows += [_row(peek_document(receipt, ErasureReceipt)) for receipt in wallet.receipts(token)]
    if args.json:
        print_json(
            {
                "receipts": [dict(zip(("home", "done", "erased", "held"), row, strict=True)) for row in rows],
                "holders": [dict(zip(("home", "member", "answer"), row, strict=True)) for row in told],
            }
        )
    else:
        print_table(("中心 home", "完成 done", "已删 erased", "依法暂存 held by law"), rows)
        if told:
            say("通知持有方：", "members that had read something, told to delete it:")
            print_table(("中心 home", "持有方 member", "答复 answer"), told)


def _collect(wallet: WalletFolder, scribe: Scribe, client: WalletClient, token: str) -> int:
    """Check and keep the receipts that the home hands out; how many there are."""
    receipts = client.erase(token)
    for receipt in receipts:
        scribe.check_receipt(receipt, client.member, token)
    wallet.remember_receipts(token, receipts)
    return len(receipts)


def _holders(wallet: WalletFolder, scribe: Scribe, client: WalletClient, token: str) -> list[tuple[str, ...]]:
    """What members signed that were told of this erasure; checked, and who has not answered is in it."""
    speaker = replace(scribe, subject=peek_document(token, EraseCall).subject)
    rows: list[tuple[str, ...]] = []
    for one in client.holders(speaker.call(HoldersCall, client.member.name)):
        if one.kind != "erased":
            continue
        check_notice(speaker, one.notice, client.member)
        answer = "未答复 NO ANSWER"
        if one.receipt:
            said = check_notice_receipt(speaker, one.receipt, wallet.member(one.member), one.notice)
            answer = f"依法暂存 held: {said.reason}" if said.outcome == "held" else "已删除 deleted"
        rows.append((client.member.name, one.member, answer))
    return rows


def _row(receipt: ErasureReceipt) -> tuple[str, ...]:
    done = datetime.fromtimestamp(receipt.iat, UTC).strftime("%Y-%m-%d %H:%M")
    erased = ("全部 all: " if receipt.whole else "") + ", ".join(receipt.erased)
    return receipt.iss, done, erased, ", ".join(f"{one.category} → {day(one.until)}" for one in receipt.held)
