"""Where the passphrase of the key files comes from: a file, systemd, or a person; never argv, never the environment.

file:PATH          a file of mode 0600; a relative path begins at the node's folder
credential:NAME    a systemd credential (LoadCredential=, LoadCredentialEncrypted=), systemd.exec(5)
prompt             asked for at the terminal at every start
"""

import getpass
import os
import secrets
import sys
from pathlib import Path

from adapters.crypto.files import read_secret, write_secret
from node.errors import ConfigError

DEFAULT_SOURCE = "file:keys.passphrase"
MIN_CHARACTERS = 20
"""The key derivation of PKCS #8 files is fast (2,048 rounds of PBKDF2): the strength is the passphrase's own."""


def read_passphrase(home: Path, source: str) -> bytes:
    """The passphrase.

    Raises:
        ConfigError: the source is unknown, missing, readable by others, or holds too little.
    """
    kind, _, name = source.partition(":")
    if kind == "file" and name:
        return _check(read_secret(home / name).strip(), str(home / name))
    if kind == "credential" and name:
        return _check(_read_credential(name), f"the credential {name}")
    if source == "prompt":
        return _check(_ask("密钥口令 | passphrase of the keys: "), "the passphrase")
    raise ConfigError(f"keys.passphrase must be file:PATH, credential:NAME or prompt, not {source!r}")


def make_passphrase(home: Path, source: str) -> bytes:
    """The passphrase for new keys; a file that does not exist yet is made with 256 random bits.

    Raises:
        ConfigError: as `read_passphrase`, or the two entries of a person differ.
    """
    kind, _, name = source.partition(":")
    if kind == "file" and name and not (home / name).exists():
        passphrase = secrets.token_urlsafe(32).encode("ascii")
        write_secret(home / name, passphrase + b"\n")
        return passphrase
    passphrase = read_passphrase(home, source)
    if source == "prompt" and _ask("再次输入 | once more: ") != passphrase:
        raise ConfigError("the two entries differ; nothing was made")
    return passphrase


def _read_credential(name: str) -> bytes:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder or "/" in name:
        raise ConfigError(f"there is no systemd credential {name}: see LoadCredential= in systemd.exec(5)")
    try:
        # systemd guards the folder; the files in it may be group-readable.
        return (Path(folder) / name).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"cannot read the systemd credential {name}: {error.strerror}") from error


def _ask(prompt: str) -> bytes:
    if not sys.stdin.isatty():
        raise ConfigError("the passphrase is asked for at a terminal, and there is none")
    return getpass.getpass(prompt, sys.stderr).encode()


def _check(passphrase: bytes, where: str) -> bytes:
    if len(passphrase) < MIN_CHARACTERS:
        raise ConfigError(f"{where} needs at least {MIN_CHARACTERS} characters; take five words or more")
    return passphrase
