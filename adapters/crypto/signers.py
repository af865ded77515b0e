"""Signers on private keys in memory, as they come from encrypted files."""

from coincurve import PrivateKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from eth_hash.auto import keccak

from node.domain.signature import p256_bytes

_ES256 = ec.ECDSA(hashes.SHA256())


class P256Signer:
    """ES256 with r ‖ s signatures."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key
        """Also signs X.509, through `cryptography`."""
        self._public_key = p256_bytes(key.public_key())

    @property
    def public_key(self) -> bytes:
        """64 bytes, x ‖ y."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes, r ‖ s."""
        r, s = decode_dss_signature(self.key.sign(message, _ES256))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


class Ed25519Signer:
    """Ed25519."""

    def __init__(self, key: ed25519.Ed25519PrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._key.sign(message)


class AccountSigner:
    """secp256k1 for an account of the ledger."""

    def __init__(self, secret: bytes) -> None:
        """Args:
        secret: 32 bytes.
        """
        self._key = PrivateKey(secret)
        self._address = keccak(self._key.public_key.format(compressed=False)[1:])[12:]

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return self._address

    def sign(self, message: bytes) -> bytes:
        """65 bytes over keccak256 of the message, r ‖ s ‖ v."""
        signature = self._key.sign_recoverable(keccak(message), hasher=None)
        return signature[:64] + bytes([signature[64] + 27])
