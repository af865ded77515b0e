"""The composition root: configuration → adapters → services → servers. The only file that names concrete adapters.

async with open_node(Path("centre-a")) as node:
    await node.run()
"""

import asyncio
import logging
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import grpc

from adapters.authorities.http import HttpAuthorities
from adapters.banks.https import HttpsBank
from adapters.banks.https_system import HttpsGuaranteeSystem
from adapters.banks.posting import EnvelopePost
from adapters.crypto.clock import SystemClock
from adapters.crypto.keys import NodeKeys, open_keys
from adapters.crypto.leaves import IdentityCertifier, LeafSource
from adapters.ledger.deployment import deployment_of
from adapters.ledger.evm import EvmLedger
from adapters.peers.grpc_peers import GrpcPeers
from adapters.registries.trial import TrialFileRegistry
from adapters.signatures.reader import ProcessSignatureReader
from adapters.signatures.sealing import PyhankoSeal
from adapters.store.erasure_file import FileErasureList
from adapters.store.leveldb import LevelStore
from adapters.typefaces.noto import NotoSansSc
from node.api import server
from node.api.caller import Callers, check_wallet
from node.api.guard import Guard
from node.api.limits import Limits, PublicLimit
from node.api.preparing import Preparing, PreparingBeside, PreparingHere
from node.api.streams import OpenStreams
from node.api.system_pushes import PushServer
from node.api.tiles import TileServer
from node.background import repeat
from node.config import (
    ALLIANCE_FILE,
    DATA_FOLDER,
    ERASURES_FOLDER,
    KEYRING_FOLDER,
    Config,
    config_digest,
    load_config,
    read_file,
)
from node.domain.descriptor import Descriptor, open_alliance_file
from node.endpoints import MEMBERS, WALLETS, Edge
from node.errors import ConfigError, UnavailableError
from node.rounds import rounds
from node.services.expiries import Deadline
from node.services.issue_rules import RulesSource
from node.setup import keep_operator
from node.wire.bank_manual import Address
from node.wire.envelope import Es256Suite
from node.wiring import Outside, Services

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 3.0
_ACCESS_SECONDS = 1.0
_KEYS_SECONDS = 5.0
_ERASE_SECONDS = 1.0


