"""The signing keys, on every holder: encrypted files, a PKCS #11 token, an SSH agent."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
import rlp
from coincurve import PublicKey
from eth_account import Account as EthAccount
from eth_hash.auto import keccak
from eth_utils import to_checksum_address

from adapters.crypto.key_folder import KeyFolder
from adapters.crypto.leaves import issue_leaf
from adapters.crypto.signers import AccountSigner
from adapters.ledger.memory.book import BookRules
from adapters.ledger.memory.signers import is_signed
from adapters.ledger.signing import sign_free
from node.domain.keys import KeyKind
from node.domain.signature import verify_ed25519, verify_p256
from node.errors import ConfigError, KeyHolderError
from node.wire.tls import is_issued_by
from tests.support.key_holders import Agent, Token, running_agent

PASSPHRASE = b"correct horse battery staple"
HOLDERS = {
    KeyKind.ACCOUNT: ("file", "pkcs11"),
    KeyKind.IDENTITY: ("file", "pkcs11", "ssh-agent"),
    KeyKind.LOG: ("file", "pkcs11", "ssh-agent"),
}

Make = Callable[[KeyKind, str], object]


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Token:
    return Token(tmp_path_factory.mktemp("token"))


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with running_agent(tmp_path_factory.mktemp("agents") / "agent") as running:
        yield running


@pytest.fixture
def make(tmp_path: Path, request: pytest.FixtureRequest) -> Make:
    """A key with a holder, as a node opens it after a restart."""

    def make_key(kind: KeyKind, holder: str) -> object:
        folder = KeyFolder(tmp_path / "keys", PASSPHRASE)
        folder.create()
        uri = "" if holder == "file" else request.getfixturevalue(_FIXTURES[holder]).add(kind)
        made = folder.add(kind, 2, uri)
        found = KeyFolder(tmp_path / "keys", PASSPHRASE).read()[kind][2]
        assert found.holder == made.holder == holder
        return found.held

    return make_key


_FIXTURES = {"pkcs11": "token", "ssh-agent": "agent"}


@pytest.mark.parametrize("holder", HOLDERS[KeyKind.IDENTITY])
def test_an_identity_key_signs_documents_and_leaves(make: Make, holder: str) -> None:
    signer = make(KeyKind.IDENTITY, holder)
    for message in (b"", b"a document", bytes(70_000)):
        verify_p256(signer.public_key, message, signer.sign(message))
    leaf = issue_leaf("centre-a", signer.key, time.time())
    assert is_issued_by(leaf.certificate_pem, signer.public_key)


@pytest.mark.parametrize("holder", HOLDERS[KeyKind.LOG])
def test_a_log_key_signs_checkpoints(make: Make, holder: str) -> None:
    signer = make(KeyKind.LOG, holder)
    for message in (b"", b"a checkpoint", bytes(70_000)):
        verify_ed25519(signer.public_key, message, signer.sign(message))


@pytest.mark.parametrize("holder", HOLDERS[KeyKind.ACCOUNT])
def test_an_account_signs_what_the_ledger_takes(make: Make, holder: str) -> None:
    account = make(KeyKind.ACCOUNT, holder)
    book = Mock(spec=BookRules)  # knows whose keys are passkeys; an account is none
    for number in range(8):  # half of all raw signatures have s in the upper half
        message = b"%d" % number
        assert is_signed(account.address, keccak(message), account.sign(message), book)
    signed = sign_free(account, 1337, 7, to=b"\x01" * 20, data=b"data", gas=21_000)
    assert EthAccount.recover_transaction(signed.raw) == to_checksum_address(account.address)


def test_transactions_are_byte_for_byte_those_of_eth_account() -> None:
    secret = b"\x11" * 32
    signed = sign_free(AccountSigner(secret), 1337, 300, to=b"", data=b"\x60" * 90, gas=5_000_000)
    fields = {"type": 2, "chainId": 1337, "nonce": 300, "to": b"", "data": b"\x60" * 90, "value": 0}
    fields |= {"gas": 5_000_000, "maxFeePerGas": 0, "maxPriorityFeePerGas": 0}
    theirs = EthAccount.from_key(secret).sign_transaction(fields)
    assert (signed.raw, signed.hash) == (bytes(theirs.raw_transaction), bytes(theirs.hash))
    assert rlp.decode(signed.raw[1:])[8] == []


def test_an_agent_that_goes_away_is_told_and_taken_up_again(make: Make, agent: Agent) -> None:
    signer = make(KeyKind.LOG, "ssh-agent")
    agent.stop()
    with pytest.raises(KeyHolderError, match="does not answer"):
        signer.sign(b"message")
    agent.start()
    verify_ed25519(signer.public_key, b"message", signer.sign(b"message"))


def test_a_token_that_lost_the_session_is_opened_again(make: Make) -> None:
    signer = make(KeyKind.LOG, "pkcs11")
    signer._key._session.close()
    verify_ed25519(signer.public_key, b"message", signer.sign(b"message"))


@pytest.mark.parametrize("kind", list(HOLDERS))
def test_a_key_of_another_kind_is_refused(kind: KeyKind, token: Token, agent: Agent, tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys", PASSPHRASE)
    folder.create()
    for holder in (token, agent):
        for other in {KeyKind.IDENTITY, KeyKind.LOG} - {kind}:
            with pytest.raises(ConfigError):
                folder.add(kind, 2, holder.add(other))
    assert not list((tmp_path / "keys").glob("*.2.*"))


def test_keys_that_no_holder_has_are_refused(token: Token, agent: Agent, tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys", PASSPHRASE)
    folder.create()
    token.add(KeyKind.LOG, "there")
    for uri in (
        token.uri("not-there"),
        token.uri("there", token="another"),
        token.uri("there").replace(str(token.module), "/nowhere/pkcs11.so"),
        f"ssh-agent:{agent.socket}?key=SHA256:{'A' * 43}",
        "ssh-agent:/nowhere.sock?key=SHA256:" + "A" * 43,
        "pkcs11:object=there",
        "ssh-agent:/x",
        "https://example/key",
    ):
        with pytest.raises(ConfigError):
            folder.add(KeyKind.LOG, 2, uri)
    for kind in (KeyKind.SEALING, KeyKind.DATA):
        with pytest.raises(ConfigError, match="cannot be held there"):
            folder.add(kind, 2, token.uri("there"))


def test_a_wrong_pin_and_a_pin_that_others_can_read_are_refused(token: Token, tmp_path: Path) -> None:
    folder = KeyFolder(tmp_path / "keys", PASSPHRASE)
    folder.create()
    uri = token.add(KeyKind.LOG)
    token.pin_file.chmod(0o644)
    try:
        with pytest.raises(ConfigError, match="readable by others"):
            folder.add(KeyKind.LOG, 2, uri)
    finally:
        token.pin_file.chmod(0o600)


def test_the_address_is_that_of_the_public_key() -> None:
    account = AccountSigner(b"\x22" * 32)
    signature = account.sign(b"message")
    raw = signature[:64] + bytes([signature[64] - 27])
    found = PublicKey.from_signature_and_message(raw, keccak(b"message"), hasher=None)
    assert keccak(found.format(compressed=False)[1:])[12:] == account.address
