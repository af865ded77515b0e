"""What every wallet command begins with: the folder, the passphrase, the connection to the home centre."""

import argparse
import getpass
from dataclasses import replace

from node.config import read_file
from node.domain.mandate import open_mandate
from node.domain.wallet import APPROVED_WINDOW_SECONDS
from node.errors import ConfigError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import WalletFolder, open_wallet
from node.wallet.mandates import Mandates, find

Session = tuple[WalletFolder, Scribe, WalletClient]


def open_session(args: argparse.Namespace) -> Session:
    """The opened folder, what signs for it, and a client of its home centre, to be used as a context.

    With `--for` what signs for the subject that gave this wallet a mandate, and that subject's home.

    Raises:
        ConfigError: no wallet, or the wrong passphrase.
    """
    wallet = open_wallet(args.wallet)
    secret, acting_for = passphrase(args), getattr(args, "acting_for", "")
    if acting_for:
        _, received = find(Mandates(wallet.path).received(), acting_for)
        scribe = Scribe(
            wallet.key(secret),
            wallet.descriptor,
            open_mandate(received.token).iss,
            wallet.passkey(secret),
            mandate=received.token,
        )
        return wallet, scribe, WalletClient(wallet.member(received.home))
    scribe = wallet.scribe(secret)
    if getattr(args, "second", None):
        scribe = replace(scribe, within_seconds=APPROVED_WINDOW_SECONDS)
    return wallet, scribe, WalletClient(wallet.member(wallet.state.home))


def passphrase(args: argparse.Namespace, *, is_new: bool = False) -> bytes:
    """The passphrase, from the file named or asked for; twice for a new one.

    Raises:
        ConfigError: the file cannot be read, or the two differ.
    """
    if args.passphrase_file:
        return read_file(args.passphrase_file).rstrip(b"\r\n")
    first = getpass.getpass("口令 Passphrase: ")
    if is_new and getpass.getpass("再输一次 Again: ") != first:
        raise ConfigError("the two passphrases differ")
    return first.encode()
