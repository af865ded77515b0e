"""The organisation's seal beside a node's keys: encrypted, of one certificate, and never half replaced."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from adapters.crypto import trial_ca
from adapters.crypto.keys import create_keys, load_keys
from adapters.crypto.organisation_seal import CHAIN_FILE, KEY_FILE, read_seal, write_seal
from node.errors import ConfigError
from tests.support.world_bidder import Authority, credit_code

PASSPHRASE = b"of a trial node, which guards nothing"
ROOT = Authority().root


def issued(number: int = 900, *, rsa_bits: int = 0) -> trial_ca.TrialCertificate:
    return trial_ca.issue(ROOT, "虚构银行股份有限公司", credit_code(number), rsa_bits=rsa_bits)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys", PASSPHRASE)
    return tmp_path / "keys"


@pytest.mark.parametrize("rsa_bits", [0, 2048])
def test_a_seal_lies_encrypted_beside_the_keys_and_is_found_by_a_running_node(
    folder: Path, rsa_bits: int
) -> None:
    keys = load_keys(folder, PASSPHRASE)
    assert keys.organisation_seal() is None
    one = issued(rsa_bits=rsa_bits)
    assert write_seal(folder, PASSPHRASE, one.key, "", one.certificate_pem + ROOT.certificate_pem) == one.der
    held = keys.organisation_seal()
    assert held is not None
    assert held.chain == (one.der, ROOT.der)
    assert held.open_key().public_key() == one.key.public_key()
    assert (folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    with pytest.raises(TypeError, match="encrypted"):
        load_pem_private_key((folder / KEY_FILE).read_bytes(), None)
    assert load_keys(folder, PASSPHRASE).list() == keys.list(), "and is none of the node's own keys"


def test_a_renewed_certificate_takes_the_place_of_the_one_before(folder: Path) -> None:
    for number in (900, 901):
        one = issued(number)
        write_seal(folder, PASSPHRASE, one.key, "", one.certificate_pem)
        held = read_seal(folder, PASSPHRASE)
        assert held is not None
        assert held.chain == (one.der,)
        held.open_key()


def test_a_key_and_a_certificate_that_do_not_belong_together_are_refused(folder: Path) -> None:
    one, other = issued(), issued()
    weak = ec.generate_private_key(ec.SECP256K1())
    for key, chain in (
        (other.key, one.certificate_pem),
        (weak, one.certificate_pem),
        (None, one.certificate_pem),
        (one.key, b"no certificate"),
        (one.key, one.certificate_pem * 6),
    ):
        with pytest.raises(ConfigError):
            write_seal(folder, PASSPHRASE, key, "", chain)
    assert read_seal(folder, PASSPHRASE) is None
    write_seal(folder, PASSPHRASE, one.key, "", one.certificate_pem)
    (folder / CHAIN_FILE).write_bytes(other.certificate_pem)
    held = read_seal(folder, PASSPHRASE)
    assert held is not None
    with pytest.raises(ConfigError, match="not that of the seal's key"):
        held.open_key()
