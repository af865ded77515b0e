"""Keys at rest: encrypted, whole or absent, and open to nobody else."""

import os
import subprocess
from pathlib import Path

import pytest

from adapters.crypto.key_folder import KeyFolder
from adapters.crypto.keys import create_keys, load_keys
from adapters.crypto.sealing import seal_to
from node.domain.keys import KeyKind
from node.errors import ConfigError, SignatureError

PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys", PASSPHRASE)
    return tmp_path / "keys"


def test_no_private_key_is_readable_without_the_passphrase(folder: Path) -> None:
    keys = load_keys(folder, PASSPHRASE)
    content = b"".join(path.read_bytes() for path in folder.iterdir())
    assert b"BEGIN PRIVATE KEY" not in content
    assert content.count(b"BEGIN ENCRYPTED PRIVATE KEY") == 4
    for secret in (keys.index, *keys.data):
        assert secret not in content
        assert secret.hex().encode() not in content
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_a_wrong_passphrase_opens_nothing(folder: Path) -> None:
    with pytest.raises(ConfigError, match="wrong passphrase"):
        load_keys(folder, b"wrong horse battery staple")


def test_the_same_keys_come_back_and_which_is_present_too(folder: Path) -> None:
    keys = load_keys(folder, PASSPHRASE)
    keys.make(KeyKind.LOG)
    keys.make(KeyKind.ACCOUNT)
    assert keys.use(KeyKind.LOG, keys.newest(KeyKind.LOG))
    assert not keys.use(KeyKind.LOG, b"another key")
    again = load_keys(folder, PASSPHRASE)
    assert again.list() == keys.list()
    assert again.log.public_key == keys.newest(KeyKind.LOG)
    assert again.account.address == keys.account.address != keys.newest(KeyKind.ACCOUNT)
    (folder / "present.json").unlink()  # the ledger knows
    assert load_keys(folder, PASSPHRASE).log.public_key != again.log.public_key


def test_keys_are_never_overwritten(folder: Path) -> None:
    with pytest.raises(ConfigError, match="never overwritten"):
        create_keys(folder, PASSPHRASE)
    with pytest.raises(ConfigError, match="cannot write"):
        KeyFolder(folder, PASSPHRASE).add(KeyKind.LOG, 1)


def test_a_key_that_others_can_read_is_refused(folder: Path) -> None:
    (folder / "log.1.pem").chmod(0o640)
    with pytest.raises(ConfigError, match="readable by others"):
        load_keys(folder, PASSPHRASE)


def test_a_key_that_is_not_encrypted_is_refused(folder: Path) -> None:
    source = f"pass:{PASSPHRASE.decode()}"
    path = folder / "log.1.pem"
    plain = subprocess.run(
        ["openssl", "pkey", "-in", str(path), "-passin", source], check=True, capture_output=True
    ).stdout  # that openssl opens it is what the format promises
    path.write_bytes(plain)
    with pytest.raises(ConfigError, match="not encrypted"):
        load_keys(folder, PASSPHRASE)


@pytest.mark.parametrize("name", ["identity.1.pem", "data.1.jwe"])
@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"a.b.c.d.e", b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n"]
)
def test_damaged_files_are_told_by_name(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(ConfigError, match=name):
        load_keys(folder, PASSPHRASE)


def test_a_key_in_the_place_of_another_is_refused(folder: Path) -> None:
    os.replace(folder / "identity.1.pem", folder / "account.1.pem")
    with pytest.raises(ConfigError, match="another kind"):
        load_keys(folder, PASSPHRASE)


def test_missing_double_and_foreign_files_are_refused(folder: Path) -> None:
    (folder / "log.1.uri").write_text("ssh-agent:/x?key=SHA256:x")
    (folder / "log.1.uri").chmod(0o600)
    with pytest.raises(ConfigError):
        load_keys(folder, PASSPHRASE)
    (folder / "log.1.uri").unlink()
    (folder / "id_rsa").touch()
    with pytest.raises(ConfigError, match="id_rsa"):
        load_keys(folder, PASSPHRASE)
    (folder / "id_rsa").unlink()
    (folder / "log.1.pem").unlink()
    with pytest.raises(ConfigError, match="lacks the keys log"):
        load_keys(folder, PASSPHRASE)


def test_what_was_sealed_to_a_former_key_still_opens(folder: Path) -> None:
    keys = load_keys(folder, PASSPHRASE)
    old = seal_to(keys.sealing_public_key, b"terms", b"purpose")
    keys.make(KeyKind.SEALING)
    new = seal_to(keys.newest(KeyKind.SEALING), b"terms", b"purpose")
    for sealed in (old, new):
        assert load_keys(folder, PASSPHRASE).open_sealed(sealed, b"purpose") == b"terms"
        for false in (sealed[:-1], b"", bytes(100)):
            with pytest.raises(SignatureError):
                keys.open_sealed(false, b"purpose")
        with pytest.raises(SignatureError):
            keys.open_sealed(sealed, b"another purpose")
    keys.use(KeyKind.SEALING, keys.newest(KeyKind.SEALING))
    keys.forget(KeyKind.SEALING)
    with pytest.raises(SignatureError):
        load_keys(folder, PASSPHRASE).open_sealed(old, b"purpose")


def test_a_destroyed_data_key_is_gone_from_the_disk(folder: Path) -> None:
    keys = load_keys(folder, PASSPHRASE)
    keys.make(KeyKind.DATA)
    newest = keys.data[0]
    keys.forget(KeyKind.DATA)
    assert list(load_keys(folder, PASSPHRASE).data) == [newest]
    assert not (folder / "data.1.jwe").exists()


def test_the_index_key_stays(folder: Path) -> None:
    with pytest.raises(ConfigError, match="stays"):
        load_keys(folder, PASSPHRASE).make(KeyKind.INDEX)


def test_keys_do_not_slip_into_a_log(folder: Path) -> None:
    keys = load_keys(folder, PASSPHRASE)
    shown = repr(keys) + repr(keys.list()) + repr(keys.identity) + repr(keys._rings)
    assert keys.index.hex() not in shown
    assert repr(keys.index) not in shown
