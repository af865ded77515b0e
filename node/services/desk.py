"""A guarantor's desk between application and issue: rules, offer, contract, fee, cancelling.

    application → rules (or a person) → issue at once
                                      → offer → the applicant signs → the fee is confirmed → issue

What the rules leave to people goes to the guarantor's own e-guarantee system, where there is one
(`services/guarantee_system.py`); without rules everything does that it takes.

What the rules decide is decided under the same checks as what a person decides: both go through here.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from msgspec.structs import replace

from node.domain import credit_line
from node.domain.bank_order import BankOrder, OrderKind, order_of
from node.domain.desk import DeskEvent, DeskMover, Stage, desk_step
from node.domain.document import document_digest, peek_document
from node.domain.duties import Act
from node.domain.evidence import VerifiedRecord
from node.domain.grant import open_grant
from node.domain.guarantee import ApplicationCode
from node.domain.issue_facts import FactRecord, Facts, Total
from node.domain.issue_rules import Approved, Decision, Outcome, decide, fee_of
from node.domain.offer import GuaranteeOffer, offer_of
from node.domain.section import day_at
from node.domain.wallet import AcceptCall, ApplyCall, CancelCall
from node.errors import (
    ConflictError,
    ContractUnknownError,
    DocumentFormatError,
    GrantMissingError,
    MissingError,
    NodeError,
    ProjectionStaleError,
    StoreError,
    UnavailableError,
)
from node.ports import Clock, Store
from node.services.alliance import Alliance
from node.services.applications import Application, Applications
from node.services.bank_orders import BankOrders, OrderState
from node.services.credit_lines import CreditLines
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.guarantee_system import SystemDesk
from node.services.guarantor import Guarantor
from node.services.issue_rules import RulesInForce
from node.services.kept_reads import KeptReads
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

NOTHING_TO_PAY = "-"
MAX_OFFER_SECONDS = 90 * 86_400
_MICRO = 1_000_000
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.5, 60.0
_PATIENCE_SECONDS = 3_600.0
"""After so long without the applicant's data a person looks at it."""


