"""Logging in at a centre, with the wallet or with the certificate."""

import argparse

from node.cli.output import print_json, say
from node.cli.wallet.session import passphrase
from node.cli.wallet.setup import read_certificate
from node.domain.login import LoginChallenge, Wants
from node.errors import ConfigError
from node.wallet.client import WalletClient
from node.wallet.folder import WalletFolder, open_wallet
from node.wallet.logins import answer_with_certificate, answer_with_wallet, open_login


def login(args: argparse.Namespace) -> None:
    """Show who asks, and answer if the owner agrees."""
    wallet = open_wallet(args.wallet)
    challenge = open_login(args.payload, wallet.descriptor)
    centre = wallet.member(challenge.member)
    if bool(args.certificate) != bool(args.certificate_key):
        raise ConfigError("--certificate and --certificate-key belong together")
    shows_company = bool(args.certificate) or (challenge.wants is Wants.COMPANY and not args.number_only)
    if not args.json:
        _show(challenge, wallet, shows_company=shows_company)
    if not args.yes and input("登录？ Log in? [y/N] ").strip().lower() not in {"y", "yes", "是"}:
        say("未登录", "not logged in")
        return
    if args.certificate:
        chain, key = read_certificate(args.certificate, args.certificate_key)
        signed = answer_with_certificate(challenge, chain, key)
    else:
        scribe = wallet.scribe(passphrase(args))
        signed = answer_with_wallet(scribe, challenge, wallet.delegation() if shows_company else "")
    with WalletClient(centre) as client:
        client.answer_login(signed)
    if args.json:
        print_json({"centre": challenge.member, "login": challenge.id, "company_shown": shows_company})
    else:
        say(f"已登录 {challenge.member}", "logged in; its page goes on by itself")


def _show(challenge: LoginChallenge, wallet: WalletFolder, *, shows_company: bool) -> None:
    say(f"{wallet.descriptor.name} 的成员 {challenge.member} 请您登录，用途 {challenge.purpose}。",
        f"{challenge.member} asks you to log in, for {challenge.purpose}.")  # fmt: skip
    if shows_company:
        say("将出示：单位名称、统一社会信用代码。", "It will see your company's name and credit code.")
    else:
        say("将出示：主体编号，不含单位名称。", "It will see your subject id and not your company.")
    say(
        f"若您打开的不是 {challenge.member} 的网页，请拒绝。",
        f"If the page before you is not {challenge.member}'s, refuse: somebody wants to log in in your name.",
    )
