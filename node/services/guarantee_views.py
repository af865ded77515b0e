"""How a guarantee stands, for its parties; and at the guarantor which claims are open, and how long they wait."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from node.domain.calendar import working_days_to_come
from node.domain.guarantee import Guarantee
from node.domain.guarantee_life import Life, Possible, possible_steps
from node.domain.guarantee_table import Event, State, transition
from node.domain.sealed_guarantee import reopen_guarantee
from node.domain.wallet import StepReceipt, StepsCall
from node.errors import RoleMissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.guarantee_checks import StepChecks
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantees import Guarantees
from node.services.projection import GuaranteeRow
from node.services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Shown:
    """How a guarantee stands, for one of its parties."""

    guarantee: str
    """Id, 64 hex digits."""
    terms: Guarantee
    row: GuaranteeRow
    life: Life
    documents: dict[bytes, str]
    """Compact JWS of the steps whose documents are here, by digest."""
    possible: list[Possible]
    working_days: int
    """Working days to come before what runs is over; 0 if nothing runs."""
    rests_on_receipt: bool = False
    """An open claim came to the ledger after the end, and this member did not sign that it had it before: by somebody
    else's word alone it is in time."""


class Stage(enum.IntEnum):
    """What was told of an open claim."""

    UNTOLD = -1
    """It came before the guarantee's file."""
    OPEN = 0
    DUE_SOON = 1
    """The last working day."""
    OVERDUE = 2
    """The guarantor can object to nothing any more."""


class GuaranteeViews:
    """Shows guarantees, and tells of claims in time."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        guarantees: Guarantees,
        lives: GuaranteeLives,
        checks: StepChecks,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._guarantees, self._lives, self._checks = guarantees, lives, checks
        self._feed, self._clock = feed, clock

    def show(self, guarantee: str) -> Shown:
        """How a guarantee stands whose file this node holds.

        Raises:
            MissingError: it holds none, or the ledger does not have it.
            StoreError: the database fails.
        """
        raw_id = bytes.fromhex(guarantee)
        return self._show(raw_id, reopen_guarantee(self._checks.file(raw_id)))

    def of_wallet(self, token: str) -> Shown:
        """How a guarantee stands, for its beneficiary or its applicant.

        Raises:
            NodeError: the request is not acceptable, or by another key.
        """
        call = self._gate.look_at(token, StepsCall)
        guarantee, _ = self._guarantees.open(call.guarantee)
        if call.key not in {guarantee.beneficiary_key, guarantee.applicant_key}:
            raise RoleMissingError("only beneficiary and applicant learn the steps of a guarantee")
        return self._show(self._guarantees.id_of(guarantee, call.guarantee), guarantee)

    def claims(self) -> Iterator[Shown]:
        """Open claims on the guarantees of this member.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.GUARANTEE_CLAIM):
            yield self.show(key[len(layout.GUARANTEE_CLAIM) :].hex())

    async def step(self) -> None:
        """Say, once each, which claims came before their files, are due soon, or are overdue.

        Raises:
            StoreError: the database fails.
        """
        now, transaction, told = int(self._clock.now()), Transaction(self._store), False
        calendar = self._alliance.projection.calendar()
        for key, raw in self._store.scan(layout.GUARANTEE_CLAIM):
            raw_id, stage = key[len(layout.GUARANTEE_CLAIM) :], Stage(raw[0]) if raw else Stage.UNTOLD
            row = self._alliance.projection.guarantee(raw_id)
            if row is not None and stage is Stage.UNTOLD:
                about = {"guarantee": raw_id.hex(), "due": str(row.due)}
                self._feed.add(transaction, FeedEntry("guarantee.claimed", now, about))
                transaction.put(key, bytes([Stage.OPEN]))
                stage, told = Stage.OPEN, True
            if row is None or not row.due or transition(State(row.state), Event.PRECLUDE) is None:
                continue
            left = working_days_to_come(calendar, now, row.due)
            reached = Stage.OVERDUE if now >= row.due else Stage.OPEN if left else Stage.DUE_SOON
            if reached > stage:
                kind = "guarantee.overdue" if reached is Stage.OVERDUE else "guarantee.due-soon"
                about = {"guarantee": raw_id.hex(), "due": str(row.due)}
                self._feed.add(transaction, FeedEntry(kind, now, about))
                transaction.put(key, bytes([reached]))
                told = True
        if told:
            transaction.commit()
            self._feed.wake()

    def _show(self, raw_id: bytes, guarantee: Guarantee) -> Shown:
        row = self._alliance.projection.known_guarantee(raw_id)
        life = self._lives.of(raw_id, guarantee, row)
        documents = {
            entry.step.document: token
            for entry in life.entries
            if (token := self._lives.document(raw_id, entry.step.document))
        }
        calendar, now = self._alliance.projection.calendar(), int(self._clock.now())
        days = working_days_to_come(calendar, now, row.due) if row.due > now else 0
        possible = possible_steps(State(row.state), life.end, row.due)
        late = self._rests_on_receipt(raw_id, row)
        return Shown(raw_id.hex(), guarantee, row, life, documents, possible, days, late)

    def _rests_on_receipt(self, raw_id: bytes, row: GuaranteeRow) -> bool:
        is_late = row.event in {Event.CLAIM, Event.CLAIM_EXTEND_OR_PAY} and 0 < row.end <= row.since
        if not is_late:
            return False
        raw = self._store.get(layout.GUARANTEE_RECEIPT + raw_id + row.document)
        kept = None if raw is None else msgspec.msgpack.decode(raw, type=StepReceipt)
        return kept is None or kept.member != self._alliance.me or kept.lodged >= row.end
