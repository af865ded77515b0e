"""What the core banking system is to do, kept durably until it has: each order once, parked where a person must look.

Orders are written in the batch of what gives rise to them. A slow or absent bank delays and loses nothing; an order
that it refuses, or answers falsely, is parked with the reason, and is tried again or given up by a person. Nothing
here ever makes a second order for the same thing: an id that is known stays what it was.

Before an order of a guarded kind is submitted its guard is asked, each time anew. What may not be carried out any
more is recalled: then the bank says whether it was carried out before, or never will be. Whether an order had left
this node is not asked: a database that was put back from a copy would not know.
"""

import asyncio
import enum
import logging
from collections.abc import Callable, Iterator

import msgspec

from node.domain.act import ActKind
from node.domain.bank_order import BankOrder, OrderKind, check_answer
from node.errors import BankAnswerError, BankUnavailableError, ConflictError, MissingError
from node.ports import Clock, CoreBanking, Store
from node.services import layout
from node.services.acts import Acts
from node.services.feed import Feed, FeedEntry
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

Done = Callable[[Transaction, BankOrder, str], None]
"""Told, in the batch that notes it, that an order is done, with the reference in the books."""
Dropped = Callable[[Transaction, BankOrder, str], None]
"""Told, in the batch that notes it, that an order is given up, with the reason."""


class Leave(enum.Enum):
    """What a guard says of an order that is not carried out yet."""

    GO = enum.auto()
    WAIT = enum.auto()
    """Not now."""
    RECALL = enum.auto()
    """Never."""


Guard = Callable[[BankOrder], tuple[Leave, str]]
"""Asked before an order is submitted; the text says why not."""
_AT_ONCE = 8
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 300.0


class OrderState(enum.Enum):
    """Where an order stands; the words are stable."""

    OPEN = "open"
    DONE = "done"
    PARKED = "parked"
    RECALLING = "recalling"
    """It is to be taken back; the bank has not yet said that it was carried out, or never will be."""
    DROPPED = "dropped"


_UNSETTLED = {OrderState.OPEN.value, OrderState.PARKED.value, OrderState.RECALLING.value}


class KeptOrder(msgspec.Struct, frozen=True):
    """An order and what became of it."""

    order: BankOrder
    queued: float
    """Seconds since 1970 UTC."""
    state: str = OrderState.OPEN.value
    attempts: int = 0
    problem: str = ""
    """Why it is parked or taken back, or what delays it."""
    reference: str = ""