class Desk:
    """Moves applications; every step is one of `domain/desk.py`."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        guarantor: Guarantor,
        lines: CreditLines,
        rules: RulesInForce,
        orders: BankOrders,
        system: SystemDesk,
        kept: KeptReads,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._applications = Applications(store, vault, alliance.me)
        self._guarantor, self._lines, self._rules, self._kept = guarantor, lines, rules, kept
        self._orders, self._system = orders, system
        orders.on_done[OrderKind.COLLECT_FEE] = self._fee_collected
        self._feed, self._signing, self._clock = feed, signing, clock
        self._next_try: dict[str, tuple[float, float, float]] = {}
        """By application: when to try again, after what pause, and since when it waits."""

    # -- the rules --------------------------------------------------------------------------------------

    async def step(self) -> None:
        """Let rules, or the guarantee system, look at what is new; what cannot be read yet is tried again.

        Raises:
            ProjectionStaleError, ContractUnknownError: this node cannot tell how grants stand.
            StoreError: the database fails.
        """
        approved = self._rules.current
        if approved is None and not self._system.calls.has_system:
            return
        for application in list(self._applications.waiting()):
            if approved is None and not self._is_for_system(application):
                continue
            now = self._clock.now()
            due, pause, since = self._next_try.get(application, (0.0, _FIRST_PAUSE_SECONDS, now))
            if now < due:
                continue
            try:
                if approved is None:
                    await self.refer(application)
                else:
                    await self.decide(application, approved)
            except (StoreError, ProjectionStaleError, ContractUnknownError):
                raise  # this node's own trouble, the same for all of them
            except (UnavailableError, GrantMissingError) as error:
                if now - since < _PATIENCE_SECONDS:
                    self._next_try[application] = (now + pause, min(2 * pause, _LAST_PAUSE_SECONDS), since)
                    continue
                self._leave_to_people(application, error)
            except NodeError as error:
                self._leave_to_people(application, error)
            self._next_try.pop(application, None)

    async def decide(self, application: str, approved: Approved) -> Decision:
        """Read and verify the applicant's data, ask the rules, and do what they say.

        Raises:
            ConflictError: it is decided already, or somebody decided meanwhile.
            NodeError: the data cannot be read or is false, or the step is not possible.
        """
        row = self._guarantor.load(application)
        if row.stage is Stage.FEE_PAID and row.decision is not None:
            self._issue_at_once(application, approved)
            return row.decision
        records = await self._guarantor.assess(application)
        row = self._guarantor.load(application)
        decision = decide(approved, self._facts(row, records))
        self._note(application, decision, records)
        match Outcome(decision.outcome):
            case Outcome.REFUSE:
                self._guarantor.refuse(application, decision.reason)
            case Outcome.ISSUE:
                self._count(Decimal(peek_document(row.call, ApplyCall).amount))
                self._issue_at_once(application, approved)
            case Outcome.OFFER:
                self._offer_at_once(application, row, approved)
            case Outcome.MANUAL:
                pass  # noted, and told
        return decision

    def check(self, application: str, approved: Approved) -> Decision:
        """What rules would say now of what was read for an application, decided or not; nothing is read or done.

        Raises:
            MissingError: there is no such application, or nothing was read for it yet.
            NodeError: what was read may not be used any more.
        """
        row = self._guarantor.load(application)
        return decide(approved, self._facts(row, self._kept.show(row.read).records))

    def _issue_at_once(self, application: str, approved: Approved) -> None:
        transaction = Transaction(self._store)
        serial = transaction.take("guarantee-serial")
        transaction.commit()  # a number that is not used after all is no harm; one that is used twice would be
        year = day_at(self._clock.now()).year
        number = f"{approved.rules.number_prefix}{year}-{serial + 1:08d}"
        self._guarantor.issue(application, number)

    def _offer_at_once(self, application: str, row: Application, approved: Approved) -> None:
        call, rules = peek_document(row.call, ApplyCall), approved.rules
        fee = fee_of(rules.fee, call.amount, call.currency)
        if fee is None:
            raise ConflictError("the rules have no fee in this currency")
        self._count(Decimal(call.amount))
        valid = rules.offer_days * 86_400
        self.offer(application, fee, rules.fee.currency, rules.conditions, valid)

    def _count(self, amount: Decimal) -> None:
        """Before it is done: a crash in between makes the day's total too high, never too low."""
        transaction, day = Transaction(self._store), self._day()
        for name, value in ((f"{day}/count", 1), (f"{day}/amount", int(amount * _MICRO))):
            transaction.set_counter(name, transaction.counter(name) + value)
        transaction.commit()

    def _day(self) -> str:
        return f"desk/{day_at(self._clock.now()).isoformat()}"

    def _facts(self, row: Application, records: Sequence[VerifiedRecord]) -> Facts:
        call, transaction = peek_document(row.call, ApplyCall), Transaction(self._store)
        by_category: dict[str, list[FactRecord]] = {}
        for record in records:
            captured = datetime.fromisoformat(record.header.captured).timestamp()
            found = by_category.setdefault(record.header.category, [])
            found.append(FactRecord(record.fields, captured))
        granted: Mapping[str, frozenset[str]] = {
            part.category: frozenset(part.fields) for part in open_grant(call.grant).scope
        }
        day = self._day()
        done = Decimal(transaction.counter(f"{day}/amount")) / _MICRO
        return Facts(
            kind=call.guarantee_kind,
            amount=Decimal(call.amount),
            currency=call.currency,
            nbf=call.nbf,
            exp=call.exp,
            centre=peek_document(call.code, ApplicationCode).iss if call.code else None,
            now=int(self._clock.now()),
            granted=granted,
            records=by_category,
            line_free=self._lines.free(row.subject, call.currency),
            applicant=self._lines.exposures.total(row.subject, call.currency),
            day=Total(transaction.counter(f"{day}/count"), done),
            refusals=row.refusals,
        )

    def _is_for_system(self, application: str) -> bool:
        row = self._guarantor.load(application)
        return row.stage is Stage.APPLIED and self._system.takes(peek_document(row.call, ApplyCall))

    def _hand_on(
        self, transaction: Transaction, application: str, row: Application, records: Sequence[VerifiedRecord]
    ) -> bool:
        """To the guarantee system if it takes it, or else to people."""
        is_referred = self._system.refer(transaction, application, row, records)
        self._applications.settle(transaction, bytes.fromhex(application))
        event = "application.referred" if is_referred else "application.manual"
        self._feed.add(transaction, self._entry(application, event))
        return is_referred

    def _note(self, application: str, decision: Decision, records: Sequence[VerifiedRecord]) -> None:
        """Keep the explanation before anything is done about it; a crash in between lets the rules decide again."""
        row = self._guarantor.load(application)
        transaction, identity = Transaction(self._store), bytes.fromhex(application)
        self._applications.put(transaction, identity, replace(row, decision=decision, problem=""))
        if decision.outcome == Outcome.MANUAL.value:
            self._hand_on(transaction, application, row, records)
        transaction.commit()
        self._feed.wake()

    def _leave_to_people(self, application: str, error: NodeError) -> None:
        if not self._applications.is_waiting(bytes.fromhex(application)):
            return  # somebody has decided while the data was on its way
        logger.info("application %s waits for a person: %s", application[:8], error.reason)
        row = self._guarantor.load(application)
        transaction, identity = Transaction(self._store), bytes.fromhex(application)
        self._applications.put(transaction, identity, replace(row, problem=error.reason))
        self._applications.settle(transaction, identity)
        self._feed.add(transaction, self._entry(application, "application.manual"))
        transaction.commit()
        self._feed.wake()

    async def refer(self, application: str) -> None:
        """Read and verify the applicant's data, and have the guarantee system decide.

        Raises:
            MissingError: there is no such application.
            ConflictError: it is decided already, or of no kind that the system takes, or there is none, or it has it.
            NodeError: the data cannot be read or is false.
        """
        if not self._is_for_system(application):
            raise ConflictError("the guarantee system takes no such application now")
        records = await self._guarantor.assess(application)
        transaction = Transaction(self._store)
        if not self._hand_on(transaction, application, self._guarantor.load(application), records):
            raise ConflictError("the guarantee system has this application already")
        transaction.commit()
        self._feed.wake()

    # -- what people decide ------------------------------------------------------------------------------

    def ask(self, application: str, needs: str) -> None:
        """Tell the applicant what is missing; it applies anew with that, under the same code.

        Raises:
            MissingError: there is no such application.
            ConflictError: it is not one that waits for a decision, or it is sealed.
            DocumentFormatError: nothing is said.
            StoreError: the database fails.
        """
        if not needs.strip():
            raise DocumentFormatError("say what is missing")
        row = self._moved(application, DeskEvent.ASK, DeskMover.GUARANTOR)
        if peek_document(row.call, ApplyCall).sealed is not None:
            raise ConflictError(
                "a sealed application comes once: refuse it with the reason, to be reserved anew"
            )
        self._save(application, replace(row, needs=needs), "application.asked")

    def offer(
        self, application: str, fee: Decimal, currency: str, conditions: str, valid_seconds: int
    ) -> str:
        """Sign what the guarantee would cost, and under what conditions it would be issued.

        Returns:
            The offer, a compact JWS.

        Raises:
            MissingError: there is no such application.
            ConflictError: it is not one that waits for a decision, or was not assessed.
            DocumentFormatError: fee, currency or term is malformed.
            StandingError: this member may not issue now.
            StoreError: the database fails.
        """
        self._alliance.check_may(Act.ISSUE)
        row = self._moved(application, DeskEvent.OFFER, DeskMover.GUARANTOR)
        if not row.credit_code:
            raise ConflictError("read and verify the applicant's data first: heqi guarantee assess")
        if not 0 < valid_seconds <= MAX_OFFER_SECONDS:
            raise DocumentFormatError("an offer stands for at most 90 days")
        issued = self._signing.issued()
        terms = {
            **issued,
            "application": application,
            "fee": credit_line.plain(fee),
            "fee_currency": currency,
            "conditions": conditions,
            "exp": issued["iat"] + valid_seconds,
        }
        token = self._signing.sign(offer_of(terms))
        self._save(application, replace(row, offer=token), "application.offered")
        return token

    def confirm_fee(self, application: str, reference: str) -> None:
        """The fee has been paid: told by who keeps the guarantor's accounts.

        Args:
            application: its id, 64 hex digits.
            reference: by what the payment is found again there.

        Raises:
            MissingError: there is no such application.
            ConflictError: it is not one that waits for its fee.
            DocumentFormatError: the reference is empty or too long.
            StoreError: the database fails.
        """
        if not 0 < len(reference.strip()) <= 200 or not reference.isprintable():
            raise DocumentFormatError("a reference of the payment has 1 to 200 printable characters")
        row = self._moved(application, DeskEvent.CONFIRM_FEE, DeskMover.GUARANTOR)
        asked = self._orders.find(_fee_order(application, row, OrderKind.COLLECT_FEE).id)
        if asked is not None and asked.state != OrderState.DROPPED.value:
            raise ConflictError(
                "the core bank was asked to collect this fee; it is confirmed when that is done"
            )
        transaction = Transaction(self._store)
        self._paid(transaction, application, row, reference)
        transaction.commit()
        self._feed.wake()

    def lapse(self, application: str) -> None:
        """An offer that was not taken up, or not paid for, in time is over.

        Raises:
            MissingError: there is no such application.
            ConflictError: nothing is offered, it is paid for, or its time is not over.
            StoreError: the database fails.
        """
        row = self._moved(application, DeskEvent.LAPSE, DeskMover.GUARANTOR)
        if self._clock.now() < peek_document(row.offer, GuaranteeOffer).exp:
            raise ConflictError("the offer stands until its time is over: it is signed")
        self._save(application, replace(row, lapsed=True), "application.lapsed")

    # -- what the applicant decides ---------------------------------------------------------------------

    def accept(self, token: str) -> Application:
        """The applicant signs the contract; where no fee is due, that is all there is to it.

        Returns:
            The application afterwards.

        Raises:
            NodeError: it is not the applicant's acceptance of the offer that stands.
        """
        call = self._gate.open(token, AcceptCall)
        row = self._own(call.application, self._gate.check_controller(call).hex())
        if row.stage is Stage.ACCEPTED and peek_document(row.contract, AcceptCall).offer == call.offer:
            return row  # the answer was lost
        desk_step(row.stage, DeskEvent.ACCEPT, DeskMover.APPLICANT)
        offer = peek_document(row.offer, GuaranteeOffer)
        if call.offer != document_digest(row.offer).hex():
            raise ConflictError("another offer stands than the one that was accepted")
        if offer.exp <= self._clock.now():
            raise ConflictError("the time of the offer is over")
        paid = "" if offer.fee.strip("0.") else NOTHING_TO_PAY
        after = replace(row, contract=token)
        transaction = Transaction(self._store)
        self._put(transaction, call.application, after, "application.accepted")
        if paid:
            after = self._paid(transaction, call.application, after, paid)
        else:
            self._orders.add(transaction, _fee_order(call.application, row, OrderKind.COLLECT_FEE))
        transaction.commit()
        self._feed.wake()
        return after

    def cancel(self, token: str) -> None:
        """The applicant takes the application back, before the issue.

        Raises:
            NodeError: it is not the applicant's, or it is issued or over.
        """
        call = self._gate.open(token, CancelCall)
        row = self._own(call.application, self._gate.check_controller(call).hex())
        if row.stage is Stage.CANCELLED:
            return  # the answer was lost
        desk_step(row.stage, DeskEvent.CANCEL, DeskMover.APPLICANT)
        transaction = Transaction(self._store)
        self._put(transaction, call.application, replace(row, cancelled=token), "application.cancelled")
        if row.fee_paid not in {"", NOTHING_TO_PAY}:
            self._orders.add(transaction, _fee_order(call.application, row, OrderKind.REFUND_FEE))
        transaction.commit()
        self._feed.wake()

    # -- the fee ------------------------------------------------------------------------------------------

    def _fee_collected(self, transaction: Transaction, order: BankOrder, reference: str) -> None:
        """The core bank has the money; of what was cancelled meanwhile it goes back."""
        row = self._applications.get(bytes.fromhex(order.about))
        if row is not None and row.stage is Stage.ACCEPTED:
            self._paid(transaction, order.about, row, reference)
        else:
            sum_ = (order.subject, order.amount, order.currency)
            self._orders.add(transaction, order_of(OrderKind.REFUND_FEE, order.about, *sum_))

    def _paid(
        self, transaction: Transaction, application: str, row: Application, reference: str
    ) -> Application:
        """What rules have offered, rules issue."""
        after = replace(row, fee_paid=reference)
        self._put(transaction, application, after, "application.fee-paid")
        if row.decision is not None and row.decision.outcome == Outcome.OFFER.value:
            self._applications.await_rules(transaction, bytes.fromhex(application))
        return after

    def _own(self, application: str, subject: str) -> Application:
        """An application of the wallet that calls; others' are not there for it."""
        row = self._applications.get(bytes.fromhex(application))
        if row is None or row.subject != subject:
            raise MissingError("there is no such application")
        return row

    def _moved(self, application: str, event: DeskEvent, mover: DeskMover) -> Application:
        row = self._guarantor.load(application)
        desk_step(row.stage, event, mover)
        return row

    def _save(self, application: str, row: Application, event: str) -> None:
        transaction = Transaction(self._store)
        self._put(transaction, application, row, event)
        transaction.commit()
        self._feed.wake()

    def _put(self, transaction: Transaction, application: str, row: Application, event: str) -> None:
        identity = bytes.fromhex(application)
        self._applications.put(transaction, identity, row)
        self._applications.settle(transaction, identity)
        self._feed.add(transaction, self._entry(application, event))

    def _entry(self, application: str, event: str) -> FeedEntry:
        about = {"application": application, "subject": self._guarantor.load(application).subject}
        return FeedEntry(event, self._clock.now(), about)


def _fee_order(application: str, row: Application, kind: OrderKind) -> BankOrder:
    offer = peek_document(row.offer, GuaranteeOffer)
    return order_of(kind, application, row.subject, offer.fee, offer.fee_currency)
