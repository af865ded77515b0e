"""Real nodes in this process: real gRPC, TLS, keys and LevelDB on loopback; the ledger is the in-memory twin."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import grpc
import msgspec
from heqi.v1 import (
    access_service_pb2_grpc,
    alliance_service_pb2_grpc,
    event_service_pb2_grpc,
    exchange_service_pb2_grpc,
    guarantee_service_pb2_grpc,
    legal_service_pb2_grpc,
    record_service_pb2_grpc,
    system_service_pb2_grpc,
)
from msgspec import structs

from adapters.authorities.http import HttpAuthorities
from adapters.crypto import trial_ca
from adapters.crypto.clock import SystemClock
from adapters.crypto.keys import NodeKeys, open_keys
from adapters.crypto.leaves import IdentityCertifier, LeafSource, issue_leaf, new_request
from adapters.ledger.memory import MemoryChain, MemoryLedger
from adapters.peers.grpc_peers import GrpcPeers
from adapters.signatures.reader import ProcessSignatureReader
from adapters.signatures.sealing import PyhankoSeal
from adapters.store.erasure_file import FileErasureList
from adapters.store.leveldb import LevelStore
from adapters.typefaces.noto import NotoSansSc
from node.app import Node
from node.cli.demo.ports import free_ports
from node.config import (
    ALLIANCE_FILE,
    CARD_FILE,
    ERASURES_FOLDER,
    OPERATOR_CERTIFICATE,
    OPERATOR_KEY,
    TLS_FOLDER,
    Config,
    LimitsConfig,
    RecordsConfig,
    load_config,
)
from node.domain.descriptor import (
    DESCRIPTOR_TYPE,
    AllianceFile,
    DeployedContract,
    Descriptor,
    open_card,
    sign_descriptor,
)
from node.domain.member import Member, Role
from node.domain.system import SystemRole
from node.domain.trust import TrustAnchor, anchor_from_pem
from node.errors import EvidencePendingError
from node.ports import Store
from node.services.issue_rules import RulesSource
from node.setup import create_home, follow_keys
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, server_name
from node.wiring import Outside, Services

CENTRES = ("centre-a", "centre-b", "centre-c")

R = TypeVar("R")


@dataclass(frozen=True)
class Pass:
    """What a system holds that was let in."""

    key_pem: bytes
    certificate_pem: bytes
    serial: str


@dataclass
class Centre:
    """One node: its folder, keys, public card, and the node itself while the network is up."""

    name: str
    home: Path
    keys: NodeKeys
    member: Member
    config: Config
    node: Node | None = None
    rules: RulesSource | None = None
    """A guarantor's rules for instant decisions, read at every `rules.load`."""
    opened: Outside | None = None
    """What its node calls, while it runs."""

    @property
    def services(self) -> Services:
        assert self.node is not None
        return self.node.services

    @property
    def store(self) -> Store:
        assert self.opened is not None
        return self.opened.store

    def operator_channel(self) -> grpc.aio.Channel:
        """As the centre's own systems connect."""
        return channel(self.member, *operator_pair(self.home))

    def let_in(self, name: str, role: SystemRole) -> "Pass":
        """Let a system of this centre in."""
        key_pem, request = new_request()
        issued = self.services.systems.issue(request, name, role)
        return Pass(key_pem, issued.pem, issued.serial)

    def system_channel(self, held: "Pass") -> grpc.aio.Channel:
        """As a system that was let in connects."""
        return channel(self.member, held.key_pem, held.certificate_pem)

    def member_channel(self, to: "Centre") -> grpc.aio.Channel:
        """As this member's node connects to another."""
        leaf = issue_leaf(self.name, self.keys.identity.key, time.time())
        return channel(to.member, leaf.key_pem, leaf.certificate_pem)


class ShiftedClock(SystemClock):
    """The system's clock, for nodes and ledger; a test puts it ahead. TLS keeps the system's own."""

    ahead = 0.0

    def now(self) -> float:
        return super().now() + self.ahead


