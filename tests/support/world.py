"""An alliance in one process: real services, an in-memory ledger, no socket, no waiting.

    with World() as world:
        bidder = world.bidder()
        world.register(bidder, world.home)
        await world.settle()
        digest = world.request(world.reader, bidder)
        await world.settle()
        world.grant(bidder)
        await world.settle()
        fetched = await world.reader.services.reading.fetch(digest)

`settle` is what the background tasks of running nodes do, until nothing changes any more. Nothing else moves by
itself, so a test can stop the world between any two steps, and restart a node over what its store holds.
"""

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, cast
from unittest import mock

from msgspec.structs import replace

from adapters.ledger.memory import MemoryChain
from node.config import TrustConfig
from node.domain.bundle import parse_bundle
from node.domain.bundle_check import VerifiedBundle, Verifier, verify_bundle
from node.domain.descriptor import DESCRIPTOR_TYPE, DeployedContract, Descriptor, open_card
from node.domain.document import peek_document
from node.domain.grant import AccessRequest, Basis, Scope
from node.domain.ledger import Call
from node.domain.member import Member, Role
from node.domain.trust import TrustAnchor
from node.domain.verdict import Gap
from node.domain.wallet import PackageRecord
from node.errors import LedgerUnavailableError, ProjectionStaleError
from node.ports import Account, Registry
from node.services import anchored
from node.services.outbox import OutboxItem, State
from node.services.registration import Registered
from node.services.transaction import Transaction
from node.services.vault import Entropy
from node.wallet import documents, logins
from tests.support.ledgers import AnvilEngine
from tests.support.world_bidder import Authority, Bidder
from tests.support.world_centre import Centre, Setup, new_keys, sign_card
from tests.support.world_clock import WorldClock
from tests.support.world_engine import EngineChain
from tests.support.world_faults import FrailLedger
from tests.support.world_network import Network

NAMES = ("hangzhou", "nanjing", "shanghai")
SCOPE = (Scope("subject.base", ("bank_account", "credit_code", "legal_name")),)
PURPOSE = "registration-reuse"
DAY = 86_400
_MOST_ROUNDS = 40
_LONGEST_PAUSE_SECONDS = 11.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What it takes to read."""

    bidder: Bidder
    digest: str
    """The reader's access request."""
    token: str
    """The grant document."""


