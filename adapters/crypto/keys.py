"""The keys of one node: the `Keys` port over generations in a folder, or in memory only."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar, cast

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from adapters.crypto.key_folder import Generation, KeyFolder, new_key
from adapters.crypto.organisation_seal import HeldSeal
from adapters.crypto.passphrase import read_passphrase
from adapters.crypto.sealing import open_sealed
from adapters.crypto.signers import P256Signer
from node.config import KEYS_FOLDER, load_config
from node.domain.keys import KeyInfo, KeyKind
from node.errors import ConfigError, KeyHolderError
from node.ports import Account, Signer

T = TypeVar("T")


class Storage(Protocol):
    """Where generations are kept; `KeyFolder`, or nowhere."""

    def add(self, kind: KeyKind, number: int, uri: str = "") -> Generation:
        """Make a generation durable."""
        ...

    def write_present(self, present: dict[KeyKind, int]) -> None:
        """Write down which is present."""
        ...

    def remove(self, kind: KeyKind, number: int) -> None:
        """Destroy a generation."""
        ...

    def seal(self) -> HeldSeal | None:
        """The organisation's seal."""
        ...


class _Ring(Generic[T]):
    """Generations of one key, and which is present."""

    def __init__(self, generations: dict[int, Generation], present: int) -> None:
        self.generations, self.present = generations, present

    def __getitem__(self, number: int) -> T:
        return cast("T", self.generations[number].held)

    @property
    def now(self) -> T:
        return self[self.present]

    @property
    def newest(self) -> int:
        return max(self.generations)