class Node:
    """A node that is ready to run."""

    def __init__(  # noqa: PLR0917
        self,
        home: Path,
        config: Config,
        keys: NodeKeys,
        services: Services,
        leaves: LeafSource,
        tend: Callable[[], None] = lambda: None,
    ) -> None:
        """Args:
        home: its folder.
        config: of this node.
        keys: its own.
        services: its use cases.
        leaves: its TLS leaves.
        tend: keeps what follows from the present keys in the node's folder; cheap when nothing has changed.
        """
        self._home, self._config, self._keys, self._leaves = home, config, keys, leaves
        self._tend = tend
        services.expiries.sources.append(lambda: [Deadline("own TLS leaf", leaves.expires, lead_days=2)])
        self.services = services
        self._servers: list[grpc.aio.Server] = []
        self._tiles = TileServer(services.tiles, PublicLimit(config.limits))
        self._pushes = _push_server(home, config, keys, services)
        self._streams = OpenStreams()

    async def run(self) -> None:
        """Serve and work until cancelled.

        Raises:
            UnavailableError: a port is taken.
            StoreError: the database fails.
        """
        services, config = self.services, self._config
        services.note_config(config_digest(self._home))
        services.rules.start()
        keep_operator(self._home, services.systems)
        services.on_authority_changed(self._streams.look_again)
        preparing = self._start_preparing()
        try:
            members, wallets = await self._listen(preparing)
            logger.info("%s serves members on port %d and wallets on port %d", config.name, members, wallets)
            await self._listen_over_http()
            async with asyncio.TaskGroup() as tasks:
                for task in rounds(services, config):
                    tasks.create_task(task)
                tasks.create_task(repeat("look after access", self._look_after_access, _ACCESS_SECONDS))
                tasks.create_task(repeat("erase", self._erase, _ERASE_SECONDS))
                tasks.create_task(repeat("tend the keys", self._tend_keys, _KEYS_SECONDS))
        except asyncio.CancelledError:
            logger.info("%s stops", config.name)
            raise
        finally:
            if self._pushes is not None:
                await self._pushes.close()
            await asyncio.gather(
                self._tiles.close(), *(running.stop(_GRACE_SECONDS) for running in self._servers)
            )
            preparing.close()

    async def _listen_over_http(self) -> None:
        config = self._config
        if config.listen.tiles:
            port = await self._tiles.listen(config.listen.tiles)
            logger.info("%s shows the hashes of its log on port %d", config.name, port)
        if self._pushes is not None:
            port = await self._pushes.listen(config.guarantor.system.listen)
            logger.info("%s takes what the guarantee system pushes on port %d", config.name, port)

    async def _look_after_access(self) -> None:
        """Certificates run out without anybody's doing."""
        self._streams.look_again()
        try:
            keep_operator(self._home, self.services.systems)
        except ConfigError as error:
            raise UnavailableError(str(error)) from error  # told once, and tried again

    async def _erase(self) -> bool:
        try:
            return await self.services.erasing.step()
        except ConfigError as error:
            raise UnavailableError(
                str(error)
            ) from error  # the folder of the keys; told once, and tried again

    async def _tend_keys(self) -> None:
        self.services.key_rotation.step()
        self._leaves.leaf()  # renewed in time, also where nobody calls
        self._tend()

    def _start_preparing(self) -> Preparing:
        services, workers = self.services, self._config.records.workers
        if not workers:
            return PreparingHere(services.preparer, services.clock)
        about = (self._keys.index, services.alliance.id, self._config.name)
        return PreparingBeside(workers, *about, services.clock, services.catalogue.rules)

    async def _listen(self, preparing: Preparing) -> tuple[int, int]:
        s, limits = self.services, self._config.limits
        callers = Callers(s.projection, s.systems, s.clock, self._config.name, self._keys.identity)
        edge = Edge(callers, preparing)
        running, members = await server.serve(
            self._config.listen.members,
            server.member_credentials(lambda: self._leaves.leaf().pair, callers.anchors),
            Guard(callers.check, Limits(limits), self._streams),
            [one.register(s, edge) for one in MEMBERS],
            [one.name for one in MEMBERS],
            server.MEMBER_MESSAGE_BYTES,
        )
        self._servers.append(running)
        running, wallets = await server.serve(
            self._config.listen.wallets,
            server.wallet_credentials(lambda: self._leaves.leaf().pair),
            Guard(check_wallet, Limits(limits), self._streams),
            [one.register(s, edge) for one in WALLETS],
            [one.name for one in WALLETS],
            server.WALLET_MESSAGE_BYTES,
        )
        self._servers.append(running)
        return members, wallets


