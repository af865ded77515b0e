"""What waits about guarantees and openings at this node: facts for `heqi doctor`, no verdicts.

What stands in the open rows of the database is told of a stopped node too; what is sealed, or in force in the process
alone, only by the node that runs.
"""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from node.domain.calendar import working_days_to_come
from node.domain.desk import Stage
from node.domain.document import reopen_document
from node.domain.guarantee_table import Event, State, transition
from node.domain.opening import OpeningKey, OpeningTerms
from node.domain.wallet import AcceptCall, ApplyCall
from node.ports import Clock, Store
from node.probes import Examination, GuaranteeFacts
from node.services import layout
from node.services.applications import Application, Applications
from node.services.bank_orders import BankOrders, OrderState
from node.services.claim_payment_rows import PaymentRows
from node.services.credit_lines import NOT_COUNTED
from node.services.guarantee_delivery import Post
from node.services.issue_rules import RulesInForce
from node.services.openings import OwnOpening
from node.services.projection import Projection
from node.services.sealing_rows import opening_of
from node.services.system_calls import parked_count
from node.services.system_cases import troubled_count
from node.services.vault import Vault

_MOST_NAMED = 20


class GuaranteeWatch:
    """Reads what only the running node can."""

    def __init__(  # noqa: PLR0917
        self, store: Store, vault: Vault, orders: BankOrders, rules: RulesInForce, clock: Clock, me: str
    ) -> None:
        self._applications = Applications(store, vault, me)
        self._payments = PaymentRows(store, vault, me)
        self._orders, self._rules, self._clock = orders, rules, clock

    def add_to(self, facts: GuaranteeFacts) -> GuaranteeFacts:
        """The facts with those that the database does not show openly; costs the length of what waits.

        Raises:
            StoreError: the database fails.
        """
        now, orders = self._clock.now(), list(self._orders.unsettled())
        parked = [kept for kept in orders if kept.state == OrderState.PARKED.value]
        open_since = [kept.queued for kept in orders if kept.state != OrderState.PARKED.value]
        waits = [since for one in self._applications.open() if (since := _waits_since(one.row))]
        return replace(
            facts,
            orders_parked=len(parked),
            orders_open=len(open_since),
            orders_oldest_seconds=max((now - since for since in open_since), default=0.0),
            desk_waiting=len(waits),
            desk_oldest_seconds=max((now - since for since in waits), default=0.0),
            rules_trouble=self._rules.problem,
            payments_unstated=sum(1 for one in self._payments.open_ones() if one.is_unstated),
        )


def guarantee_facts(store: Store, projection: Projection, now: float) -> GuaranteeFacts:
    """What the database shows without any key; costs the length of what waits, and the number of own openings.

    Args:
        store: the node's database.
        projection: on it.
        now: seconds since 1970 UTC.

    Raises:
        StoreError: the database fails.
    """
    posts = list(_undelivered(store, projection))
    parked = [raw_id.hex() for raw_id, mark in _moved(store) if mark != NOT_COUNTED]
    due = list(_payments_due(store, projection))
    late, short = _openings(store, projection, now)
    return GuaranteeFacts(
        steps_undelivered=len(posts),
        steps_oldest_seconds=max((now - since for _, since in posts), default=0.0),
        steps_to=sorted({to for to, _ in posts}),
        lines_exceeded=parked[:_MOST_NAMED],
        examinations=list(_examinations(store, projection, int(now))),
        openings_late=late[:_MOST_NAMED],
        openings_short=short[:_MOST_NAMED],
        opening_keys=sum(1 for _ in store.scan(layout.OPENING_KEY)),
        years=sorted(projection.calendar()),
        system_troubles=parked_count(store) + troubled_count(store),
        payments_due=len(due),
        payments_oldest_seconds=max((now - since for since in due), default=0.0),
    )


def _undelivered(store: Store, projection: Projection) -> Iterator[tuple[str, float]]:
    """To whom, and since when the ledger has it; what it does not have yet waits in the outbox, which tells of it."""
    for _, raw in store.scan(layout.GUARANTEE_POST):
        post = msgspec.msgpack.decode(raw, type=Post)
        row = projection.guarantee(post.guarantee)
        if row is not None and row.sequence >= post.sequence:
            yield post.to, float(row.since)


def _moved(store: Store) -> Iterator[tuple[bytes, bytes]]:
    for key, mark in store.scan(layout.EXPOSURE_MOVED):
        yield key[len(layout.EXPOSURE_MOVED) :], mark


def _examinations(store: Store, projection: Projection, now: int) -> Iterator[Examination]:
    """Of the own guarantees, those whose claim the time runs for in which it can be refused."""
    calendar = projection.calendar()
    for key, _ in store.scan(layout.GUARANTEE_CLAIM):
        raw_id = key[len(layout.GUARANTEE_CLAIM) :]
        row = projection.guarantee(raw_id)
        if row is None or not row.due or transition(State(row.state), Event.PRECLUDE) is None:
            continue
        left = working_days_to_come(calendar, now, row.due) if now < row.due else -1
        yield Examination(raw_id.hex(), row.due, left)


def _payments_due(store: Store, projection: Projection) -> Iterator[float]:
    """Since when the claims on own guarantees comply that the core bank was not asked to pay."""
    for key, _ in store.scan(layout.GUARANTEE_CLAIM):
        raw_id = key[len(layout.GUARANTEE_CLAIM) :]
        row = projection.guarantee(raw_id)
        if row is None or row.state != State.COMPLYING:
            continue
        if not any(True for _ in store.scan(layout.CLAIM_PAYMENT_OPEN + raw_id)):
            yield float(row.since)


def _openings(store: Store, projection: Projection, now: float) -> tuple[list[str], list[tuple[str, str]]]:
    """Own openings whose moment is over; and those whose active holders are too few, with their names."""
    late: list[str] = []
    short: list[tuple[str, str]] = []
    active = {row.member.name for row in projection.members() if row.active}
    for key, raw in store.scan(layout.OPENING):
        raw_id = key[len(layout.OPENING) :]
        kept = msgspec.msgpack.decode(raw, type=OwnOpening)
        terms = reopen_document(kept.terms, OpeningTerms)
        state = opening_of(store, terms.iss, raw_id)
        if state is None or state.opened:
            continue
        if now - state.time > LATE_SECONDS:
            late.append(raw_id.hex())
        holders = [reopen_document(one, OpeningKey).iss for one in terms.keys]
        gone = [name for name in holders if name not in active]
        if len(holders) - len(gone) < terms.threshold:
            short.append((raw_id.hex(), ", ".join(gone)))
    return late, short


LATE_SECONDS = 3_600.0
"""How long after its moment an opening that has not begun is told."""


def _waits_since(row: Application) -> int:
    """Since when it is the guarantor's turn, seconds since 1970 UTC; 0 where it is the applicant's."""
    match row.stage:
        case Stage.APPLIED:
            return reopen_document(row.call, ApplyCall).iat
        case Stage.ACCEPTED | Stage.FEE_PAID if row.contract:
            return reopen_document(row.contract, AcceptCall).iat
        case _:
            return 0
