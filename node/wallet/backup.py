"""A wallet's whole folder in one encrypted file, to keep elsewhere or to take to a new device.

A compact JWE (RFC 7516) under a passphrase, PBES2-HS512+A256KW and A256GCM; inside, a JSON object from relative path
to content in base64url. The private keys inside keep their own encryption: a backup opens with the backup's
passphrase, and its keys still want the wallet's.
"""

import re
from pathlib import Path

import msgspec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from node.domain.encoding import from_base64url, to_base64url
from node.errors import ConfigError, DocumentFormatError
from node.wallet.folder import STATE_FILE
from node.wallet.keyfile import MIN_PASSPHRASE

_ALGORITHMS = ["PBES2-HS512+A256KW", "A256GCM"]
_ROUNDS = 210_000
"""OWASP's recommendation for PBKDF2-HMAC-SHA512."""
_CONTENT_TYPE = "heqi-wallet+json"
_MAX_BYTES = 256 * 1024 * 1024
_PATH = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9_-][A-Za-z0-9._-]{0,200}")


def seal_folder(folder: Path, passphrase: bytes) -> bytes:
    """The backup of a wallet's folder.

    Raises:
        ConfigError: the passphrase is too short, or the folder holds what no wallet does.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise ConfigError(f"the passphrase needs at least {MIN_PASSPHRASE} characters")
    files = {
        str(file.relative_to(folder)): to_base64url(file.read_bytes())
        for file in sorted(folder.rglob("*"))
        if file.is_file() and not file.name.endswith(".new")
    }
    for name in files:
        if not _PATH.fullmatch(name):
            raise ConfigError(f"{folder / name} does not belong to a wallet; move it elsewhere first")
    header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "cty": _CONTENT_TYPE, "p2c": _ROUNDS}
    key = OctKey.import_key(passphrase)
    return jwe.encrypt_compact(header, msgspec.json.encode(files), key, algorithms=_ALGORITHMS).encode()


def open_backup(raw: bytes, passphrase: bytes) -> dict[str, bytes]:
    """The files of a backup, by their path in the folder.

    Raises:
        ConfigError: the passphrase is wrong, or it is no backup.
    """
    if len(raw) > _MAX_BYTES:
        raise ConfigError("the file is too large for a wallet's backup")
    try:
        key = OctKey.import_key(passphrase)
        opened = jwe.decrypt_compact(raw.strip(), key, algorithms=_ALGORITHMS)
        files = msgspec.json.decode(opened.plaintext or b"", type=dict[str, str])
        content = {name: from_base64url(text) for name, text in files.items()}
    except (JoseError, msgspec.MsgspecError, DocumentFormatError, ValueError, TypeError) as error:
        raise ConfigError("the backup does not open: wrong passphrase, or not a wallet's backup") from error
    if STATE_FILE not in content or not all(map(_PATH.fullmatch, content)):
        raise ConfigError("the backup does not hold a wallet")
    return content


def restore_folder(raw: bytes, passphrase: bytes, folder: Path) -> int:
    """Write a backup's files into a new folder; how many there were.

    Raises:
        ConfigError: as `open_backup`, or the folder exists.
    """
    content = open_backup(raw, passphrase)
    try:
        folder.mkdir(mode=0o700, parents=True)
        for name, data in content.items():
            file = folder / name
            file.parent.mkdir(mode=0o700, exist_ok=True)
            file.touch(mode=0o600)
            file.write_bytes(data)
    except OSError as error:
        raise ConfigError(f"cannot write {error.filename}: {error.strerror}") from error
    return len(content)
