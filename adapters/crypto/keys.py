"""The node's private keys in a folder of their own, readable by this user only.

account.key    secp256k1, hex: signs ledger transactions
identity.pem   P-256, PKCS #8: vouches for TLS leaves, signs documents
log.pem        Ed25519, PKCS #8: signs checkpoints
sealing.pem    X25519, PKCS #8: opens what is sealed to this member
data.key       256 bits, hex: wraps the keyring
"""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from coincurve import PrivateKey as AccountKey
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from eth_hash.auto import keccak

from adapters.crypto.signers import Ed25519Signer, P256Signer
from node.errors import ConfigError

T = TypeVar("T")
_FORMAT = (
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.NoEncryption(),
)


@dataclass(frozen=True, slots=True, repr=False)
class NodeKeys:
    """All keys of one node; has no `repr`, so that none slips into a log."""

    account: bytes
    """32 bytes, secp256k1."""
    identity: P256Signer
    log: Ed25519Signer
    sealing: x25519.X25519PrivateKey
    data: bytes
    """32 bytes."""

    @property
    def account_address(self) -> bytes:
        """20 bytes."""
        public = AccountKey(self.account).public_key.format(compressed=False)
        return keccak(public[1:])[-20:]

    @property
    def sealing_public_key(self) -> bytes:
        """32 bytes."""
        return self.sealing.public_key().public_bytes_raw()


def create_keys(folder: Path) -> NodeKeys:
    """Make all keys of a new node.

    Raises:
        ConfigError: the folder holds keys already, or cannot be written.
    """
    try:
        folder.mkdir(parents=True, mode=0o700)
    except FileExistsError as error:
        raise ConfigError(f"{folder} holds keys already; they are never overwritten") from error
    except OSError as error:
        raise ConfigError(f"cannot create {folder}: {error.strerror}") from error
    write_secret(folder / "account.key", AccountKey().secret.hex().encode())
    for name, key in (
        ("identity.pem", ec.generate_private_key(ec.SECP256R1())),
        ("log.pem", ed25519.Ed25519PrivateKey.generate()),
        ("sealing.pem", x25519.X25519PrivateKey.generate()),
    ):
        write_secret(folder / name, key.private_bytes(*_FORMAT))
    write_secret(folder / "data.key", secrets.token_hex(32).encode())
    return load_keys(folder)


def load_keys(folder: Path) -> NodeKeys:
    """Read the keys of a node.

    Raises:
        ConfigError: a file is missing, malformed, or readable by others.
    """
    identity = _load_pem(folder / "identity.pem", ec.EllipticCurvePrivateKey)
    return NodeKeys(
        account=_load_hex(folder / "account.key"),
        identity=P256Signer(identity),
        log=Ed25519Signer(_load_pem(folder / "log.pem", ed25519.Ed25519PrivateKey)),
        sealing=_load_pem(folder / "sealing.pem", x25519.X25519PrivateKey),
        data=_load_hex(folder / "data.key"),
    )


def write_secret(path: Path, content: bytes) -> None:
    """Create a file that only this user can read; never overwrites, and is on disk when this returns.

    Raises:
        ConfigError: it exists, or cannot be written.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def read_secret(path: Path) -> bytes:
    """Read a file that must not be readable by others.

    Raises:
        ConfigError: it is missing, or others may read it.
    """
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    if mode & 0o077:
        raise ConfigError(
            f"{path} is readable by others; run chmod 600 on it, and consider the key disclosed"
        )
    return content


def _load_hex(path: Path) -> bytes:
    try:
        key = bytes.fromhex(read_secret(path).decode("ascii").strip())
    except ValueError as error:
        raise ConfigError(f"{path} does not hold a key in hex") from error
    if len(key) != 32:
        raise ConfigError(f"{path} does not hold 32 bytes in hex")
    return key


def _load_pem(path: Path, kind: type[T]) -> T:
    try:
        key = serialization.load_pem_private_key(read_secret(path), password=None)
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path} does not hold a private key in PEM") from error
    if not isinstance(key, kind):
        raise ConfigError(f"{path} holds a key of another kind")
    return key
