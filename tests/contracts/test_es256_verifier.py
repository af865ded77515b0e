"""ES256Verifier: signatures as WebCrypto and JWS libraries make them, with the precompile and without."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from eth_utils import function_signature_to_4byte_selector, keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contracts.signers import P256_ORDER, ES256Signer, mirror
from tests.support.evm import Contract, Evm

VALID = function_signature_to_4byte_selector("verify(bytes,bytes32,bytes)")
INVALID = b"\xff" * 4
MESSAGE = keccak(text="message")
ZERO, ORDER = bytes(32), P256_ORDER.to_bytes(32, "big")
FIELD = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF

Verifier = tuple[Evm, Contract]


@pytest.fixture(scope="module", params=[True, False], ids=["precompile", "solidity"])
def verifier(request: pytest.FixtureRequest) -> Verifier:
    evm = Evm(precompile=request.param)
    return evm, evm.deploy("ES256Verifier", sender=evm.account())


@pytest.fixture
def signer() -> ES256Signer:
    return ES256Signer(b"", ec.generate_private_key(ec.SECP256R1()))


def verify(verifier: Verifier, key: bytes, message: bytes, signature: bytes) -> bytes:
    evm, contract = verifier
    return evm.call(contract, "verify", key, message, signature)


def test_a_true_signature_is_valid(verifier: Verifier, signer: ES256Signer) -> None:
    assert verify(verifier, signer.public, MESSAGE, signer.sign(MESSAGE)) == VALID


def test_high_s_signature_is_accepted_as_the_same(verifier: Verifier, signer: ES256Signer) -> None:
    signature = signer.sign(MESSAGE)
    assert verify(verifier, signer.public, MESSAGE, mirror(signature)) == VALID


def test_another_message_or_key_is_invalid(verifier: Verifier, signer: ES256Signer) -> None:
    other = ES256Signer(b"", ec.generate_private_key(ec.SECP256R1()))
    signature = signer.sign(MESSAGE)
    assert verify(verifier, signer.public, keccak(MESSAGE), signature) == INVALID
    assert verify(verifier, other.public, MESSAGE, signature) == INVALID


def test_a_signature_over_the_bare_digest_is_invalid(verifier: Verifier, signer: ES256Signer) -> None:
    r, s = decode_dss_signature(signer.key.sign(MESSAGE, ec.ECDSA(Prehashed(hashes.SHA256()))))
    assert verify(verifier, signer.public, MESSAGE, r.to_bytes(32, "big") + s.to_bytes(32, "big")) == INVALID


@pytest.mark.parametrize("length", [0, 20, 32, 63, 65, 128])
def test_wrong_lengths_are_invalid(verifier: Verifier, signer: ES256Signer, length: int) -> None:
    signature = signer.sign(MESSAGE)
    assert verify(verifier, signer.public.ljust(length, b"\0")[:length], MESSAGE, signature) == INVALID
    assert verify(verifier, signer.public, MESSAGE, signature.ljust(length, b"\0")[:length]) == INVALID


@pytest.mark.parametrize(
    "scalar", [ZERO, ORDER, (P256_ORDER + 1).to_bytes(32, "big"), b"\xff" * 32], ids=bytes.hex
)
def test_r_and_s_out_of_range_are_invalid(verifier: Verifier, signer: ES256Signer, scalar: bytes) -> None:
    signature = signer.sign(MESSAGE)
    for forged in (scalar + signature[32:], signature[:32] + scalar, scalar * 2):
        assert verify(verifier, signer.public, MESSAGE, forged) == INVALID


def test_s_beyond_the_order_is_not_reduced(verifier: Verifier) -> None:
    """s and s + n are the same number modulo n. Made for s = 1, because n + 1 still fits into 32 bytes."""
    nonce = 7
    r = ec.derive_private_key(nonce, ec.SECP256R1()).public_key().public_numbers().x
    digest = int.from_bytes(sha256(MESSAGE).digest(), "big")
    secret = (nonce - digest) * pow(r, -1, P256_ORDER) % P256_ORDER
    key = ES256Signer(b"", ec.derive_private_key(secret, ec.SECP256R1())).public
    for s, verdict in ((1, VALID), (P256_ORDER - 1, VALID), (P256_ORDER + 1, INVALID)):
        assert verify(verifier, key, MESSAGE, r.to_bytes(32, "big") + s.to_bytes(32, "big")) == verdict


def test_points_off_the_curve_are_invalid(verifier: Verifier, signer: ES256Signer) -> None:
    x, y = signer.public[:32], signer.public[32:]
    beyond = FIELD.to_bytes(32, "big")
    for point in (bytes(64), x + ZERO, ZERO + y, y + x, x + beyond, beyond + y, b"\xff" * 64, x + x):
        assert verify(verifier, point, MESSAGE, signer.sign(MESSAGE)) == INVALID


@settings(max_examples=30, deadline=None)
@given(bit=st.integers(0, 64 * 8 * 2 + 32 * 8 - 1), secret=st.integers(1, P256_ORDER - 1))
def test_any_flipped_bit_is_invalid(verifier: Verifier, bit: int, secret: int) -> None:
    signer = ES256Signer(b"", ec.derive_private_key(secret, ec.SECP256R1()))
    parts = bytearray(signer.public + MESSAGE + signer.sign(MESSAGE))
    parts[bit // 8] ^= 1 << bit % 8
    assert verify(verifier, bytes(parts[:64]), bytes(parts[64:96]), bytes(parts[96:])) == INVALID
