"""Preparing a node's folder: configuration, keys, member card, operator certificate. Beside `app.py` the only
file that names the adapters which hold keys.
"""

import hashlib
import os
import time
from functools import reduce
from operator import or_
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from adapters.crypto.files import write_secret
from adapters.crypto.keys import NodeKeys, create_keys
from adapters.crypto.leaves import issue_leaf, new_request
from adapters.crypto.organisation_seal import write_seal
from adapters.crypto.passphrase import DEFAULT_SOURCE, make_passphrase, read_passphrase
from node.config import (
    CARD_FILE,
    CONFIG_FILE,
    KEYS_FOLDER,
    OPERATOR_CERTIFICATE,
    OPERATOR_KEY,
    TLS_FOLDER,
    Config,
    load_config,
    parse_config,
    replace_file,
)
from node.domain.descriptor import MemberCard, open_card
from node.domain.document import common_members, sign_document
from node.domain.keys import KeySet
from node.domain.member import Role, check_member_name
from node.domain.system import OPERATOR_NAME, SystemRole
from node.errors import ConfigError, DescriptorError
from node.services.systems import DAY_SECONDS, Systems

OPERATOR_DAYS = 90
_RENEW_BEFORE_SECONDS = OPERATOR_DAYS * DAY_SECONDS // 2

_TEMPLATE = """\
# 本文件由 heqi init 生成 | made by heqi init; every key is explained in docs/operate.md
name = "{name}"
roles = [{roles}]

[listen]
members = "{members}"
wallets = "{wallets}"

[ledger]
url = "{ledger}"
confirmations = {confirmations}

[log]
period_seconds = {period}
batch_size = {batch}

[keys]
passphrase = "{passphrase}"
"""


def create_home(  # noqa: PLR0917
    home: Path,
    name: str,
    roles: Role,
    members: str,
    wallets: str,
    ledger_url: str,
    confirmations: int = 0,
    period_seconds: float = 10.0,
    batch_size: int = 64,
    passphrase: str = DEFAULT_SOURCE,
) -> Config:
    """Make the folder of a new node.

    Raises:
        ConfigError: there is one already, or it cannot be written.
        CodeFormatError: the name is not a member name.
    """
    check_member_name(name)
    if (home / CONFIG_FILE).exists():
        raise ConfigError(f"{home} is a node's folder already; nothing was changed")
    text = _TEMPLATE.format(
        name=name,
        roles=", ".join(f'"{role.name}"' for role in roles),
        members=members,
        wallets=wallets,
        ledger=ledger_url,
        confirmations=confirmations,
        period=period_seconds,
        batch=batch_size,
        passphrase=passphrase,
    )
    # Before anything is made: what is wrong can be put right with the same command.
    config = parse_config(text.encode(), str(home / CONFIG_FILE))
    try:
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"cannot create {home}: {error.strerror}") from error
    keys = create_keys(home / KEYS_FOLDER, make_passphrase(home, passphrase))
    _write_card(home, config, keys)
    # The running node takes this certificate into its register, and issues the next.
    leaf = issue_leaf(
        name, keys.identity.key, time.time(), role=OPERATOR_NAME, seconds=OPERATOR_DAYS * DAY_SECONDS
    )
    _write_operator(home, leaf.key_pem, leaf.certificate_pem)
    # Last: with it the folder is a node's.
    replace_file(home / CONFIG_FILE, text.encode())
    return config


def follow_keys(home: Path, config: Config, keys: NodeKeys) -> None:
    """Make the member card that of the present keys; nothing if it is. The operator's certificate: `keep_operator`.

    Raises:
        ConfigError: the folder cannot be written.
    """
    present = KeySet(
        keys.account_address, keys.identity.public_key, keys.log.public_key, keys.sealing_public_key
    )
    try:
        known = KeySet.of(open_card((home / CARD_FILE).read_text("ascii").strip()))
    except (OSError, ValueError, DescriptorError):
        known = None
    if known != present:
        _write_card(home, config, keys)


