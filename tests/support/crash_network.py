"""The processes under test: one engine and two nodes, founded as operators do it, started from the nursery."""

import asyncio
import itertools
import random
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from heqi.v1 import alliance_service_pb2, alliance_service_pb2_grpc

from adapters.crypto import trial_ca
from adapters.crypto.keys import NodeKeys, open_keys
from node.cli.demo.ports import free_ports
from node.config import CARD_FILE, CONFIG_FILE, OPERATOR_CERTIFICATE, OPERATOR_KEY, TLS_FOLDER
from node.domain.descriptor import Descriptor, open_alliance_file, open_card
from node.domain.member import Member, Role
from node.domain.trust import anchor_from_pem
from node.founding import create_alliance, join_alliance, sign_alliance
from node.setup import create_home
from node.wire.tls import anchor_pem, server_name
from tests.support.crash_chain import RawChain
from tests.support.crash_nursery import Nursery
from tests.support.network import channel

ENGINE = "engine"
_START_SECONDS = 20.0


@dataclass
class Process:
    """One process by its name, over all its lives."""

    name: str
    arguments: list[str]
    folders: list[Path]
    """Of its databases."""
    log: Path
    store: str = "watched"
    port: int = 0
    pid: int = 0
    ready_at: float = 0.0


@dataclass
class Settings:
    """What differs from one network to the next."""

    period_seconds: float
    batch_size: int
    seal_seconds: float

    @classmethod
    def drawn(cls, rng: random.Random) -> "Settings":
        return cls(rng.choice((0.1, 0.15, 0.25)), rng.choice((24, 32, 64)), rng.choice((0.1, 0.2)))


@dataclass
class CrashNetwork:
    """Two centres on one engine."""

    folder: Path
    nursery: Nursery
    settings: Settings
    names: tuple[str, ...] = ("centre-a", "centre-b")
    processes: dict[str, Process] = field(default_factory=dict)
    members: dict[str, Member] = field(default_factory=dict)
    keys: dict[str, NodeKeys] = field(default_factory=dict)
    root: trial_ca.TrialCertificate = field(default_factory=trial_ca.make_root)
    descriptor: Descriptor | None = None
    chain: RawChain | None = None

    def home(self, name: str) -> Path:
        return self.folder / name

    async def found(self, store: str) -> None:
        """Start the engine, make the folders, found the alliance; the nodes are not started yet."""
        chain, settings = self.folder / "chain", self.settings
        arguments = ["chain", "--folder", str(chain), "--socket", str(chain / "s"), "--log-level", "WARNING"]
        arguments += ["--seal-seconds", str(settings.seal_seconds), "--heartbeat-seconds", "0.5"]
        log = self.folder / "engine.log"
        self.processes[ENGINE] = Process(ENGINE, arguments, [chain / "data"], log)
        self.start(ENGINE)
        for name in self.names:
            members, wallets = free_ports(2)
            home, url = self.home(name), f"unix://{chain / 's'}"
            create_home(
                home,
                name,
                Role.CENTRE,
                f"127.0.0.1:{members}",
                f"127.0.0.1:{wallets}",
                url,
                period_seconds=settings.period_seconds,
                batch_size=settings.batch_size,
            )
            config = home / CONFIG_FILE
            config.write_text(config.read_text().replace("confirmations = 0", "poll_seconds = 0.05"))
            self.members[name] = open_card((home / CARD_FILE).read_text().strip())
            self.keys[name] = open_keys(home)
            run = ["run", "--home", str(home), "--log-level", "WARNING"]
            folders = [home / "data", home / "keyring"]
            log = self.folder / f"{name}.log"
            self.processes[name] = Process(name, run, folders, log, store, members)
        await self._found_alliance()

    async def _found_alliance(self) -> None:
        cards = [(self.home(name) / CARD_FILE).read_text().strip() for name in self.names]
        anchor = anchor_from_pem(
            "trial", "trial", self.root.certificate_pem.decode(), trial_ca.CREDIT_CODE_OID
        )
        file = self.folder / "alliance.json"
        await self.ready(ENGINE)
        await create_alliance(self.home(self.names[0]), "crash", cards, [anchor], file)
        for name in self.names[1:]:
            await sign_alliance(self.home(name), file)
        for name in self.names:
            await join_alliance(self.home(name), file)
        self.descriptor = open_alliance_file(file.read_bytes())
        addresses = ["0x" + contract.address for contract in self.descriptor.contracts.values()]
        self.chain = RawChain(self.folder / "chain" / "s", addresses)

    def start(self, name: str) -> None:
        process = self.processes[name]
        process.ready_at = 0.0
        process.pid = self.nursery.start(process.arguments, process.log, process.store)

    def kill(self, name: str) -> int:
        """SIGKILL; the exit code, which tells whether the process had ended by itself before."""
        process = self.processes[name]
        code = self.nursery.kill(process.pid)
        process.pid = 0
        return code

    async def ready(self, name: str) -> bool:
        """Wait until a process listens; False if it ended or took too long."""
        process, deadline = self.processes[name], time.monotonic() + _START_SECONDS
        for look in itertools.count():
            if self._listens(process):
                break
            # Asking the nursery wakes another process, just when all are starting.
            has_ended = look % 25 == 24 and self.nursery.exit_code(process.pid) is not None
            if has_ended or time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.004)
        process.ready_at = time.monotonic()
        return True

    def operator_channel(self, name: str) -> grpc.aio.Channel:
        """As the centre's own systems connect: with the files that the node has made for them."""
        folder = self.home(name) / TLS_FOLDER
        key, certificate = (folder / OPERATOR_KEY).read_bytes(), (folder / OPERATOR_CERTIFICATE).read_bytes()
        return channel(self.members[name], key, certificate)

    def wallet_channel(self, name: str) -> grpc.aio.Channel:
        member = self.members[name]
        credentials = grpc.ssl_channel_credentials(anchor_pem(member.name, member.identity_key))
        options = [("grpc.ssl_target_name_override", server_name(member.name)), ("grpc.enable_retries", 0)]
        return grpc.aio.secure_channel(member.wallet_endpoint, credentials, options)

    async def outbox_empty(self, name: str) -> None:
        """Wait until nothing but the next anchor is on its way to the ledger."""
        async with self.operator_channel(name) as connection:
            stub = alliance_service_pb2_grpc.AllianceServiceStub(connection)
            while True:
                status = await stub.GetNodeStatus(alliance_service_pb2.GetNodeStatusRequest())
                if all(item.object == "anchor" for item in status.outbox):
                    return
                await asyncio.sleep(0.05)

    def _listens(self, process: Process) -> bool:
        if process.name == ENGINE:
            family, address = socket.AF_UNIX, str(self.folder / "chain" / "s")
        else:
            family, address = socket.AF_INET, ("127.0.0.1", process.port)
        with socket.socket(family) as probe:
            try:
                probe.connect(address)
            except OSError:
                return False
        return True
