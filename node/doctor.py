"""The composition root of `heqi doctor`: a node's folder → probes → examination. Names adapters, as `app.py` does."""

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from packaging.requirements import Requirement

from adapters.crypto.keys import NodeKeys, open_keys
from adapters.crypto.leaves import IssuedLeaf, issue_leaf
from adapters.ledger.deployment import deployment_of
from adapters.ledger.probe import EngineProbe
from adapters.peers.probe import GrpcPeerProbe
from adapters.store.leveldb import LevelStore
from node.config import (
    ALLIANCE_FILE,
    CARD_FILE,
    CONFIG_FILE,
    DATA_FOLDER,
    KEYRING_FOLDER,
    KEYS_FOLDER,
    OPERATOR_CERTIFICATE,
    OPERATOR_KEY,
    TLS_FOLDER,
    SystemConfig,
    load_config,
    read_file,
)
from node.domain.descriptor import Descriptor, founders_of, open_alliance_file, open_card
from node.errors import ConfigError, NodeError, PeerError, StoreError
from node.probes import DiskFacts, Expiry, FileFacts, KeyFacts, NodeState
from node.services.diagnosis import read_state
from node.services.doctor.examination import Patient, examine
from node.services.doctor.finding import Section, Unknown
from node.services.expiries import anchor_end, certificate_deadline
from node.version import VERSION

T = TypeVar("T")
AskNode = Callable[[int], NodeState]
"""Asks the running node for its state, `StateProbe.state`; raises `PeerError` if it does not answer."""

_LIBRARIES = ("cryptography", "coincurve", "grpcio", "protobuf", "plyvel", "web3", "py-evm")
_SYNCS, _SYNC_BYTES = 5, 4096
_LEAF_SECONDS = 600
_OPERATOR_DAYS = 30
"""The running node renews the operator's certificate when 45 days are left."""


async def diagnose(home: Path, ask: AskNode, seconds: float) -> tuple[Section, ...]:
    """Examine the node in a folder; raises nothing but bugs.

    Args:
        home: the folder.
        ask: see `AskNode`.
        seconds: for each probe.
    """
    troubles: list[str] = []
    config = _read(troubles, lambda: load_config(home))
    card = _read(troubles, lambda: open_card(read_file(home / CARD_FILE).decode("ascii", "replace").strip()))
    descriptor = _read(troubles, lambda: open_alliance_file(read_file(home / ALLIANCE_FILE)))
    founders = founders_of(descriptor) if descriptor else {}
    ordered = [founders[name] for name in sorted(founders)]
    ledger = None
    if config and descriptor:
        ledger = _read(
            troubles,
            lambda: EngineProbe(
                config.ledger.url, deployment_of(descriptor), ordered, seconds, descriptor.trust_anchors
            ),
        )
    # Once: a token may count logins, and a person at a terminal is asked for the passphrase once.
    keys = lru_cache(maxsize=1)(lambda: open_keys(home))
    patient = Patient(
        host=FolderProbe(home, descriptor, keys, config.guarantor.system if config else SystemConfig()),
        version=VERSION,
        name=config.name if config else "",
        endpoint=config.listen.members if config else "",
        staleness_seconds=config.ledger.staleness_seconds if config else 0.0,
        card=card or Unknown(CARD_FILE),
        troubles=troubles,
        known=ordered,
        ledger=ledger,
        peers=GrpcPeerProbe(lambda: peer_leaf(config.name, keys())) if config else None,
        state=NodeProbe(home, ask) if config else None,
    )
    try:
        return await examine(patient, seconds)
    finally:
        if ledger:
            await ledger.close()


