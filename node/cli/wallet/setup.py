"""Making a wallet, letting a certificate vouch for it, registering."""

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from heqi.v1.wallet_service_pb2 import RegisterResponse

from node.cli.output import print_json, print_table, say
from node.cli.trust_file import read_trust
from node.cli.waiting import wait_for
from node.cli.wallet.holding import check_alone, hold
from node.cli.wallet.session import open_session, passphrase
from node.config import read_file
from node.domain.approval import Reserved
from node.domain.category import category
from node.domain.certificate import check_certificate
from node.domain.certified import PrivateKey
from node.domain.delegation import Delegation, sign_delegation
from node.domain.trust import TrustList
from node.domain.wallet import PackageRecord
from node.errors import ConfigError
from node.wallet.folder import ACCEPTANCE_FILE, DELEGATION_FILE, create_wallet, open_wallet
from node.wallet.trial_authenticator import make_trial_passkey

_DELEGATION_DAYS = 365
_WAIT_SECONDS = 60.0


def init(args: argparse.Namespace) -> None:
    """Make a wallet."""
    secret = passphrase(args, is_new=True)
    create_wallet(args.wallet, read_file(args.alliance), args.home_centre, secret)
    if args.trial_passkey:
        make_trial_passkey(args.wallet, args.trial_passkey, secret)
    say(
        f"钱包 {args.wallet} 已建立",
        "made; keep a copy of key.pem: without it nothing can be granted or revoked",
    )


def delegate(args: argparse.Namespace) -> None:
    """Sign the delegation with the certificate's key."""
    wallet = open_wallet(args.wallet)
    scribe = wallet.scribe(passphrase(args))
    trust = read_trust(args.trust) or TrustList(wallet.descriptor.trust_anchors)
    chain, key = read_certificate(args.certificate, args.certificate_key)
    common = scribe.common()
    identity = check_certificate(chain, trust, common["iat"])
    delegation = Delegation(
        **common,
        key=scribe.signer.name,
        credit_code=identity.credit_code,
        exp=common["iat"] + _DELEGATION_DAYS * 86_400,
        two_officers=tuple(sorted(set(args.two_officers))),
    )
    token = sign_delegation(delegation, chain, key)
    if args.further:
        hand_in(args, (), token)
    else:
        (args.wallet / DELEGATION_FILE).write_text(token + "\n")
        (args.wallet / ACCEPTANCE_FILE).write_text(scribe.accept(token) + "\n")
    if not args.json:
        say(f"{identity.organisation} 已委托此钱包", "vouches for this wallet's key in this alliance")


def read_certificate(certificate: Path, certificate_key: Path) -> tuple[list[bytes], PrivateKey]:
    """A chain, DER, the company's certificate first, and its private key, from PEM files.

    Raises:
        ConfigError: they cannot be read.
    """
    try:
        certificates = x509.load_pem_x509_certificates(read_file(certificate))
        key = serialization.load_pem_private_key(read_file(certificate_key), None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the certificate or its key cannot be read: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ConfigError("the certificate's key is neither RSA nor of an elliptic curve")
    return [one.public_bytes(serialization.Encoding.DER) for one in certificates], key


def register(args: argparse.Namespace) -> None:
    """Register, or hand in further documents."""
    try:
        package = msgspec.json.decode(read_file(args.package), type=tuple[PackageRecord, ...])
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{args.package}: {error}") from error
    hand_in(args, package)


def hand_in(args: argparse.Namespace, package: Sequence[PackageRecord], delegation: str = "") -> None:
    """Hand a package in at the home, under the wallet's delegation or the one named, and say what became of it."""
    wallet, scribe, client = open_session(args)
    if scribe.subject and package:  # nobody approves the first registration: there is no second officer yet
        check_alone(args, wallet, Reserved.REGISTER)
    if args.second:
        client.close()
        token = scribe.register(client.member.name, delegation or wallet.delegation(), package)
        hold(args, token)
        return
    with client:
        home = client.member.name
        if scribe.mandate:  # the subject's own delegation stands, and its package is its own wallet's
            registered = client.register(scribe.register(home, "", package))
        else:
            registered = client.register(scribe.register(home, delegation or wallet.delegation(), package))
            wallet.remember_subject(registered.subject_id)
            wallet.remember_package(package)
        known = dataclasses.replace(scribe, subject=registered.subject_id)

        def is_final() -> bool:
            now = client.status(known.status(home))
            return now.subject_final and now.final_count == now.accepted_count

        if getattr(args, "wait", False):
            wait_for("the registration", is_final, _WAIT_SECONDS)
    tell(args, registered)


def tell(args: argparse.Namespace, registered: RegisterResponse) -> None:
    """Say what became of a package."""
    if args.json:
        print_json(
            {
                "subject": registered.subject_id,
                "records": registered.record_count,
                "package": registered.package_version,
                "warnings": [one.english for one in registered.warnings],
            }
        )
        return
    say(f"主体编号 {registered.subject_id}", f"registered with {registered.record_count} documents")
    if registered.package_version:
        say(f"第 {registered.package_version} 次提交", f"package version {registered.package_version}")
    for one in registered.warnings:
        say(f"注意：{one.chinese}", f"warning, {one.category} {one.thing}: {one.english}")


def status(args: argparse.Namespace) -> None:
    """How far everything is."""
    _, scribe, client = open_session(args)
    with client:
        now = client.status(scribe.status(client.member.name))
        # Where the ledger has a subject and its keys is told to itself, and not to who acts for it.
        is_own = now.subject_final and not scribe.mandate
        place = client.place(scribe.place(client.member.name)) if is_own else None
    facts = {
        "subject": scribe.subject,
        "home": client.member.name,
        "subject_final": now.subject_final,
        "records_accepted": now.accepted_count,
        "records_final": now.final_count,
        "requests_open": sum(not request.answered for request in now.requests),
        "grants": len(now.grants),
        "keys": len(place.keys) if place else 0,
        "recoveries": len(place.recoveries) if place else 0,
        "two_officers": ", ".join(now.two_officers) or "-",
        "officers": len(now.officers),
    }
    if args.json:
        print_json(facts)
    else:
        print_table(("项目 item", "值 value"), list(facts.items()))


def export(args: argparse.Namespace) -> None:
    """Write the own records as SD-JWTs, one file each, and beside each what proves it under the log."""
    _, scribe, client = open_session(args)
    with client:
        records = client.export(scribe.export(client.member.name)).records
    try:
        args.out.mkdir(mode=0o700, parents=True)
        for number, record in enumerate(records, 1):
            # The name comes from the node: only one that is a category's may become part of a path.
            path = args.out / f"{number:03d}-{category(record.category).name}.sd-jwt"
            path.touch(mode=0o600, exist_ok=False)  # whoever has the file can read everything in it
            path.write_text(record.sd_jwt, encoding="ascii")
            if record.evidence:
                shown = path.with_suffix(".evidence.json")
                shown.touch(mode=0o600, exist_ok=False)
                shown.write_bytes(record.evidence)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename}: {error.strerror}") from error
    if args.json:
        print_json({"records": len(records), "folder": str(args.out)})
    else:
        say(
            f"已导出 {len(records)} 份材料至 {args.out}",
            "written; each file shows everything: leave disclosures out with any SD-JWT tool before you hand it on",
        )
