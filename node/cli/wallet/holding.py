"""Whether an act goes to a second officer's desk first: then it is written to a file instead of being handed in."""

import argparse

import msgspec

from node.cli.output import print_json, say
from node.config import replace_file
from node.domain.approval import Reserved, reserved_by
from node.domain.certified import peek_certified
from node.domain.delegation import Delegation
from node.errors import ConfigError, SecondOfficerMissingError
from node.wallet.approving import Held
from node.wallet.folder import DELEGATION_FILE, WalletFolder


def check_alone(args: argparse.Namespace, wallet: WalletFolder, act: Reserved) -> None:
    """Before anything is signed: that this wallet's own delegation lets one officer do it, or two will.

    Raises:
        SecondOfficerMissingError: it is reserved for two, and no file is named.
        ConfigError: `--second` together with `--for`: under a mandate nothing goes to a second officer.
    """
    if getattr(args, "acting_for", ""):
        if args.second:
            raise ConfigError(
                "under a mandate the company's two officers approve the mandate, not what you do"
            )
        return
    if args.second or not (wallet.path / DELEGATION_FILE).exists():
        return
    if act in reserved_by([peek_certified(wallet.delegation(), Delegation)]):
        raise SecondOfficerMissingError(f"your company reserves this for two officers: {act.value}")


def hold(args: argparse.Namespace, token: str, request: str = "") -> bool:
    """Write an act to the file for the second officer, if one is named.

    Args:
        args: of the command.
        token: signed by the first officer, without an approval.
        request: the access request that a grant answers.

    Returns:
        Whether that was done; then nothing is to be handed in.
    """
    if not args.second:
        return False
    if args.second.exists():
        raise ConfigError(f"{args.second} exists")
    args.second.touch(mode=0o600)
    replace_file(args.second, msgspec.json.encode(Held(document=token, request=request)))
    if args.json:
        print_json({"file": str(args.second), "approved": False})
    else:
        say(
            f"尚未生效：须由第二位经办人复核 {args.second}",
            "not in effect: a second officer has to approve it within a day: heqi wallet approve FILE",
        )
    return True
