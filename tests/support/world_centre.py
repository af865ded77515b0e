"""One node of a world: the real services over a store, a ledger and peers that a test can make fail."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from adapters.crypto.keys import NodeKeys, create_keys, load_keys, memory_keys
from adapters.crypto.leaves import IdentityCertifier
from adapters.crypto.organisation_seal import HeldSeal
from adapters.signatures.reader import ProcessSignatureReader
from adapters.signatures.sealing import PyhankoSeal
from adapters.store.erasure_file import FileErasureList, MemoryErasureList
from adapters.store.leveldb import LevelStore
from adapters.store.memory import MemoryStore
from adapters.typefaces.noto import NotoSansSc
from node.config import Config, GuarantorConfig, LedgerConfig, Listen, LogConfig, TrustConfig
from node.domain.descriptor import Descriptor, MemberCard
from node.domain.document import sign_document
from node.domain.encoding import to_base64url
from node.domain.member import Role
from node.ports import Account, Clock, CoreBanking, ErasureList, GuaranteeSystem, Registry, Store
from node.services.feed import FeedEntry
from node.services.issue_rules import RulesSource
from node.services.outbox import OutboxItem
from node.services.records import Records
from node.services.serving import Serving
from node.services.sharing import Sharing
from node.services.vault import Entropy
from node.wiring import Outside, Services
from tests.support.world_clock import WorldClock
from tests.support.world_faults import FrailLedger, FrailStore
from tests.support.world_network import Network, WorldPeers

PASSPHRASE = b"of a trial node, which guards nothing"


@dataclass(frozen=True, slots=True)
class Setup:
    """What all nodes of a world share."""

    descriptor: Descriptor
    network: Network
    clock: WorldClock
    open_ledger: Callable[[Account], FrailLedger]
    entropy: Entropy
    folder: Path | None
    batch_size: int
    confirmations: int
    staleness_seconds: float
    trust: TrustConfig
    registry: Registry | None = None


class Centre:
    """A node that can be stopped and started again over what its store holds."""

    def __init__(self, name: str, keys: NodeKeys, setup: Setup, role: Role = Role.CENTRE) -> None:
        self.name, self.keys, self._setup, self._role = name, keys, setup, role
        self.is_running = False
        self._memory: dict[str, Store] = {}
        self.erasures = MemoryErasureList()
        self.seal: HeldSeal | None = None
        self.rules: RulesSource | None = None
        self.core_bank: CoreBanking | None = None
        self.pays_claims = False
        """Through the core bank."""
        self.guarantee_system: GuaranteeSystem | None = None
        setup.network.centres[name] = self
        self.start()

    def start(self) -> None:
        """A new process: nothing is left but the stores."""
        setup = self._setup
        if setup.folder is not None and (folder := setup.folder / self.name / "keys").is_dir():
            self.keys = load_keys(folder, PASSPHRASE)
        self.store, self.keyring = self._open("data"), self._open("keyring")
        self.ledger = setup.open_ledger(self.keys.account)
        self.outside = Outside(
            self.store, self.keyring, self.ledger, WorldPeers(setup.network, self.name),
            setup.network.authorities, setup.clock, setup.entropy,
            ProcessSignatureReader(), IdentityCertifier(self.name, self.keys.identity),
            self._erasures(), NotoSansSc(), PyhankoSeal(lambda: self.seal), setup.registry, lambda: self.rules,
            self.core_bank, self.guarantee_system,
        )  # fmt: skip
        config = Config(
            name=self.name,
            roles=[str(self._role.name)],
            listen=Listen(f"{self.name}.example:7443", f"{self.name}.example:7444"),
            ledger=LedgerConfig("memory:", setup.confirmations, setup.staleness_seconds),
            log=LogConfig(batch_size=setup.batch_size),
            trust=setup.trust,
            guarantor=GuarantorConfig(bank_pays_claims=self.pays_claims),
        )
        self.services = Services(config, setup.descriptor, self.keys, self.outside)
        self.services.rules.start()
        self.is_running = True

    def stop(self) -> None:
        """The process ends, in whatever state it is."""
        self.is_running = False
        if self._setup.folder is not None:
            self.close()

    def restart(self) -> None:
        """A crash and a new start."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Release the stores."""
        self.store.close()
        self.keyring.close()

    # -- shorthands --------------------------------------------------------------------------------------

    @property
    def records(self) -> Records:
        return self.services.records

    @property
    def sharing(self) -> Sharing:
        return self.services.sharing

    @property
    def serving(self) -> Serving:
        return self.services.serving

    def outbox(self) -> list[OutboxItem]:
        """What has not reached the ledger."""
        return [item for _, item in self.services.outbox.items()]

    async def feed(self, *kinds: str) -> list[FeedEntry]:
        """What has been reported so far, of some kinds or all."""
        found: list[FeedEntry] = []
        watching = self.services.feed.watch(0)
        count = sum(1 for _ in self.store.scan(b"f/"))
        for _ in range(count):
            found.append((await anext(watching))[1])
        await watching.aclose()
        return [entry for entry in found if not kinds or entry.kind in kinds]

    def _erasures(self) -> ErasureList:
        if self._setup.folder is not None:
            return FileErasureList(self._setup.folder / self.name / "erasures")
        return self.erasures

    def _open(self, name: str) -> FrailStore:
        if self._setup.folder is not None:
            return FrailStore(LevelStore(self._setup.folder / self.name / name))
        return FrailStore(self._memory.setdefault(name, MemoryStore()))


def new_keys(folder: Path | None = None) -> NodeKeys:
    """Keys of a node, in a folder or nowhere on disk."""
    return memory_keys() if folder is None else create_keys(folder, PASSPHRASE)


def sign_card(name: str, keys: NodeKeys, clock: Clock, *, roles: int = Role.CENTRE) -> str:
    """A member card, signed by the identity key in it."""
    card = MemberCard(
        alliance="",
        iat=int(clock.now()),
        jti=to_base64url(os.urandom(16)),
        iss=name,
        roles=int(roles),
        account=keys.account_address.hex(),
        identity_key=keys.identity.public_key.hex(),
        log_key=keys.log.public_key.hex(),
        sealing_key=keys.sealing_public_key.hex(),
        endpoint=f"{name}.example:7443",
        wallet_endpoint=f"{name}.example:7444",
    )
    return sign_document(card, keys.identity.sign)
