"""ERC-7913 signers as `SignedMoves.sol`, `ES256Verifier.sol` and `WebAuthnVerifier.sol` judge them.

Source: OpenZeppelin's `SignatureChecker` and `ECDSA` for 20-byte signers; RFC 7518 3.4 for ES256.
"""

import hashlib

from coincurve import PublicKey
from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_hash.auto import keccak

from adapters.ledger.memory.book import BookRules
from adapters.ledger.p256 import is_p256_signature
from node.domain.encoding import to_base64url

_ADDRESS_BYTES = 20
_MAX_KEY_BYTES = 128
_ASSERTION = ("bytes32", "bytes32", "uint256", "uint256", "bytes", "string")
_HALF_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
_HALF_SECP256K1_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0


def is_well_formed(signer: bytes, book: BookRules) -> bool:
    """Whether the signer is an address without code, or an accepted verifier followed by a key."""
    if not _ADDRESS_BYTES <= len(signer) <= _ADDRESS_BYTES + _MAX_KEY_BYTES:
        return False
    location = signer[:_ADDRESS_BYTES]
    if len(signer) > _ADDRESS_BYTES:
        return book.is_verifier(location)
    return any(location) and not book.has_code(location)


def is_signed(signer: bytes, digest: bytes, signature: bytes, book: BookRules) -> bool:
    """Whether a well-formed signer signed the 32-byte digest."""
    if len(signer) == _ADDRESS_BYTES:
        return _recover(digest, signature) == signer
    key = signer[_ADDRESS_BYTES:]
    if book.is_of_passkeys(signer[:_ADDRESS_BYTES]):
        return len(key) == 64 and _is_assertion(key, digest, signature)
    if len(key) != 64 or len(signature) != 64:
        return False
    return is_p256_signature(hashlib.sha256(digest).digest() + signature + key)


def _is_assertion(key: bytes, challenge: bytes, signature: bytes) -> bool:
    """As `WebAuthn.sol`: it takes any client data that hold type and challenge where the signature says."""
    try:
        r, s, challenge_index, type_index, data, client_text = decode(_ASSERTION, signature, strict=False)
    except (DecodingError, ValueError, OverflowError):
        return False
    client = client_text.encode("utf-8")
    expected = f'"challenge":"{to_base64url(challenge)}"'.encode()
    if len(data) < 37 or not client[type_index:].startswith(b'"type":"webauthn.get"'):
        return False
    flags = data[32]
    is_verified = flags & 0b101 == 0b101 and (flags & 0b1000 or not flags & 0b10000)
    if not client[challenge_index:].startswith(expected) or not is_verified:
        return False
    if int.from_bytes(s, "big") > _HALF_P256_ORDER:
        return False
    signed = hashlib.sha256(data + hashlib.sha256(client).digest()).digest()
    return is_p256_signature(signed + r + s + key)


def _recover(digest: bytes, signature: bytes) -> bytes | None:
    """The address whose key made r ‖ s ‖ v; only s in the lower half and v of 27 or 28."""
    if len(signature) != 65 or signature[64] not in (27, 28):
        return None
    if int.from_bytes(signature[32:64], "big") > _HALF_SECP256K1_ORDER:
        return None
    try:
        key = PublicKey.from_signature_and_message(
            signature[:64] + bytes([signature[64] - 27]), digest, hasher=None
        )
    except Exception:  # noqa: BLE001  coincurve raises bare Exception for what is no signature
        return None
    return keccak(key.format(compressed=False)[1:])[12:]
