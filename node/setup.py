"""Preparing a node's folder: configuration, keys, member card, operator certificate. Beside `app.py` the only
file that names the adapters which hold keys.
"""

import os
import time
from functools import reduce
from operator import or_
from pathlib import Path

from adapters.crypto.files import write_secret
from adapters.crypto.keys import NodeKeys, create_keys
from adapters.crypto.leaves import issue_leaf
from adapters.crypto.passphrase import DEFAULT_SOURCE, make_passphrase
from node.config import (
    CARD_FILE,
    CONFIG_FILE,
    KEYS_FOLDER,
    OPERATOR_CERTIFICATE,
    OPERATOR_KEY,
    TLS_FOLDER,
    Config,
    parse_config,
    replace_file,
)
from node.domain.descriptor import MemberCard, open_card
from node.domain.document import sign_document
from node.domain.encoding import to_base64url
from node.domain.keys import KeySet
from node.domain.member import Role, check_member_name
from node.errors import ConfigError, DescriptorError, UnknownCallerError
from node.wire.tls import OPERATOR, is_issued_by

OPERATOR_SECONDS = 90 * 86_400
_RENEW_BEFORE_SECONDS = OPERATOR_SECONDS // 2

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
    renew_operator(home, config, keys)
    # Last: with it the folder is a node's.
    replace_file(home / CONFIG_FILE, text.encode())
    return config


def follow_keys(home: Path, config: Config, keys: NodeKeys) -> None:
    """Make the member card and the operator's certificate those of the present keys; nothing if they are.

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
    renew_operator(home, config, keys)


def operator_certificate(home: Path) -> bytes | None:
    """PEM of the operator's certificate; None if there is none."""
    try:
        return (home / TLS_FOLDER / OPERATOR_CERTIFICATE).read_bytes()
    except OSError:
        return None


def renew_operator(home: Path, config: Config, keys: NodeKeys) -> None:
    """Issue the operator's certificate if there is none, half of its time is over, or another key issued it.

    Raises:
        ConfigError: the folder cannot be written.
        KeyHolderError: the identity key's holder does not answer.
    """
    folder = home / TLS_FOLDER
    certificate = folder / OPERATOR_CERTIFICATE
    pem = operator_certificate(home)
    if pem is not None and _is_good(pem, certificate, keys):
        return
    leaf = issue_leaf(config.name, keys.identity.key, time.time(), role=OPERATOR, seconds=OPERATOR_SECONDS)
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        (folder / OPERATOR_KEY).unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}") from error
    write_secret(folder / OPERATOR_KEY, leaf.key_pem)
    # Last and whole: its age decides whether this is done again.
    replace_file(certificate, leaf.certificate_pem)


def _is_good(pem: bytes, certificate: Path, keys: NodeKeys) -> bool:
    try:
        is_ours = is_issued_by(pem, keys.identity.public_key)
    except UnknownCallerError:
        return False
    return is_ours and time.time() - certificate.stat().st_mtime < _RENEW_BEFORE_SECONDS


def _write_card(home: Path, config: Config, keys: NodeKeys) -> None:
    roles = reduce(or_, (Role[name] for name in config.roles))
    card = MemberCard(
        alliance="",
        iat=int(time.time()),
        jti=to_base64url(os.urandom(16)),
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
