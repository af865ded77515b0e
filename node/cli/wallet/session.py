"""What every wallet command begins with: the folder, the passphrase, the connection to the home centre."""

import argparse
import getpass
from pathlib import Path
from typing import Any


def open_session(args: argparse.Namespace) -> Any:
    from node.wallet.client import WalletClient  # noqa: PLC0415
    from node.wallet.documents import Scribe  # noqa: PLC0415
    from node.wallet.folder import open_wallet  # noqa: PLC0415

    wallet = open_wallet(args.wallet)
    scribe = Scribe(wallet.key(passphrase(args)), wallet.descriptor, wallet.state.subject)
    return wallet, scribe, WalletClient(wallet.member(wallet.state.home))


def passphrase(args: argparse.Namespace, *, is_new: bool = False) -> bytes:
    from node.errors import ConfigError  # noqa: PLC0415

    if args.passphrase_file:
        return read_file(args.passphrase_file).rstrip(b"\r\n")
    first = getpass.getpass("口令 Passphrase: ")
    if is_new and getpass.getpass("再输一次 Again: ") != first:
        raise ConfigError("the two passphrases differ")
    return first.encode()


def read_file(path: Path) -> bytes:
    from node.errors import ConfigError  # noqa: PLC0415

    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
