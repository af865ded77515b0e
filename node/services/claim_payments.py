"""Claims that comply are paid by the core bank: each after its release, once, and stated on the ledger afterwards.

    complies → due → a person, or approved rules, release it → ordered → the bank has paid → PAY, PAY_PART

Money leaves only on a release, which names sum and account; both follow from the documents
(`domain/claim_payment.py`). Before the order is submitted it is asked again whether the payment is still due: a stay
of a court, a withdrawal, a release of the guarantee, also one that this node has only heard of, has the order
recalled. What was recalled or given up is due again only by a person's new release, under another id. What the bank
has paid is stated in the batch that notes it; where that is not possible, because the claim was stopped meanwhile, a
person is told, and it is tried again.
"""

import logging
from collections.abc import Iterator
from decimal import Decimal

from msgspec.structs import replace

from node.domain.act import ActKind
from node.domain.bank_order import BankOrder, OrderKind
from node.domain.claim_payment import (
    MAX_ATTEMPTS,
    Due,
    claim_of,
    paid_statement,
    payment_event,
    payment_order,
    payment_proof,
)
from node.domain.credit_line import plain
from node.domain.guarantee_life import claim_sequence
from node.domain.guarantee_statement import Says
from node.domain.guarantee_table import Event
from node.domain.issue_rules import may_pay
from node.domain.section import day_at
from node.errors import ConflictError, MissingError, NodeError, StoreError
from node.ports import Clock, Store
from node.services.acts import Acts, actor
from node.services.bank_orders import BankOrders, KeptOrder
from node.services.claim_payment_rows import KeptPayment, PaymentRows, PaymentState, place_of
from node.services.feed import Feed, FeedEntry
from node.services.guarantee_steps import GuaranteeSteps, Taken
from node.services.issue_rules import RulesInForce
from node.services.pauses import Pauses
from node.services.payments_due import PAYING, PaymentsDue
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_MICRO = 1_000_000
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 300.0


