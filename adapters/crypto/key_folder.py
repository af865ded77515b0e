"""The folder `keys/`: one file per generation of a key, and which generation is present.

account.1.pem    secp256k1, encrypted PKCS #8
identity.1.pem   P-256, the same
log.1.pem        Ed25519, the same
sealing.1.pem    X25519, the same
data.1.jwe       256 bits, encrypted JWK
index.1.jwe      256 bits, the same
identity.2.uri   a key that is not in a file: where it is (`key_uri.py`)
organisation.*   the organisation's seal (`organisation_seal.py`)
present.json     generation by kind; the ledger decides, this is what it decided last

A generation's file is never changed. Which one is present follows from the ledger, so that nothing here has to be
written at the same moment as anything else.
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from coincurve import PrivateKey
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519

from adapters.crypto.containers import (
    KEY_BYTES,
    Private,
    decrypt_private,
    decrypt_symmetric,
    encrypt_private,
    encrypt_symmetric,
)
from adapters.crypto.files import read_secret, sync_folder, write_secret
from adapters.crypto.key_uri import parse_key_uri
from adapters.crypto.organisation_seal import FILES, HeldSeal, read_seal
from adapters.crypto.signers import AccountSigner, Ed25519Signer, P256Signer
from node.config import replace_file
from node.domain.keys import KeyKind
from node.errors import ConfigError
from node.ports import Account, Signer

Held = Account | Signer | x25519.X25519PrivateKey | bytes
"""What the node works with."""

_PRESENT_FILE = "present.json"
_NAME = re.compile(r"(account|identity|log|sealing|data|index)\.([1-9][0-9]{0,8})\.(pem|jwe|uri)")
_SYMMETRIC = (KeyKind.DATA, KeyKind.INDEX)


@dataclass(frozen=True, slots=True, repr=False)
class Generation:
    """One key; has no `repr`, so that it does not slip into a log."""

    number: int
    held: Held
    holder: str


def new_key(kind: KeyKind) -> Held:
    """A fresh key, nowhere on disk."""
    match kind:
        case KeyKind.ACCOUNT:
            return AccountSigner(PrivateKey().secret)
        case KeyKind.IDENTITY:
            return P256Signer(ec.generate_private_key(ec.SECP256R1()))
        case KeyKind.LOG:
            return Ed25519Signer(ed25519.Ed25519PrivateKey.generate())
        case KeyKind.SEALING:
            return x25519.X25519PrivateKey.generate()
        case KeyKind.DATA | KeyKind.INDEX:
            return secrets.token_bytes(KEY_BYTES)


class KeyFolder:
    """Reads and writes the folder; holds the passphrase."""

    def __init__(self, path: Path, passphrase: bytes) -> None:
        self._path, self._passphrase = path, passphrase

    def create(self) -> None:
        """Make the folder and the first generation of every key.

        Raises:
            ConfigError: there is one already, or it cannot be written.
        """
        try:
            self._path.mkdir(parents=True, mode=0o700)
        except FileExistsError as error:
            raise ConfigError(f"{self._path} holds keys already; they are never overwritten") from error
        except OSError as error:
            raise ConfigError(f"cannot create {self._path}: {error.strerror}") from error
        for kind in KeyKind:
            self.add(kind, 1)

    def add(self, kind: KeyKind, number: int, uri: str = "") -> Generation:
        """Make a generation, or take in a key that is made elsewhere; it is on disk when this returns.

        Raises:
            ConfigError: it exists, cannot be written, or the URI leads to no such key.
        """
        path = self._path / _file_name(kind, number)
        if uri:
            generation = Generation(number, _held_elsewhere(kind, uri), uri.partition(":")[0])
            write_secret(path.with_suffix(".uri"), f"{uri}\n".encode())
            return generation
        if kind in _SYMMETRIC:
            key = secrets.token_bytes(KEY_BYTES)
            write_secret(path, encrypt_symmetric(key, self._passphrase))
            return Generation(number, key, "file")
        private = _new_private(kind)
        write_secret(path, encrypt_private(private, self._passphrase))
        return Generation(number, _held(kind, private, str(path)), "file")

    def read(self) -> dict[KeyKind, dict[int, Generation]]:
        """All generations.

        Raises:
            ConfigError: a key is missing or malformed, readable by others, or does not open.
        """
        found: dict[KeyKind, dict[int, Generation]] = {kind: {} for kind in KeyKind}
        if not self._path.is_dir():
            raise ConfigError(f"there is no folder {self._path}; `heqi init` makes it")
        for path in sorted(self._path.iterdir()):
            named = _NAME.fullmatch(path.name)
            if named is None:
                if path.name not in (_PRESENT_FILE, f"{_PRESENT_FILE}.new", *FILES):
                    raise ConfigError(f"{path} is no key file of this version; keep other things elsewhere")
                continue
            kind, number = KeyKind(named[1]), int(named[2])
            if number in found[kind]:
                raise ConfigError(f"{self._path} holds generation {number} of the {kind.value} key twice")
            found[kind][number] = self._read(path, kind, number)
        missing = [_file_name(kind, 1) for kind, generations in found.items() if not generations]
        if missing:
            raise ConfigError(f"{self._path} lacks the keys {', '.join(missing)}")
        return found

    def read_present(self) -> dict[KeyKind, int]:
        """Which generation is present, as far as it was written down.

        Raises:
            ConfigError: the file is malformed.
        """
        path = self._path / _PRESENT_FILE
        if not path.exists():
            return {}
        try:
            named = msgspec.json.decode(path.read_bytes(), type=dict[str, int])
            return {KeyKind(kind): number for kind, number in named.items()}
        except (OSError, ValueError, msgspec.MsgspecError) as error:
            raise ConfigError(f"{path} is malformed; remove it, the ledger knows") from error

    def write_present(self, present: Mapping[KeyKind, int]) -> None:
        """Write down which generation is present.

        Raises:
            ConfigError: it cannot be written.
        """
        named = {kind.value: number for kind, number in present.items()}
        replace_file(self._path / _PRESENT_FILE, msgspec.json.encode(named) + b"\n")

    def remove(self, kind: KeyKind, number: int) -> None:
        """Destroy a generation.

        Raises:
            ConfigError: it cannot be removed.
        """
        try:
            for path in self._path.glob(f"{kind.value}.{number}.*"):
                path.unlink()
            sync_folder(self._path)
        except OSError as error:
            raise ConfigError(f"cannot remove generation {number} of {kind.value}: {error}") from error

    def seal(self) -> HeldSeal | None:
        """The organisation's seal, read anew; None if there is none.

        Raises:
            ConfigError: its certificates are malformed.
        """
        return read_seal(self._path, self._passphrase)

    def _read(self, path: Path, kind: KeyKind, number: int) -> Generation:
        content = read_secret(path)
        if path.suffix == ".uri":
            uri = content.decode("utf-8", "replace").strip()
            return Generation(number, _held_elsewhere(kind, uri), uri.partition(":")[0])
        if kind in _SYMMETRIC:
            return Generation(number, decrypt_symmetric(content, self._passphrase, str(path)), "file")
        private = decrypt_private(content, self._passphrase, str(path))
        return Generation(number, _held(kind, private, str(path)), "file")


def _file_name(kind: KeyKind, number: int) -> str:
    return f"{kind.value}.{number}.{'jwe' if kind in _SYMMETRIC else 'pem'}"


def _new_private(kind: KeyKind) -> Private:
    match kind:
        case KeyKind.ACCOUNT:
            return ec.generate_private_key(ec.SECP256K1())
        case KeyKind.IDENTITY:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.LOG:
            return ed25519.Ed25519PrivateKey.generate()
        case _:
            return x25519.X25519PrivateKey.generate()


def _held(kind: KeyKind, key: Private, name: str) -> Held:
    match kind, key:
        case KeyKind.ACCOUNT, ec.EllipticCurvePrivateKey(curve=ec.SECP256K1()):
            return AccountSigner(key.private_numbers().private_value.to_bytes(32, "big"))
        case KeyKind.IDENTITY, ec.EllipticCurvePrivateKey(curve=ec.SECP256R1()):
            return P256Signer(key)
        case KeyKind.LOG, ed25519.Ed25519PrivateKey():
            return Ed25519Signer(key)
        case KeyKind.SEALING, x25519.X25519PrivateKey():
            return key
    raise ConfigError(f"{name} holds a key of another kind")


def _held_elsewhere(kind: KeyKind, uri: str) -> Held:
    from adapters.crypto.key_holders import open_key  # noqa: PLC0415  # loads PKCS #11 only where it is used

    return open_key(kind, parse_key_uri(uri))
