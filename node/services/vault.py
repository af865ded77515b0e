"""Encryption at rest: AES-256-GCM keys, each of one part of an owner's data, wrapped by the node's data key.

A part is what is erased together: a category's records of one month, or a registration. Forgetting it means deleting
one key; what a legal period still holds has its key set aside, and nothing opens with that. The keyring is a store of
its own, kept apart from the data and from its backups. Source: NIST SP 800-38D; PIPL art. 47 and 51.

    k/<owner>                   key of what is sealed under no part
    k/<owner> 00 <part>         key of a part
    b/<owner> 00 <part>         the same, blocked
    m/…                         marks

    value  nonce ‖ ciphertext                           sealed under no part
           "heqi.k1" 00 ‖ part ‖ 00 ‖ nonce ‖ ciphertext  sealed under a part
"""

import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.domain.erasure import AGAIN, Mark
from node.errors import MissingError, StoreError
from node.ports import Batch, Keys, Store

Entropy = Callable[[int], bytes]
"""n → n random bytes, from the operating system in production."""

NONCE_BYTES = 12
_NONCES = 64
_KEY_BYTES = 32
_LIVE, _BLOCKED = b"k/", b"b/"
_MARK = b"m/erasures"
_ENVELOPE = b"heqi.k1\0"
_DIRECTORY_TAG = b"heqi.directory.v1\0"
_MOST_OPEN = 20_000
"""Keys that are ready in memory at once, some 5 KB each."""


@dataclass(slots=True, repr=False)
class _Pass:
    """How far the keyring has been gone over to wrap it by one data key."""

    data_key: bytes
    prefix: bytes = _LIVE
    start: bytes = b""
    is_clean: bool = True


