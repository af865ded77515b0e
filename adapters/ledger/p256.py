"""The P-256 check as the EVM has it: a 160-byte input, yes or no. Source: EIP-7951."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

_INPUT_BYTES = 160
_SCHEME = ec.ECDSA(Prehashed(hashes.SHA256()))


def is_p256_signature(data: bytes) -> bool:
    """Whether `data` is hash ‖ r ‖ s ‖ x ‖ y, 32 bytes each, and the signature fits hash and key."""
    if len(data) != _INPUT_BYTES:
        return False
    r, s, x, y = (int.from_bytes(data[at : at + 32], "big") for at in (32, 64, 96, 128))
    try:
        key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
        key.verify(encode_dss_signature(r, s), data[:32], _SCHEME)
    except (InvalidSignature, ValueError):
        return False
    return True
