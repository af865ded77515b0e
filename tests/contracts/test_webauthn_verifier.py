"""WebAuthnVerifier: the ledger takes what an authenticator signs, in the very bytes that documents carry."""

import dataclasses
import hashlib

import pytest

from node.domain.webauthn import Assertion, decode_assertion, encode_assertion
from node.wallet.keyfile import new_wallet_key
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import TrialAuthenticator
from tests.contracts.signers import typed_digest
from tests.contracts.world import World
from tests.support.evm import refused

HASH = hashlib.sha256(b"hash").digest()
YES, NO = "0x024ad318", "0xffffffff"


@pytest.fixture
def passkey() -> Passkey:
    return Passkey(TrialAuthenticator(new_wallet_key(), "wallet.example"))


def verify(world: World, passkey: Passkey, signature: bytes, digest: bytes = HASH) -> bytes:
    return world.view(world.webauthn, "verify", passkey.authenticator.public_key, digest, signature)


def test_an_assertion_over_the_hash_is_taken(world: World, passkey: Passkey) -> None:
    assert verify(world, passkey, passkey.sign_digest(HASH)).hex() == YES[2:]


def test_another_hash_key_or_byte_is_not_taken(world: World, passkey: Passkey) -> None:
    signature = passkey.sign_digest(HASH)
    stranger = Passkey(TrialAuthenticator(new_wallet_key(), "wallet.example"))
    assert verify(world, passkey, signature, bytes(32)).hex() == NO[2:]
    assert verify(world, stranger, signature).hex() == NO[2:]
    assert verify(world, passkey, b"").hex() == NO[2:]
    found = decode_assertion(signature)
    for changed in (
        dataclasses.replace(found, client_data=found.client_data.replace(b"wallet", b"phish!")),
        dataclasses.replace(found, authenticator_data=found.authenticator_data[:32] + b"\x01" + bytes(4)),
        dataclasses.replace(found, signature=bytes(64)),
    ):
        assert verify(world, passkey, encode_assertion(changed)).hex() == NO[2:]


def test_a_user_that_was_not_verified_signs_nothing(world: World) -> None:
    key = new_wallet_key()
    honest = TrialAuthenticator(key, "wallet.example").get_assertion(HASH)
    data = honest.authenticator_data[:32] + b"\x01" + bytes(4)
    signature = b""
    while not signature or int.from_bytes(signature[32:], "big") >> 255:
        signature = key.sign(data + hashlib.sha256(honest.client_data).digest())
    unverified = encode_assertion(Assertion(data, honest.client_data, signature))
    answer = world.view(world.webauthn, "verify", key.public_key, HASH, unverified)
    assert answer.hex() == NO[2:]


def test_a_passkey_is_a_controller_and_an_es256_signature_by_its_key_is_none(world: World) -> None:
    key = new_wallet_key()
    passkey = Passkey(TrialAuthenticator(key, "wallet.example"))
    signer = world.webauthn.address + key.public_key
    subject = world.send("hangzhou", world.subjects, "create", bytes(32), signer).returned
    fields = {"subject": "bytes32", "version": "uint64", "home": "bytes32"}
    message = {"subject": subject, "version": 2, "home": b"ningbo".ljust(32, b"\0")}
    digest = typed_digest(world.domain(world.subjects), "MoveSubject", fields, message)
    with refused("SubjectsWrongSignature", subject):
        world.send("ningbo", world.subjects, "move", subject, signer, key.sign(digest))
    with refused("SubjectsNotController", subject):
        es256 = world.es256.address + key.public_key
        world.send("ningbo", world.subjects, "move", subject, es256, key.sign(digest))
    world.send("ningbo", world.subjects, "move", subject, signer, passkey.sign_digest(digest))
    assert world.view(world.subjects, "subjectOf", subject)[0] == b"ningbo".ljust(32, b"\0")