def take_seal(home: Path, key_pem: bytes, password: str, holder: str, chain_pem: bytes) -> str:
    """Take in the organisation's electronic seal; a running node uses it from the next file on.

    Args:
        home: the node's folder.
        key_pem: private key in PEM; empty where `holder` says where it is.
        password: of the key; empty if it is not encrypted.
        holder: URI, or empty.
        chain_pem: certificates, the organisation's own first.

    Returns:
        SHA-256 of the certificate, hex.

    Raises:
        ConfigError: key and certificates do not belong together, or cannot be read or written.
        KeyHolderError: the key's holder does not answer.
    """
    key = None
    if key_pem:
        try:
            key = serialization.load_pem_private_key(key_pem, password.encode() or None)
        except (ValueError, TypeError) as error:
            raise ConfigError(
                "the seal's key does not open: not a key in PEM, or a wrong password"
            ) from error
    passphrase = read_passphrase(home, load_config(home).keys.passphrase)
    leaf = write_seal(home / KEYS_FOLDER, passphrase, key, holder, chain_pem)
    return hashlib.sha256(leaf).hexdigest()


def operator_certificate(home: Path) -> bytes | None:
    """PEM of the operator's certificate; None if there is none."""
    try:
        return (home / TLS_FOLDER / OPERATOR_CERTIFICATE).read_bytes()
    except OSError:
        return None


def keep_operator(home: Path, systems: Systems) -> None:
    """See to it that `heqi` on this machine can call the node: a live operator's certificate in its folder.

    One is issued if there is none, half of its time is over, it was revoked, or another identity key than the present
    one issued it.

    Raises:
        ConfigError: the folder cannot be written.
        KeyHolderError: the identity key's holder does not answer.
        StoreError: the database fails.
    """
    folder = home / TLS_FOLDER
    try:
        known = (folder / OPERATOR_CERTIFICATE).read_bytes()
        is_young = time.time() - (folder / OPERATOR_CERTIFICATE).stat().st_mtime < _RENEW_BEFORE_SECONDS
    except OSError:
        known, is_young = b"", False
    if is_young and systems.adopt(known) and _fits(folder / OPERATOR_KEY, known):
        return
    key_pem, request = new_request()
    issued = systems.issue(request, OPERATOR_NAME, SystemRole.OPERATOR, OPERATOR_DAYS)
    _write_operator(home, key_pem, issued.pem)


def _write_operator(home: Path, key_pem: bytes, certificate_pem: bytes) -> None:
    folder = home / TLS_FOLDER
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / OPERATOR_KEY).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}") from error
    write_secret(folder / OPERATOR_KEY, key_pem)
    # Last and whole: its age decides whether this is done again.
    replace_file(folder / OPERATOR_CERTIFICATE, certificate_pem)


def _fits(key_file: Path, certificate_pem: bytes) -> bool:
    """Whether the key is the certificate's: it is not if the node was interrupted between the two files."""
    try:
        key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
    except (OSError, ValueError):
        return False
    return key.public_key() == x509.load_pem_x509_certificate(certificate_pem).public_key()


def _write_card(home: Path, config: Config, keys: NodeKeys) -> None:
    roles = reduce(or_, (Role[name] for name in config.roles))
    card = MemberCard(
        **common_members("", time.time(), os.urandom(16)),
        iss=config.name,
        roles=int(roles),
        account=keys.account_address.hex(),
        identity_key=keys.identity.public_key.hex(),
        log_key=keys.log.public_key.hex(),
        sealing_key=keys.sealing_public_key.hex(),
        endpoint=config.listen.members,
        wallet_endpoint=config.listen.wallets,
    )
    replace_file(home / CARD_FILE, f"{sign_document(card, keys.identity.sign)}\n".encode("ascii"))
