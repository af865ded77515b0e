"""Files that one recipient can open: compact JWE, ECDH-ES+A256KW on P-256 with A256GCM (RFC 7516, RFC 7518 4.6).

Any JWE tool opens them with the recipient's key, which is an ordinary P-256 key: `openssl ecparam -genkey -name
prime256v1` makes one, and `openssl ec -pubout` its public half.
"""

import gc

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from adapters.crypto.containers import encrypt_private
from node.errors import ArchiveError, ConfigError

_ALGORITHMS = ["ECDH-ES+A256KW", "A256GCM"]
_MAX_FILE_BYTES = 16 << 20
"""A chunk, or a single line that is longer than one."""


class _Registry(jwe.JWERegistry):
    max_ciphertext_length = _MAX_FILE_BYTES * 4 // 3 + 4


_REGISTRY = _Registry(algorithms=_ALGORITHMS)


class Recipient:
    """The public key that an archive is encrypted to."""

    def __init__(self, pem: bytes, name: str) -> None:
        """Args:
        pem: SubjectPublicKeyInfo.
        name: of the file, for messages.

        Raises:
            ConfigError: it is no public key on P-256.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ConfigError(f"{name} is no public key in PEM") from error
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ConfigError(f"{name} is no key on P-256; `heqi archive key` makes one")
        self.raw = key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )[1:]
        """x ‖ y, 64 bytes."""
        self._key = ECKey.import_key(pem)

    def seal(self, content: bytes) -> bytes:
        """Encrypt a file.

        Raises:
            ArchiveError: it is too large.
        """
        if len(content) > _MAX_FILE_BYTES:
            raise ArchiveError(f"a line of {len(content)} bytes is longer than an archive can hold")
        header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1]}
        try:
            return jwe.encrypt_compact(header, content, self._key, registry=_REGISTRY).encode("ascii")
        finally:
            _let_go()


class Opener:
    """The private key of a recipient."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        numbers = key.public_key().public_numbers()
        self.raw = numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        """x ‖ y of its public half, 64 bytes."""
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._key = ECKey.import_key(pem)

    def open(self, sealed: bytes) -> bytes:
        """Decrypt a file.

        Raises:
            ArchiveError: it is not encrypted to this key, or was altered.
        """
        try:
            opened = jwe.decrypt_compact(sealed, self._key, registry=_REGISTRY).plaintext
        except (JoseError, ValueError) as error:
            raise ArchiveError("it does not open by this key") from error
        finally:
            _let_go()
        if opened is None or len(opened) > _MAX_FILE_BYTES:
            raise ArchiveError("it is larger than a file of an archive can be")
        return opened


def new_recipient(passphrase: bytes) -> tuple[bytes, bytes]:
    """A new key in PEM: the private half encrypted (PKCS #8), and the public half."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return encrypt_private(key, passphrase), public


def load_opener(pem: bytes, passphrase: bytes | None, name: str) -> Opener:
    """The private key in a PEM file (PKCS #8, encrypted or not).

    Raises:
        ConfigError: the passphrase is wrong, or it is no private key on P-256.
    """
    try:
        key = serialization.load_pem_private_key(pem, passphrase)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"{name} does not open: wrong passphrase, or no private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{name} is no key on P-256; `heqi archive key` makes one")
    return Opener(key)


def _let_go() -> None:
    """The objects of joserfc refer to each other in a circle and hold the content; by themselves they would stay."""
    gc.collect(1)