@dataclass
class Network:
    """Three centres on one ledger."""

    chain: MemoryChain
    descriptor: Descriptor
    root: trial_ca.TrialCertificate
    centres: dict[str, Centre] = field(default_factory=dict)
    folder: Path = Path()
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    def __getitem__(self, name: str) -> Centre:
        return self.centres[name]

    @property
    def alliance_file(self) -> Path:
        return self.folder / ALLIANCE_FILE


def operator_pair(home: Path) -> tuple[bytes, bytes]:
    """Key and certificate of the operator, as the node keeps them in its folder."""
    key, certificate = (
        (home / TLS_FOLDER / file).read_bytes() for file in (OPERATOR_KEY, OPERATOR_CERTIFICATE)
    )
    return key, certificate


def channel(
    to: Member, key_pem: bytes | None, certificate_pem: bytes | None, anchor: bytes | None = None
) -> grpc.aio.Channel:
    """A channel to a member's listener, with whatever certificate the test likes."""
    credentials = grpc.ssl_channel_credentials(
        anchor or anchor_pem(to.name, to.identity_key), key_pem, certificate_pem
    )
    options = [("grpc.ssl_target_name_override", server_name(to.name)), ("grpc.enable_retries", 0)]
    return grpc.aio.secure_channel(to.endpoint, credentials, options)


@dataclass(frozen=True)
class Stubs:
    """All services of a member's listener over one channel."""

    channel: grpc.aio.Channel

    @property
    def records(self):
        return record_service_pb2_grpc.RecordServiceStub(self.channel)

    @property
    def access(self):
        return access_service_pb2_grpc.AccessServiceStub(self.channel)

    @property
    def alliance(self):
        return alliance_service_pb2_grpc.AllianceServiceStub(self.channel)

    @property
    def events(self):
        return event_service_pb2_grpc.EventServiceStub(self.channel)

    @property
    def systems(self):
        return system_service_pb2_grpc.SystemServiceStub(self.channel)

    @property
    def exchange(self):
        return exchange_service_pb2_grpc.ExchangeServiceStub(self.channel)

    @property
    def legal(self):
        return legal_service_pb2_grpc.LegalServiceStub(self.channel)

    @property
    def guarantees(self):
        return guarantee_service_pb2_grpc.GuaranteeServiceStub(self.channel)


@contextlib.asynccontextmanager
async def open_network(
    folder: Path,
    names: tuple[str, ...] = CENTRES,
    guarantors: tuple[str, ...] = (),
    limits: LimitsConfig | None = None,
    *,
    root: trial_ca.TrialCertificate | None = None,
    records: RecordsConfig | None = None,
    period_seconds: float = 0.2,
    batch_size: int = 16,
    **terms: object,
) -> AsyncIterator[Network]:
    """Found an alliance of real nodes, centres and perhaps guarantors, and run them.

    `period_seconds` and `batch_size` are those of the logs, `terms` those on which the trial authority is recognised.
    """
    roles = dict.fromkeys(names, Role.CENTRE) | dict.fromkeys(guarantors, Role.GUARANTOR)
    centres = {
        name: _make_centre(folder / name, name, role, period_seconds, batch_size)
        for name, role in roles.items()
    }
    for centre in centres.values():
        centre.config = msgspec.structs.replace(
            centre.config, limits=limits or LimitsConfig(), records=records or RecordsConfig()
        )
    root = root or trial_ca.make_root()
    alliance_id = os.urandom(32)
    anchor = structs.replace(trial_anchor(root), **terms)
    clock = ShiftedClock()
    members = [centre.member for centre in centres.values()]
    chain = MemoryChain(alliance_id, members, (anchor,), clock=clock.now)
    descriptor = _describe(chain, centres, anchor)
    network = Network(chain, descriptor, root, centres, folder, clock)
    signatures = {
        name: sign_descriptor(descriptor, name, c.keys.identity.sign, iat=int(time.time()), jti="A" * 22)
        for name, c in centres.items()
    }
    network.alliance_file.write_bytes(msgspec.json.encode(AllianceFile(descriptor, signatures)))
    async with contextlib.AsyncExitStack() as stack:
        for centre in centres.values():
            await stack.enter_async_context(running(centre, network))
        await until(
            lambda: all(len(list(c.services.projection.members())) == len(roles) for c in centres.values())
        )
        yield network