class _Identity:
    """`Signer` by the present generation."""

    def __init__(self, ring: _Ring[P256Signer]) -> None:
        self._ring = ring

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """Also signs X.509, through `cryptography`."""
        return self._ring.now.key

    @property
    def public_key(self) -> bytes:
        """64 bytes."""
        return self._ring.now.public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes, ES256."""
        return self._ring.now.sign(message)


class _Account:
    """`Account` by the present generation."""

    def __init__(self, ring: _Ring[Account]) -> None:
        self._ring = ring

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return self._ring.now.address

    def sign(self, message: bytes) -> bytes:
        """65 bytes."""
        return self._ring.now.sign(message)


class NodeKeys:
    """All keys of one node; has no `repr`, so that none slips into a log."""

    def __init__(
        self, found: dict[KeyKind, dict[int, Generation]], present: dict[KeyKind, int], storage: Storage
    ) -> None:
        """Args:
        found: every kind with one generation at least.
        present: which is; the oldest where it is not written down or not there.
        storage: where they came from.
        """
        self._storage = storage
        self._rings: dict[KeyKind, _Ring[object]] = {}
        for kind, generations in found.items():
            number = max(generations) if kind is KeyKind.DATA else present.get(kind, min(generations))
            self._rings[kind] = _Ring(generations, number if number in generations else min(generations))
        self.identity = _Identity(cast("_Ring[P256Signer]", self._rings[KeyKind.IDENTITY]))
        self.account = _Account(cast("_Ring[Account]", self._rings[KeyKind.ACCOUNT]))
        self._log = cast("_Ring[Signer]", self._rings[KeyKind.LOG])
        self._sealing = cast("_Ring[X25519PrivateKey]", self._rings[KeyKind.SEALING])

    @property
    def log(self) -> Signer:
        """Ed25519, the present generation."""
        return self._log.now

    @property
    def log_signers(self) -> Sequence[Signer]:
        """The present generation, then newer ones."""
        ring = self._log
        return [ring[number] for number in sorted(ring.generations) if number >= ring.present]

    @property
    def data(self) -> Sequence[bytes]:
        """32 bytes each, newest first."""
        generations = self._rings[KeyKind.DATA].generations
        return [cast("bytes", generations[number].held) for number in sorted(generations, reverse=True)]

    @property
    def index(self) -> bytes:
        """32 bytes."""
        return cast("bytes", self._rings[KeyKind.INDEX].now)

    @property
    def account_address(self) -> bytes:
        """20 bytes."""
        return self.account.address

    @property
    def sealing_public_key(self) -> bytes:
        """32 bytes."""
        return self.present(KeyKind.SEALING)

    def open_sealed(self, sealed: bytes, info: bytes) -> bytes:
        """Open what was sealed to this member by any generation of its sealing key.

        Raises:
            SignatureError: it was sealed to none of them, for another purpose, or was altered.
        """
        ring = self._sealing
        return open_sealed((ring[one] for one in sorted(ring.generations, reverse=True)), sealed, info)

    def newest(self, kind: KeyKind) -> bytes:
        """Public key (account: address) of the newest generation."""
        ring = self._rings[kind]
        return _public(ring[ring.newest])

    def present(self, kind: KeyKind) -> bytes:
        """Public key (account: address) of the present generation."""
        return _public(self._rings[kind].now)

    def make(self, kind: KeyKind, holder: str = "") -> None:
        """Add a generation. A data key is present at once: nobody else has to learn of it.

        Raises:
            ConfigError: it cannot be written, the URI leads to no such key or to one that is known, or the index key
                is meant.
        """
        if kind is KeyKind.INDEX:
            raise ConfigError("the index key stays: what it files would not be found again")
        ring = self._rings[kind]
        generation = self._storage.add(kind, ring.newest + 1, holder)
        if any(_public(known.held) == _public(generation.held) for known in ring.generations.values()):
            self._storage.remove(kind, generation.number)
            raise ConfigError(f"that key was this node's {kind.value} key already; a new one is needed")
        ring.generations[generation.number] = generation
        if kind is KeyKind.DATA:
            ring.present = generation.number

    def prove(self, kind: KeyKind, public: bytes, message: bytes) -> bytes:
        """Sign by the generation of the account or identity key that has this public key (account: address).

        Raises:
            KeyHolderError: there is none, or its holder does not answer.
        """
        ring = cast("_Ring[Signer]", self._rings[kind])
        for number in ring.generations:
            if _public(ring[number]) == public:
                return ring[number].sign(message)
        raise KeyHolderError(f"this node does not hold the {kind.value} key that the ledger names")

    def use(self, kind: KeyKind, public: bytes) -> bool:
        """Make the generation with this public key present; False if there is none.

        Raises:
            ConfigError: that cannot be written down.
        """
        ring = self._rings[kind]
        if _public(ring.now) == public:
            return True
        for number in ring.generations:
            if _public(ring[number]) == public:
                present = {one: other.present for one, other in self._rings.items()} | {kind: number}
                self._storage.write_present(present)
                ring.present = number
                return True
        return False

    def forget(self, kind: KeyKind) -> None:
        """Destroy all generations older than the present one.

        Raises:
            ConfigError: a file cannot be removed.
        """
        ring = self._rings[kind]
        for number in [number for number in ring.generations if number < ring.present]:
            self._storage.remove(kind, number)
            del ring.generations[number]

    def organisation_seal(self) -> HeldSeal | None:
        """The organisation's seal, as it is now; None if there is none.

        Raises:
            ConfigError: its certificates are malformed.
        """
        return self._storage.seal()

    def list(self) -> Sequence[KeyInfo]:
        """All generations of all keys, oldest first."""
        return [
            KeyInfo(kind, number, _public(one.held).hex(), one.holder, number == ring.present)
            for kind, ring in self._rings.items()
            for number, one in sorted(ring.generations.items())
        ]


def create_keys(folder: Path, passphrase: bytes) -> NodeKeys:
    """Make all keys of a new node.

    Raises:
        ConfigError: the folder holds keys already, or cannot be written.
    """
    KeyFolder(folder, passphrase).create()
    return load_keys(folder, passphrase)


def load_keys(folder: Path, passphrase: bytes) -> NodeKeys:
    """Read the keys of a node.

    Raises:
        ConfigError: a file is missing, malformed or readable by others, or the passphrase is wrong.
    """
    storage = KeyFolder(folder, passphrase)
    return NodeKeys(storage.read(), storage.read_present(), storage)


def open_keys(home: Path) -> NodeKeys:
    """Read the keys of the node in a folder, with the passphrase from where `heqi.toml` says.

    Raises:
        ConfigError: as `load_keys`, or the passphrase cannot be had.
    """
    return load_keys(home / KEYS_FOLDER, read_passphrase(home, load_config(home).keys.passphrase))


def memory_keys(kinds: Iterable[KeyKind] = KeyKind) -> NodeKeys:
    """Fresh keys that are nowhere on disk."""
    found = {kind: {1: Generation(1, new_key(kind), "memory")} for kind in kinds}
    return NodeKeys(found, {}, Nowhere())


class Nowhere:
    """`Storage` of keys that last as long as the process."""

    def add(self, kind: KeyKind, number: int, uri: str = "") -> Generation:
        """A fresh key."""
        if uri:
            raise ConfigError("keys in memory know no other holders")
        return Generation(number, new_key(kind), "memory")

    def write_present(self, present: dict[KeyKind, int]) -> None:
        """Nothing is written."""

    def remove(self, kind: KeyKind, number: int) -> None:
        """Nothing is there."""

    def seal(self) -> HeldSeal | None:
        """None."""
        return None


def _public(held: object) -> bytes:
    """What names a key without telling it: public key, address, or a fingerprint."""
    if isinstance(held, bytes):
        return hashlib.sha256(b"heqi.key.fingerprint\0" + held).digest()[:8]
    if isinstance(held, X25519PrivateKey):
        return held.public_key().public_bytes_raw()
    address = getattr(held, "address", None)
    return address if address is not None else cast("Signer", held).public_key
