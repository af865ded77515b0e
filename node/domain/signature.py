"""Checking signatures: P-256 (ES256) for identities and wallets, Ed25519 for logs.

Public keys travel as raw bytes, 64 (x ‖ y) for P-256 and 32 for Ed25519; signatures have 64 bytes, r ‖ s for
P-256 over SHA-256 of the message. Source: FIPS 186-5; RFC 7518 3.4 for r ‖ s.
"""

from collections.abc import Callable
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from node.errors import CodeFormatError, SignatureError

Sign = Callable[[bytes], bytes]
"""Message → 64-byte signature, by a key that the callee holds."""

P256_KEY_BYTES = 64
SIGNATURE_BYTES = 64
_ES256 = ec.ECDSA(hashes.SHA256())


@lru_cache(maxsize=4096)
def p256_key(raw: bytes) -> ec.EllipticCurvePublicKey:
    """The key for 64 raw bytes.

    Raises:
        CodeFormatError: wrong length, or no point of the curve.
    """
    if len(raw) != P256_KEY_BYTES:
        raise CodeFormatError("a P-256 public key has 64 bytes, x and y")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), b"\x04" + raw)
    except ValueError as error:
        raise CodeFormatError("the P-256 public key is not a point of the curve") from error


def p256_bytes(key: ec.EllipticCurvePublicKey) -> bytes:
    """64 raw bytes, x ‖ y, of a P-256 key."""
    numbers = key.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def verify_p256(raw_key: bytes, message: bytes, signature: bytes) -> None:
    """Check an ES256 signature.

    Raises:
        SignatureError: it is not by this key over this message.
        CodeFormatError: the key is malformed.
    """
    key = p256_key(raw_key)
    if len(signature) != SIGNATURE_BYTES:
        raise SignatureError("an ES256 signature has 64 bytes, r and s")
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    try:
        key.verify(encode_dss_signature(r, s), message, _ES256)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature is not by this key over this content") from error


def verify_ed25519(raw_key: bytes, message: bytes, signature: bytes) -> None:
    """Check an Ed25519 signature.

    Raises:
        SignatureError: it is not by this key over this message, or key or signature is malformed.
    """
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(raw_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureError("the signature is not by this log key over this content") from error
