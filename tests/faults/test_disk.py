"""A disk that is full, read-only, or damaged, and folders that are not this node's: STORE, and nothing is lost."""

import os
import shutil

import pytest

from adapters.store.leveldb import LevelStore
from node.errors import StoreError
from node.ports import Batch
from tests.support.crash_disk import small_disk
from tests.support.crash_home import joined_home


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk") as mounted:
        yield mounted


def put(store, key: bytes, value: bytes) -> None:
    batch = Batch()
    batch.put(key, value)
    store.write(batch)


def test_what_was_acknowledged_survives_a_full_disk(disk):
    store, kept = LevelStore(disk.path / "data"), {}

    def write_until_full() -> str:
        while True:
            key, value = len(kept).to_bytes(4, "big"), os.urandom(5_000)
            try:
                put(store, key, value)
            except StoreError as error:
                return str(error)
            kept[key] = value

    (disk.path / "filler").write_bytes(bytes(3 << 20))
    assert "No space left" in write_until_full()
    disk.free()
    # LevelDB itself would take more now, behind the half batch, and could not be opened again.
    before = len(kept)
    assert "start the node again" in write_until_full()
    assert len(kept) == before > 10
    assert dict(store.scan(b"")) == kept  # reading goes on
    store.close()
    store = LevelStore(disk.path / "data")
    assert dict(store.scan(b"")) == kept
    put(store, b"more", b"room")
    store.close()


def test_a_node_on_a_full_disk(disk, told):
    centre = joined_home(disk.path)
    disk.fill()
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (1, "STORE")
    assert "No space left" in error.message
    assert "Check the disk" in error.advice


def test_a_node_cannot_be_made_on_a_full_disk(disk, told):
    disk.fill()
    error = told(
        "init", "--home", disk.path / "z", "--name", "z", "--members", "h:1", "--wallets", "h:2",
        "--ledger", "unix:///x",
    )  # fmt: skip
    assert (error.code, error.reason) == (2, "CONFIG")
    assert "No space left" in error.message


def test_a_node_on_a_read_only_disk(disk, told):
    centre = joined_home(disk.path)
    LevelStore(centre.home / "data").close()
    disk.make_read_only()
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (1, "STORE")
    assert "Read-only" in error.message
    assert "permissions" in error.advice


def test_a_folder_that_takes_no_operators_certificate(tmp_path, told):
    centre = joined_home(tmp_path)
    shutil.rmtree(centre.home / "tls")
    (centre.home / "tls").write_text("a file where a folder should be")
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (2, "CONFIG")
    assert "tls" in error.message


def test_the_keyring_of_another_node(tmp_path, told):
    mine, other = joined_home(tmp_path), joined_home(tmp_path, "centre-b")
    for centre in (mine, other):
        use_vault(centre)
    shutil.rmtree(mine.home / "keyring")
    shutil.copytree(other.home / "keyring", mine.home / "keyring")
    error = told("run", "--home", mine.home)
    assert (error.code, error.reason) == (1, "STORE")
    assert "keyring" in error.message


def use_vault(centre) -> None:
    """Seal something, as a node does that has taken in a record."""
    from node.services.vault import Vault  # noqa: PLC0415

    keyring = LevelStore(centre.home / "keyring")
    Vault(keyring, centre.keys, os.urandom).seal(centre.name, b"place", b"content")
    keyring.close()


def filled_store(folder) -> dict[bytes, bytes]:
    """Closed, with everything in a table."""
    store, kept = LevelStore(folder), {n.to_bytes(4, "big"): os.urandom(500) for n in range(500)}
    for key, value in kept.items():
        put(store, key, value)
    store.close()
    LevelStore(folder).close()  # opening moves the log into a table
    return kept


def test_a_flipped_bit_in_a_table_is_not_handed_over(tmp_path):
    kept = filled_store(tmp_path / "data")
    table = max((tmp_path / "data").glob("*.ldb"), key=lambda file: file.stat().st_size)
    raw = bytearray(table.read_bytes())
    raw[100] ^= 1
    table.write_bytes(raw)
    store = LevelStore(tmp_path / "data")
    try:
        with pytest.raises(StoreError, match="Corruption"):
            store.get(min(kept))
        with pytest.raises(StoreError, match="Corruption"):
            list(store.scan(b""))
        assert store.get(max(kept)) == kept[max(kept)]
    finally:
        store.close()


@pytest.mark.parametrize("pattern", ["CURRENT", "MANIFEST-*", "*.ldb"])
@pytest.mark.parametrize("how", ["gone", "garbled", "empty"])
def test_a_node_on_a_damaged_database(centre, told, pattern, how):
    filled_store(centre.home / "data")
    (file,) = (centre.home / "data").glob(pattern)
    if how == "gone":
        file.unlink()
    else:
        file.write_bytes(b"" if how == "empty" else bytes(byte ^ 0xA5 for byte in file.read_bytes()))
    error = told("run", "--home", centre.home)
    assert (error.code, error.reason) == (1, "STORE")
    assert "data" in error.message