class Vault:
    """Seals and opens what is at rest; holds the unwrapped keys in memory only."""

    def __init__(self, keyring: Store, keys: Keys, entropy: Entropy) -> None:
        """Args:
        keyring: store that holds nothing but wrapped keys, and how far they have followed the list of erasures.
        keys: the node's own: data keys wrap the keyring, the index key files names.
        entropy: source of keys and nonces.

        Raises:
            StoreError: the keyring is another node's: new data would be sealed under keys that no backup of this
                node has.
        """
        self._keyring = keyring
        self._keys = keys
        self._entropy = entropy
        self._open_keys: dict[tuple[str, str], AESGCM] = {}
        self._nonces = b""
        self._pass = _Pass(b"")
        any_key = next(keyring.scan(_LIVE), None)
        if any_key is not None:
            self._unwrap(*any_key)

    def seal(self, owner: str, place: bytes, content: bytes, part: str = "") -> bytes:
        """Encrypt under the key of a part of the owner's data, which is made at first use.

        The result opens only at `place`, and says itself under which part.

        Raises:
            StoreError: the keyring fails.
        """
        nonce = self._nonce()
        part = self._unblocked(owner, part)
        sealed = self._key_of(owner, part, create=True).encrypt(nonce, content, place)
        if not part:
            return nonce + sealed
        return b"".join((_ENVELOPE, part.encode(), b"\0", nonce, sealed))

    def ensure(self, names: Iterable[tuple[str, str]]) -> None:
        """Make what keys are missing of (owner, part) in one synced write, before something is sealed under each.

        Raises:
            StoreError: the keyring fails.
        """
        batch, made = Batch(), dict[tuple[str, str], bytes]()
        for owner, wanted in names:
            if (owner, wanted) in self._open_keys:
                continue
            part = self._unblocked(owner, wanted)
            place = _place(_LIVE, owner, part)
            if self._keyring.get(place) is None:
                key = made[owner, part] = self._entropy(_KEY_BYTES)
                batch.put(place, self._wrap(place, key, self._entropy(NONCE_BYTES)))
        if made:
            self._keyring.write(batch)
        for (owner, part), key in made.items():
            self._remember(owner, part, AESGCM(key))

    def release(self, names: Iterable[tuple[str, str]]) -> None:
        """Let go of keys that were needed once, so that they do not drive out what is in use."""
        for name in names:
            self._open_keys.pop(name, None)

    def open(self, owner: str, place: bytes, sealed: bytes) -> bytes:
        """Decrypt.

        Raises:
            MissingError: what it belongs to is blocked: it answers like what is not there.
            StoreError: there is no key, or the bytes are not what was sealed at this place.
        """
        part, start = _split(sealed)
        nonce_end = start + NONCE_BYTES
        try:
            key = self._key_of(owner, part, create=False)
            return key.decrypt(sealed[start:nonce_end], sealed[nonce_end:], place)
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise StoreError("a sealed value was altered or moved") from error

    def holds(self, owner: str, sealed: bytes) -> bool:
        """Whether there is a live key for what is sealed: under one that was erased or set aside it is noise.

        Raises:
            StoreError: the keyring fails.
        """
        return self._keyring.get(_place(_LIVE, owner, part_of(sealed))) is not None

    def peek(self, owner: str, place: bytes, sealed: bytes) -> bytes | None:
        """As `open`; None where the key is gone or set aside, or the bytes are damaged.

        Raises:
            StoreError: the keyring fails.
        """
        if not self.holds(owner, sealed):
            return None
        try:
            return self.open(owner, place, sealed)
        except StoreError as error:
            if isinstance(error.__cause__, InvalidTag | ValueError):
                return None
            raise

    def directory_key(self, code: str) -> bytes:
        """32 bytes under which the home's directory files a credit code, which is guessable in the clear."""
        return hmac.digest(self._keys.index, _DIRECTORY_TAG + code.encode(), "sha256")

    def _nonce(self) -> bytes:
        """One of many taken from the operating system at once: a call for each would cost more than the sealing."""
        if not self._nonces:
            self._nonces = self._entropy(NONCE_BYTES * _NONCES)
        nonce, self._nonces = self._nonces[:NONCE_BYTES], self._nonces[NONCE_BYTES:]
        return nonce

    # -- erasure -------------------------------------------------------------------------------------------

    def parts(self, owner: str) -> list[str]:
        """Parts of the owner's data that have a live key; `""` for what is sealed under none.

        Raises:
            StoreError: the keyring fails.
        """
        stem = owner.encode()
        found = [""] if self._keyring.get(_LIVE + stem) is not None else []
        prefix = _LIVE + stem + b"\0"
        return found + [place[len(prefix) :].decode() for place, _ in self._keyring.scan(prefix)]

    def all_parts(self, *, blocked: bool, after: bytes, limit: int) -> tuple[list[tuple[str, str]], bytes]:
        """Some (owner, part) that have a key, live or blocked, in order, and from where to go on; empty at the end.

        Raises:
            StoreError: the keyring fails.
        """
        prefix = _BLOCKED if blocked else _LIVE
        found: list[tuple[str, str]] = []
        for place, _ in self._keyring.scan(prefix, start=after):
            owner, _, part = place[len(prefix) :].decode().partition("\0")
            found.append((owner, part))
            if len(found) == limit:
                return found, place[len(prefix) :] + b"\0"
        return found, b""

    def blocked(self, owner: str) -> list[str]:
        """Parts of the owner's data whose key is set aside.

        Raises:
            StoreError: the keyring fails.
        """
        prefix = _BLOCKED + owner.encode() + b"\0"
        return [place[len(prefix) :].decode() for place, _ in self._keyring.scan(prefix)]

    def forget(self, owner: str, erased: Iterable[str], blocked: Iterable[str], mark: Mark) -> None:
        """Delete keys of an owner's parts, set others aside, and note how far the list of erasures is followed.

        All of it or nothing is durable; done again it changes nothing.

        Raises:
            StoreError: the keyring fails.
        """
        batch = Batch()
        for part in blocked:
            place, aside = _place(_LIVE, owner, part), _place(_BLOCKED, owner, part)
            wrapped = self._keyring.get(place)
            if wrapped is not None and self._keyring.get(aside) is None:
                batch.put(aside, self._wrap(aside, self._unwrap(place, wrapped), self._entropy(NONCE_BYTES)))
            batch.delete(place)
        for part in erased:
            batch.delete(_place(_LIVE, owner, part))
            batch.delete(_place(_BLOCKED, owner, part))
        batch.put(_MARK, msgspec.msgpack.encode(mark))
        self._keyring.write(batch)
        for name in [name for name in self._open_keys if name[0] == owner]:
            del self._open_keys[name]

    def follow(self, mark: Mark) -> None:
        """Note how far the list of erasures is followed, where a line changes no key.

        Raises:
            StoreError: the keyring fails.
        """
        batch = Batch()
        batch.put(_MARK, msgspec.msgpack.encode(mark))
        self._keyring.write(batch)

    def mark(self) -> Mark:
        """How far this keyring has followed the list of erasures.

        Raises:
            StoreError: the keyring fails.
        """
        raw = self._keyring.get(_MARK)
        return Mark() if raw is None else msgspec.msgpack.decode(raw, type=Mark)

    def purge(self) -> bool:
        """Let no file of the keyring keep what was deleted from it; see `Store.purge`."""
        return self._keyring.purge(None)

    # -- wrapping ------------------------------------------------------------------------------------------

    def rewrap(self, limit: int) -> bool:
        """Wrap some keys that older data keys wrap by the newest; whether there may be more.

        False only after a whole pass over the keyring that found nothing to do: then, and not before, older data keys
        may be destroyed. Each batch is durable or not at all, and what is wrapped already is passed over, so it can
        stop anywhere. The data itself is not touched.

        Raises:
            StoreError: the keyring fails, or holds a key that no data key opens.
        """
        batch = Batch()
        newest = self._keys.data[0]
        if self._pass.data_key != newest:
            self._pass = _Pass(newest)  # what an earlier pass went over is not wrapped by this key
        for place, wrapped in self._from_pass():
            if _decrypt(newest, place, wrapped) is None:
                batch.put(place, self._wrap(place, self._unwrap(place, wrapped), self._entropy(NONCE_BYTES)))
            limit -= 1
            if not limit:
                break
        if batch.changes:
            self._keyring.write(batch)
            self._pass.is_clean = False
        if not limit:
            return True
        # Keys that are made meanwhile are wrapped by the newest.
        is_clean = self._pass.is_clean
        self._pass = _Pass(newest)
        return not is_clean

    def _from_pass(self) -> Iterator[tuple[bytes, bytes]]:
        """Keys from where the pass stands; it is moved along."""
        while True:
            prefix = self._pass.prefix
            for place, wrapped in self._keyring.scan(prefix, start=self._pass.start):
                self._pass.start = place[len(prefix) :] + b"\0"
                yield place, wrapped
            if prefix == _BLOCKED:
                return
            self._pass.prefix, self._pass.start = _BLOCKED, b""

    def _key_of(self, owner: str, part: str, *, create: bool) -> AESGCM:
        key = self._open_keys.get((owner, part))
        if key is None:
            key = AESGCM(self._load(owner, part, create=create))
            self._remember(owner, part, key)
        return key

    def _remember(self, owner: str, part: str, key: AESGCM) -> None:
        if len(self._open_keys) >= _MOST_OPEN:
            del self._open_keys[next(iter(self._open_keys))]
        self._open_keys[owner, part] = key

    def _unblocked(self, owner: str, part: str) -> str:
        """The part's name, or the next one: a name whose key was set aside is not used again."""
        if part and (owner, part) not in self._open_keys:
            while self._keyring.get(_place(_BLOCKED, owner, part)) is not None:
                part += AGAIN
        return part

    def _load(self, owner: str, part: str, *, create: bool) -> bytes:
        place = _place(_LIVE, owner, part)
        wrapped = self._keyring.get(place)
        if wrapped is not None:
            return self._unwrap(place, wrapped)
        if not create:
            if self._keyring.get(_place(_BLOCKED, owner, part)) is not None:
                raise MissingError("there is nothing by that name")
            raise StoreError("the key of this data was erased")
        key, nonce = self._entropy(_KEY_BYTES), self._entropy(NONCE_BYTES)
        batch = Batch()
        batch.put(place, self._wrap(place, key, nonce))
        self._keyring.write(batch)
        return key

    def _wrap(self, place: bytes, key: bytes, nonce: bytes) -> bytes:
        return nonce + AESGCM(self._keys.data[0]).encrypt(nonce, key, place)

    def _unwrap(self, place: bytes, wrapped: bytes) -> bytes:
        for data_key in self._keys.data:
            key = _decrypt(data_key, place, wrapped)
            if key is not None:
                return key
        raise StoreError("the keyring does not belong to this node's data key")


def part_of(sealed: bytes) -> str:
    """Under which part of its owner's data a value was sealed; empty for none."""
    return _split(sealed)[0]


def _split(sealed: bytes) -> tuple[str, int]:
    """Part, and where the nonce begins."""
    if not sealed.startswith(_ENVELOPE):
        return "", 0
    end = sealed.find(b"\0", len(_ENVELOPE))
    try:
        return sealed[len(_ENVELOPE) : max(end, len(_ENVELOPE))].decode(), end + 1
    except UnicodeDecodeError as error:
        raise StoreError("a sealed value was altered or moved") from error


def _place(prefix: bytes, owner: str, part: str) -> bytes:
    stem = prefix + owner.encode()
    return stem + b"\0" + part.encode() if part else stem


def _decrypt(data_key: bytes, place: bytes, wrapped: bytes) -> bytes | None:
    try:
        return AESGCM(data_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        return None
