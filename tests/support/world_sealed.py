"""Sealed bid guarantees in a world: opening, reservation, application, issue, sealing and revealing by the real code.

async with sealed_tender(world) as …: see `SealedTender`; the first centre is everybody's home, the second runs the
tender, the others hold shares.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from node.domain.opening import Opening, open_terms
from node.services.reserving import Place
from node.services.revealing import Bid, Revealed
from node.services.sealed_issuing import Collected
from node.wallet.sealing import Sealed, SealedPlan, SealedScribe, new_plan, seal
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre
from tests.support.world_guarantees import SECTION, Tender

HOLDERS = ("shanghai", "suzhou", "wuxi")
NAMES = ("hangzhou", "nanjing", *HOLDERS)
HOUR = 3_600


@dataclass(frozen=True, slots=True)
class SealedBid:
    """What a bidder has in hand before the opening."""

    bidder: Bidder
    plan: SealedPlan
    sealed: Sealed

    @property
    def bid(self) -> Bid:
        return Bid(self.sealed.file, self.bidder.code)


class SealedTender:
    """One section whose opening was announced, with three holders of which two open a bid."""

    def __init__(self, world: World, section: str = SECTION) -> None:
        self.world, self.tender = world, Tender(world, section)
        self.centre, self.bank = self.tender.centre, self.tender.bank
        self.opening: Opening
        self.terms = ""
        self._grants: dict[tuple[str, str], str] = {}

    @property
    def id(self) -> str:
        return self.opening.id.hex()

    async def announce(
        self, holders: Sequence[str] = HOLDERS, threshold: int = 2, in_seconds: int = DAY
    ) -> "SealedTender":
        """Announce the opening; final everywhere afterwards."""
        await self.world.settle()
        opens = int(self.world.clock.now()) + in_seconds
        openings = self.centre.services.openings
        self.terms = await openings.announce(self.tender.section, opens, holders, threshold)
        self.opening = open_terms(self.terms, self.world.member)
        await self.world.settle()
        return self

    async def open(self) -> None:
        """Let the moment come, and open."""
        self.pass_to(self.opening.terms.opens)
        await self.world.settle()
        self.centre.services.openings.open(self.id)
        await self.world.settle()

    def pass_to(self, moment: int) -> None:
        """Let time pass, with a block at the end."""
        self.world.clock.advance(max(0.0, moment + 1 - self.world.clock.now()))
        self.world.seal()

    # -- a bidder ----------------------------------------------------------------------------------------

    def plan(self, bidder: Bidder, **terms: Any) -> SealedPlan:
        return new_plan(self.tender.code(bidder), self.tender.terms(**terms))

    def begin(self, bidder: Bidder, plan: SealedPlan, bank: Centre | None = None) -> SealedPlan:
        """With a reservation for a bank."""
        now = int(self.world.clock.now())
        return SealedScribe(bidder.scribe).begin(plan, (bank or self.bank).name, now)

    def reserve(self, bidder: Bidder, plan: SealedPlan, via: Centre | None = None) -> Place:
        """Ask the tender's centre, or another member, for the last reservation."""
        via = via or self.centre
        return via.services.reserving.reserve(SealedScribe(bidder.scribe).reserve(via.name, plan))

    def grant(self, bidder: Bidder, bank: Centre) -> str:
        """What a customer gave its bank beforehand, and uses for all its applications."""
        key = (bidder.subject, bank.name)
        if key not in self._grants:
            self._grants[key] = self.tender.grant(bidder, bank, uses=50)
            self.world.give(bidder, self._grants[key])
        return self._grants[key]

    def granted(self, bidder: Bidder, bank: Centre, token: str) -> None:
        """Use a grant that the bank asked for itself, and has."""
        self._grants[bidder.subject, bank.name] = token

    def apply(self, bidder: Bidder, plan: SealedPlan, bank: Centre | None = None) -> SealedPlan:
        """Apply under the last reservation."""
        bank = bank or self.bank
        token = SealedScribe(bidder.scribe).apply(plan, self.grant(bidder, bank))
        return replace(plan, application=bank.services.guarantor.apply(token))

    async def applied(
        self, bidder: Bidder, bank: Centre | None = None, plan: SealedPlan | None = None, **terms: Any
    ) -> SealedPlan:
        """An application whose reservation is final, and whose applicant the bank has read."""
        bank = bank or self.bank
        plan = self.begin(bidder, plan or self.plan(bidder, **terms), bank)
        self.reserve(bidder, plan)
        self.grant(bidder, bank)
        await self.world.settle()
        plan = self.apply(bidder, plan, bank)
        await self.world.settle()
        await bank.services.guarantor.assess(plan.application)
        return plan

    async def issued(
        self,
        bidder: Bidder,
        bank: Centre | None = None,
        *,
        number: str = "MW-1",
        plan: SealedPlan | None = None,
        **terms: Any,
    ) -> SealedPlan:
        """A sealed guarantee with the proof of its issue in the bidder's hands."""
        bank = bank or self.bank
        plan = await self.applied(bidder, bank, plan, **terms)
        bank.services.guarantor.issue(plan.application, number)
        await self.world.settle()
        return self.collect(bidder, plan, bank)

    def ask(self, bidder: Bidder, plan: SealedPlan, bank: Centre | None = None) -> Collected:
        return (bank or self.bank).services.sealed_issuing.collect(SealedScribe(bidder.scribe).ask(plan))

    def collect(self, bidder: Bidder, plan: SealedPlan, bank: Centre | None = None) -> SealedPlan:
        """The plan with what the bank signed, or with its refusal."""
        bank, scribe = bank or self.bank, SealedScribe(bidder.scribe)
        found, member = self.ask(bidder, plan, bank), self.world.member(bank.name)
        if found.refusal:
            return scribe.take_refusal(plan, member, found.refusal)
        return scribe.take(plan, member, found.document, found.signature, found.proof, found.contract)

    def seal(
        self, bidder: Bidder, plan: SealedPlan, deal: Callable[[bytes, int, int], list[bytes]] | None = None
    ) -> SealedBid:
        """What goes into the bid."""
        sealed = seal(plan, self.opening) if deal is None else seal(plan, self.opening, deal=deal)
        return SealedBid(bidder, plan, sealed)

    # -- the centre --------------------------------------------------------------------------------------

    async def reveal(self, *bids: SealedBid | Bid) -> list[Revealed]:
        handed = [one.bid if isinstance(one, SealedBid) else one for one in bids]
        return await self.centre.services.revealing.reveal(self.id, handed)

    def rows(self, centre: Centre | None = None) -> int:
        """Guarantees on the ledger, as a node sees it."""
        return sum(1 for _ in (centre or self.centre).store.scan(b"l/guarantee/"))
