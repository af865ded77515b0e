"""A wallet's backup: the whole folder, for whoever has the passphrase, and for nobody else."""

from pathlib import Path

import pytest
from joserfc import jwe
from joserfc.jwk import OctKey

from node.errors import ConfigError
from node.wallet.backup import open_backup, restore_folder, seal_folder

SECRET = b"a long passphrase"
FILES = {"wallet.json": b'{"home":"a"}', "key.pem": b"\x00\xff", "grants/ab.jwt": b"x.y.z\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "wallet"
    for name, content in FILES.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return folder


def test_everything_is_there_again_and_only_for_its_owner(folder: Path, tmp_path: Path) -> None:
    raw = seal_folder(folder, SECRET)
    assert all(content.strip() not in raw for content in FILES.values() if len(content) > 2)
    new = tmp_path / "new"
    assert restore_folder(raw, SECRET, new) == len(FILES)
    assert {str(one.relative_to(new)): one.read_bytes() for one in new.rglob("*") if one.is_file()} == FILES
    assert {one.stat().st_mode & 0o077 for one in (new, *new.rglob("*"))} == {0}
    with pytest.raises(ConfigError):
        restore_folder(raw, SECRET, new)


def test_a_wrong_passphrase_or_a_changed_byte_opens_nothing(folder: Path) -> None:
    raw = seal_folder(folder, SECRET)
    with pytest.raises(ConfigError):
        open_backup(raw, b"another passphrase")
    for place in (10, len(raw) // 2, len(raw) - 2):
        changed = raw[:place] + (b"A" if raw[place : place + 1] != b"A" else b"B") + raw[place + 1 :]
        with pytest.raises(ConfigError):
            open_backup(changed, SECRET)
    for nothing in (b"", b"no backup", b"a.b.c.d.e"):
        with pytest.raises(ConfigError):
            open_backup(nothing, SECRET)


@pytest.mark.parametrize(
    "name", ["../key.pem", "/etc/passwd", "a/b/c", "grants/../key.pem", ".ssh/x", "grants/.."]
)
def test_a_backup_cannot_write_elsewhere(name: str, tmp_path: Path) -> None:
    header = {"alg": "PBES2-HS512+A256KW", "enc": "A256GCM", "p2c": 1000}
    content = b'{"wallet.json":"e30","%s":"AA"}' % name.encode()
    raw = jwe.encrypt_compact(
        header, content, OctKey.import_key(SECRET), algorithms=list(header.values())[:2]
    )
    with pytest.raises(ConfigError):
        restore_folder(raw.encode(), SECRET, tmp_path / "new")
    assert not (tmp_path / "new").exists()
