"""One alliance of three founders on an engine, the same way for every engine."""

import os
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.ledger.artifact import ALLIANCE, VERIFIER
from adapters.ledger.check import check_deployment
from adapters.ledger.deploy import deploy_alliance, deploy_contract
from adapters.ledger.deployment import Deployment
from adapters.ledger.evm import EvmLedger
from adapters.ledger.memory import MemoryChain, MemoryLedger
from node.domain.ledger import AnchorCheckpoint, Event
from node.domain.member import Member, Role
from node.domain.merkle import consistency_proof, grow, leaf_hash, root_hash
from node.errors import LedgerRefusedError
from node.ports import Ledger
from tests.support.ledgers import (
    AccountKey,
    AnvilEngine,
    EmbeddedEngine,
    Es256Key,
    missing_anvil,
    new_account_key,
    new_es256_key,
    new_member,
)

FOUNDER_NAMES = ("hangzhou", "nanjing", "shanghai")
GUARANTOR = FOUNDER_NAMES[-1]
PATIENT_SECONDS = 30.0


class World:
    """An alliance and the keys of its founders, the last of them a guarantor too."""

    def __init__(self) -> None:
        self.alliance_id = secrets.token_bytes(32)
        self.keys = {name: new_account_key() for name in FOUNDER_NAMES}
        self._identities = {name: ec.generate_private_key(ec.SECP256R1()) for name in FOUNDER_NAMES}
        self.members = [self._founder(name) for name in FOUNDER_NAMES]
        self.deployment: Deployment
        self._ledgers: list[Ledger] = []

    async def found(self) -> None:
        raise NotImplementedError

    def connect(self, key: AccountKey, timeout_seconds: float) -> Ledger:
        raise NotImplementedError

    async def deploy(self, name: str, *, other_code: bool = False) -> tuple[bytes, bytes]:
        """Another contract by that name's code, or by code that nobody knows: address and code hash."""
        raise NotImplementedError

    def go_down(self) -> None:
        raise NotImplementedError

    def come_up(self) -> None:
        raise NotImplementedError

    def ledger(
        self, who: str | AccountKey = FOUNDER_NAMES[0], *, timeout_seconds: float = PATIENT_SECONDS
    ) -> Ledger:
        """The ledger as a founder, or any account, sees it."""
        ledger = self.connect(self.keys[who] if isinstance(who, str) else who, timeout_seconds)
        self._ledgers.append(ledger)
        return ledger

    def es256_key(self) -> Es256Key:
        return new_es256_key(self.deployment.address_of(VERIFIER))

    def identity(self, name: str) -> Es256Key:
        """A founder's identity key, as the contracts check it."""
        return Es256Key(self._identities[name], self.deployment.address_of(VERIFIER))

    async def events(self) -> list[Event]:
        ledger = self.ledger()
        return list(await ledger.events(0, (await ledger.head()).number))

    async def happenings(self, *kinds: type) -> list[Any]:
        found = [event.happening for event in await self.events()]
        return [one for one in found if not kinds or isinstance(one, kinds)]

    async def now(self) -> int:
        return (await self.ledger().head()).time

    async def close(self) -> None:
        for ledger in self._ledgers:
            await ledger.close()

    def _founder(self, name: str) -> Member:
        roles = Role.CENTRE | (Role.GUARANTOR if name == GUARANTOR else 0)
        public = Es256Key(self._identities[name], b"").signer
        return replace(new_member(name, self.keys[name].address, roles), identity_key=public)


class MemoryWorld(World):
    async def found(self) -> None:
        self.chain = MemoryChain(self.alliance_id, self.members)
        self.deployment = self.chain.deployment

    def connect(self, key: AccountKey, timeout_seconds: float) -> Ledger:
        return MemoryLedger(self.chain, key.account)

    async def deploy(self, name: str, *, other_code: bool = False) -> tuple[bytes, bytes]:
        code_hash = secrets.token_bytes(32) if other_code else self.deployment.contracts[name].code_hash
        return self.chain.deploy(name, code_hash), code_hash

    def go_down(self) -> None:
        self.chain.is_down = True

    def come_up(self) -> None:
        self.chain.is_down = False


