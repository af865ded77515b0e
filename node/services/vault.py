"""Encryption at rest: one AES-256-GCM key per owner, wrapped by the node's data key, in a store of its own.

What belongs to a subject is sealed under that subject's key, so forgetting the subject means deleting one key.
The keyring is kept apart from the data and from its backups. Source: NIST SP 800-38D; PIPL art. 47 and 51.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from node.errors import StoreError
from node.ports import Batch, Keys, Store

Entropy = Callable[[int], bytes]
"""n → n random bytes, from the operating system in production."""

NONCE_BYTES = 12
_KEY_BYTES = 32
_KEYRING_PREFIX = b"k/"
_DIRECTORY_TAG = b"heqi.directory.v1\0"
_THING_TAG = b"heqi.thing.v1\0"


@dataclass(slots=True, repr=False)
class _Pass:
    """How far the keyring has been gone over to wrap it by one data key."""

    data_key: bytes
    start: bytes = b""
    is_clean: bool = True


class Vault:
    """Seals and opens what is at rest; holds the unwrapped keys in memory only."""

    def __init__(self, keyring: Store, keys: Keys, entropy: Entropy) -> None:
        """Args:
        keyring: store that holds nothing but wrapped keys.
        keys: the node's own: data keys wrap the keyring, the index key files names.
        entropy: source of keys and nonces.

        Raises:
            StoreError: the keyring is another node's: new data would be sealed under keys that no backup of this
                node has.
        """
        self._keyring = keyring
        self._keys = keys
        self._entropy = entropy
        self._open_keys: dict[str, AESGCM] = {}
        self._pass = _Pass(b"")
        any_key = next(keyring.scan(_KEYRING_PREFIX), None)
        if any_key is not None:
            self._unwrap(*any_key)

    def seal(self, owner: str, place: bytes, content: bytes) -> bytes:
        """Encrypt under the owner's key, which is made at first use; the result opens only at `place`.

        Raises:
            StoreError: the keyring fails.
        """
        nonce = self._entropy(NONCE_BYTES)
        return nonce + self._key_of(owner, create=True).encrypt(nonce, content, place)

    def open(self, owner: str, place: bytes, sealed: bytes) -> bytes:
        """Decrypt.

        Raises:
            StoreError: there is no key, or the bytes are not what was sealed at this place.
        """
        try:
            return self._key_of(owner, create=False).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place
            )
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
            raise StoreError("a sealed value was altered or moved") from error

    def holds(self, owner: str) -> bool:
        """Whether there is a key of this owner: what was sealed under one that was erased is noise.

        Raises:
            StoreError: the keyring fails.
        """
        return owner in self._open_keys or self._keyring.get(_KEYRING_PREFIX + owner.encode()) is not None

    def directory_key(self, code: str) -> bytes:
        """32 bytes under which the home's directory files a credit code, which is guessable in the clear."""
        return hmac.digest(self._keys.index, _DIRECTORY_TAG + code.encode(), "sha256")

    def thing_key(self, owner: str, category: str, thing: str) -> bytes:
        """32 bytes under which versions of a thing are filed: its name may be a certificate's number."""
        name = f"{owner}\0{category}\0{thing}".encode()
        return hmac.digest(self._keys.index, _THING_TAG + name, "sha256")

    def _key_of(self, owner: str, *, create: bool) -> AESGCM:
        key = self._open_keys.get(owner)
        if key is None:
            key = self._open_keys[owner] = AESGCM(self._load(owner, create=create))
        return key

    def _load(self, owner: str, *, create: bool) -> bytes:
        place = _KEYRING_PREFIX + owner.encode()
        wrapped = self._keyring.get(place)
        if wrapped is not None:
            return self._unwrap(place, wrapped)
        if not create:
            raise StoreError("the key of this data was erased")
        key, nonce = self._entropy(_KEY_BYTES), self._entropy(NONCE_BYTES)
        batch = Batch()
        batch.put(place, self._wrap(place, key, nonce))
        self._keyring.write(batch)
        return key

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
        for place, wrapped in self._keyring.scan(_KEYRING_PREFIX, start=self._pass.start):
            self._pass.start = place[len(_KEYRING_PREFIX) :] + b"\0"
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

    def _wrap(self, place: bytes, key: bytes, nonce: bytes) -> bytes:
        return nonce + AESGCM(self._keys.data[0]).encrypt(nonce, key, place)

    def _unwrap(self, place: bytes, wrapped: bytes) -> bytes:
        for data_key in self._keys.data:
            key = _decrypt(data_key, place, wrapped)
            if key is not None:
                return key
        raise StoreError("the keyring does not belong to this node's data key")


def _decrypt(data_key: bytes, place: bytes, wrapped: bytes) -> bytes | None:
    try:
        return AESGCM(data_key).decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], place)
    except (InvalidTag, ValueError):  # ValueError: too short to hold a nonce
        return None
