"""Every step of a guarantee after its issue, one way for all: checked, kept, and brought to the ledger.

At any member: what a beneficiary or an applicant has signed. At the guarantor and at the tender's centre: their
own steps. Whether a step is right `services/guarantee_checks.py` says; `services/guarantee_delivery.py` brings its
document to the guarantee's parties.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from node.domain.document import document_digest
from node.domain.guarantee import (
    GuaranteeRelease,
    applicant_salt,
    beneficiary_salt,
    centre_salt,
    end_salt,
)
from node.domain.guarantee_life import signed_step
from node.domain.guarantee_statement import Payment, Says, Statement, check_statement, peek_step
from node.domain.guarantee_table import Event, Mover, Time, mover_of
from node.domain.ledger import NO_EVIDENCE, NO_WORD, Evidence, GuaranteeStep, Signed, StepGuarantee
from node.domain.ledger_ids import step_guarantee_digest
from node.domain.sealed_guarantee import reopen_guarantee
from node.domain.wallet import ReleaseCall, StepCall, StepReceipt
from node.errors import ConflictError, RoleMissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.guarantee_checks import WALLETS, CheckedStep, StepChecks, member_of
from node.services.guarantee_delivery import GuaranteeDelivery
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantee_receipts import StepReceipts
from node.services.guarantees import Guarantees
from node.services.line_keeping import LineKeeping
from node.services.outbox import Outbox, guarantee_object
from node.services.outbox import State as Place
from node.services.signing import Signing
from node.services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that is on its way to the ledger."""

    guarantee: str
    """Id, 64 hex digits."""
    was_under_way: bool
    """Whether the same step was on its way from this node before; then this one is not needed, and not sent."""
    receipt: StepReceipt | None = None
    """That a counterparty has the document; of the one that was under way, if one was."""