@asynccontextmanager
async def open_node(
    home: Path, keys: NodeKeys | None = None, tend: Callable[[], None] = lambda: None
) -> AsyncIterator[Node]:
    """Open the node in a folder that `heqi init` and `heqi alliance join` have prepared.

    Args:
        home: that folder.
        keys: its keys, where the caller has opened them.
        tend: see `Node`.

    Raises:
        ConfigError: something in the folder is missing or contradictory.
        DescriptorError: the alliance descriptor is not signed by its founders.
        StoreError: the database is held by another process or damaged.
    """
    config, clock, descriptor = load_config(home), SystemClock(), load_descriptor(home)
    keys = keys or open_keys(home)
    leaves = LeafSource(config.name, keys.identity, clock)
    peers = GrpcPeers(leaves.leaf)
    ledger = EvmLedger(config.ledger.url, keys.account, deployment_of(descriptor))
    authorities = HttpAuthorities(config.trust.timeout_seconds)
    registry, bank = _registry(home, config), _core_banking(home, config, keys, clock)
    system = _guarantee_system(home, config, keys, clock)
    store = LevelStore(home / DATA_FOLDER)
    try:
        keyring = LevelStore(home / KEYRING_FOLDER)
        try:
            outside = Outside(
                store,
                keyring,
                ledger,
                peers,
                authorities,
                clock,
                os.urandom,
                ProcessSignatureReader(),
                IdentityCertifier(config.name, keys.identity),
                FileErasureList(home / ERASURES_FOLDER),
                NotoSansSc(),
                PyhankoSeal(keys.organisation_seal),
                registry,
                partial(_issue_rules, home),
                bank,
                system,
            )
            yield Node(home, config, keys, Services(config, descriptor, keys, outside), leaves, tend)
        finally:
            keyring.close()
    finally:
        store.close()
        await peers.close()
        await authorities.close()
        for closing in (bank, system):
            if closing is not None:
                await closing.close()
        await ledger.close()
        if registry is not None:
            registry.close()


def _core_banking(home: Path, config: Config, keys: NodeKeys, clock: SystemClock) -> HttpsBank | None:
    about = config.guarantor
    if not about.bank_url:
        return None
    suite = Es256Suite(keys.identity.sign, bytes.fromhex(about.bank_key))
    tls = _believing(home, about.bank_ca, "guarantor.bank_ca")
    seconds = about.bank_timeout_seconds
    return HttpsBank(EnvelopePost(about.bank_url, suite, clock, tls=tls, timeout_seconds=seconds))


def _guarantee_system(
    home: Path, config: Config, keys: NodeKeys, clock: SystemClock
) -> HttpsGuaranteeSystem | None:
    about = config.guarantor.system
    if not about.url:
        return None
    suite = Es256Suite(keys.identity.sign, bytes.fromhex(about.key))
    tls, seconds = _believing(home, about.ca, "guarantor.system.ca"), about.timeout_seconds
    post = EnvelopePost(about.url, suite, clock, tls=tls, timeout_seconds=seconds)
    return HttpsGuaranteeSystem(post, Address(config.name, about.channel, about.template))


def _push_server(home: Path, config: Config, keys: NodeKeys, services: Services) -> PushServer | None:
    about = config.guarantor.system
    if not about.url:
        return None
    suite = Es256Suite(keys.identity.sign, bytes.fromhex(about.key))
    tls = None
    if about.certificate:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            tls.load_cert_chain(home / about.certificate, home / about.certificate_key)
        except OSError as error:  # also what is no certificate
            raise ConfigError(
                f"cannot use guarantor.system.certificate {about.certificate} with "
                f"guarantor.system.certificate_key: {error}"
            ) from error
    return PushServer(services.system_desk, services.gate, suite, PublicLimit(config.limits), tls)


def _believing(home: Path, authority: str, name: str) -> ssl.SSLContext | None:
    try:
        return ssl.create_default_context(cafile=home / authority) if authority else None
    except OSError as error:  # also what is no certificate
        raise ConfigError(f"cannot use {name} {authority}: {error}") from error


def _issue_rules(home: Path) -> RulesSource | None:
    about = load_config(home).guarantor  # read anew: the hash in it may be another one by now
    return RulesSource(read_file(home / about.rules), about.rules_sha256) if about.rules else None


def _registry(home: Path, config: Config) -> TrialFileRegistry | None:
    about = config.registry
    return TrialFileRegistry(home / about.trial_file, about.name) if about.name else None


def load_descriptor(home: Path) -> Descriptor:
    """The descriptor of the alliance that the node in `home` has joined.

    Raises:
        ConfigError: it has joined none.
        DescriptorError: the file is not signed by its founders.
    """
    return open_alliance_file(read_file(home / ALLIANCE_FILE, "run `heqi alliance join` first"))
