"""A node of real services on a real engine, in this process: it can be killed at any call and started again."""

import asyncio
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence

from adapters.crypto.leaves import IdentityCertifier
from adapters.ledger.deploy import deploy_alliance
from adapters.ledger.deployment import Deployment
from adapters.ledger.engine import Engine
from adapters.ledger.evm import EvmLedger
from adapters.signatures.reader import ProcessSignatureReader
from adapters.signatures.sealing import PyhankoSeal
from adapters.store.erasure_file import MemoryErasureList
from adapters.store.memory import MemoryStore
from adapters.typefaces.noto import NotoSansSc
from node.config import Config, LedgerConfig, Listen, LogConfig
from node.domain.descriptor import DESCRIPTOR_TYPE, DeployedContract, Descriptor, open_card
from node.domain.ledger import Anchored, Event
from node.errors import LedgerUnavailableError
from node.services import layout
from node.services.sender import RESEND_SECONDS
from node.wiring import Outside, Services
from tests.support.ledgers import AnvilEngine, EmbeddedEngine, new_account_key
from tests.support.world_centre import new_keys, sign_card
from tests.support.world_clock import WorldClock
from tests.support.world_faults import FrailStore, Hook, KilledError, pass_by
from tests.support.world_network import Network, WorldPeers
from tests.support.world_records import incoming

BATCH = 4
_WAIT_SECONDS = 30.0
_CALLS = frozenset({"head", "block", "events", "next_nonce", "dry_run", "sign", "send", "outcome", "prove"})


class TellingLedger(EvmLedger):
    """Tells of each call before it is made, and of a `send` after it too."""

    before: Hook = staticmethod(pass_by)

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name not in _CALLS:
            return found

        async def told(*arguments: object) -> object:
            self.before(name)
            result = await found(*arguments)
            if name == "send":
                self.before("sent")
            return result

        return told


class Alliance:
    """Founders on one engine; each test takes one that nobody has used."""

    def __init__(self, engine: EmbeddedEngine | AnvilEngine, founders: int) -> None:
        self.engine, self.clock = engine, WorldClock(int(time.time()))
        self.keys = {f"centre-{number:02}": new_keys() for number in range(founders)}
        self._unused = sorted(self.keys, reverse=True)
        self._nodes: list[EngineNode] = []
        self.deployment: Deployment
        self.descriptor: Descriptor

    async def found(self) -> None:
        cards = [sign_card(name, keys, self.clock) for name, keys in sorted(self.keys.items())]
        self.deployment = await deploy_alliance(
            self.engine.url,
            new_account_key().account,
            alliance_id=secrets.token_bytes(32),
            founders=[open_card(card) for card in cards],
        )
        self.descriptor = Descriptor(
            type=DESCRIPTOR_TYPE,
            alliance=self.deployment.alliance_id.hex(),
            name="试验联盟",
            created=int(self.clock.now()),
            chain_id=self.deployment.chain_id,
            genesis_hash=self.deployment.genesis_hash.hex(),
            deployed_block=self.deployment.block,
            contracts={
                name: DeployedContract(place.address.hex(), place.code_hash.hex())
                for name, place in self.deployment.contracts.items()
            },
            founders=tuple(cards),
            trust_anchors=(),
        )

    def node(self, *, confirmations: int = 0) -> "EngineNode":
        node = EngineNode(self, self._unused.pop(), confirmations)
        self._nodes.append(node)
        return node

    async def close(self) -> None:
        """End all nodes' processes."""
        for node in self._nodes:
            await node.close()
        self._nodes.clear()

    async def mine(self) -> None:
        """One block more, on Anvil."""
        await self.ask("evm_mine")

    async def ask(self, method: str, *params: object) -> object:
        """What only a test asks of an engine."""
        engine = Engine(self.engine.url, 10.0)
        try:
            return await engine.request(method, *params)
        finally:
            await engine.close()


