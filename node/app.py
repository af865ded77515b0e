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
from heqi.v1 import (
    access_service_pb2_grpc,
    alliance_service_pb2_grpc,
    award_service_pb2_grpc,
    catalogue_service_pb2_grpc,
    desk_service_pb2_grpc,
    erasure_service_pb2_grpc,
    event_service_pb2_grpc,
    exchange_service_pb2_grpc,
    guarantee_file_service_pb2_grpc,
    guarantee_service_pb2_grpc,
    legal_service_pb2_grpc,
    log_service_pb2_grpc,
    login_service_pb2_grpc,
    notice_service_pb2_grpc,
    obligation_service_pb2_grpc,
    opening_service_pb2_grpc,
    record_service_pb2_grpc,
    recovery_service_pb2_grpc,
    registration_service_pb2_grpc,
    signature_service_pb2_grpc,
    system_service_pb2_grpc,
    trust_service_pb2_grpc,
    wallet_service_pb2_grpc,
)

from adapters.authorities.http import HttpAuthorities
from adapters.banks.envelope import Es256Suite
from adapters.banks.https import HttpsBank
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
from node.api.access_service import AccessService
from node.api.alliance_service import AllianceService
from node.api.award_service import AwardService
from node.api.caller import Callers, check_wallet
from node.api.catalogue_service import CatalogueService
from node.api.desk_service import DeskService
from node.api.erasure_service import ErasureService
from node.api.event_service import EventService
from node.api.exchange_service import ExchangeService
from node.api.guarantee_file_service import GuaranteeFileService
from node.api.guarantee_service import GuaranteeService
from node.api.guard import Guard
from node.api.legal_service import LegalService
from node.api.limits import Limits, PublicLimit
from node.api.log_service import LogService
from node.api.login_service import LoginService
from node.api.notice_service import NoticeService
from node.api.obligation_service import ObligationService
from node.api.opening_service import OpeningService
from node.api.preparing import Preparing, PreparingBeside, PreparingHere
from node.api.record_service import RecordService
from node.api.recovery_service import RecoveryService
from node.api.registration_service import RegistrationService
from node.api.signature_service import SignatureService
from node.api.streams import OpenStreams
from node.api.system_service import SystemService
from node.api.tiles import TileServer
from node.api.trust_service import TrustService
from node.api.wallet_service import WalletService
from node.background import every, repeat
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
from node.errors import ConfigError, UnavailableError
from node.services.expiries import Deadline
from node.services.issue_rules import RulesSource
from node.setup import keep_operator
from node.wiring import Outside, Services

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 3.0
_EXCHANGE_SECONDS = 0.5
_LEGAL_SECONDS = 5.0
_ACCESS_SECONDS = 1.0
_KEYS_SECONDS = 5.0
_CALENDAR_SECONDS = 1.0
_ERASE_SECONDS = 1.0
_REGISTRY_SECONDS = 1.0
_EXPIRIES_SECONDS = 3_600.0
_DEFINITIONS_SECONDS = 2.0
_DESK_SECONDS = 0.5
_BANK_SECONDS = 1.0
_LINES_SECONDS = 60.0
MEMBER_SERVICES = tuple(
    f"heqi.v1.{name}"
    for name in (
        "RecordService",
        "AccessService",
        "AllianceService",
        "TrustService",
        "CatalogueService",
        "EventService",
        "GuaranteeService",
        "GuaranteeFileService",
        "AwardService",
        "ObligationService",
        "DeskService",
        "OpeningService",
        "LoginService",
        "RecoveryService",
        "SignatureService",
        "SystemService",
        "ErasureService",
        "RegistrationService",
        "NoticeService",
        "LegalService",
        "ExchangeService",
        "LogService",
    )
)
WALLET_SERVICES = ("heqi.v1.WalletService",)


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
            if config.listen.tiles:
                port = await self._tiles.listen(config.listen.tiles)
                logger.info("%s shows the hashes of its log on port %d", config.name, port)
            async with asyncio.TaskGroup() as tasks:
                pause = config.ledger.poll_seconds
                tasks.create_task(repeat("follow the ledger", services.follow, pause))
                tasks.create_task(repeat("send to the ledger", services.sender.step, pause))
                tasks.create_task(repeat("prove the ledger", services.ledger_proofs.step, pause))
                tasks.create_task(repeat("exchange with peers", services.reading.step, _EXCHANGE_SECONDS))
                tasks.create_task(repeat("tell owners", services.coverage.step, _EXCHANGE_SECONDS))
                tasks.create_task(repeat("compare versions", services.changes.step, _EXCHANGE_SECONDS))
                tasks.create_task(repeat("tell holders", services.notices.step, _EXCHANGE_SECONDS))
                tasks.create_task(
                    repeat("hand in steps", services.guarantee_delivery.step, _EXCHANGE_SECONDS)
                )
                tasks.create_task(repeat("tell of claims", services.guarantee_views.step, _EXCHANGE_SECONDS))
                tasks.create_task(repeat("count lines", services.line_keeping.step, _EXCHANGE_SECONDS))
                tasks.create_task(repeat("follow notices", services.holdings.step, _EXCHANGE_SECONDS))
                tasks.create_task(
                    repeat("hand in legal receipts", services.legal_reading.step, _LEGAL_SECONDS)
                )
                tasks.create_task(repeat("corroborate reads", services.corroboration.step, _EXCHANGE_SECONDS))
                tasks.create_task(repeat("ask the register", services.look_ups.step, _REGISTRY_SECONDS))
                tasks.create_task(
                    repeat("ask for definitions", services.catalogue.step, _DEFINITIONS_SECONDS)
                )
                tasks.create_task(repeat("keep the calendar", services.obligations.step, _CALENDAR_SECONDS))
                tasks.create_task(repeat("look after access", self._look_after_access, _ACCESS_SECONDS))
                tasks.create_task(repeat("decide by rules", services.desk.step, _DESK_SECONDS))
                tasks.create_task(
                    repeat("order from the core bank", services.bank_orders.step, _BANK_SECONDS)
                )
                tasks.create_task(every(_LINES_SECONDS, services.lines.step, "look after credit lines"))
                tasks.create_task(repeat("erase", self._erase, _ERASE_SECONDS))
                tasks.create_task(repeat("tend the keys", self._tend_keys, _KEYS_SECONDS))
                tasks.create_task(every(_EXPIRIES_SECONDS, services.expiries.tell, "tell what runs out"))
                tasks.create_task(
                    repeat("witness the others' logs", services.witness.step, config.log.period_seconds)
                )
                tasks.create_task(
                    every(config.log.period_seconds, services.publish_when_known, "publish the log")
                )
                tasks.create_task(
                    every(
                        config.reservations.period_seconds,
                        services.reserving.send_when_known,
                        "reserve applications",
                    )
                )
        except asyncio.CancelledError:
            logger.info("%s stops", config.name)
            raise
        finally:
            await asyncio.gather(
                self._tiles.close(), *(running.stop(_GRACE_SECONDS) for running in self._servers)
            )
            preparing.close()

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
        records = RecordService(
            s.records,
            s.parking,
            s.decisions,
            s.proving,
            s.exporting,
            s.listing,
            s.predecessors,
            s.feed,
            preparing,
            callers.check,
        )
        access = AccessService(s.reading, s.kept_reads, s.proving)
        exchange = ExchangeService(
            s.sharing,
            s.serving,
            s.inbox,
            s.legal_serving,
            s.log,
            s.cosignatures,
            s.catalogue,
            s.guarantee_delivery,
            s.awards,
            s.share_keeping,
            callers,
            s.clock,
        )
        wallet = WalletService(
            s.alliance,
            s.gate,
            s.registrations,
            s.sharing,
            s.serving,
            s.legal_history,
            s.clock,
            s.records,
            s.proving,
            s.codes,
            s.guarantee_steps,
            s.guarantee_views,
            s.guarantor,
            s.desk,
            s.line_desk,
            s.moving,
            s.exporting,
            s.logins,
            s.erasures,
            s.packages,
            s.agency,
            s.consents,
            s.notices,
            s.disputes,
            s.controllers,
            s.recoveries,
            s.awards,
            s.guarantee_files,
            s.releases,
            s.reserving,
            s.sealed_issuing,
        )
        guarantee = GuaranteeService(
            s.guarantees, s.guarantor, s.guarantee_steps, s.guarantee_views, s.batch_checks, s.pledges
        )
        files = GuaranteeFileService(s.guarantee_files, s.taken_guarantees)
        desk = DeskService(s.guarantor, s.desk, s.rules, s.line_desk, s.bank_orders)
        opening = OpeningService(s.openings, s.revealing)
        signatures = SignatureService(s.verifying)
        alliance = AllianceService(s.alliance, s.membership, s.status, s.decisions, s.key_rotation)
        systems = SystemService(s.systems, s.acts, s.proving)
        legal = LegalService(s.legal_reading, s.proving, callers)
        log = LogService(s.alliance, s.log, s.cosignatures, s.witness)
        trust = TrustService(s.recognition, s.trust_votes)
        catalogue = CatalogueService(s.catalogue, s.catalogue_votes)
        notices = NoticeService(s.notices, s.disputes, s.consents, s.remarks)
        add_members = (
            partial(record_service_pb2_grpc.add_RecordServiceServicer_to_server, records),
            partial(access_service_pb2_grpc.add_AccessServiceServicer_to_server, access),
            partial(alliance_service_pb2_grpc.add_AllianceServiceServicer_to_server, alliance),
            partial(trust_service_pb2_grpc.add_TrustServiceServicer_to_server, trust),
            partial(catalogue_service_pb2_grpc.add_CatalogueServiceServicer_to_server, catalogue),
            partial(event_service_pb2_grpc.add_EventServiceServicer_to_server, EventService(s.feed)),
            partial(guarantee_service_pb2_grpc.add_GuaranteeServiceServicer_to_server, guarantee),
            partial(award_service_pb2_grpc.add_AwardServiceServicer_to_server, AwardService(s.awards)),
            partial(guarantee_file_service_pb2_grpc.add_GuaranteeFileServiceServicer_to_server, files),
            partial(
                obligation_service_pb2_grpc.add_ObligationServiceServicer_to_server,
                ObligationService(s.obligations),
            ),
            partial(desk_service_pb2_grpc.add_DeskServiceServicer_to_server, desk),
            partial(opening_service_pb2_grpc.add_OpeningServiceServicer_to_server, opening),
            partial(
                recovery_service_pb2_grpc.add_RecoveryServiceServicer_to_server, RecoveryService(s.recoveries)
            ),
            partial(login_service_pb2_grpc.add_LoginServiceServicer_to_server, LoginService(s.logins)),
            partial(signature_service_pb2_grpc.add_SignatureServiceServicer_to_server, signatures),
            partial(system_service_pb2_grpc.add_SystemServiceServicer_to_server, systems),
            partial(exchange_service_pb2_grpc.add_ExchangeServiceServicer_to_server, exchange),
            partial(
                erasure_service_pb2_grpc.add_ErasureServiceServicer_to_server, ErasureService(s.erasures)
            ),
            partial(notice_service_pb2_grpc.add_NoticeServiceServicer_to_server, notices),
            partial(
                registration_service_pb2_grpc.add_RegistrationServiceServicer_to_server,
                RegistrationService(s.loading, s.attesting, s.look_ups, s.registrations),
            ),
            partial(legal_service_pb2_grpc.add_LegalServiceServicer_to_server, legal),
            partial(log_service_pb2_grpc.add_LogServiceServicer_to_server, log),
        )
        add_wallets = (partial(wallet_service_pb2_grpc.add_WalletServiceServicer_to_server, wallet),)
        running, members = await server.serve(
            self._config.listen.members,
            server.member_credentials(lambda: self._leaves.leaf().pair, callers.anchors),
            Guard(callers.check, Limits(limits), self._streams),
            add_members,
            MEMBER_SERVICES,
            server.MEMBER_MESSAGE_BYTES,
        )
        self._servers.append(running)
        running, wallets = await server.serve(
            self._config.listen.wallets,
            server.wallet_credentials(lambda: self._leaves.leaf().pair),
            Guard(check_wallet, Limits(limits), self._streams),
            add_wallets,
            WALLET_SERVICES,
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
            )
            yield Node(home, config, keys, Services(config, descriptor, keys, outside), leaves, tend)
        finally:
            keyring.close()
    finally:
        store.close()
        await peers.close()
        await authorities.close()
        if bank is not None:
            await bank.close()
        await ledger.close()
        if registry is not None:
            registry.close()


def _core_banking(home: Path, config: Config, keys: NodeKeys, clock: SystemClock) -> HttpsBank | None:
    about = config.guarantor
    if not about.bank_url:
        return None
    suite = Es256Suite(keys.identity.sign, bytes.fromhex(about.bank_key))
    try:
        tls = ssl.create_default_context(cafile=home / about.bank_ca) if about.bank_ca else None
    except OSError as error:  # also what is no certificate
        raise ConfigError(f"cannot use guarantor.bank_ca {about.bank_ca}: {error}") from error
    return HttpsBank(about.bank_url, suite, clock, tls=tls, timeout_seconds=about.bank_timeout_seconds)


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
