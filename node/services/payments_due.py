"""What is to be paid on claims, and what stops a payment: on the ledger, on its way there, or only heard of."""

from collections.abc import Iterator

from node.domain.bank_order import BankOrder
from node.domain.claim_payment import Due, claim_of, due_of
from node.domain.credit_line import plain
from node.domain.guarantee import Guarantee
from node.domain.guarantee_life import Life
from node.domain.guarantee_statement import event_of
from node.domain.guarantee_table import Event, State, mover_of
from node.domain.sealed_guarantee import reopen_guarantee
from node.errors import ConflictError, MissingError, NodeError, StoreError
from node.ports import Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.bank_orders import Leave
from node.services.follower import Follower
from node.services.guarantee_checks import WALLETS
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantee_steps import GuaranteeSteps
from node.services.projection import GuaranteeRow

PAYING = (Event.PAY, Event.PAY_PART)


class PaymentsDue:
    """Reads and changes nothing; asked anew each time."""

    def __init__(
        self,
        store: Store,
        alliance: Alliance,
        follower: Follower,
        lives: GuaranteeLives,
        steps: GuaranteeSteps,
    ) -> None:
        self._store, self._alliance, self._follower = store, alliance, follower
        self._lives, self._steps = lives, steps

    def of(self, raw_id: bytes) -> Due:
        """What is to be paid on one of this member's guarantees.

        Raises:
            MissingError: this node does not hold the file, or the ledger does not have the guarantee.
            ConflictError: nothing is due, or what is due cannot be told; or the guarantee is another's.
            StoreError: the database fails.
        """
        terms, life = self.life(raw_id)
        if terms.iss != self._alliance.me:
            raise ConflictError(f"the guarantee is {terms.iss}'s, who pays it")
        return due_of(raw_id.hex(), terms, State(self.row(raw_id).state), life)

    def check_current(self) -> None:
        """That this node knows how guarantees stand on the ledger.

        Raises:
            ProjectionStaleError: its view of the ledger is too old to say.
            ContractUnknownError: it cannot read the contract in force.
            StoreError: the database fails.
        """
        self._follower.check_fresh()
        self._alliance.projection.check_known("Guarantees")

    def stop(self, raw_id: bytes) -> str:
        """Why a payment is not to leave though the ledger has it due: what is on its way there; empty if nothing is.

        Raises:
            MissingError: the ledger does not have the guarantee.
            StoreError: the database fails.
        """
        row = self.row(raw_id)
        for step, _ in self._steps.open_steps(raw_id):
            if step.sequence > row.sequence:
                return f"{Event(step.event).name} is on its way to the ledger from this node"
        for document in self._lives.announced(raw_id, row):
            event = event_of(document)
            if mover_of(event) in WALLETS:
                return f"{event.name} is signed, and this node has its document"
        return ""

    def leave(self, order: BankOrder) -> tuple[Leave, str]:
        """Whether an order to pay may still leave.

        Raises:
            StoreError: the database fails.
        """
        raw_id = bytes.fromhex(order.about)
        try:
            self.check_current()  # what an old or half-read ledger says is no reason to take anything back
            if stop := self.stop(raw_id):
                return Leave.RECALL, stop
            due = self.of(raw_id)
        except ConflictError as error:
            return Leave.RECALL, str(error)
        except StoreError:
            raise
        except NodeError as error:
            return Leave.WAIT, str(error)
        sum_ = due.claim, plain(due.amount), due.currency, due.payee
        if sum_ != (claim_of(order), order.amount, order.currency, order.payee):
            return Leave.RECALL, "another payment is due on this guarantee now"
        return Leave.GO, ""

    def is_stated(self, raw_id: bytes, claim: int) -> bool:
        """Whether the ledger has a claim as paid: also by a statement that this node lost with its database.

        Raises:
            StoreError: the database fails.
        """
        for step in self._alliance.projection.guarantee_steps(raw_id):
            if step.sequence > claim and step.event in {Event.CLAIM, Event.CLAIM_EXTEND_OR_PAY}:
                return False
            if step.sequence > claim and step.event in PAYING:
                return True
        return False

    def claimed(self) -> Iterator[bytes]:
        """Ids of this member's guarantees with an open claim.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in list(self._store.scan(layout.GUARANTEE_CLAIM)):
            yield key[len(layout.GUARANTEE_CLAIM) :]

    def row(self, raw_id: bytes) -> GuaranteeRow:
        """Where the ledger has a guarantee.

        Raises:
            MissingError: it does not have it.
            StoreError: the database fails.
        """
        return self._alliance.projection.known_guarantee(raw_id)

    def life(self, raw_id: bytes) -> tuple[Guarantee, Life]:
        """A guarantee, and its present terms.

        Raises:
            MissingError: this node does not hold the file, or the ledger does not have it.
            StoreError: the database fails.
        """
        kept = self._store.get(layout.GUARANTEE + raw_id)
        if kept is None:
            raise MissingError("this node does not hold the file of that guarantee")
        terms = reopen_guarantee(kept.decode())
        return terms, self._lives.of(raw_id, terms, self.row(raw_id))
