"""Beside a node's keys: the key and certificate of its organisation's electronic seal 电子签章.

keys/organisation.pem         the private key, RSA or EC, encrypted PKCS #8 under the node's passphrase; or
keys/organisation.uri         where it is (`key_uri.py`): P-256 on a token or with an agent
keys/organisation.chain.pem   its certificate, then those that lead to the authority

The authority gave it and the authority renews it, so it has no generations and the ledger does not know it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adapters.crypto.containers import decrypt_private, encrypt_private
from adapters.crypto.files import read_secret, write_secret
from adapters.crypto.key_uri import parse_key_uri
from adapters.crypto.signers import P256Signer
from node.config import replace_file
from node.domain.certificate import MAX_CHAIN_LENGTH
from node.domain.keys import KeyKind
from node.domain.trust import is_strong
from node.errors import ConfigError

KEY_FILE, URI_FILE, CHAIN_FILE = "organisation.pem", "organisation.uri", "organisation.chain.pem"
FILES = frozenset({KEY_FILE, URI_FILE, CHAIN_FILE, f"{CHAIN_FILE}.new"})
SealKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class HeldSeal:
    """A seal's key and certificate; has no `repr`, so that it does not slip into a log."""

    open_key: Callable[[], SealKey]
    """Raises `ConfigError` where key and certificate do not belong together, `KeyHolderError` where it is away."""
    chain: tuple[bytes, ...]
    """DER, the organisation's own first."""


def read_seal(folder: Path, passphrase: bytes) -> HeldSeal | None:
    """The seal of a node; None if it has none.

    Raises:
        ConfigError: the certificates are malformed. The key is opened when it is used.
    """
    chain_file, uri_file = folder / CHAIN_FILE, folder / URI_FILE
    if not chain_file.exists():
        return None
    try:
        chain = read_chain(chain_file.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read {chain_file}: {error.strerror}") from error

    def open_key() -> SealKey:
        if uri_file.exists():
            return _fitting(_elsewhere(read_secret(uri_file).decode("utf-8", "replace").strip()), chain)
        key = decrypt_private(read_secret(folder / KEY_FILE), passphrase, str(folder / KEY_FILE))
        return _fitting(key, chain)

    return HeldSeal(open_key, chain)


def write_seal(folder: Path, passphrase: bytes, key: object, holder: str, chain_pem: bytes) -> bytes:
    """Take in a seal, in place of the one before.

    Args:
        folder: `keys/`.
        passphrase: of all key files.
        key: private key, or None where `holder` says where it is.
        holder: URI, or empty.
        chain_pem: certificates, the organisation's own first.

    Returns:
        DER of the organisation's own.

    Raises:
        ConfigError: key and certificate do not belong together or are too weak, or it cannot be written.
        KeyHolderError: the key's holder does not answer.
    """
    chain = read_chain(chain_pem)
    fitting = _fitting(_elsewhere(holder) if holder else key, chain)
    kept, other = (folder / URI_FILE, folder / KEY_FILE) if holder else (folder / KEY_FILE, folder / URI_FILE)
    content = f"{holder}\n".encode() if holder else encrypt_private(fitting, passphrase)
    try:
        # Without its chain there is no seal: so it is away while the key changes.
        for path in (folder / CHAIN_FILE, kept, other):
            path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write to {folder}: {error.strerror}") from error
    write_secret(kept, content)
    replace_file(folder / CHAIN_FILE, chain_pem)
    return chain[0]


def read_chain(pem: bytes) -> tuple[bytes, ...]:
    """Certificates in PEM as DER.

    Raises:
        ConfigError: they are none, or too many.
    """
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError as error:
        raise ConfigError("the seal's certificates are not PEM certificates") from error
    if not 1 <= len(found) <= MAX_CHAIN_LENGTH:
        raise ConfigError(f"a seal has 1 to {MAX_CHAIN_LENGTH} certificates, its own first")
    return tuple(one.public_bytes(Encoding.DER) for one in found)


def _elsewhere(uri: str) -> object:
    from adapters.crypto.key_holders import open_key  # noqa: PLC0415  # loads PKCS #11 only where it is used

    held = open_key(KeyKind.IDENTITY, parse_key_uri(uri))
    return held.key if isinstance(held, P256Signer) else None


def _fitting(key: object, chain: tuple[bytes, ...]) -> SealKey:
    leaf = x509.load_der_x509_certificate(chain[0])
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) or not is_strong(leaf):
        raise ConfigError("a seal's key is RSA of 2048 bits or more, or EC on a NIST curve")
    public = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if key.public_key().public_bytes(*public) != leaf.public_key().public_bytes(*public):
        raise ConfigError("the first certificate is not that of the seal's key")
    return key
