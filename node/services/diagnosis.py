"""What a node's own database says about it: facts for `heqi doctor`, the same whether the node runs or not."""

from collections.abc import Iterator

import msgspec

from node.domain import merkle
from node.errors import StoreError
from node.ports import Store
from node.probes import LogAlarm, MemberFacts, NodeState, ParkedCall
from node.services import layout
from node.services.catalogue import rules_of
from node.services.erasure_rows import overdue
from node.services.guarantee_watch import guarantee_facts
from node.services.ledger_proofs import LOST, waiting_since
from node.services.legal_history import receipts_missing
from node.services.notice_rows import unanswered
from node.services.outbox import State, open_items
from node.services.parking import OPEN
from node.services.projection import Projection
from node.services.transaction import Transaction
from node.services.witness import AlarmRow

_MOST_PARKED = 20


def read_state(store: Store, anchored_size: int, now: float, version: str, *, is_running: bool) -> NodeState:
    """Read the state; changes nothing, and costs the logarithm of the log and the length of the outbox.

    Args:
        store: the node's database.
        anchored_size: see `StateProbe.state`.
        now: seconds since 1970 UTC.
        version: of the software that runs.
        is_running: whether this is the node's own process.

    Raises:
        StoreError: the database fails.
    """
    counters, projection = Transaction(store), Projection(store)
    items = list(open_items(store))
    parked = [ParkedCall(n, item.object, item.problem) for n, item in items if item.state is State.PARKED]
    ages = [now - item.queued for _, item in items if item.queued and item.state is not State.PARKED]
    noted = list(waiting_since(store))
    erasures_overdue, erasure_oldest = overdue(store, now)
    notices_waiting, notices_oldest = unanswered(store, now)
    legal_missing, legal_oldest = receipts_missing(store, now)
    cursor, size = projection.cursor(), _checkpointed(store)
    root, trouble = _root(store, anchored_size) if anchored_size <= size else (b"", "")
    return NodeState(
        is_running=is_running,
        version=version,
        block_number=-1 if cursor is None else cursor.number,
        block_hash=b"" if cursor is None else cursor.hash,
        log_size=size,
        through_size=_checkpointed(store, anchored_size + 1),
        root=root,
        root_trouble=trouble,
        members=[MemberFacts(row.member, row.active) for row in projection.members()],
        outbox_count=len(items),
        outbox_oldest_seconds=max(ages, default=0.0),
        outbox_parked=parked[:_MOST_PARKED],
        outbox_parked_count=len(parked),
        parked=counters.counter(OPEN),
        alarms=list(_alarms(store)),
        proofs_waiting=len(noted),
        proofs_oldest_seconds=max((now - since for since in noted), default=0.0),
        proofs_lost=counters.counter(LOST),
        erasures_overdue=erasures_overdue,
        erasure_oldest_seconds=erasure_oldest,
        definitions_lacking=list(rules_of(store, projection).lacking.items()),
        notices_waiting=notices_waiting,
        notices_oldest_seconds=notices_oldest,
        legal_receipts_missing=legal_missing,
        legal_receipt_oldest_seconds=legal_oldest,
        guarantees=guarantee_facts(store, projection, now),
    )


def _root(store: Store, size: int) -> tuple[bytes, str]:
    """The root from the stored nodes, or what is wrong with them."""
    try:
        return merkle.root_hash(size, lambda level, index: _node(store, level, index)), ""
    except StoreError as error:
        return b"", str(error)


def _node(store: Store, level: int, index: int) -> bytes:
    value = store.get(layout.node(level, index))
    if value is None:
        raise StoreError(f"tree node {level}/{index} is missing")
    return value


def _alarms(store: Store) -> Iterator[LogAlarm]:
    for _, raw_number in store.scan(layout.OPEN_ALARM):
        raw = store.get(layout.ALARM + raw_number)
        if raw is not None:
            row = msgspec.msgpack.decode(raw, type=AlarmRow)
            yield LogAlarm(layout.from_number(raw_number), row.member, row.fault.value)


def _checkpointed(store: Store, stop: int | None = None) -> int:
    """Size of the newest own checkpoint, below `stop` if it is given; zero before the first."""
    end = None if stop is None else layout.number(stop)
    newest = next(store.scan(layout.CHECKPOINT, stop=end, reverse=True), None)
    return 0 if newest is None else layout.from_number(newest[0][len(layout.CHECKPOINT) :])
