"""What is sealed to this member: HPKE (RFC 9180), base mode, X25519, HKDF-SHA256, AES-256-GCM."""

from collections.abc import Iterable

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from node.errors import SignatureError

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


def seal_to(public_key: bytes, content: bytes, info: bytes) -> bytes:
    """Encrypt to a member's sealing key (32 bytes); `info` says what it is for, and opens it too."""
    return _SUITE.encrypt(content, X25519PublicKey.from_public_bytes(public_key), info=info)


def open_sealed(keys: Iterable[X25519PrivateKey], sealed: bytes, info: bytes) -> bytes:
    """Decrypt by whichever key it was sealed to.

    Raises:
        SignatureError: it was sealed to none of them, for another purpose, or was altered.
    """
    for key in keys:
        try:
            return _SUITE.decrypt(sealed, key, info=info)
        except (InvalidTag, ValueError):
            continue
    raise SignatureError("this was not sealed to this member, or it was altered")
