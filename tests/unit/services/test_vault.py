"""Sealing at rest: what opens a value, and what does not."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.crypto.key_folder import Generation, new_key
from adapters.crypto.keys import NodeKeys, Nowhere
from adapters.store.memory import MemoryStore
from node.domain.erasure import Mark
from node.domain.keys import KeyKind
from node.errors import MissingError, StoreError
from node.ports import Batch
from node.services.vault import Vault, part_of
from tests.support.world_faults import FrailStore

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


# -- parts -----------------------------------------------------------------------------------------------------

PART, OTHER = "subject.base/2026-01", "subject.credit/2026-01"


def test_every_part_has_a_key_of_its_own_and_a_value_names_its_part() -> None:
    keyring = MemoryStore()
    vault = new_vault(keyring)
    sealed = {part: vault.seal(OWNER, PLACE, CONTENT, part) for part in ("", PART, OTHER)}
    assert sorted(vault.parts(OWNER)) == sorted(sealed)
    assert {part: part_of(value) for part, value in sealed.items()} == {part: part for part in sealed}
    again = new_vault(keyring)
    assert all(again.open(OWNER, PLACE, value) == CONTENT for value in sealed.values())
    # A value that is given another part's name does not open.
    renamed = sealed[PART].replace(PART.encode(), OTHER.encode())
    with pytest.raises(StoreError, match="altered or moved"):
        again.open(OWNER, PLACE, renamed)


def test_a_part_that_is_forgotten_takes_no_other_with_it() -> None:
    keyring = MemoryStore()
    vault = new_vault(keyring)
    sealed = {part: vault.seal(OWNER, PLACE, CONTENT, part) for part in ("", PART, OTHER)}
    stranger = vault.seal("cd" * 32, PLACE, CONTENT, PART)
    for _ in range(2):
        vault.forget(OWNER, [PART], [], Mark(1, 0, 10, "ab" * 32))
        for one in (vault, new_vault(keyring)):
            with pytest.raises(StoreError, match="erased"):
                one.open(OWNER, PLACE, sealed[PART])
            assert one.peek(OWNER, PLACE, sealed[PART]) is None
            assert one.open(OWNER, PLACE, sealed[OTHER]) == one.open(OWNER, PLACE, sealed[""]) == CONTENT
            assert one.open("cd" * 32, PLACE, stranger) == CONTENT
            assert one.mark() == Mark(1, 0, 10, "ab" * 32)


def test_a_blocked_part_is_missing_and_stays_blocked() -> None:
    keyring, keys = MemoryStore(), keys_of(b"k" * 32)
    vault = new_vault(keyring, keys=keys)
    sealed = vault.seal(OWNER, PLACE, CONTENT, PART)
    for _ in range(2):
        vault.forget(OWNER, [], [PART], Mark(1))
    for one in (vault, new_vault(keyring, keys=keys)):
        assert (one.parts(OWNER), one.blocked(OWNER)) == ([], [PART])
        with pytest.raises(MissingError):
            one.open(OWNER, PLACE, sealed)
        assert one.peek(OWNER, PLACE, sealed) is None
    # What comes later in the same month goes under another key, and says so.
    later = vault.seal(OWNER, PLACE, CONTENT, PART)
    assert part_of(later) == PART + "~"
    assert vault.open(OWNER, PLACE, later) == CONTENT
    vault.forget(OWNER, [], [PART + "~"], Mark(2))
    assert vault.blocked(OWNER) == [PART, PART + "~"]
    assert part_of(vault.seal(OWNER, PLACE, CONTENT, PART)) == PART + "~~"


def test_blocked_keys_are_wrapped_again_too() -> None:
    keyring, keys = MemoryStore(), keys_of(b"k" * 32)
    vault = new_vault(keyring, keys=keys)
    for number in range(5):
        vault.seal(OWNER, PLACE, CONTENT, f"access.read/2026-0{number + 1}")
    vault.forget(OWNER, [], ["access.read/2026-01", "access.read/2026-02"], Mark(1))
    before = dict(keyring.scan(b"b/"))
    assert len(before) == 2
    keys.make(KeyKind.DATA)
    while vault.rewrap(2):
        pass
    keys.forget(KeyKind.DATA)
    assert all(before[place] != wrapped for place, wrapped in keyring.scan(b"b/"))
    # With the newest data key alone everything that is kept can be reached.
    again = Vault(keyring, keys, os.urandom)
    again.forget(OWNER, [], ["access.read/2026-03"], Mark(2))
    assert len(again.blocked(OWNER)) == 3


def test_parts_are_listed_some_at_a_time() -> None:
    vault = new_vault()
    made = sorted((f"{number:064x}", f"subject.base/20{number:02d}-01") for number in range(7))
    for owner, part in made:
        vault.seal(owner, PLACE, CONTENT, part)
    found: list[tuple[str, str]] = []
    after = b""
    while True:
        some, after = vault.all_parts(blocked=False, after=after, limit=3)
        found += some
        if not after:
            break
    assert found == made
    assert vault.all_parts(blocked=True, after=b"", limit=3) == ([], b"")


@given(st.binary(max_size=60))
def test_damaged_bytes_do_not_open(damaged: bytes) -> None:
    vault = new_vault()
    vault.seal(OWNER, PLACE, CONTENT)
    for value in (damaged, b"heqi.k1\0" + damaged, b"heqi.k1\0" + PART.encode() + damaged):
        with pytest.raises(StoreError):
            vault.open(OWNER, PLACE, value)


def test_keys_that_are_missing_are_made_in_one_write() -> None:
    keyring = FrailStore(MemoryStore())
    vault = Vault(keyring, keys_of(b"k" * 32), os.urandom)
    vault.seal(OWNER, PLACE, CONTENT, PART)
    vault.forget(OWNER, [], [PART], Mark(1))
    before = keyring.writes
    names = [(OWNER, PART), (OWNER, OTHER), ("cd" * 32, PART)]
    for _ in range(2):
        vault.ensure(names)
        sealed = [vault.seal(owner, PLACE, CONTENT, part) for owner, part in names]
        assert keyring.writes == before + 1
    assert [part_of(value) for value in sealed] == [PART + "~", OTHER, PART]
    again = Vault(keyring, vault._keys, os.urandom)
    assert [again.open(names[n][0], PLACE, value) for n, value in enumerate(sealed)] == [CONTENT] * 3
