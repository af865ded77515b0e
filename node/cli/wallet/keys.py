"""A subject's keys: listing, adding, removing, replacing them; a wallet's backup and its move to a new device."""

import argparse
import os
import time
from pathlib import Path

import msgspec

from node.cli.output import print_json, print_table, say
from node.cli.trust_file import read_trust
from node.cli.waiting import wait_for
from node.cli.wallet.holding import hold
from node.cli.wallet.session import open_session, passphrase
from node.config import read_file, replace_file
from node.domain.certificate import check_certificate
from node.domain.certified import peek_certified
from node.domain.controller import is_passkey
from node.domain.delegation import Delegation, sign_delegation
from node.domain.document import common_members, peek_document
from node.domain.trust import TrustList
from node.domain.wallet import ControllerCall
from node.errors import ConfigError, UnknownCallerError
from node.wallet.backup import restore_folder, seal_folder
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wallet.folder import ACCEPTANCE_FILE, DELEGATION_FILE, KEY_FILE, WalletFolder, open_wallet
from node.wallet.keyfile import load_wallet_key, new_wallet_key
from node.wallet.recovering import Papers

DELEGATION_DAYS = 365
_WAIT_SECONDS = 60.0
_NEW_KEY, _NEW_DELEGATION = "key-next.pem", "delegation-next.jwt"


def show(args: argparse.Namespace) -> None:
    """Print this wallet's own key, for another device to add."""
    name = open_wallet(args.wallet).scribe(passphrase(args)).signer.name
    if args.json:
        print_json({"key": name})
    else:
        say(name, "in the wallet that speaks for the subject already: heqi wallet keys add KEY")


def list_(args: argparse.Namespace) -> None:
    """Show the keys that speak for the subject on the ledger."""
    _, scribe, client = open_session(args)
    with client:
        place = client.place(scribe.place(client.member.name))
    rows = [(key, "passkey" if is_passkey(key) else "P-256", key == scribe.signer.name) for key in place.keys]
    if args.json:
        print_json([{"key": key, "kind": kind, "own": is_own} for key, kind, is_own in rows])
        return
    table = [(key, kind, "✓" if is_own else "") for key, kind, is_own in rows]
    print_table(("密钥 key", "种类 kind", "本钱包 this wallet"), table)
    for one in place.recoveries:
        say(
            f"注意：有人申请用 {one.key[:20]}… 取代全部密钥",
            "attention: somebody wants this key to take the place of all; if your keys are not lost: "
            "heqi wallet recover veto",
        )


def add(args: argparse.Namespace) -> None:
    """Let another key speak for the subject too."""
    if _change(args, added=args.key) and not args.json:
        say("已添加密钥", "added; hand its delegation in on the other device: heqi wallet keys attach")


def remove(args: argparse.Namespace) -> None:
    """A key speaks for the subject no longer."""
    if _change(args, removed=args.key) and not args.json:
        say("已移除密钥，其签署的授权随即失效", "removed; the grants that it signed are dead")


def _change(args: argparse.Namespace, *, removed: str = "", added: str = "") -> bool:
    """Sign a change, and bring it to the ledger unless a second officer has to see it; whether that was done."""
    _, scribe, client = open_session(args)
    with client:
        node = client.member.name
        place = client.place(scribe.place(node))
        signed = scribe.change_controller(
            node, place.version + 1, place.contract, removed=removed, added=added
        )
        if hold(args, signed):
            return False
        send_change(args, scribe, client, signed)
    return True


def send_change(args: argparse.Namespace, scribe: Scribe, client: WalletClient, signed: str) -> None:
    """Have a node bring a signed change of keys to the ledger, and wait for it."""
    call, node = peek_document(signed, ControllerCall), client.member.name
    wanted = {*client.place(scribe.place(node)).keys, call.added} - {call.removed, ""}
    client.change_controller(signed)
    if call.removed != scribe.signer.name:
        wait_for(
            "the change of keys", lambda: set(client.place(scribe.place(node)).keys) == wanted, _WAIT_SECONDS
        )
    if args.json:
        print_json({"keys": sorted(wanted)})