class FolderProbe:
    """The `HostProbe` of a node's folder on this machine."""

    def __init__(
        self,
        home: Path,
        descriptor: Descriptor | None,
        keys: Callable[[], NodeKeys],
        system: SystemConfig = SystemConfig(),  # noqa: B008  # frozen
    ) -> None:
        self._home, self._descriptor, self._keys, self._system = home, descriptor, keys, system

    def files(self) -> Sequence[FileFacts]:
        """See `HostProbe.files`."""
        keys, tls = self._home / KEYS_FOLDER, self._home / TLS_FOLDER
        open_to_others = [self._home, self._home / CONFIG_FILE]
        needed = [keys, *sorted(keys.glob("*"))]
        where_run = [
            path
            for path in (
                tls,
                tls / OPERATOR_KEY,
                self._home / DATA_FOLDER,
                self._home / KEYRING_FOLDER,
                *self._home.glob("*.passphrase"),
                *(self._home / name for name in (self._system.certificate_key,) if name),
            )
            if path.exists()
        ]
        return [
            *(_file(path, is_secret=False) for path in open_to_others),
            *(_file(path, is_secret=True) for path in [*needed, *where_run]),
        ]

    def keys(self) -> KeyFacts:
        """See `HostProbe.keys`."""
        try:
            keys = self._keys()
        except NodeError as error:
            return KeyFacts(trouble=str(error))
        return KeyFacts(
            account=keys.account_address,
            identity=keys.identity.public_key,
            log=keys.log.public_key,
            sealing=keys.sealing_public_key,
        )

    def disk(self) -> DiskFacts:
        """See `HostProbe.disk`."""
        found = os.statvfs(self._home)
        trouble, times = "", list[float]()
        path = self._home / f".doctor-{os.getpid()}"
        try:
            for _ in range(_SYNCS):
                times.append(_synced_write(path))
        except OSError as error:
            trouble = error.strerror or str(error)
        finally:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return DiskFacts(
            path=str(self._home),
            free_bytes=found.f_bavail * found.f_frsize,
            total_bytes=found.f_blocks * found.f_frsize,
            free_files=found.f_favail if found.f_files else -1,
            trouble=trouble,
            sync_seconds=statistics.median(times) if times else 0.0,
        )

    def expiries(self) -> Sequence[Expiry]:
        """See `HostProbe.expiries`."""
        found: list[Expiry] = []
        operator = self._home / TLS_FOLDER / OPERATOR_CERTIFICATE
        if operator.exists():
            found.append(
                Expiry(
                    f"{TLS_FOLDER}/{OPERATOR_CERTIFICATE}",
                    certificate_deadline("", operator.read_bytes()).expires,
                    _OPERATOR_DAYS,
                )
            )
        pushes = self._home / self._system.certificate
        if self._system.certificate and pushes.exists():
            end = certificate_deadline("", pushes.read_bytes()).expires
            found.append(Expiry(f"guarantor.system.certificate {self._system.certificate}", end))
        for anchor in self._descriptor.trust_anchors if self._descriptor else ():
            remedy = (
                "与其他成员一起表决接纳其后继证书",
                "agree with the other members on the authority's next certificate",
            )
            found.append(Expiry(f"CA {anchor.name}", anchor_end(anchor), remedy=remedy))
        return found

    def versions(self) -> Sequence[tuple[str, str, str]]:
        """See `HostProbe.versions`."""
        import platform  # noqa: PLC0415  it starts a process on some systems

        asked = [Requirement(line) for line in metadata.requires("heqi") or ()]
        unmet = {
            requirement.name: str(requirement.specifier)
            for requirement in asked
            if (requirement.marker is None or requirement.marker.evaluate({"extra": ""}))
            and not requirement.specifier.contains(_version(requirement.name) or "0", prereleases=True)
        }
        names = [*_LIBRARIES, *sorted(unmet.keys() - set(_LIBRARIES))]
        return [
            ("Python", platform.python_version(), ""),
            *((name, _version(name), unmet.get(name, "")) for name in names),
        ]

    def now(self) -> float:
        """See `HostProbe.now`."""
        return time.time()

    def user(self) -> int:
        """See `HostProbe.user`."""
        return os.geteuid()


class NodeProbe:
    """The `StateProbe`: the running node if it answers, else its folder if nobody holds it."""

    def __init__(self, home: Path, ask: AskNode) -> None:
        self._home, self._ask = home, ask

    def state(self, anchored_size: int) -> NodeState:
        """See `StateProbe.state`."""
        try:
            return self._ask(anchored_size)
        except (PeerError, ConfigError) as silent:
            return self._from_folder(anchored_size, silent)

    def _from_folder(self, anchored_size: int, silent: NodeError) -> NodeState:
        folder = self._home / DATA_FOLDER
        if not folder.is_dir():
            raise StoreError(f"{folder} is missing: this node has never run, or its data is gone")
        if folder.stat().st_uid != os.geteuid():
            # LevelDB would leave files behind that the node's own user could not read.
            raise StoreError(f"{folder} belongs to another user; run this command as that user")
        try:
            store = LevelStore(folder)
        except StoreError as error:
            raise StoreError(f"{error}; and the node does not answer: {silent}") from error
        try:
            return read_state(store, anchored_size, time.time(), VERSION, is_running=False)
        finally:
            store.close()


def _read(troubles: list[str], read: Callable[[], T]) -> T | None:
    try:
        return read()
    except NodeError as error:
        troubles.append(str(error))
        return None


def peer_leaf(member: str, keys: NodeKeys) -> IssuedLeaf:
    """A short leaf for asking peers."""
    return issue_leaf(member, keys.identity.key, time.time(), seconds=_LEAF_SECONDS)


def _file(path: Path, *, is_secret: bool) -> FileFacts:
    try:
        found = path.stat()
    except FileNotFoundError:
        return FileFacts(str(path), exists=False, is_secret=is_secret)
    return FileFacts(str(path), True, found.st_mode & 0o7777, found.st_uid, is_secret)


def _synced_write(path: Path) -> float:
    """How long one small write takes to be on stable storage, in seconds."""
    began = time.monotonic()
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(handle, bytes(_SYNC_BYTES))
        os.fsync(handle)
    finally:
        os.close(handle)
    return time.monotonic() - began


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
