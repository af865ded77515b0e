"""Sealing at rest: what opens a value, and what does not."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto.key_folder import Generation, new_key
from adapters.crypto.keys import NodeKeys, Nowhere
from adapters.store.memory import MemoryStore
from node.domain.keys import KeyKind
from node.errors import StoreError
from node.ports import Batch
from node.services.vault import Vault

OWNER, PLACE, CONTENT = "ab" * 32, b"r/1", b"nobody's business"


def keys_of(data_key: bytes) -> NodeKeys:
    kinds = {kind: {1: Generation(1, new_key(kind), "memory")} for kind in KeyKind}
    kinds[KeyKind.DATA] = kinds[KeyKind.INDEX] = {1: Generation(1, data_key, "memory")}
    return NodeKeys(kinds, {}, Nowhere())


def new_vault(
    keyring: MemoryStore | None = None, data_key: bytes = b"k" * 32, keys: NodeKeys | None = None
) -> Vault:
    return Vault(keyring or MemoryStore(), keys or keys_of(data_key), os.urandom)


def test_what_was_sealed_opens_in_a_later_process() -> None:
    keyring = MemoryStore()
    sealed = new_vault(keyring).seal(OWNER, PLACE, CONTENT)
    assert CONTENT not in sealed
    assert new_vault(keyring).open(OWNER, PLACE, sealed) == CONTENT


def test_the_same_content_is_never_sealed_to_the_same_bytes() -> None:
    vault = new_vault()
    assert vault.seal(OWNER, PLACE, CONTENT) != vault.seal(OWNER, PLACE, CONTENT)


def test_without_its_key_a_value_is_noise() -> None:
    keyring = MemoryStore()
    sealed = new_vault(keyring).seal(OWNER, PLACE, CONTENT)
    erasure = Batch()
    for key, _ in keyring.scan(b""):
        erasure.delete(key)
    keyring.write(erasure)
    with pytest.raises(StoreError, match="erased"):
        new_vault(keyring).open(OWNER, PLACE, sealed)


def test_a_value_moved_to_another_place_does_not_open() -> None:
    vault = new_vault()
    sealed = vault.seal(OWNER, PLACE, CONTENT)
    with pytest.raises(StoreError, match="altered or moved"):
        vault.open(OWNER, b"r/2", sealed)


def test_a_value_does_not_open_under_another_owners_key() -> None:
    vault = new_vault()
    sealed = vault.seal(OWNER, PLACE, CONTENT)
    vault.seal("cd" * 32, PLACE, b"so that there is a key")
    with pytest.raises(StoreError, match="altered or moved"):
        vault.open("cd" * 32, PLACE, sealed)


VAULT = new_vault()
SEALED = VAULT.seal(OWNER, PLACE, CONTENT)


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_a_value_with_any_bit_flipped_does_not_open(bit: int) -> None:
    altered = bytearray(SEALED)
    altered[bit // 8] ^= 1 << bit % 8
    with pytest.raises(StoreError, match="altered or moved"):
        VAULT.open(OWNER, PLACE, bytes(altered))


@pytest.mark.parametrize("length", range(len(SEALED)))
def test_a_truncated_value_does_not_open(length: int) -> None:
    with pytest.raises(StoreError, match="altered or moved"):
        VAULT.open(OWNER, PLACE, SEALED[:length])


def test_the_keyring_opens_only_under_the_nodes_data_key() -> None:
    keyring = MemoryStore()
    sealed = new_vault(keyring).seal(OWNER, PLACE, CONTENT)
    with pytest.raises(StoreError, match="does not belong to this node's data key"):
        new_vault(keyring, b"x" * 32).open(OWNER, PLACE, sealed)


def test_a_wrapped_key_moved_to_another_owner_does_not_open() -> None:
    keyring = MemoryStore()
    new_vault(keyring).seal(OWNER, PLACE, CONTENT)
    [(_, wrapped)] = keyring.scan(b"")
    theft = Batch()
    theft.put(b"k/thief", wrapped)
    keyring.write(theft)
    with pytest.raises(StoreError, match="does not belong"):
        new_vault(keyring).seal("thief", PLACE, CONTENT)


def test_names_in_the_directory_cannot_be_guessed_without_the_data_key() -> None:
    vault, other = new_vault(), new_vault(data_key=b"x" * 32)
    assert vault.directory_key("code") == new_vault().directory_key("code")
    assert vault.directory_key("code") != other.directory_key("code")


def test_no_data_key_is_destroyed_while_something_needs_it() -> None:
    """New data keys in the middle of a pass, and keys made in between: all opens by the newest alone in the end."""
    keyring, keys = MemoryStore(), keys_of(b"k" * 32)
    vault = new_vault(keyring, keys=keys)
    owners = [f"{number:064x}" for number in range(20)]
    sealed = {owner: vault.seal(owner, PLACE, CONTENT) for owner in owners}
    keys.make(KeyKind.DATA)
    assert vault.rewrap(7)
    keys.make(KeyKind.DATA)
    assert vault.rewrap(7)
    sealed["new"] = vault.seal("new", PLACE, CONTENT)
    rounds = 0
    while vault.rewrap(7):
        rounds += 1
        vault = new_vault(keyring, keys=keys) if rounds == 2 else vault  # a restart
    keys.forget(KeyKind.DATA)
    assert len(keys.data) == 1
    later = new_vault(keyring, keys=keys)
    assert all(later.open(owner, PLACE, content) == CONTENT for owner, content in sealed.items())