def attach(args: argparse.Namespace) -> None:
    """On a new device whose key was added: hand the certificate's delegation in at the home."""
    wallet = open_wallet(args.wallet)
    wallet.remember_subject(args.subject)
    wallet, scribe, client = open_session(args)
    signed = scribe.register(client.member.name, wallet.delegation(), ())
    with client:
        if hold(args, signed):
            return
        client.register(signed)
    if args.json:
        print_json({"subject": args.subject, "key": scribe.signer.name})
    else:
        say("本设备的密钥已可使用", "this device's key is ready")


def replace(args: argparse.Namespace) -> None:
    """Make a fresh key, let it take the place of this wallet's, and hand its delegation in."""
    from node.cli.wallet.setup import read_certificate  # noqa: PLC0415  # they import each other's helpers

    secret = passphrase(args)
    wallet = open_wallet(args.wallet)
    if wallet.passkey(secret) is not None:
        raise ConfigError("a passkey is replaced by adding another one and removing this one")
    if not (wallet.path / _NEW_KEY).exists():
        new_wallet_key().save(wallet.path / _NEW_KEY, secret)
    new = load_wallet_key(wallet.path / _NEW_KEY, secret)
    chain, certificate_key = read_certificate(args.certificate, args.certificate_key)
    common = common_members(wallet.descriptor.alliance, time.time(), os.urandom(16))
    trust = read_trust(args.trust) or TrustList(wallet.descriptor.trust_anchors)
    delegation = Delegation(
        **common,
        key=new.name,
        credit_code=check_certificate(chain, trust, common["iat"]).credit_code,
        exp=common["iat"] + DELEGATION_DAYS * 86_400,
        two_officers=peek_certified(wallet.delegation(), Delegation).two_officers,
    )
    signed = sign_delegation(delegation, chain, certificate_key)
    replace_file(wallet.path / _NEW_DELEGATION, signed.encode())
    old, later = (Scribe(key, wallet.descriptor, wallet.state.subject) for key in (wallet.key(secret), new))
    with WalletClient(wallet.member(wallet.state.home)) as client:
        node = client.member.name
        # Begun before and interrupted: then the new key speaks already.
        if not _speaks(client, later):
            place = client.place(old.place(node))
            change = old.change_controller(
                node, place.version + 1, place.contract, removed=old.signer.name, added=new.name
            )
            if hold(args, change):
                return  # once it is handed in, the same command again goes on from here
            client.change_controller(change)
            wait_for("the change of keys", lambda: _speaks(client, later), _WAIT_SECONDS)
        client.register(later.register(node, signed, ()))
    # The old one stays: one-time keys of guarantees follow from it.
    (wallet.path / KEY_FILE).rename(wallet.path / f"key-{old.signer.name[:16]}.pem")
    (wallet.path / _NEW_KEY).rename(wallet.path / KEY_FILE)
    (wallet.path / _NEW_DELEGATION).rename(wallet.path / DELEGATION_FILE)
    replace_file(wallet.path / ACCEPTANCE_FILE, later.accept(signed).encode())
    if args.json:
        print_json({"key": new.name, "removed": old.signer.name})
    else:
        say("密钥已更换；请重新签署仍需的授权", "replaced; sign again the grants that are still wanted")


def _speaks(client: WalletClient, scribe: Scribe) -> bool:
    try:
        return scribe.signer.name in client.place(scribe.place(client.member.name)).keys
    except UnknownCallerError:
        return False


def papers(args: argparse.Namespace) -> None:
    """Write what a recovery needs when every key is lost; nothing in it is secret."""
    wallet = open_wallet(args.wallet)
    found = Papers(wallet.state.subject, wallet.delegation(), wallet.acceptance())
    replace_file(args.out, msgspec.json.encode(found))
    say(f"已写入 {args.out}", "keep it apart from the wallet: heqi wallet recover start needs it")


def backup(args: argparse.Namespace) -> None:
    """Write the whole folder, encrypted."""
    wallet: WalletFolder = open_wallet(args.wallet)
    if args.file.exists():
        raise ConfigError(f"{args.file} exists")
    args.file.touch(mode=0o600)
    args.file.write_bytes(seal_folder(wallet.path, passphrase(args, is_new=True)))
    say(f"已备份至 {args.file}", "written; on a new device: heqi wallet restore")


def restore(args: argparse.Namespace) -> None:
    """Make a wallet's folder from a backup."""
    path: Path = args.wallet
    count = restore_folder(read_file(args.file), passphrase(args), path)
    open_wallet(path)
    say(f"已恢复 {count} 个文件至 {path}", "restored; it keeps the passphrase that the wallet had")
