"""Sealing to an opening: one random key encrypts a file, and its shares are each for one holder.

Keys come from outside. Shamir's sharing over GF(2^128) is pycryptodome's, HPKE (RFC 9180) and AES-GCM are
`cryptography`'s (docs/formats/sealed.md, docs/adr/0042). A share is its place, one byte from 1, and 16 bytes.
"""

import hashlib
from collections.abc import Mapping

from Crypto.Protocol.SecretSharing import Shamir
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from node.errors import VerificationError

KEY_BYTES = 16
"""Of an opening key; AES has 256 bits of what is derived from it."""
SHARE_BYTES = 1 + KEY_BYTES
NONCE_BYTES = 12
PADDING_BYTES = 16 * 1024
"""Content is filled up to a multiple: a file's length says nothing about its terms."""

_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_SHARE_TAG = b"heqi.share.v1\0"
_COMMITMENT_TAG = b"heqi.share-commitment.v1\0"
_CONTENT_TAG = b"heqi.sealed-content.v1\0"
_LENGTH_BYTES = 4


def holder_public_key(private: bytes) -> bytes:
    """The X25519 public key, 32 bytes, of 32 random ones."""
    return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()


def split_key(key: bytes, threshold: int, count: int) -> list[bytes]:
    """Shares of an opening key in the order of their places; any `threshold` give it back, fewer say nothing.

    Shamir's polynomial is drawn from the operating system.
    """
    return [bytes([place]) + value for place, value in Shamir.split(threshold, count, key, ssss=False)]


def join_shares(shares: Mapping[int, bytes], threshold: int) -> bytes:
    """The opening key, of the first `threshold` shares by place; another one if a share is not what was dealt.

    Args:
        shares: by place, `SHARE_BYTES` each.
        threshold: how many are needed.

    Raises:
        VerificationError: there are too few, or one is no share, or says another place.
    """
    places = sorted(shares)[:threshold]
    if len(places) < threshold or not all(_is_share(shares[place], place) for place in places):
        raise VerificationError("these are not enough shares of one key")
    key: bytes = Shamir.combine([(place, shares[place][1:]) for place in places], ssss=False)
    return key


def _is_share(share: bytes, place: int) -> bool:
    # Whoever deals can commit to anything, also to nothing at all.
    return len(share) == SHARE_BYTES and share[0] == place


def share_commitment(opening: bytes, holder: str, share: bytes) -> bytes:
    """What the sealed file says of a share, 32 bytes: who gives another one is known by it."""
    return hashlib.sha256(_COMMITMENT_TAG + opening + holder.encode() + b"\0" + share).digest()


def seal_share(key: bytes, share: bytes, info: bytes) -> bytes:
    """Encrypt a share to its holder's key for one opening, 32 bytes."""
    return _SUITE.encrypt(share, X25519PublicKey.from_public_bytes(key), info=info)


def open_share(private: bytes, sealed: bytes, info: bytes) -> bytes:
    """Decrypt a share.

    Raises:
        VerificationError: it was not sealed to this key for this opening, or it is none.
    """
    try:
        share = _SUITE.decrypt(sealed, X25519PrivateKey.from_private_bytes(private), info=info)
    except (InvalidTag, ValueError) as error:
        raise VerificationError("this share was not sealed to this holder for this opening") from error
    if len(share) != SHARE_BYTES:
        raise VerificationError("this is no share")
    return share


def share_info(alliance: bytes, opening: bytes, holder: str) -> bytes:
    """What binds a sealed share to one opening and holder: HPKE's `info`."""
    return _SHARE_TAG + alliance + opening + holder.encode()


def encrypt_content(key: bytes, nonce: bytes, content: bytes, opening: bytes) -> bytes:
    """Pad and encrypt; nonce ‖ ciphertext. A key is for one file, and the nonce is random all the same."""
    framed = len(content).to_bytes(_LENGTH_BYTES, "big") + content
    padded = framed + bytes(-len(framed) % PADDING_BYTES)
    return nonce + AESGCM(_content_key(key, opening)).encrypt(nonce, padded, opening)


def decrypt_content(key: bytes, sealed: bytes, opening: bytes) -> bytes:
    """The inverse of `encrypt_content`.

    Raises:
        VerificationError: not under this key, or altered.
    """
    nonce, ciphertext = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
    try:
        padded = AESGCM(_content_key(key, opening)).decrypt(nonce, ciphertext, opening)
    except (InvalidTag, ValueError) as error:
        raise VerificationError("the opening key does not fit the sealed file") from error
    length = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    content, rest = padded[_LENGTH_BYTES : _LENGTH_BYTES + length], padded[_LENGTH_BYTES + length :]
    if len(content) != length or any(rest) or len(padded) % PADDING_BYTES:
        raise VerificationError("the sealed file's content is malformed")
    return content


def _content_key(key: bytes, opening: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=opening, info=_CONTENT_TAG).derive(key)
