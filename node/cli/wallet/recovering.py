"""When every key is lost: a fresh one, on the word of the company's certificate and of two drawn members."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from heqi.v1 import wallet_service_pb2 as pb

from node.cli.output import print_json, say
from node.cli.waiting import wait_for
from node.cli.wallet.session import open_session, passphrase
from node.config import read_file
from node.errors import NodeError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder, open_wallet
from node.wallet.recovering import Papers, parse_papers

_WAIT_SECONDS = 60.0
_PAPERS = "papers.json"


def start(args: argparse.Namespace) -> None:
    """Ask for the recovery at the home or another member, then at every drawn member."""
    papers = parse_papers(read_file(args.papers))
    wallet = open_wallet(args.wallet)
    wallet.remember_subject(papers.subject)
    wallet.keep(_PAPERS, read_file(args.papers))
    wallet = open_wallet(args.wallet)
    scribe = wallet.scribe(passphrase(args))
    first = _ask(wallet, scribe, papers, args.member or wallet.state.home)
    _tell(args, _go_round(wallet, scribe, papers, first.drawn, is_silent=args.json))


def status(args: argparse.Namespace) -> None:
    """Ask the drawn members again; those that have not confirmed get the request once more."""
    wallet = open_wallet(args.wallet)
    papers, scribe = parse_papers(read_file(wallet.path / _PAPERS)), wallet.scribe(passphrase(args))
    first = _ask(wallet, scribe, papers, args.member or wallet.state.home)
    _tell(args, _go_round(wallet, scribe, papers, first.drawn, is_silent=args.json))


def finish(args: argparse.Namespace) -> None:
    """After the waiting time: let the new key speak, and hand its delegation in at the home."""
    wallet = open_wallet(args.wallet)
    scribe = wallet.scribe(passphrase(args))
    with WalletClient(wallet.member(args.member or wallet.state.home)) as client:
        node = client.member.name
        client.finish(scribe.finish(node))
        wait_for("the recovery", lambda: _speaks(client, scribe), _WAIT_SECONDS)
        if node == wallet.state.home:
            client.register(scribe.register(node, wallet.delegation(), ()))
    say("新密钥已生效", "the new key speaks for the subject; the lost ones do no longer")


def veto(args: argparse.Namespace) -> None:
    """This key is not lost: end what somebody began."""
    _, scribe, client = open_session(args)
    with client:
        node = client.member.name
        place = client.place(scribe.place(node))
        client.veto(scribe.veto(node, place.version + 1, place.contract))
        wait_for("the veto", lambda: not client.place(scribe.place(node)).recoveries, _WAIT_SECONDS)
    say("已否决恢复申请", "vetoed; nothing of it counts any longer")


def _ask(wallet: WalletFolder, scribe: Scribe, papers: Papers, member: str) -> pb.RecoverResponse:
    with WalletClient(wallet.member(member)) as client:
        signed = scribe.recover(member, wallet.delegation(), papers.delegation, papers.acceptance)
        return client.recover(signed)


def _go_round(
    wallet: WalletFolder, scribe: Scribe, papers: Papers, drawn: Sequence[str], *, is_silent: bool
) -> pb.RecoverResponse:
    last = pb.RecoverResponse(drawn=drawn)
    for member in drawn:
        try:
            answer = _ask(wallet, scribe, papers, member)
        except NodeError as error:
            if not is_silent:
                say(f"{member} 未受理：{error}", f"{member} does not take it")
            continue
        if len(answer.recovery.confirmers) >= len(last.recovery.confirmers):
            last = answer
    return last


def _speaks(client: WalletClient, scribe: Scribe) -> bool:
    try:
        return scribe.signer.name in client.place(scribe.place(client.member.name)).keys
    except NodeError:
        return False


def _tell(args: argparse.Namespace, answer: pb.RecoverResponse) -> None:
    found = answer.recovery
    if args.json:
        print_json(
            {
                "drawn": list(answer.drawn),
                "confirmers": list(found.confirmers),
                "until": found.until_seconds,
            }
        )
        return
    say(f"可确认的成员：{'、'.join(answer.drawn)}", "drawn members; two of them must confirm")
    say(f"已确认：{'、'.join(found.confirmers) or '无'}", "confirmed so far")
    if found.until_seconds:
        until = datetime.fromtimestamp(found.until_seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
        say(f"{until} 后可完成", "from then on: heqi wallet recover finish")
