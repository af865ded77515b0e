"""Real processes that find their place taken: they say so, end by themselves, and disturb nobody."""

import socket

import pytest

from adapters.store.leveldb import LevelStore
from tests.support.crash_home import refused


@pytest.mark.parametrize("folder", ["data", "keyring"])
def test_a_folder_that_another_process_holds(centre, folder):
    store = LevelStore(centre.home / folder)
    try:
        error = refused("run", "--home", centre.home)
    finally:
        store.close()
    assert (error.code, error.reason) == (1, "STORE")
    assert folder in error.message
    assert "no second node" in error.advice


@pytest.mark.parametrize("listener", ["members", "wallets"])
def test_a_port_in_use(centre, listener):
    address = getattr(centre.config.listen, listener)
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))):
        error = refused("run", "--home", centre.home)
    assert (error.code, error.reason) == (1, "UNAVAILABLE")
    assert address in error.message
    assert "in use" in error.message
    assert "heqi.toml" in error.message
    LevelStore(centre.home / "data").close()  # given back


def test_an_address_of_another_machine(centre):
    config = centre.home / "heqi.toml"
    config.write_text(config.read_text().replace(centre.config.listen.wallets, "192.0.2.1:7102"))
    error = refused("run", "--home", centre.home)
    assert (error.code, error.reason) == (1, "UNAVAILABLE")
    assert "192.0.2.1:7102" in error.message


def test_an_engine_on_a_socket_in_use(tmp_path):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        error = refused("chain", "--folder", tmp_path / "chain", "--socket", tmp_path / "s")
    assert (error.code, error.reason) == (1, "STORE")
    assert str(tmp_path / "s") in error.message
