"""The `Signer` port on private keys in memory, as they come from files."""

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from node.domain.signature import p256_bytes


class P256Signer:
    """ES256 with r ‖ s signatures."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self.key = key
        self._public_key = p256_bytes(key.public_key())

    @property
    def public_key(self) -> bytes:
        """64 bytes, x ‖ y."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes, r ‖ s."""
        r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(hashes.SHA256())))
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