class EngineNode:
    """One founder's node. `turn` is one round of its background tasks."""

    def __init__(self, alliance: Alliance, name: str, confirmations: int) -> None:
        self.alliance, self.name, self._confirmations = alliance, name, confirmations
        self.keys, self.clock = alliance.keys[name], alliance.clock
        self.disk = MemoryStore()
        self._keyring, self._erasures = MemoryStore(), MemoryErasureList()
        self.appended = self._messages = 0
        self.start()

    def start(self) -> None:
        """A new process over what is stored."""
        alliance, network = self.alliance, Network()
        self.store = FrailStore(self.disk)
        self.ledger = TellingLedger(
            alliance.engine.url, self.keys.account, alliance.deployment, timeout_seconds=1.0
        )
        outside = Outside(
            self.store, self._keyring, self.ledger, WorldPeers(network, self.name), network.authorities,
            self.clock, os.urandom, ProcessSignatureReader(), IdentityCertifier(self.name, self.keys.identity),
            self._erasures, NotoSansSc(), PyhankoSeal(self.keys.organisation_seal),
        )  # fmt: skip
        config = Config(
            name=self.name,
            roles=["CENTRE"],
            listen=Listen(f"{self.name}.example:7443", f"{self.name}.example:7444"),
            ledger=LedgerConfig(alliance.engine.url, self._confirmations, 60.0),
            log=LogConfig(batch_size=BATCH),
        )
        self.services = Services(config, alliance.descriptor, self.keys, outside)

    async def restart(self) -> None:
        """The process is killed and started again."""
        await self.ledger.close()
        self.start()

    async def close(self) -> None:
        await self.ledger.close()

    # -- work --------------------------------------------------------------------------------------------

    def append(self, count: int = 1) -> None:
        """Records that this node acknowledges."""
        names = [incoming(f"{self.name}/{self.appended + number}") for number in range(count)]
        self._messages += 1
        self.services.records.append("client", self._messages, names)
        self.appended += count

    def period(self, count: int = 1) -> None:
        """Records come, a log period ends."""
        if count:
            self.append(count)
        self.services.publish_when_known()

    async def follow(self) -> None:
        while await self.services.follow():
            pass

    async def turn(self) -> None:
        """One round; an engine that is away ends it."""
        try:
            await self.follow()
            await self.services.sender.step()
            await self.services.ledger_proofs.step()
        except LedgerUnavailableError:
            return

    async def settle(self, mine: Callable[[], Awaitable[object]] | None = None) -> None:
        """Rounds and periods until all that was acknowledged is final and proven and the outbox is empty.

        Args:
            mine: makes a block, on an engine that makes none by itself.
        """
        await self.follow()
        async with asyncio.timeout(_WAIT_SECONDS):
            while not self._is_settled():
                await self.turn()
                # Every round is late enough to send again what did not arrive.
                self.clock.advance(RESEND_SECONDS + 0.1)
                is_final = self.services.proving.final_through() == self.appended
                if not is_final and all(state == "parked" for state in self.outbox()):
                    self.services.publish_when_known()
                if mine is not None:
                    await mine()
                await asyncio.sleep(0.02)

    def _is_settled(self) -> bool:
        is_proven = not list(self.store.scan(layout.ANCHOR_TO_PROVE))
        return is_proven and self.services.proving.final_through() == self.appended and not self.outbox()

    def outbox(self) -> list[str]:
        """States of what has not reached the ledger."""
        return [item.state.value for _, item in self.services.outbox.items()]

    async def anchors(self) -> list[Anchored]:
        """This member's, as the chain has them now."""
        events: Sequence[Event] = await self.ledger.events(
            self.alliance.deployment.block, (await self.ledger.head()).number
        )
        found = [event.happening for event in events]
        return [one for one in found if isinstance(one, Anchored) and one.member == self.name]

    async def check(self) -> list[Anchored]:
        """Every record is anchored exactly once, in order, and nothing waits for an operator."""
        anchors = await self.anchors()
        sizes = [anchor.size for anchor in anchors]
        assert sizes == sorted(set(sizes)), "anchors only grow"
        for anchor in anchors:
            note = self.services.log.checkpoint(anchor.size).note
            assert note, "each anchor is of this log"
            row = self.services.projection.anchor(self.name, anchor.size)
            assert row is not None
            assert row.root == anchor.root
        places = [self.services.log.index_of(position) for position in range(self.appended)]
        assert all(place is not None and place < sizes[-1] for place in places)
        assert len(set(places)) == self.appended, "no record stands twice"
        assert self.outbox() == []
        assert self.services.parking.count() == 0
        assert not list(self.disk.scan(layout.OUTBOX))
        return anchors


class Killer:
    """A hook that kills the process at the n-th call of the ledger or write to the database."""

    def __init__(self, nth: int) -> None:
        self.nth, self.count, self.place = nth, 0, ""

    def __call__(self, name: str) -> None:
        if name in {"get", "scan"}:
            return
        self.count += 1
        if self.count == self.nth:
            self.place = name
            raise KilledError(name)