class GuaranteeSteps:
    """Moves guarantees."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        guarantees: Guarantees,
        lives: GuaranteeLives,
        checks: StepChecks,
        receipts: StepReceipts,
        delivery: GuaranteeDelivery,
        lines: LineKeeping,
        outbox: Outbox,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._guarantees, self._lives, self._lines = guarantees, lives, lines
        self._checks, self._receipts, self._delivery = checks, receipts, delivery
        self._outbox, self._feed = outbox, feed
        self._signing, self._clock = signing, clock

    def release(self, token: str) -> Taken:
        """Bring a beneficiary's release to the ledger; any member does that for whoever can sign it.

        Raises:
            NodeError: it is not the beneficiary's release of this guarantee, or not possible now.
        """
        call = self._gate.open(token, ReleaseCall)
        step = self._checks.check(call.guarantee, call.release, bytes.fromhex(call.signature), call.key)
        return self._queue(step, self._receipts.own(step))

    async def take(self, token: str) -> Taken:
        """Bring a step of a beneficiary or an applicant to the ledger; any member does.

        Returns:
            With a receipt of the guarantor or the centre, if one of them could be reached.

        Raises:
            ConflictError: it does not come next, or another document of this step is on its way from this node.
            NodeError: it is not a step of this party of this guarantee, or not possible now.
        """
        call = self._gate.open(token, StepCall)
        self._keep_earlier(call)
        step = self._checks.check(
            call.guarantee, call.step, bytes.fromhex(call.signature), call.key, call.receipt
        )
        receipt = call.receipt
        if not self._under_way(Transaction(self._store), step):
            receipt = receipt or self._receipts.own(step) or await self._delivery.hand_in(step)
        return self._queue(step, receipt)

    async def make(self, guarantee: str, event: Event, says: Says) -> Taken:
        """Sign and bring to the ledger a step of this member, the guarantor or the tender's centre.

        Args:
            guarantee: id, 64 hex digits; this node holds the file.
            event: of the table.
            says: the content that it asks for.

        Raises:
            MissingError: this node does not hold the file, or the ledger does not have the guarantee.
            RoleMissingError: the step is another's.
            ConflictError: it is not possible now.
            DocumentFormatError: the content is not the event's.
        """
        step = self._signed(guarantee, event, says)
        is_new = not self._under_way(Transaction(self._store), step)
        return self._queue(step, await self._delivery.hand_in(step) if is_new else None)

    def pay(self, transaction: Transaction, guarantee: str, event: Event, says: Payment) -> CheckedStep:
        """Sign a payment and have it brought to the ledger, in the batch that notes that it was made.

        Args:
            transaction: of the note.
            guarantee: id, 64 hex digits; this node holds the file.
            event: PAY or PAY_PART.
            says: the payment.

        Raises:
            NodeError: it cannot be stated now.
        """
        step = self._signed(guarantee, event, says)
        if self._put(transaction, step, None):
            raise ConflictError("another payment is on its way to the ledger from this node")
        return step

    def open_steps(self, raw_id: bytes) -> Iterator[tuple[GuaranteeStep, bool]]:
        """Steps of a guarantee in this node's outbox, oldest first; and whether each is parked.

        Raises:
            StoreError: the database fails.
        """
        for item in self._outbox.of(guarantee_object(raw_id)):
            if isinstance(call := item.decoded(), StepGuarantee):
                yield call.step, item.state is Place.PARKED

    def is_release_under_way(self, raw_id: bytes) -> bool:
        """Whether the beneficiary's release is on its way to the ledger from this node.

        Raises:
            StoreError: the database fails.
        """
        return any(
            step.event == Event.RELEASE and not is_parked for step, is_parked in self.open_steps(raw_id)
        )

    def _signed(self, guarantee: str, event: Event, says: Says) -> CheckedStep:
        raw_id = bytes.fromhex(guarantee)
        token, row = self._checks.file(raw_id), self._alliance.projection.known_guarantee(raw_id)
        terms = reopen_guarantee(token)
        if member_of(terms, mover_of(event)) != self._alliance.me:
            raise RoleMissingError(f"{event.name} is a step of the {mover_of(event).name.lower()}")
        self._checks.rule(row, event)
        statement = Statement(
            **self._signing.common(),
            guarantee=guarantee,
            sequence=row.sequence + 1,
            previous=row.document.hex(),
            event=event.name,
            says=says,
        )
        check_statement(statement)
        document = self._signing.sign(statement)
        digest = document_digest(document)
        life = self._lives.of(raw_id, terms, row)
        step = signed_step(raw_id, terms.code, row.sequence + 1, row.document, statement, digest, life)
        signature = self._signing.sign_message(step_guarantee_digest(self._checks.domain(row), step))
        return self._checks.check(token, document, signature)

    def _queue(self, step: CheckedStep, receipt: StepReceipt | None) -> Taken:
        transaction = Transaction(self._store)
        under_way = self._put(transaction, step, receipt)
        if under_way:
            return Taken(step.raw_id.hex(), True, self._receipts.kept(step.raw_id, under_way))
        transaction.commit()
        self._feed.wake()
        return Taken(step.raw_id.hex(), False, receipt)

    def _put(self, transaction: Transaction, step: CheckedStep, receipt: StepReceipt | None) -> bytes:
        """Put a step on its way, unless the same is; the digest of the document that was, or nothing."""
        if under_way := self._under_way(transaction, step):
            return under_way
        name, named = guarantee_object(step.raw_id), step.raw_id.hex()
        mover = Signed(self._alliance.signer_of(step.key), step.signature, *_opened(step))
        call = StepGuarantee(step.step, mover, self._evidence(step, receipt), at=step.at)
        self._outbox.add(transaction, name, call)
        if self._store.get(layout.GUARANTEE + step.raw_id) is None:
            self._guarantees.keep(transaction, step.raw_id, step.guarantee, step.token)
        self._lives.announce(transaction, step.step, step.document_token)
        self._lines.offer(transaction, step.raw_id, step.life, step.document)
        self._receipts.keep(transaction, step, receipt)
        self._delivery.post(transaction, step)
        entry = FeedEntry("guarantee.step", self._clock.now(), {"guarantee": named, "event": step.event.name})
        self._feed.add(transaction, entry)
        return b""

    def _under_way(self, transaction: Transaction, step: CheckedStep) -> bytes:
        """Digest of the same step's document, if it is; a parked one that can never be taken any more is given up.

        Raises:
            ConflictError: another is.
        """
        name = guarantee_object(step.raw_id)
        if not self._outbox.is_open(transaction, name):
            return b""
        for number, item in self._outbox.items():
            call = item.decoded() if item.object == name else None
            if not isinstance(call, StepGuarantee):
                continue
            if call.step.sequence <= step.row.sequence:  # the ledger has that one, or another in its place
                if item.state is Place.PARKED:
                    self._outbox.drop(transaction, number)
            elif item.state is not Place.PARKED:
                if self._is_same(call.step, step):
                    return call.step.document
                raise ConflictError("another step is on its way from this node; wait until the ledger has it")
        return b""

    def _is_same(self, under_way: GuaranteeStep, step: CheckedStep) -> bool:
        """Whether it is no other: of a wallet's the document, of this member's what it says; releases say nothing."""
        if under_way.event != step.event or under_way.document == step.digest:
            return under_way.event == step.event
        if isinstance(step.document, GuaranteeRelease):
            return True
        if step.rule.mover in WALLETS:
            return False  # its receipt would be for a document that is never sent
        known = peek_step(self._lives.document(step.raw_id, under_way.document))
        return not isinstance(known, GuaranteeRelease) and known.says == step.document.says

    def _evidence(self, step: CheckedStep, receipt: StepReceipt | None) -> Evidence:
        if not step.is_timed and step.rule.time is not Time.AFTER_GRACE:
            return NO_EVIDENCE
        end, salt = 0, NO_WORD
        if step.rule.time is not Time.BEFORE_DUE:
            end, salt = step.life.end, end_salt(step.guarantee.code, step.life.end_sequence)
        if receipt is None:
            return Evidence(end, salt)
        is_guarantors = receipt.member == step.guarantee.iss
        opens = (NO_WORD, "") if is_guarantors else (centre_salt(step.guarantee.code), receipt.member)
        by = Signed(self._alliance.signer_of(receipt.key), bytes.fromhex(receipt.signature), *opens)
        return Evidence(end, salt, receipt.lodged, by)

    def _keep_earlier(self, call: StepCall) -> None:
        """Documents that the ledger has need no other proof: their digests are in its steps."""
        guarantee, _ = self._guarantees.open(call.guarantee)
        raw_id, transaction = self._guarantees.id_of(guarantee, call.guarantee), Transaction(self._store)
        final = {step.document for step in self._alliance.projection.guarantee_steps(raw_id)}
        for token in call.earlier:
            peek_step(token)
            if document_digest(token) in final:
                self._lives.keep(transaction, raw_id, token)
        transaction.commit()


def _opened(step: CheckedStep) -> tuple[bytes, str]:
    """Salt that opens the ledger's commitment to the mover, and the centre's name."""
    code = step.guarantee.code
    match step.rule.mover:
        case Mover.BENEFICIARY:
            return beneficiary_salt(code), ""
        case Mover.APPLICANT:
            return applicant_salt(code), ""
        case Mover.CENTRE:
            return centre_salt(code), step.guarantee.centre
        case _:
            return NO_WORD, ""
