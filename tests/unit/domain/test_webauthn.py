"""Passkeys' signatures: the bytes that browsers and authenticators make, and nothing else."""

import contextlib
import hashlib
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from fido2.cose import ES256
from fido2.server import Fido2Server
from fido2.webauthn import (
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorAssertionResponse,
    AuthenticatorData,
    CollectedClientData,
    PublicKeyCredentialRpEntity,
    UserVerificationRequirement,
)
from hypothesis import given
from hypothesis import strategies as st

from node.domain.signature import p256_key
from node.domain.webauthn import Assertion, decode_assertion, encode_assertion, verify_assertion
from node.errors import SignatureError
from node.wallet.keyfile import new_wallet_key
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import TrialAuthenticator

KEY = new_wallet_key()
HOST = "wallet.example"
PASSKEY = Passkey(TrialAuthenticator(KEY, HOST))
CHALLENGE = hashlib.sha256(b"challenge").digest()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
HONEST = PASSKEY.authenticator.get_assertion(CHALLENGE)


def signed(data: bytes, client: bytes) -> bytes:
    """By the true key over whatever it is given, as the ledger's verifier takes it."""
    raw = KEY.sign(data + hashlib.sha256(client).digest())
    s = int.from_bytes(raw[32:], "big")
    return encode_assertion(Assertion(data, client, raw[:32] + min(s, ORDER - s).to_bytes(32, "big")))


def check(raw: bytes) -> None:
    verify_assertion(KEY.public_key, CHALLENGE, raw)


def client(**changes: str) -> bytes:
    parts = {"type": "webauthn.get", "origin": f"https://{HOST}"} | changes
    return bytes(CollectedClientData.create(parts["type"], CHALLENGE, parts["origin"]))


def test_an_honest_assertion_passes() -> None:
    check(PASSKEY.sign_digest(CHALLENGE))
    check(signed(HONEST.authenticator_data, HONEST.client_data))


def test_a_foreign_server_takes_the_same_assertion() -> None:
    """Yubico's relying party is the oracle: what the trial authenticator makes is what browsers make."""
    server = Fido2Server(PublicKeyCredentialRpEntity(id=HOST, name="Heqi"))
    cose = ES256.from_cryptography_key(p256_key(KEY.public_key))
    credential = AttestedCredentialData.create(bytes(16), b"credential", cose)
    _, state = server.authenticate_begin(
        [credential], user_verification=UserVerificationRequirement.REQUIRED, challenge=CHALLENGE
    )
    r, s = (int.from_bytes(half, "big") for half in (HONEST.signature[:32], HONEST.signature[32:]))
    answer = AuthenticatorAssertionResponse(
        client_data=CollectedClientData(HONEST.client_data),
        authenticator_data=AuthenticatorData(HONEST.authenticator_data),
        signature=encode_dss_signature(r, s),
    )
    response = AuthenticationResponse(raw_id=b"credential", response=answer)
    assert server.authenticate_complete(state, [credential], response) == credential


@pytest.mark.parametrize(
    "false",
    [
        client(type="webauthn.create"),
        client(origin="http://wallet.example"),
        client(origin="https://evil.wallet.example"),
        client(origin="https://wallet.example:8443"),
        client(origin="https://wallet.example/"),
        client(origin="https://phish.example"),
        bytes(CollectedClientData.create("webauthn.get", bytes(32), f"https://{HOST}")),
        HONEST.client_data.replace(b'"crossOrigin":false', b'"crossOrigin":true'),
        HONEST.client_data.replace(b'","origin"', b'", "origin"'),
        b'{"a":1,' + HONEST.client_data[1:],
        HONEST.client_data[:-1] + b',"origin":"https://phish.example"}',
        HONEST.client_data[:-1],
        b"[]",
        b"\xf0\x9f\x98\x80",
    ],
)
def test_client_data_that_no_honest_page_makes_are_refused(false: bytes) -> None:
    with pytest.raises(SignatureError):
        check(signed(HONEST.authenticator_data, false))


@pytest.mark.parametrize("flags", [0x00, 0x01, 0x04, 0x15, 0x45, 0x85])
def test_without_a_verified_user_or_with_odd_data_it_is_refused(flags: int) -> None:
    data = HONEST.authenticator_data[:32] + bytes([flags]) + bytes(4)
    with pytest.raises(SignatureError):
        check(signed(data, HONEST.client_data))


def test_a_synced_passkey_passes() -> None:
    check(signed(HONEST.authenticator_data[:32] + bytes([0x1D]) + bytes(4), HONEST.client_data))


def test_another_relying_party_is_refused() -> None:
    data = hashlib.sha256(b"phish.example").digest() + HONEST.authenticator_data[32:]
    with pytest.raises(SignatureError):
        check(signed(data, HONEST.client_data))


def test_there_is_one_encoding() -> None:
    raw = PASSKEY.sign_digest(CHALLENGE)
    r, s = raw[:32], int.from_bytes(raw[32:64], "big")
    for other in (
        raw + bytes(32),
        raw[:-32],
        r + (ORDER - s).to_bytes(32, "big") + raw[64:],
        raw[:64] + (24).to_bytes(32, "big") + raw[96:],
        raw[:96] + (2).to_bytes(32, "big") + raw[128:],
        raw[:-1] + b"\x01",
    ):
        with pytest.raises(SignatureError):
            check(other)


@given(st.binary(max_size=700))
def test_whatever_comes_is_an_assertion_or_refused(raw: bytes) -> None:
    with contextlib.suppress(SignatureError):
        assert encode_assertion(decode_assertion(raw)) == raw


@given(st.integers(0, len(PASSKEY.sign_digest(CHALLENGE)) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(place: int, difference: int) -> None:
    raw = bytearray(PASSKEY.sign_digest(CHALLENGE))
    raw[place] ^= difference
    with pytest.raises(SignatureError):
        check(bytes(raw))


def test_parts_survive_encoding() -> None:
    assert decode_assertion(encode_assertion(HONEST)) == HONEST
    assert replace(HONEST, signature=bytes(64)) != HONEST