class BankOrders:
    """The durable queue; without a core banking system nothing is ordered."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        bank: CoreBanking | None,
        acts: Acts,
        feed: Feed,
        clock: Clock,
        me: str,
    ) -> None:
        self._store, self._vault, self._bank, self._acts = store, vault, bank, acts
        self._feed, self._clock, self._me = feed, clock, me
        self.on_done: dict[OrderKind, Done] = {}
        self.on_dropped: dict[OrderKind, Dropped] = {}
        self.guards: dict[OrderKind, Guard] = {}
        self._next_try: dict[bytes, tuple[float, float]] = {}

    @property
    def has_bank(self) -> bool:
        """Whether there is a core banking system; without one nothing is ordered."""
        return self._bank is not None

    def add(self, transaction: Transaction, order: BankOrder) -> None:
        """Order something, together with what gives rise to it; what was ordered before stays as it is.

        Raises:
            ConflictError: the same thing was ordered with another content.
            StoreError: the database fails.
        """
        if self._bank is None:
            return
        known = self._find(transaction, bytes.fromhex(order.id))
        if known is not None:
            if known.order != order:
                raise ConflictError("this was ordered from the core bank before, for another sum or payee")
            return
        self._put(transaction, KeptOrder(order, self._clock.now()))

    def find(self, order: str) -> KeptOrder | None:
        """An order by its id, or None.

        Raises:
            StoreError: the database fails.
        """
        return self._find(Transaction(self._store), bytes.fromhex(order))

    def unsettled(self) -> Iterator[KeptOrder]:
        """Orders that are neither done nor given up.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.BANK_ORDER_OPEN):
            found = self._find(Transaction(self._store), key[len(layout.BANK_ORDER_OPEN) :])
            if found is not None:
                yield found

    def retry(self, order: str) -> None:
        """Try a parked order again, under the same id.

        Raises:
            MissingError: there is none by that id.
            ConflictError: it is not parked.
            StoreError: the database fails.
        """
        self._decide(order, OrderState.OPEN, ActKind.BANK_ORDER_RETRIED)

    def drop(self, order: str) -> None:
        """Give a parked order up: somebody has seen to it in the bank's books by hand.

        One of a guarded kind is recalled first. Dropped while it is recalled, it is given up whatever the bank says.

        Raises:
            MissingError: there is none by that id.
            ConflictError: it is neither parked nor being recalled.
            StoreError: the database fails.
        """
        self._decide(order, OrderState.DROPPED, ActKind.BANK_ORDER_DROPPED)

    async def step(self) -> None:
        """Submit or recall what is due.

        Raises:
            StoreError: the database fails.
        """
        if self._bank is None:
            return
        now, due = self._clock.now(), []
        for found in list(self.unsettled()):
            kept = self._recalled(found)
            if kept.state != OrderState.PARKED.value and now >= self._next_try.get(_key(kept), (0.0, 0.0))[0]:
                due.append(kept)
            if len(due) == _AT_ONCE:
                break
        await asyncio.gather(*(self._attend(self._bank, kept) for kept in due))

    def _recalled(self, kept: KeptOrder) -> KeptOrder:
        """The order, from now on to be taken back if its guard says so."""
        if kept.state == OrderState.RECALLING.value:
            return kept
        leave, reason = self._leave(kept.order)
        if leave is not Leave.RECALL:
            return kept
        transaction = Transaction(self._store)
        changed = self._recall(transaction, kept, reason)
        transaction.commit()
        self._feed.wake()
        return changed

    def _recall(self, transaction: Transaction, kept: KeptOrder, reason: str) -> KeptOrder:
        changed = msgspec.structs.replace(kept, state=OrderState.RECALLING.value, problem=reason[:400])
        self._put(transaction, changed)
        self._tell(transaction, "bank.recalling", kept.order)
        self._next_try.pop(_key(kept), None)
        return changed

    def _leave(self, order: BankOrder) -> tuple[Leave, str]:
        guard = self.guards.get(OrderKind(order.kind))
        return (Leave.GO, "") if guard is None else guard(order)

    async def _attend(self, bank: CoreBanking, kept: KeptOrder) -> None:
        if kept.state == OrderState.RECALLING.value:
            await self._take_back(bank, kept)
            return
        # Asked in the same breath as it is submitted: nothing can come in between.
        leave, reason = self._leave(kept.order)
        if leave is Leave.GO:
            await self._submit(bank, kept)
        elif leave is Leave.WAIT:
            self._delay(_key(kept))
            self._note(_key(kept), OrderState.OPEN, reason)

    async def _take_back(self, bank: CoreBanking, kept: KeptOrder) -> None:
        order, key = kept.order, _key(kept)
        try:
            answer = await bank.recall(order)
            check_answer(order, answer)
        except (BankUnavailableError, BankAnswerError) as error:
            self._delay(key)
            logger.warning("order %s at the core bank cannot be recalled yet: %s", order.id[:8], error)
            return
        match answer.state:
            case "done":
                self._settle(key, answer.reference)
            case "refused":
                self._give_up(key)
            case _:
                self._delay(key)

    def _give_up(self, key: bytes) -> None:
        transaction = Transaction(self._store)
        kept = self._find(transaction, key)
        if kept is None or kept.state != OrderState.RECALLING.value:
            return
        self._drop(transaction, kept)
        transaction.commit()
        self._feed.wake()

    def _drop(self, transaction: Transaction, kept: KeptOrder) -> None:
        self._put(transaction, msgspec.structs.replace(kept, state=OrderState.DROPPED.value))
        self._next_try.pop(_key(kept), None)
        tell = self.on_dropped.get(OrderKind(kept.order.kind))
        if tell is not None:
            tell(transaction, kept.order, kept.problem)

    async def _submit(self, bank: CoreBanking, kept: KeptOrder) -> None:
        order, key = kept.order, _key(kept)
        try:
            answer = await bank.submit(order)
            check_answer(order, answer)
        except BankUnavailableError as error:
            self._delay(key)
            self._note(key, OrderState.OPEN, str(error))
            return
        except BankAnswerError as error:
            self._note(key, OrderState.PARKED, f"{error.reason}: {error}")
            return
        match answer.state:
            case "done":
                self._settle(key, answer.reference)
            case "refused":
                self._note(key, OrderState.PARKED, answer.reason or "refused without a reason")
            case _:
                self._delay(key)
                self._note(key, OrderState.OPEN, "")

    def _settle(self, key: bytes, reference: str) -> None:
        transaction = Transaction(self._store)
        kept = self._find(transaction, key)
        if kept is None or kept.state not in {OrderState.OPEN.value, OrderState.RECALLING.value}:
            return  # somebody has decided about it while the answer was on its way
        done = msgspec.structs.replace(
            kept, state=OrderState.DONE.value, attempts=kept.attempts + 1, problem="", reference=reference
        )
        self._put(transaction, done)
        tell = self.on_done.get(OrderKind(kept.order.kind))
        if tell is not None:
            tell(transaction, kept.order, reference)
        transaction.commit()
        self._next_try.pop(key, None)
        self._feed.wake()

    def _note(self, key: bytes, state: OrderState, problem: str) -> None:
        transaction = Transaction(self._store)
        kept = self._find(transaction, key)
        if kept is None or kept.state != OrderState.OPEN.value:
            return
        # How often is counted in memory where nothing else has changed: a bank that is away is no reason to write.
        if state is OrderState.OPEN and kept.problem == problem and kept.attempts:
            return
        changed = msgspec.structs.replace(
            kept, state=state.value, attempts=kept.attempts + 1, problem=problem[:400]
        )
        self._put(transaction, changed)
        if state is OrderState.PARKED:
            logger.warning("order %s at the core bank is parked: %s", kept.order.id[:8], problem)
            self._tell(transaction, "bank.parked", kept.order)
        transaction.commit()
        self._feed.wake()

    def _delay(self, key: bytes) -> None:
        _, pause = self._next_try.get(key, (0.0, _FIRST_PAUSE_SECONDS))
        self._next_try[key] = (self._clock.now() + pause, min(2 * pause, _LAST_PAUSE_SECONDS))

    def _tell(self, transaction: Transaction, kind: str, order: BankOrder) -> None:
        about = {"order": order.id, "kind": order.kind, "about": order.about}
        self._feed.add(transaction, FeedEntry(kind, self._clock.now(), about))

    def _decide(self, order: str, state: OrderState, act: ActKind) -> None:
        transaction = Transaction(self._store)
        kept = self._find(transaction, bytes.fromhex(order))
        if kept is None:
            raise MissingError("there is no such order")
        is_recalled = kept.state == OrderState.RECALLING.value
        if kept.state != OrderState.PARKED.value and not (is_recalled and state is OrderState.DROPPED):
            raise ConflictError(f"the order is {kept.state}, not parked")
        if state is not OrderState.DROPPED:
            self._put(transaction, msgspec.structs.replace(kept, state=state.value))
        elif is_recalled or OrderKind(kept.order.kind) not in self.guards:
            self._drop(transaction, kept)
        else:
            self._recall(transaction, kept, f"given up: {kept.problem}")
        self._acts.record(
            transaction, act, {"order": order, "kind": kept.order.kind, "about": kept.order.about}
        )
        transaction.commit()
        self._next_try.pop(bytes.fromhex(order), None)

    def _find(self, transaction: Transaction, key: bytes) -> KeptOrder | None:
        place = layout.BANK_ORDER + key
        sealed = transaction.get(place)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, place, sealed), type=KeptOrder)

    def _put(self, transaction: Transaction, kept: KeptOrder) -> None:
        place = layout.BANK_ORDER + _key(kept)
        transaction.put(place, self._vault.seal(self._me, place, msgspec.msgpack.encode(kept)))
        index = layout.BANK_ORDER_OPEN + _key(kept)
        if kept.state in _UNSETTLED:
            transaction.put(index, b"")
        else:
            transaction.delete(index)


def _key(kept: KeptOrder) -> bytes:
    return bytes.fromhex(kept.order.id)