class ClaimPayments:
    """Releases, orders and states payments."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        rows: PaymentRows,
        due: PaymentsDue,
        steps: GuaranteeSteps,
        orders: BankOrders,
        rules: RulesInForce,
        acts: Acts,
        feed: Feed,
        clock: Clock,
        *,
        is_enabled: bool,
    ) -> None:
        self._store, self._rows, self._due = store, rows, due
        self._steps, self._orders, self._rules = steps, orders, rules
        self._acts, self._feed, self._clock, self._is_enabled = acts, feed, clock, is_enabled
        self._pauses = Pauses[bytes](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)
        orders.guards[OrderKind.PAY_CLAIM] = due.leave
        orders.on_done[OrderKind.PAY_CLAIM] = self._paid
        orders.on_dropped[OrderKind.PAY_CLAIM] = self._given_up

    # -- what people do -----------------------------------------------------------------------------------

    def show(self, guarantee: str) -> tuple[KeptPayment, KeptOrder | None]:
        """The payment that is open on a guarantee of this member, or would be released; and its order.

        Raises:
            MissingError: this node does not hold the file, or the ledger does not have the guarantee.
            ConflictError: no payment is due, ordered, or unstated.
            StoreError: the database fails.
        """
        raw_id = bytes.fromhex(guarantee)
        kept = self._open_on(raw_id) or self._row_of(self._due.of(raw_id))
        return kept, self._orders.find(kept.order) if kept.order else None

    def list_(self) -> Iterator[KeptPayment]:
        """Payments that wait for a release, are ordered, or are not on the ledger yet.

        Raises:
            StoreError: the database fails.
        """
        yield from self._rows.open_ones()
        if self._is_active:
            yield from self._waiting()

    def release(self, guarantee: str, amount: Decimal, account: str) -> KeptPayment:
        """Release a payment that is due, as a person has checked it; the same again is answered the same.

        Args:
            guarantee: id, 64 hex digits.
            amount: that is to be paid.
            account: to pay to, as the claim names it.

        Raises:
            MissingError: this node does not hold the file, or the ledger does not have the guarantee.
            ConflictError: nothing is due, or another sum or account; or claims are not paid by the core bank here.
            ProjectionStaleError, ContractUnknownError: this node cannot tell how the guarantee stands.
            StoreError: the database fails.
        """
        if not self._is_active:
            raise ConflictError("claims are not paid by the core bank here: see guarantor.bank_pays_claims")
        raw_id = bytes.fromhex(guarantee)
        due = self._due.of(raw_id)
        if amount != due.amount or account != due.account:
            raise ConflictError(
                f"due are {plain(due.amount)} {due.currency} to {due.account!r}: look at the claim again"
            )
        known = self._open_on(raw_id)
        if known is not None and (known.claim, known.state) == (due.claim, PaymentState.ORDERED.value):
            return known
        if known is not None:
            raise ConflictError(f"a payment on claim {known.claim} of this guarantee is {known.state}")
        self._due.check_current()
        if stop := self._due.stop(raw_id):
            raise ConflictError(stop)
        transaction = Transaction(self._store)
        released = self._release(transaction, due, actor(), {})
        transaction.commit()
        self._feed.wake()
        return released

    async def state_by_hand(self, guarantee: str, event: Event, says: Says) -> Taken:
        """State a payment that people have made: never beside an order of the same.

        Raises:
            NodeError: as of `GuaranteeSteps.make`.
            ConflictError: the core bank was asked to pay this guarantee, and has not given that up.
        """
        known = self._open_on(bytes.fromhex(guarantee))
        if event in PAYING and known is not None:
            raise ConflictError(
                "the core bank was asked to pay; that is stated by itself. To pay by hand, have its order given up"
            )
        return await self._steps.make(guarantee, event, says)

    def close(self, guarantee: str) -> None:
        """Somebody has seen to a payment that was made and cannot be stated.

        Raises:
            ConflictError: there is none.
            StoreError: the database fails.
        """
        raw_id = bytes.fromhex(guarantee)
        known = self._open_on(raw_id)
        if known is None or not known.is_unstated:
            raise ConflictError("there is no payment on this guarantee that cannot be stated")
        transaction = Transaction(self._store)
        self._rows.put(transaction, replace(known, state=PaymentState.CLOSED.value))
        self._acts.record(transaction, ActKind.PAYMENT_CLOSED, {"guarantee": guarantee, "order": known.order})
        transaction.commit()
        self._feed.wake()

    # -- what goes on by itself ---------------------------------------------------------------------------

    async def step(self) -> None:
        """Find what has become due, and state what is paid.

        Raises:
            StoreError: the database fails.
        """
        if self._is_active:
            for raw_id in self._due.claimed():
                self._find(raw_id)
        for kept in self._rows.open_ones():
            self._follow(kept)

    def _find(self, raw_id: bytes) -> None:
        """Have a payment that is due released by the rules, or tell a person of it, once."""
        try:
            due = self._due.of(raw_id)
            self._due.check_current()
        except StoreError:
            raise
        except NodeError:
            return  # not due, or not known yet; `heqi guarantee claims` shows the claim
        if self._due.stop(raw_id):
            return
        transaction = Transaction(self._store)
        known = self._rows.get(place_of(raw_id, due.claim))
        if known is not None and known.state != PaymentState.GIVEN_UP.value:
            return
        if (
            known is None
            and self._open_on(raw_id) is None
            and self._released_by_rules(transaction, raw_id, due)
        ):
            logger.info("the payment of a claim on %s was released by the rules", raw_id.hex())
        else:
            kept = self._of(due) if known is None else replace(known, state=PaymentState.DUE.value)
            self._rows.put(transaction, kept)
            self._tell(transaction, "payment.due", kept)
        transaction.commit()
        self._feed.wake()

    def _released_by_rules(self, transaction: Transaction, raw_id: bytes, due: Due) -> bool:
        """Only what a person has found complying, and nothing has stopped since."""
        row, approved = self._due.row(raw_id), self._rules.current
        if approved is None or row.event != Event.FIND_COMPLYING:
            return False
        day = f"payments/{day_at(self._clock.now()).isoformat()}"
        paid = transaction.counter(day)
        if not may_pay(approved.rules.payments, due.amount, due.currency, Decimal(paid) / _MICRO):
            return False
        transaction.set_counter(day, paid + int(due.amount * _MICRO))
        self._release(transaction, due, approved.digest, {"rules": approved.digest})
        return True

    def _release(self, transaction: Transaction, due: Due, by: str, grounds: dict[str, str]) -> KeptPayment:
        known = self._rows.get(place_of(bytes.fromhex(due.guarantee), due.claim), transaction)
        attempt = 0 if known is None else known.attempt
        if attempt >= MAX_ATTEMPTS:
            raise ConflictError("this payment was ordered too often: pay by hand")
        order = payment_order(due, attempt)
        released = replace(
            self._of(due), state=PaymentState.ORDERED.value, attempt=attempt, released_by=by, order=order.id
        )
        self._orders.add(transaction, order)
        self._rows.put(transaction, released)
        about = {"guarantee": due.guarantee, "order": order.id, **grounds}
        self._acts.record(transaction, ActKind.PAYMENT_RELEASED, about)
        self._tell(transaction, "payment.released", released)
        return released

    # -- what the core bank asks and says -----------------------------------------------------------------

    def _paid(self, transaction: Transaction, order: BankOrder, reference: str) -> None:
        kept = self._rows.get(place_of(bytes.fromhex(order.about), claim_of(order)), transaction)
        if kept is None or kept.order != order.id:
            return  # not ordered here
        proof = payment_proof(order, reference).decode()
        paid = replace(kept, state=PaymentState.PAID.value, reference=reference, proof=proof, problem="")
        self._tell(transaction, "payment.paid", paid)
        self._rows.put(transaction, self._stated(transaction, paid, order))

    def _given_up(self, transaction: Transaction, order: BankOrder, reason: str) -> None:
        kept = self._rows.get(place_of(bytes.fromhex(order.about), claim_of(order)), transaction)
        if kept is None or kept.order != order.id:
            return
        after = replace(
            kept, state=PaymentState.GIVEN_UP.value, attempt=kept.attempt + 1, order="", problem=reason
        )
        self._rows.put(transaction, after)
        self._tell(transaction, "payment.given-up", after)

    # -- the statement ------------------------------------------------------------------------------------

    def _stated(self, transaction: Transaction, kept: KeptPayment, order: BankOrder) -> KeptPayment:
        """The payment with its statement on its way; or with what is in its way, told once."""
        raw_id = bytes.fromhex(kept.guarantee)
        try:
            _, life = self._due.life(raw_id)
            if claim_sequence(life) != kept.claim:
                raise ConflictError("another claim has come since the one that was paid")
            says = paid_statement(order, kept.reference)
            event = payment_event(Decimal(kept.amount), life)
            step = self._steps.pay(transaction, kept.guarantee, event, says)
        except StoreError:
            raise
        except NodeError as error:
            logger.warning("a payment on %s is made and cannot be stated: %s", kept.guarantee, error)
            after = replace(kept, problem=str(error)[:400])
            if not kept.problem:
                self._tell(transaction, "payment.unstated", after)
            return after
        return replace(kept, statement=step.digest, problem="")

    def _follow(self, kept: KeptPayment) -> None:
        """Finish what the ledger has; state what is paid and not on its way there."""
        transaction, raw_id = Transaction(self._store), bytes.fromhex(kept.guarantee)
        if kept.state != PaymentState.PAID.value:
            return
        try:
            last = self._due.row(raw_id).sequence
        except MissingError:
            return  # this node reads the ledger anew
        if self._due.is_stated(raw_id, kept.claim):
            self._rows.put(transaction, replace(kept, state=PaymentState.STATED.value, problem=""))
            transaction.commit()
            return
        is_open = any(
            step.document == kept.statement and step.sequence > last
            for step, _ in self._steps.open_steps(raw_id)
        )
        order = self._orders.find(kept.order)
        if is_open or order is None or not self._pauses.is_due(kept.place):
            return
        self._pauses.put_off(kept.place)
        after = self._stated(transaction, kept, order.order)
        if after != kept:
            self._rows.put(transaction, after)
            transaction.commit()
            self._feed.wake()

    # -- what it rests on ---------------------------------------------------------------------------------

    @property
    def _is_active(self) -> bool:
        return self._is_enabled and self._orders.has_bank

    def _waiting(self) -> Iterator[KeptPayment]:
        """Payments that wait for a person."""
        for raw_id in self._due.claimed():
            try:
                due = self._due.of(raw_id)
            except StoreError:
                raise
            except NodeError:
                continue
            kept = self._row_of(due)
            if kept.state in {PaymentState.DUE.value, PaymentState.GIVEN_UP.value}:
                yield kept

    def _open_on(self, raw_id: bytes) -> KeptPayment | None:
        """The payment on a guarantee that is ordered or unstated, of whichever claim."""
        return next(self._rows.open_ones(raw_id), None)

    def _row_of(self, due: Due) -> KeptPayment:
        """What is kept of a payment that is due."""
        return self._rows.get(place_of(bytes.fromhex(due.guarantee), due.claim)) or self._of(due)

    @staticmethod
    def _of(due: Due) -> KeptPayment:
        return KeptPayment(
            due.guarantee, due.claim, plain(due.amount), due.currency, due.beneficiary, due.account
        )

    def _tell(self, transaction: Transaction, kind: str, kept: KeptPayment) -> None:
        about = {"guarantee": kept.guarantee, "order": kept.order}
        self._feed.add(transaction, FeedEntry(kind, self._clock.now(), about))
