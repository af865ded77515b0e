import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st

from node.domain.signature import p256_bytes, p256_key, verify_ed25519, verify_p256
from node.errors import CodeFormatError, NodeError, SignatureError
from tests.vectors.keys import P256_ORDER, log_key, mirror, p256

KEY, LOG_KEY, MESSAGE = p256("signer"), log_key("signer"), b"message"
SIGNATURE = KEY.sign(MESSAGE)
# RFC 8032 5.1.7: the scalar must be below the order, or every signature has a second one.
ED25519_ORDER = 2**252 + 27742317777372353535851937790883648493


def test_p256_signature_of_its_key_passes():
    verify_p256(KEY.public, MESSAGE, SIGNATURE)
    assert p256_bytes(p256_key(KEY.public)) == KEY.public


def test_mirrored_p256_signature_passes_too():
    # So nothing may be told apart by its signature: documents are known by their signing input.
    assert mirror(SIGNATURE) != SIGNATURE
    verify_p256(KEY.public, MESSAGE, mirror(SIGNATURE))


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        SIGNATURE[:-1],
        SIGNATURE + b"\0",
        bytes(64),
        b"\xff" * 64,
        bytes(32) + SIGNATURE[32:],
        SIGNATURE[:32] + bytes(32),
        SIGNATURE[:32] + P256_ORDER.to_bytes(32, "big"),
        SIGNATURE[32:] + SIGNATURE[:32],
        KEY.key.sign(MESSAGE, ec.ECDSA(hashes.SHA256(), deterministic_signing=True)),
    ],
)
def test_malformed_p256_signature_is_refused(signature):
    with pytest.raises(SignatureError):
        verify_p256(KEY.public, MESSAGE, signature)


def test_p256_signature_of_another_message_or_key_is_refused():
    with pytest.raises(SignatureError):
        verify_p256(KEY.public, MESSAGE + b" ", SIGNATURE)
    with pytest.raises(SignatureError):
        verify_p256(p256("other").public, MESSAGE, SIGNATURE)


@pytest.mark.parametrize(
    "raw", [b"", bytes(64), KEY.public[:-1], KEY.public + b"\0", b"\x04" + KEY.public, KEY.public[32:] * 2]
)
def test_malformed_p256_key_is_refused(raw):
    with pytest.raises(CodeFormatError):
        verify_p256(raw, MESSAGE, SIGNATURE)


@given(st.binary(min_size=64, max_size=64), st.binary(max_size=70))
def test_any_key_and_signature_are_refused_by_a_node_error(key, signature):
    with pytest.raises(NodeError):
        verify_p256(key, MESSAGE, signature)
    with pytest.raises(SignatureError):
        verify_ed25519(key[:32], MESSAGE, signature)


def test_ed25519_signature_of_its_key_passes_and_no_other():
    signature = LOG_KEY.sign(MESSAGE)
    verify_ed25519(LOG_KEY.public, MESSAGE, signature)
    shifted = (int.from_bytes(signature[32:], "little") + ED25519_ORDER).to_bytes(32, "little")
    for wrong in (b"", signature[:-1], signature + b"\0", bytes(64), signature[:32] + shifted):
        with pytest.raises(SignatureError):
            verify_ed25519(LOG_KEY.public, MESSAGE, wrong)
    with pytest.raises(SignatureError):
        verify_ed25519(LOG_KEY.public, MESSAGE + b" ", signature)


@pytest.mark.parametrize("raw", [b"", bytes(31), bytes(33)])
def test_malformed_ed25519_key_is_refused(raw):
    with pytest.raises(SignatureError):
        verify_ed25519(raw, MESSAGE, LOG_KEY.sign(MESSAGE))


def test_key_of_another_curve_has_other_bytes():
    foreign = ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    with pytest.raises(CodeFormatError):
        p256_key(foreign)
