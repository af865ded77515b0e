"""A trial core banking system: books in memory, and the ways in which a real one fails. For tests and trials only."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from node.domain.bank_order import BankAnswer, BankOrder
from node.errors import BankUnavailableError


@dataclass
class TrialBank:
    """The `CoreBanking` port over a dictionary."""

    books: dict[str, BankOrder] = field(default_factory=dict)
    """What was carried out, by order id: each once."""
    refusing: dict[str, str] = field(default_factory=dict)
    """Reasons by kind of order."""
    is_absent: bool = False
    is_late: bool = False
    """Carries out, and then does not answer in time."""
    pending: int = 0
    """How many times to say "pending" before anything is carried out."""
    tamper: Callable[[BankAnswer], BankAnswer] | None = None
    """Makes a wrong answer of a right one."""
    recalled: set[str] = field(default_factory=set)
    """Ids that are never carried out."""
    submitted: list[str] = field(default_factory=list)
    """Ids in the order in which they came, as often as they came."""

    async def submit(self, order: BankOrder) -> BankAnswer:
        """See `CoreBanking.submit`."""
        await asyncio.sleep(0)
        self.submitted.append(order.id)
        if self.is_absent:
            raise BankUnavailableError("the trial bank is away")
        answer = self._answer(order)
        if self.is_late:
            raise BankUnavailableError("the trial bank did not answer in time")
        return answer if self.tamper is None else self.tamper(answer)

    async def recall(self, order: BankOrder) -> BankAnswer:
        """See `CoreBanking.recall`."""
        await asyncio.sleep(0)
        if self.is_absent:
            raise BankUnavailableError("the trial bank is away")
        if self.books.get(order.id) != order:
            self.recalled.add(order.id)
        answer = self._answer(order)
        if self.is_late:
            raise BankUnavailableError("the trial bank did not answer in time")
        return answer if self.tamper is None else self.tamper(answer)

    def _answer(self, order: BankOrder) -> BankAnswer:
        known = self.books.get(order.id)
        if known is not None and known != order:
            return _stands(order, "refused", reason="this id was used for another order")
        if known is None and order.id in self.recalled:
            return _stands(order, "refused", reason="it was recalled")
        if known is None and (reason := self.refusing.get(order.kind)):
            return _stands(order, "refused", reason=reason)
        if known is None and self.pending:
            self.pending -= 1
            return _stands(order, "pending")
        self.books[order.id] = order
        return _stands(order, "done", reference=f"T{list(self.books).index(order.id) + 1:08d}")


def _stands(order: BankOrder, state: str, *, reference: str = "", reason: str = "") -> BankAnswer:
    return BankAnswer(order.id, state, order.amount, order.currency, reference, reason, order.payee)  # type: ignore[arg-type]