async def until(is_so, seconds: float = 10.0, pause_seconds: float = 0.02) -> None:
    """Wait until something is so; fails the test if it is not."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(pause_seconds)


async def complete(call: Callable[[], Awaitable[R]], seconds: float = 20.0) -> R:
    """The answer once the evidence is complete: cosignatures and the proof of the ledger come in the background."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return await call()
        except grpc.aio.AioRpcError as error:
            is_pending = isinstance(from_rpc_error(error, "node"), EvidencePendingError)
            if not is_pending or time.monotonic() > deadline:
                raise
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def running(centre: Centre, network: Network) -> AsyncIterator[None]:
    """Run one node of a network."""
    clock = network.clock
    leaves = LeafSource(centre.name, centre.keys.identity, clock)
    peers, authorities = GrpcPeers(leaves.leaf), HttpAuthorities()
    outside = Outside(
        LevelStore(centre.home / "data"),
        LevelStore(centre.home / "keyring"),
        MemoryLedger(network.chain, centre.keys.account),
        peers,
        authorities,
        clock,
        os.urandom,
        ProcessSignatureReader(),
        IdentityCertifier(centre.name, centre.keys.identity),
        FileErasureList(centre.home / ERASURES_FOLDER),
        NotoSansSc(),
        PyhankoSeal(centre.keys.organisation_seal),
        issue_rules=lambda: centre.rules,
    )
    services, centre.opened = Services(centre.config, network.descriptor, centre.keys, outside), outside
    centre.node = Node(
        centre.home,
        centre.config,
        centre.keys,
        services,
        leaves,
        lambda: follow_keys(centre.home, centre.config, centre.keys),
    )
    task = asyncio.create_task(centre.node.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await peers.close()
        await authorities.close()
        outside.store.close()
        outside.keyring.close()


def _make_centre(
    home: Path, name: str, role: Role = Role.CENTRE, period_seconds: float = 0.2, batch_size: int = 16
) -> Centre:
    members, wallets = free_ports(2)
    create_home(
        home,
        name,
        role,
        f"127.0.0.1:{members}",
        f"127.0.0.1:{wallets}",
        "unix:///nowhere.sock",
        period_seconds=period_seconds,
        batch_size=batch_size,
    )
    member = open_card((home / CARD_FILE).read_text().strip())
    return Centre(name, home, open_keys(home), member, load_config(home))


def trial_anchor(root: trial_ca.TrialCertificate) -> TrustAnchor:
    """The entry of the trial authority, on the plainest terms."""
    return anchor_from_pem("trial", "trial", root.certificate_pem.decode(), trial_ca.CREDIT_CODE_OID)


def _describe(chain: MemoryChain, centres: dict[str, Centre], anchor: TrustAnchor) -> Descriptor:
    deployment = chain.deployment
    return Descriptor(
        type=DESCRIPTOR_TYPE,
        alliance=deployment.alliance_id.hex(),
        name="test alliance",
        created=int(time.time()),
        chain_id=deployment.chain_id,
        genesis_hash=deployment.genesis_hash.hex(),
        deployed_block=deployment.block,
        contracts={
            name: DeployedContract(where.address.hex(), where.code_hash.hex())
            for name, where in deployment.contracts.items()
        },
        founders=tuple((centres[name].home / CARD_FILE).read_text().strip() for name in sorted(centres)),
        trust_anchors=(anchor,),
    )
