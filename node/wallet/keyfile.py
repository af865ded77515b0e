"""The wallet's private key in a file that a passphrase protects, and the one-time keys that follow from it."""

import os
from pathlib import Path

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.domain.signature import p256_bytes
from node.errors import ConfigError

MIN_PASSPHRASE = 8
_ORDER = int("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)  # of P-256, FIPS 186-5
_REVOCATION_INFO = b"heqi.revocation.v1"
_APPLICANT_INFO = b"heqi.applicant.v1"
_BENEFICIARY_INFO = b"heqi.beneficiary.v1"


class WalletKey:
    """A P-256 key; has no `repr`, so that it does not slip into a log."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """64 bytes, x ‖ y."""
        return p256_bytes(self._key.public_key())

    @property
    def name(self) -> str:
        """As documents name it, a `ControllerKey`."""
        return self.public_key.hex()

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign for a contract, whose verifier hashes as ES256 does: 64 bytes."""
        return self.sign(digest)

    def sign(self, message: bytes) -> bytes:
        """64 bytes, ES256."""
        r, s = decode_dss_signature(self._key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def revocation_key(self, jti: str) -> "WalletKey":
        """The one-time revocation key of the grant with this `jti`.

        It follows from the wallet's key, so whoever has the key file can revoke every grant it ever signed,
        and there is nothing more to keep. Source: RFC 5869; 48 bytes so that the bias modulo the order is nil.
        """
        return self._derived(_REVOCATION_INFO, jti)

    def applicant_key(self, code: str) -> "WalletKey":
        """The one-time key of the applicant's steps of the guarantee under this application code."""
        return self._derived(_APPLICANT_INFO, code)

    def beneficiary_key(self, section: str) -> "WalletKey":
        """The one-time key of the beneficiary's steps of guarantees for this section."""
        return self._derived(_BENEFICIARY_INFO, section)

    def _derived(self, info: bytes, name: str) -> "WalletKey":
        secret = self._key.private_numbers().private_value.to_bytes(32, "big")
        material = HKDF(hashes.SHA256(), 48, salt=name.encode(), info=info).derive(secret)
        scalar = int.from_bytes(material, "big") % (_ORDER - 1) + 1
        return WalletKey(ec.derive_private_key(scalar, ec.SECP256R1()))

    def save(self, path: Path, passphrase: bytes) -> None:
        """Write the key, encrypted, readable by this user only; never overwrites.

        Raises:
            ConfigError: the passphrase is too short, or the file exists or cannot be written.
        """
        if len(passphrase) < MIN_PASSPHRASE:
            raise ConfigError(f"the passphrase needs at least {MIN_PASSPHRASE} characters")
        pem = self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(passphrase),
        )
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(pem)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def new_wallet_key() -> WalletKey:
    """A fresh key for one alliance."""
    return WalletKey(ec.generate_private_key(ec.SECP256R1()))


def load_wallet_key(path: Path, passphrase: bytes) -> WalletKey:
    """Read the key file.

    Raises:
        ConfigError: it is missing or malformed, or the passphrase is wrong.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase)
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror}; `heqi wallet init` makes a wallet"
        ) from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"{path} does not open: wrong passphrase, or not a wallet key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{path} is not a P-256 key")
    return WalletKey(key)
