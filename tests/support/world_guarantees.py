"""Guarantees in a world: what applicant, tender's centre, bank and beneficiary do, by the real wallet code.

with World(guarantors=[BANK]) as world:
    tender = Tender(world)
    issued = await tender.issued()
    checked = world.third.services.guarantees.check_file(issued.file)
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from node.domain.document import peek_document, sign_document
from node.domain.encoding import canonical_json, to_base64url
from node.domain.guarantee import ApplicationCode, Guarantee, Kind
from node.domain.guarantee_statement import Claim, Says
from node.domain.guarantee_table import Event, Mover, State, mover_of
from node.domain.sealed_guarantee import peek_guarantee
from node.domain.signature import Sign
from node.domain.wallet import StepReceipt
from node.errors import NotMemberError
from node.services.guarantee_steps import Taken
from node.wallet.documents import Scribe
from node.wallet.guarantees import NEEDED_SCOPE, PURPOSE, GuaranteeScribe, Seen, Terms, see
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

BANK, INSURER = "bank", "insurer"
SECTION = "GC-2026-001/1"


@dataclass(frozen=True, slots=True)
class Issued:
    """A guarantee on its way to the ledger, or there."""

    bidder: Bidder
    application: str
    id: str
    file: str

    @property
    def terms(self) -> Guarantee:
        return peek_guarantee(self.file)


class Tender:
    """One section of a tender of the world's second centre, and the bank where bidders apply."""

    def __init__(self, world: World, section: str = SECTION) -> None:
        self.world, self.section = world, section
        self.centre, self.bank = world.reader, world[BANK]
        self.beneficiary = new_wallet_key()

    async def bidder(self) -> Bidder:
        """A company whose registration is final at the world's first centre."""
        bidder = self.world.bidder()
        self.world.register(bidder)
        await self.world.settle()
        return bidder

    def code(self, bidder: Bidder, centre: Centre | None = None, kind: Kind = "bid") -> str:
        """The application code that the centre gives the bidder."""
        centre = centre or self.centre
        asked = GuaranteeScribe(bidder.scribe).ask_code(centre.name, self.section, bidder.delegation, kind)
        return centre.services.codes.give(asked)

    def grant(self, bidder: Bidder, bank: Centre | None = None, **changes: Any) -> str:
        """The bidder lets the bank read; signed, and with nobody yet."""
        values: dict[str, Any] = {
            "readers": (bank or self.bank).name,
            "home": bidder.registered_at.name,
            "scope": NEEDED_SCOPE,
            "purpose": PURPOSE,
            "uses": 3,
            "expires": int(self.world.clock.now()) + 30 * DAY,
            **changes,
        }
        return bidder.scribe.grant_unasked(**values)

    def terms(self, **changes: Any) -> Terms:
        """What the bidder asks for."""
        now = int(self.world.clock.now())
        values: dict[str, Any] = {
            "beneficiary_name": "虚构区住房和城乡建设局",
            "beneficiary_key": self.beneficiary.beneficiary_key(self.section).public_key.hex(),
            "section": self.section,
            "guarantee_kind": "bid",
            "amount": "80000.00",
            "currency": "CNY",
            "nbf": now,
            "exp": now + 90 * DAY,
            **changes,
        }
        return Terms(**values)

    def apply(
        self, bidder: Bidder, *, bank: Centre | None = None, code: str = "", grant: str = "", **terms: Any
    ) -> str:
        """The bidder applies; the application's id. Its home has the grant, if the bidder signs it here."""
        bank = bank or self.bank
        if not grant:
            grant = self.grant(bidder, bank)
            self.world.give(bidder, grant)
        writer = GuaranteeScribe(bidder.scribe)
        code = code or self.code(bidder, kind=terms.get("guarantee_kind", "bid"))
        token = writer.apply(bank.name, code, grant, self.terms(**terms))
        return bank.services.guarantor.apply(token)

    async def assessed(self, bidder: Bidder | None = None, bank: Centre | None = None, **terms: Any) -> str:
        """An application whose applicant the bank has read and verified; its id."""
        bank, bidder = bank or self.bank, bidder or await self.bidder()
        application = self.apply(bidder, bank=bank, **terms)
        await self.world.settle()
        await bank.services.guarantor.assess(application)
        return application

    async def issued(
        self, bidder: Bidder | None = None, *, bank: Centre | None = None, number: str = "BH-1", **terms: Any
    ) -> Issued:
        """A guarantee that the bank has signed; on the ledger after `settle`."""
        bank, bidder = bank or self.bank, bidder or await self.bidder()
        application = await self.assessed(bidder, bank, **terms)
        raw_id = bank.services.guarantor.issue(application, number)
        return Issued(bidder, application, raw_id, bank.services.guarantor.load(application).guarantee)

    async def in_force(self, **terms: Any) -> Issued:
        """A guarantee that every node has seen on the ledger."""
        issued = await self.issued(**terms)
        await self.world.settle()
        return issued

    @property
    def releasing(self) -> GuaranteeScribe:
        """The beneficiary's wallet."""
        return GuaranteeScribe(Scribe(self.beneficiary, self.world.descriptor, ""))

    def release(self, issued: Issued, via: Centre | None = None) -> str:
        """The beneficiary gives the guarantee back at a node; the guarantee's id."""
        via, bank = via or self.centre, self.world.member(issued.terms.iss)
        token = self.releasing.release(via.name, self.seen(issued, via), bank, "the tender is over")
        return via.services.guarantee_steps.release(token).guarantee

    def seen(self, issued: Issued, via: Centre | None = None) -> Seen:
        """How the guarantee stands, as a node shows it to the beneficiary."""
        via = via or self.bank
        shown = via.services.guarantee_views.of_wallet(self.releasing.ask_steps(via.name, issued.file))
        steps = [entry.step for entry in shown.life.entries]
        return see(issued.file, steps, list(shown.documents.values()), shown.row.contract)

    async def step(
        self,
        issued: Issued,
        event: Event,
        says: Says,
        via: Centre | None = None,
        receipt: StepReceipt | None = None,
    ) -> Taken:
        """Beneficiary or applicant moves the guarantee at a node."""
        via = via or self.centre
        is_applicant = mover_of(event) is Mover.APPLICANT
        writer = GuaranteeScribe(issued.bidder.scribe) if is_applicant else self.releasing
        token = writer.step(via.name, self.seen(issued), event, says, receipt)
        return await via.services.guarantee_steps.take(token)

    async def make(self, issued: Issued, event: Event, says: Says, at: Centre | None = None) -> Taken:
        """Guarantor or centre moves the guarantee; final everywhere afterwards."""
        taken = await (at or self.bank).services.guarantee_steps.make(issued.id, event, says)
        await self.world.settle()
        return taken

    async def claimed(self, issued: Issued, amount: str = "80000.00", **changes: Any) -> Taken:
        """The beneficiary claims; final everywhere afterwards."""
        says = Claim(amount, "the bidder withdrew its bid", (), "6222 0000", 0)
        taken = await self.step(issued, Event.CLAIM, msgspec.structs.replace(says, **changes))
        await self.world.settle()
        return taken

    def state(self, issued: Issued, node: Centre | None = None) -> State:
        """Where the ledger has it, as a node knows."""
        row = (node or self.world.third).services.projection.guarantee(bytes.fromhex(issued.id))
        assert row is not None
        return State(row.state)

    async def suspend(self, member: Centre) -> None:
        """The others vote a member out; final everywhere afterwards."""
        proposer, *voters = [node for node in self.world.centres.values() if node is not member]
        proposer.services.membership.propose_standing(member.name, active=False, valid_seconds=DAY)
        await self.world.settle()
        for voter in voters[: 2 * len(voters) // 3]:
            voter.services.membership.vote(1, approve=True)
        await self.world.settle()
        with pytest.raises(NotMemberError):
            self.world.member(member.name)


def altered(file: str, **changes: Any) -> str:
    """The guarantee with other content under the old signature."""
    header, _, signature = file.split(".")
    changed = msgspec.structs.replace(peek_document(file, Guarantee), **changes)
    return f"{header}.{to_base64url(canonical_json(msgspec.to_builtins(changed)))}.{signature}"


def signed_anew(file: str, sign: Sign, **changes: Any) -> str:
    """The guarantee, perhaps with other content, under somebody's signature."""
    return sign_document(msgspec.structs.replace(peek_document(file, Guarantee), **changes), sign)


def other_code(given: str, sign: Sign, **changes: Any) -> str:
    """The application code with other content, under somebody's signature."""
    return sign_document(msgspec.structs.replace(peek_document(given, ApplicationCode), **changes), sign)
