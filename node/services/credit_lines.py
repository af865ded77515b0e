"""At a guarantor: credit lines, drawn on in the batch of an issue, given back in the one that shows a guarantee over.

This node is the only serialiser of its lines: a draw reads and writes within one unit of work, and nothing else of
the process runs between. Every state is a record of the node's own log (`domain/credit_line.py`).
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from node.domain import credit_line as rules
from node.domain import ledger
from node.domain.act import ActKind
from node.domain.bank_order import OrderKind, order_of
from node.domain.credit_line import LINE_CATEGORY, NOTHING_BEFORE, LineEvent, LineState, LineStatus
from node.domain.draft import RecordDraft
from node.domain.guarantee_table import GRACE_SECONDS, LAPSING, LIVE, State
from node.domain.ledger import Event
from node.errors import InvalidError, MissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.acts import Acts
from node.services.bank_orders import BankOrders
from node.services.exposures import Exposure, Exposures
from node.services.feed import Feed, FeedEntry
from node.services.outbox import Outbox, guarantee_object
from node.services.projection import Projection
from node.services.records import Records
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

NOT_COUNTED = b""
"""Of a guarantee that has moved; once it was counted and its line does not allow the rise, the number of the line's
state at which that was."""
MAX_LIMIT = Decimal(10) ** 15
MAX_TERM_SECONDS = 10 * 366 * 86_400


class CreditLine(msgspec.Struct, frozen=True):
    """A line at rest."""

    line: str
    """Random id, 32 hex digits."""
    subject: str
    currency: str
    limit: str
    used: str
    status: str
    until: int
    number: int
    """Of its newest state, from 1."""
    entry: str
    """Log entry of that state, 64 hex digits."""

    @property
    def state(self) -> LineState:
        """As the rules take it."""
        return LineState(
            self.subject,
            self.currency,
            Decimal(self.limit),
            Decimal(self.used),
            LineStatus(self.status),
            self.until,
        )


class CreditLines:
    """The lines that this guarantor has granted."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        records: Records,
        acts: Acts,
        outbox: Outbox,
        orders: BankOrders,
        projection: Projection,
        feed: Feed,
        clock: Clock,
        entropy: Entropy,
        me: str,
    ) -> None:
        self._store, self._vault, self._records, self._acts = store, vault, records, acts
        self._outbox, self._orders, self._projection, self._feed = outbox, orders, projection, feed
        self._clock, self._entropy, self._me = clock, entropy, me
        self.exposures = Exposures(store, vault, me)

    # -- what the guarantor decides -----------------------------------------------------------------------

    def grant(self, subject: str, currency: str, limit: Decimal, until: int) -> CreditLine:
        """Grant a line, or an existing one again with another limit and term; what is drawn stays drawn.

        Args:
            subject: its id, 64 hex digits; the caller has seen to it that its data was read under its grant.
            currency: ISO 4217.
            limit: how much may be drawn at once.
            until: end of the term, seconds since 1970 UTC.

        Raises:
            InvalidError: limit or term is out of range.
            ConflictError: the line is drawn on in another currency.
            StoreError: the database fails.
        """
        if not 0 < limit <= MAX_LIMIT or limit.as_tuple().exponent < -6:  # type: ignore[operator]
            raise InvalidError(f"a limit is above 0 and at most {MAX_LIMIT}, with at most six decimals")
        if not 0 < until - self._clock.now() <= MAX_TERM_SECONDS:
            raise InvalidError("the term of a line ends in the future, within ten years")
        transaction = Transaction(self._store)
        before = self._load(transaction, subject)
        state = rules.granted(before.state if before else None, subject, currency, limit, until)
        return self._decided(transaction, before, state, LineEvent.GRANTED)

    def lower(self, subject: str, limit: Decimal) -> CreditLine:
        """Lower a line's limit, also below what is used.

        Raises:
            MissingError: the subject has no line here.
            InvalidError: the limit is out of range.
            ConflictError: the limit would not fall.
            StoreError: the database fails.
        """
        if limit < 0 or limit.as_tuple().exponent < -6:  # type: ignore[operator]
            raise InvalidError("a limit is not below 0 and has at most six decimals")
        transaction = Transaction(self._store)
        before = self._existing(transaction, subject)
        return self._decided(transaction, before, rules.lowered(before.state, limit), LineEvent.LOWERED)

    def freeze(self, subject: str) -> CreditLine:
        """Nothing can be drawn until it is thawed.

        Raises:
            MissingError: the subject has no line here.
            ConflictError: it is frozen or ended.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        before = self._existing(transaction, subject)
        state = rules.set_status(before.state, LineStatus.FROZEN)
        return self._decided(transaction, before, state, LineEvent.FROZEN)

    def thaw(self, subject: str) -> CreditLine:
        """It can be drawn on again.

        Raises:
            MissingError: the subject has no line here.
            ConflictError: it is open or ended.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        before = self._existing(transaction, subject)
        state = rules.set_status(before.state, LineStatus.OPEN)
        return self._decided(transaction, before, state, LineEvent.THAWED)

    def end(self, subject: str) -> CreditLine:
        """Nothing can be drawn any more; what is drawn comes back as before.

        Raises:
            MissingError: the subject has no line here.
            ConflictError: it has ended.
            StoreError: the database fails.
        """
        transaction = Transaction(self._store)
        before = self._existing(transaction, subject)
        state = rules.set_status(before.state, LineStatus.ENDED)
        return self._decided(transaction, before, state, LineEvent.ENDED)

    # -- what guarantees do -----------------------------------------------------------------------------

    def book(
        self, transaction: Transaction, guarantee: bytes, exposure: Exposure, *, is_sent: bool = True
    ) -> None:
        """Answer for a guarantee from now on, and draw on the line if it is `on_line`; in the batch of the issue.

        Args:
            transaction: of the issue.
            guarantee: its id, 32 bytes.
            exposure: what is answered for.
            is_sent: whether the issue is in this node's outbox; a sealed one is not.

        Raises:
            LineError: the line cannot be drawn on for so much.
            StoreError: the database fails.
        """
        self.exposures.add(transaction, guarantee, exposure, is_sent=is_sent)
        self._order(
            transaction, OrderKind.EARMARK, guarantee, exposure, Decimal(exposure.amount), exposure.steps
        )
        if exposure.on_line:
            before = self._existing(transaction, exposure.subject)
            amount, now = Decimal(exposure.amount), int(self._clock.now())
            state = rules.drawn(before.state, amount, exposure.currency, now)
            self._move(transaction, before, state, LineEvent.DRAWN, amount, guarantee.hex())

    def change(
        self, transaction: Transaction, guarantee: bytes, amount: Decimal, exp: int | None = None
    ) -> None:
        """Of a guarantee can be claimed so much from now on, and until then; nothing left ends it.

        What is less returns to the line, what is more is drawn on it.

        Args:
            transaction: of what changes it.
            guarantee: its id, 32 bytes; one that this node does not answer for changes nothing.
            amount: what can be claimed.
            exp: its new end, seconds since 1970 UTC; None: as it is.

        Raises:
            LineError: the line does not allow the rise.
            StoreError: the database fails.
        """
        row = self.exposures.find(transaction, guarantee)
        if row is None:
            return
        more = amount - Decimal(row.amount)
        end, steps = row.exp if exp is None else exp, row.steps + (more != 0)
        self.exposures.remove(transaction, guarantee, row)
        if amount > 0:
            kept = Exposure(row.subject, rules.plain(amount), row.currency, end, row.on_line, steps)
            self.exposures.add(transaction, guarantee, kept, is_sent=False)
        if more > 0:
            self._order(transaction, OrderKind.EARMARK, guarantee, row, more, steps)
        if more < 0:
            self._order(transaction, OrderKind.RELEASE, guarantee, row, -more, steps)
        if not row.on_line or not more:
            return
        before = self._existing(transaction, row.subject)
        if more > 0:
            state = rules.drawn(before.state, more, row.currency, int(self._clock.now()))
            self._move(transaction, before, state, LineEvent.DRAWN, more, guarantee.hex())
        else:
            state = rules.returned(before.state, -more)
            self._move(transaction, before, state, LineEvent.RETURNED, -more, guarantee.hex())

    def _order(  # noqa: PLR0917
        self,
        transaction: Transaction,
        kind: OrderKind,
        guarantee: bytes,
        row: Exposure,
        amount: Decimal,
        step: int,
    ) -> None:
        order = order_of(kind, guarantee.hex(), row.subject, rules.plain(amount), row.currency, step)
        self._orders.add(transaction, order)

    def note_event(self, transaction: Transaction, event: Event) -> None:
        """As the follower's observer: what a guarantee that is over has drawn comes back, in the batch that shows it.

        Raises:
            StoreError: the database fails.
        """
        match event.happening:
            case ledger.GuaranteeMoved() as moved:
                self.exposures.arrived(transaction, moved.guarantee)
                if State(moved.state) not in LIVE:
                    transaction.delete(layout.EXPOSURE_MOVED + moved.guarantee)
                    self.change(transaction, moved.guarantee, Decimal(0))
                elif moved.sequence > 1 and self.exposures.find(transaction, moved.guarantee) is not None:
                    transaction.put(layout.EXPOSURE_MOVED + moved.guarantee, NOT_COUNTED)

    def step(self) -> None:
        """What can be claimed no more by its date, or never came to the ledger and will not, comes back.

        The time is the ledger's, as far as this node has read it: a claim that it took in time is known here by then.

        Raises:
            StoreError: the database fails.
        """
        for guarantee in list(self.exposures.sent()):
            if self._never_came(guarantee):
                self._return(guarantee)
        block = self._projection.cursor()
        for guarantee in list(self.exposures.ended(block.time - GRACE_SECONDS)) if block else []:
            known = self._projection.guarantee(guarantee)
            # A step that is not counted yet may have brought another end; a parked one brought no other.
            is_counted = self._store.get(layout.EXPOSURE_MOVED + guarantee) != NOT_COUNTED
            if known is None or (State(known.state) in LAPSING and is_counted):
                self._return(guarantee)

    def _never_came(self, guarantee: bytes) -> bool:
        """Whether the outbox has given up the issue, and the ledger does not have it."""
        name = guarantee_object(guarantee)
        is_open = self._outbox.is_open(Transaction(self._store), name)
        return not is_open and self._projection.guarantee(guarantee) is None

    def _return(self, guarantee: bytes) -> None:
        transaction = Transaction(self._store)
        transaction.delete(layout.EXPOSURE_MOVED + guarantee)
        self.change(transaction, guarantee, Decimal(0))
        transaction.commit()

    # -- what is asked ----------------------------------------------------------------------------------

    def find(self, subject: str) -> CreditLine | None:
        """A subject's line, whatever became of it, or None.

        Raises:
            StoreError: the database fails.
        """
        return self._load(Transaction(self._store), subject)

    def show(self, subject: str) -> CreditLine:
        """A subject's line, whatever became of it.

        Raises:
            MissingError: it has none here.
            StoreError: the database fails.
        """
        return self._existing(Transaction(self._store), subject)

    def positions(self, line: str, first: int = 1) -> Iterator[int]:
        """Positions of the records of a line's states, from number `first` on.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.LINE_STATE + bytes.fromhex(line)
        for _, raw in self._store.scan(prefix, start=layout.number(first)):
            yield layout.from_number(raw)

    def free(self, subject: str, currency: str) -> Decimal | None:
        """What can be drawn now in a currency; None without a line that can be drawn on.

        Raises:
            StoreError: the database fails.
        """
        found = self.find(subject)
        if found is None or found.currency != currency or found.status != LineStatus.OPEN.value:
            return None
        return found.state.free if self._clock.now() < found.until else None

    def _existing(self, transaction: Transaction, subject: str) -> CreditLine:
        found = self._load(transaction, subject)
        if found is None:
            raise MissingError("the subject has no credit line at this guarantor")
        return found

    def _load(self, transaction: Transaction, subject: str) -> CreditLine | None:
        key = layout.LINE + bytes.fromhex(subject)
        sealed = transaction.get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=CreditLine)

    def _decided(
        self, transaction: Transaction, before: CreditLine | None, state: LineState, event: LineEvent
    ) -> CreditLine:
        after = self._move(transaction, before, state, event, Decimal(0), "")
        about = {"line": after.line, "event": event.value, "subject": state.subject}
        self._acts.record(transaction, ActKind.LINE_CHANGED, about)
        self._feed.add(transaction, FeedEntry("line.changed", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return after

    def _move(  # noqa: PLR0917
        self,
        transaction: Transaction,
        before: CreditLine | None,
        state: LineState,
        event: LineEvent,
        amount: Decimal,
        guarantee: str,
    ) -> CreditLine:
        """Write the next state: its record first, whose entry the one after it will name."""
        line = before.line if before else self._entropy(16).hex()
        previous = before.entry if before else NOTHING_BEFORE
        draft = RecordDraft(
            category=LINE_CATEGORY,
            thing=line,
            owner=None,
            source_system="heqi",
            source_version="",
            occurred=None,
            fields=dict(rules.fields_of(state, event, amount, guarantee, previous)),
        )
        position = self._records.stage(transaction, [draft])
        entry = transaction.get(layout.ENTRY + layout.number(position)) or b""
        after = CreditLine(
            line,
            state.subject,
            state.currency,
            rules.plain(state.limit),
            rules.plain(state.used),
            state.status.value,
            state.until,
            (before.number if before else 0) + 1,
            entry.hex(),
        )
        place = layout.LINE_STATE + bytes.fromhex(line) + layout.number(after.number)
        transaction.put(place, layout.number(position))
        key = layout.LINE + bytes.fromhex(state.subject)
        transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(after)))
        return after
