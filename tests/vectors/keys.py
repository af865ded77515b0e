"""Test keys, made from their names. Everybody knows them: never use one for anything but a test.

P-256 signatures are deterministic (RFC 6979), so that the vectors come out the same every time.
"""

import hashlib
from dataclasses import dataclass
from functools import cache

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DETERMINISTIC = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)


@dataclass(frozen=True)
class P256TestKey:
    """Signs ES256 with r ‖ s signatures."""

    __test__ = False
    scalar: int

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(self.scalar, ec.SECP256R1())

    @property
    def public(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    def sign(self, message: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(message, _DETERMINISTIC))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True)
class Ed25519TestKey:
    """Signs checkpoints."""

    __test__ = False
    seed: bytes

    @property
    def public(self) -> bytes:
        return self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    @property
    def _key(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(self.seed)


def fixed_bytes(name: str, length: int = 32) -> bytes:
    """Bytes that stand for random ones: SHAKE-256("heqi test: " ‖ name)."""
    return hashlib.shake_256(b"heqi test: " + name.encode()).digest(length)


@cache
def p256(name: str) -> P256TestKey:
    return P256TestKey(int.from_bytes(fixed_bytes(f"key {name}", 48), "big") % (P256_ORDER - 1) + 1)


def derived(wallet: P256TestKey, info: bytes, name: str) -> P256TestKey:
    """A one-time key of a wallet, by the formula in `docs/formats/ledger.md` and not by the wallet's code."""
    secret = wallet.scalar.to_bytes(32, "big")
    material = HKDF(hashes.SHA256(), 48, salt=name.encode(), info=info).derive(secret)
    return P256TestKey(int.from_bytes(material, "big") % (P256_ORDER - 1) + 1)


@cache
def log_key(name: str) -> Ed25519TestKey:
    return Ed25519TestKey(fixed_bytes(f"key {name}"))


def sealing_public(name: str) -> bytes:
    private = x25519.X25519PrivateKey.from_private_bytes(fixed_bytes(f"key {name}"))
    return private.public_key().public_bytes_raw()


def mirror(signature: bytes) -> bytes:
    """The other valid ES256 signature that anybody can make of one: s becomes n - s."""
    return signature[:32] + (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")
