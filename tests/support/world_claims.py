"""Claims at a bank that pays through its core system: one guarantee, and what its parties, people and bank do."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.banks.trial import TrialBank
from node.domain.bank_order import BankOrder
from node.domain.guarantee_statement import Claim, Order, Reason
from node.domain.guarantee_table import Event, State
from node.ports import Batch
from node.services.bank_orders import KeptOrder
from node.services.claim_payment_rows import KeptPayment
from tests.support.world_guarantees import Issued, Tender

ORDER = Order("示例市中级人民法院", "(2026)示01财保1号", "2026-03-01")
WHY = Reason("as agreed")
ACCOUNT = "6222 0000"


@dataclass(frozen=True, slots=True)
class ClaimCase:
    """A guarantee over 80,000 in force everywhere; the books are those of its bank alone."""

    tender: Tender
    issued: Issued
    books: TrialBank

    @classmethod
    async def begin(cls, tender: Tender, number: str = "BH-1") -> "ClaimCase":
        """With new books, into which nothing of another guarantee comes."""
        books = with_books(tender)
        await tender.world.follow(tender.bank)
        return cls(tender, await tender.in_force(number=number), books)

    async def complying(self, amount: str = "80000.00") -> None:
        """Claimed, and found complying."""
        await self.claimed(amount)
        await self.make(Event.FIND_COMPLYING)

    async def claimed(self, amount: str = "80000.00") -> None:
        """The beneficiary claims; final everywhere afterwards."""
        says = Claim(amount, "the bidder withdrew its bid", (), ACCOUNT, 0)
        await self.tender.step(self.issued, Event.CLAIM, says)
        await self.turn()

    async def make(self, event: Event) -> None:
        """The guarantor's step, final everywhere."""
        says = ORDER if event in {Event.STAY, Event.LIFT, Event.RECORD_SUIT, Event.PROHIBIT} else WHY
        await self.tender.bank.services.guarantee_steps.make(self.issued.id, event, says)
        await self.turn()

    async def stop(self, event: Event) -> None:
        """Stay, withdrawal or release, handed in and not on the ledger yet."""
        if event is Event.STAY:
            await self.tender.bank.services.guarantee_steps.make(self.issued.id, Event.STAY, ORDER)
        elif event is Event.RELEASE:
            self.tender.release(self.issued)
        else:
            await self.tender.step(self.issued, event, WHY)

    def release(self, amount: str = "80000", account: str = ACCOUNT) -> KeptPayment:
        """A person releases the payment."""
        payments = self.tender.bank.services.claim_payments
        return payments.release(self.issued.id, Decimal(amount), account)

    async def settle(self) -> None:
        """Long enough for an order, its answer and the statement."""
        for _ in range(2):
            await self.turn()

    async def turn(self) -> None:
        """All background work but that of the logs: a node with an old database would refuse that."""
        await self.tender.world.settle(publish=False, corroborate=False)

    @property
    def state(self) -> State:
        """Where the ledger has it."""
        return self.tender.state(self.issued)

    def payments(self) -> list[BankOrder]:
        """What left the bank for it."""
        orders = self.books.books.values()
        return [order for order in orders if (order.kind, order.about) == ("pay-claim", self.issued.id)]

    def listed(self) -> list[str]:
        """Words for what is shown to the bank's people."""
        found = self.tender.bank.services.claim_payments.list_()
        return [kept.state for kept in found if kept.guarantee == self.issued.id]

    def unsettled(self) -> list[KeptOrder]:
        """Orders to pay it that are neither done nor given up."""
        orders = self.tender.bank.services.bank_orders.unsettled()
        return [
            kept for kept in orders if (kept.order.kind, kept.order.about) == ("pay-claim", self.issued.id)
        ]

    async def told(self, *kinds: str) -> list[str]:
        """What the bank was told of it."""
        entries = await self.tender.bank.feed(*kinds)
        return [
            one.kind
            for one in entries
            if self.issued.id in (one.about.get("guarantee"), one.about.get("about"))
        ]

    def last(self) -> Any:
        """What the last statement says, as the node of the claim knows it."""
        shown = self.tender.centre.services.guarantee_views.show(self.issued.id)
        return shown.life.entries[-1].document.says  # type: ignore[union-attr]

    async def rewind(self, before: dict[bytes, bytes]) -> None:
        """Put the bank's database back to how it was; the node starts and catches up."""
        store, batch = self.tender.bank.store, Batch()
        batch.changes.update(dict.fromkeys(store.everything()))
        batch.changes.update(before)
        store.write(batch)
        self.tender.bank.restart()
        await self.tender.world.follow(self.tender.bank)


def with_books(tender: Tender) -> TrialBank:
    """The tender's bank with a core system, by which it pays claims, and without rules."""
    tender.bank.core_bank = books = TrialBank()
    tender.bank.pays_claims, tender.bank.rules = True, None
    tender.bank.restart()
    return books