class World:
    """An alliance of founders, each with a node; the first is used as home, the second as reader."""

    def __init__(
        self,
        names: Sequence[str] = NAMES,
        *,
        guarantors: Sequence[str] = (),
        supervisors: Sequence[str] = (),
        folder: Path | None = None,
        keys_on_disk: bool = False,
        batch_size: int = 4,
        confirmations: int = 0,
        staleness_seconds: float = 60.0,
        entropy: Entropy = os.urandom,
        terms: Mapping[str, object] | None = None,
        anchors: Sequence[TrustAnchor] = (),
        trust: TrustConfig = TrustConfig(),  # noqa: B008  # frozen
        registry: Registry | None = None,
        engine: AnvilEngine | None = None,
        reserves: bool = False,
    ) -> None:
        """Args:
        names: the founders that are centres.
        guarantors: further founders, which issue guarantees and run no tenders.
        supervisors: further founders, which supervise.
        folder: keep every node's data in LevelDB under it; in memory if None.
        keys_on_disk: keep the nodes' own keys there too, and read them at every start.
        batch_size: entries of every log batch.
        confirmations: blocks above one that make it final.
        staleness_seconds: see `LedgerConfig`.
        entropy: of all nodes; a seeded one makes their own choices repeatable.
        terms: on which the trial authority is recognised, besides the plainest.
        anchors: further entries of the founding trust list.
        trust: of all nodes.
        registry: that all nodes ask; none if None.
        reserves: have every node send a batch of reservations in each log period.
        engine: a running engine that takes the twin's place; then nothing of the ledger can be made to fail.
        """
        # The real time, because certificates and what `time.time()` says elsewhere must agree with it.
        self.clock = WorldClock(int(time.time()))
        self.authority = Authority()
        self.network = Network()
        self.anchors = (replace(self.authority.anchor, **(terms or {})), *anchors)
        roles = dict.fromkeys(sorted(names), Role.CENTRE) | dict.fromkeys(guarantors, Role.GUARANTOR)
        roles |= dict.fromkeys(supervisors, Role.SUPERVISOR)
        on_disk = folder if keys_on_disk else None
        keys = {name: new_keys(on_disk and on_disk / name / "keys") for name in roles}
        cards = {name: sign_card(name, keys[name], self.clock, roles=roles[name]) for name in roles}
        alliance_id = secrets.token_bytes(32)
        founders = [open_card(card) for card in cards.values()]
        self.chain, open_ledger = self._found(alliance_id, founders, engine)
        self.clock.advance(1)  # the founding took a block, and blocks are a second apart
        self.descriptor = self._describe(alliance_id, [cards[name] for name in sorted(cards)])
        setup = Setup(
            self.descriptor, self.network, self.clock, open_ledger, entropy, folder,
            batch_size, confirmations, staleness_seconds, trust, registry,
        )  # fmt: skip
        self._setup, self._reserves = setup, reserves
        self.centres = {name: Centre(name, keys[name], setup, roles[name]) for name in roles}
        self.bidders: list[Bidder] = []
        self._patches = (
            mock.patch.object(documents, "time", self.clock),
            mock.patch.object(logins, "time", self.clock),
            mock.patch.object(anchored, "_PAUSE_SECONDS", 0.0),
        )

    def __enter__(self) -> Self:
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for patch in self._patches:
            patch.stop()
        for centre in self.centres.values():
            centre.close()

    # -- who is there ------------------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Centre:
        return self.centres[name]

    @property
    def home(self) -> Centre:
        return next(iter(self.centres.values()))

    @property
    def reader(self) -> Centre:
        return list(self.centres.values())[1]

    @property
    def third(self) -> Centre:
        return list(self.centres.values())[2]

    def newcomer(self, name: str) -> tuple[Centre, str]:
        """A node that is not a member yet, and the card by which it asks to be admitted."""
        keys = new_keys()
        centre = self.centres[name] = Centre(name, keys, self._setup)
        return centre, sign_card(name, keys, self.clock)

    def bidder(self, *, authority: Authority | None = None) -> Bidder:
        """A company with a certificate and a fresh wallet."""
        bidder = Bidder(len(self.bidders) + 1, authority or self.authority, self.descriptor, self.clock)
        self.bidders.append(bidder)
        return bidder

    # -- moves; each takes effect at the node that is called, and elsewhere after `settle` ----------------

    def register(
        self, bidder: Bidder, home: Centre | None = None, package: Sequence[PackageRecord] | None = None
    ) -> Registered:
        """Hand in the registration package; the bidder remembers its subject and home."""
        home = home or self.home
        documents_ = bidder.package() if package is None else package
        token = bidder.scribe.register(home.name, bidder.delegation, documents_)
        registered = home.services.registrations.register(token)
        bidder.subject, bidder.home = registered.subject, home
        return registered

    def request(
        self,
        reader: Centre,
        bidder: Bidder,
        scope: Sequence[Scope] = SCOPE,
        *,
        purpose: str = PURPOSE,
        uses: int = 3,
        valid_seconds: int = 30 * DAY,
        basis: Basis = "consent",
    ) -> str:
        """The reader asks; the request's digest."""
        home, reading = bidder.registered_at.name, reader.services.reading
        return reading.request(bidder.subject, home, scope, purpose, uses, valid_seconds, basis)

    def grant(
        self, bidder: Bidder, *, via: Centre | None = None, scope: Sequence[Scope] = (), uses: int | None = None,
        expires: int = 0,
    ) -> str:  # fmt: skip
        """The bidder grants its newest unanswered request at a node; the grant document."""
        token = self.sign_grant(bidder, scope=scope, uses=uses, expires=expires)
        self.give(bidder, token, via=via)
        return token

    def sign_grant(
        self, bidder: Bidder, *, scope: Sequence[Scope] = (), uses: int | None = None, expires: int = 0
    ) -> str:
        """The bidder signs what its newest unanswered request asks for, and gives it to nobody yet."""
        sharing = bidder.registered_at.services.sharing
        waiting = [pending.token for pending in sharing.requests(bidder.subject) if not pending.grant]
        opened = [self._open_request(bidder, token) for token in waiting]
        newest = max(opened, key=lambda request: (request.iat, request.jti))
        return bidder.scribe.grant(newest, scope=scope, uses=uses, expires=expires)

    def give(self, bidder: Bidder, token: str, *, via: Centre | None = None) -> str:
        """The bidder hands a signed grant to a node; the grant's id."""
        via = via or bidder.registered_at
        if via is bidder.registered_at:
            return via.services.sharing.give_grant(bidder.scribe.give(via.name, token))
        return via.services.sharing.relay(bidder.scribe.relay(via.name, token))

    def revoke(self, bidder: Bidder, token: str, *, via: Centre | None = None) -> str:
        """The bidder hands a revocation to a node; the grant's id."""
        via = via or bidder.registered_at
        return via.services.sharing.revoke(bidder.scribe.revoke(via.name, token))

    async def share(
        self, bidder: Bidder | None = None, scope: Sequence[Scope] = SCOPE, *, uses: int = 3
    ) -> Shared:
        """Everything up to a live grant that the reader has collected."""
        if bidder is None:
            bidder = self.bidder()
            self.register(bidder)
            await self.settle()
        digest = self.request(self.reader, bidder, scope, uses=uses)
        await self.settle()
        token = self.grant(bidder)
        await self.settle()
        return Shared(bidder, digest, token)

    # -- time --------------------------------------------------------------------------------------------

    async def settle(self, *, publish: bool = True, corroborate: bool = True) -> None:
        """One log period: every log is published, then all background work is done until nothing is left.

        While the ledger is down nothing reaches it, and peers go on; then one round is all there is.
        """
        # Long enough that everything that waits for its next try is due, short enough that no view is stale.
        self.clock.advance(_LONGEST_PAUSE_SECONDS)
        if publish:
            for centre in self._running():
                centre.services.publish()
                if self._reserves:
                    centre.services.reserving.send_batch()
        before: list[list[OutboxItem]] = []
        for _ in range(_MOST_ROUNDS):
            for centre in self._running():
                await self._work(centre)
            if self.chain.is_down:
                return
            left = [centre.outbox() for centre in self._running()]
            is_sent = any(item.state is State.SENT for items in left for item in items)
            if left == before and not is_sent and all(map(self._has_caught_up, self._running())):
                if corroborate:
                    await self._corroborate()
                return
            before = left
            self.seal()
        raise AssertionError("the world does not settle")

    def seal(self, count: int = 1) -> None:
        """Blocks, one second apart, whatever they hold."""
        for _ in range(count):
            self.clock.advance(1)
            self.chain.seal()

    async def follow(self, *centres: Centre) -> None:
        """Let nodes take in what the ledger has, and do nothing else; all nodes if none is named."""
        for centre in centres or self._running():
            while await centre.services.follow():
                pass

    def queue(self, centre: Centre, name: str, call: Call) -> int:
        """Put a call into a node's outbox; the item's number."""
        transaction = Transaction(centre.store)
        number = centre.services.outbox.add(transaction, name, call)
        transaction.commit()
        return number

    def verify(self, bundle: bytes, *, without: frozenset[Gap] = frozenset()) -> VerifiedBundle:
        """As a stranger does, who knows the descriptor."""
        return verify_bundle(parse_bundle(bundle), Verifier(self.descriptor, allowed=without))

    def member(self, name: str) -> Member:
        """A member as the ledger has it."""
        return self.home.services.projection.member(name)

    def _running(self) -> list[Centre]:
        return [centre for centre in self.centres.values() if centre.is_running]

    async def _work(self, centre: Centre) -> None:
        """One turn of a node's background tasks."""
        with contextlib.suppress(LedgerUnavailableError):
            await self.follow(centre)
            await centre.services.sender.step()
            await centre.services.issue_renewal.step()
            await centre.services.ledger_proofs.step()
        await centre.services.reading.step()
        await centre.services.look_ups.step()
        with contextlib.suppress(ProjectionStaleError):
            await centre.services.desk.step()
        centre.services.lines.step()
        await centre.services.bank_orders.step()
        await centre.services.claim_payments.step()
        await centre.services.system_desk.step()
        await centre.services.catalogue.step()
        await centre.services.changes.step()
        await centre.services.notices.step()
        await centre.services.holdings.step()
        await centre.services.guarantee_views.step()
        await centre.services.line_keeping.step()
        await centre.services.guarantee_delivery.step()
        await centre.services.legal_reading.step()
        while await centre.services.erasing.step():
            pass

    async def _corroborate(self) -> None:
        """What members say of each other's logs."""
        for centre in self._running():
            await centre.services.witness.step()
        for centre in self._running():
            await centre.services.corroboration.step()

    def _has_caught_up(self, centre: Centre) -> bool:
        final = self.chain.head().number - self._setup.confirmations
        return centre.services.follower.final_number() >= final

    def _open_request(self, bidder: Bidder, token: str) -> AccessRequest:
        reader = self.member(peek_document(token, AccessRequest).iss)
        return bidder.scribe.check_request(token, reader)

    def _found(
        self, alliance_id: bytes, founders: Sequence[Member], engine: AnvilEngine | None
    ) -> tuple[MemoryChain, Callable[[Account], FrailLedger]]:
        if engine is not None:
            foreign = EngineChain(engine, self.clock, alliance_id, founders, self.anchors)
            # As far as a world without failures uses them, the two are alike.
            return cast("MemoryChain", foreign), cast("Callable[[Account], FrailLedger]", foreign.ledger)
        chain = MemoryChain(alliance_id, founders, self.anchors, auto_seal=False, clock=self.clock.now)
        return chain, lambda account: FrailLedger(chain, account)

    def _describe(self, alliance_id: bytes, cards: list[str]) -> Descriptor:
        deployment = self.chain.deployment
        return Descriptor(
            type=DESCRIPTOR_TYPE,
            alliance=alliance_id.hex(),
            name="试验联盟",
            created=int(self.clock.now()),
            chain_id=deployment.chain_id,
            genesis_hash=deployment.genesis_hash.hex(),
            deployed_block=deployment.block,
            contracts={
                name: DeployedContract(place.address.hex(), place.code_hash.hex())
                for name, place in deployment.contracts.items()
            },
            founders=tuple(cards),
            trust_anchors=self.anchors,
        )