class EvmWorld(World):
    def __init__(self, engine: EmbeddedEngine | AnvilEngine) -> None:
        super().__init__()
        self.engine = engine

    async def found(self) -> None:
        self.deployment = await deploy_alliance(
            self.engine.url,
            new_account_key().account,
            alliance_id=self.alliance_id,
            founders=self.members,
        )
        await self.check()

    async def check(self, deployment: Deployment | None = None, members: list[Member] | None = None) -> None:
        await check_deployment(self.engine.url, deployment or self.deployment, members or self.members)

    def connect(self, key: AccountKey, timeout_seconds: float) -> Ledger:
        return EvmLedger(self.engine.url, key.account, self.deployment, timeout_seconds=timeout_seconds)

    async def deploy(self, name: str, *, other_code: bool = False) -> tuple[bytes, bytes]:
        # Built for nobody's alliance: the same contract, and no code that a node of this alliance knows.
        alliance = secrets.token_bytes(20) if other_code else self.deployment.address_of(ALLIANCE)
        placed = await deploy_contract(self.engine.url, new_account_key().account, name, alliance)
        return placed.address, placed.code_hash

    def go_down(self) -> None:
        self.engine.go_down()

    def come_up(self) -> None:
        self.engine.come_up()


@contextmanager
def running_engine(kind: str, folder: Path) -> Iterator[EmbeddedEngine | AnvilEngine | None]:
    """A started engine; None for the ledger in memory, which needs none."""
    if kind == "memory":
        yield None
        return
    engine = EmbeddedEngine(folder) if kind == "embedded" else AnvilEngine(folder)
    engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def new_world(engine: EmbeddedEngine | AnvilEngine | None) -> World:
    return MemoryWorld() if engine is None else EvmWorld(engine)


class Tree:
    """A Merkle tree of random leaves."""

    def __init__(self) -> None:
        self.size = 0
        self._nodes: dict[tuple[int, int], bytes] = {}

    def grow(self, count: int) -> AnchorCheckpoint:
        """The anchor for `count` leaves more."""
        old_size = self.size
        leaves = [leaf_hash(secrets.token_bytes(8)) for _ in range(count)]
        for level, index, value in grow(old_size, leaves, self._read):
            self._nodes[level, index] = value
        self.size += count
        proof = consistency_proof(old_size, self.size, self._read) if old_size else []
        return AnchorCheckpoint(self.size, root_hash(self.size, self._read), tuple(proof))

    def _read(self, level: int, index: int) -> bytes:
        return self._nodes[level, index]


async def assert_refused(world: World, who: str | AccountKey, call: Any, problem: str) -> None:
    """The dry run names the problem, and no nonce is spent."""
    ledger = world.ledger(who)
    nonce = await ledger.next_nonce()
    with pytest.raises(LedgerRefusedError) as refusal:
        await ledger.dry_run(call)
    assert refusal.value.problem == problem
    assert await ledger.next_nonce() == nonce


# -- fixtures: a test module that wants them says `engine = ledger_worlds.engine` ------------------------


def _engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EmbeddedEngine | AnvilEngine | None]:
    reason = missing_anvil() if request.param == "anvil" else None
    if reason is not None:
        if os.environ.get("HEQI_REQUIRE_ALL") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    with running_engine(request.param, tmp_path_factory.mktemp("engine")) as started:
        yield started


engine = pytest.fixture(scope="module", params=["memory", "embedded", "anvil"], name="engine")(_engine)
engine_process = pytest.fixture(scope="module", params=["embedded", "anvil"], name="engine")(_engine)


@pytest.fixture
async def world(engine: EmbeddedEngine | AnvilEngine | None) -> AsyncIterator[World]:
    world = new_world(engine)
    await world.found()
    yield world
    await world.close()
