"""What was done with this node's privileges, and by whom: records of category `node.act`, anchored like any other.

    transaction = Transaction(store)
    ...                                             # the act itself
    acts.record(transaction, ActKind.VOTE_CAST, {"proposal": "7"})
    transaction.commit()                            # the act and its record, or neither

Who acts is known from the call: the listener says it once per call (`act_as`), so no use case can name another.
"""

from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from node.domain.act import ACT_CATEGORY, ActKind
from node.domain.draft import RecordDraft
from node.errors import MissingError
from node.ports import Store
from node.services import layout
from node.services.records import Records
from node.services.transaction import Transaction

NODE = "node"
"""Actor of what the node does by itself."""
_COUNTER = "acts"
# Every call runs in a task of its own, and a task in a context of its own: what one call says, no other sees.
_ACTOR: ContextVar[str] = ContextVar("actor", default=NODE)


def act_as(name: str) -> None:
    """Say who acts in the rest of this task."""
    _ACTOR.set(name)


def actor() -> str:
    """Who acts in this task: a system's name, or `node`."""
    return _ACTOR.get()


@dataclass(frozen=True, slots=True)
class Act:
    """One act, as its record says it."""

    number: int
    """Counts the acts of this node, from 0."""
    position: int
    """Of its record."""
    time: str
    """RFC 3339 UTC."""
    actor: str
    act: str
    """The word of an `ActKind`."""
    about: Mapping[str, str]
    """Identifiers by name."""


class Acts:
    """Writes acts and lists them."""

    def __init__(self, store: Store, records: Records) -> None:
        self._store, self._records = store, records

    def record(self, transaction: Transaction, kind: ActKind, about: Mapping[str, str]) -> int:
        """Record an act together with what it does; the position of its record.

        Args:
            transaction: of the act itself.
            kind: what is done.
            about: identifiers of what it is done to, by field name; at most 14, never what a record holds.

        Raises:
            StoreError: the database fails.
        """
        number = transaction.take(_COUNTER)
        draft = RecordDraft(
            category=ACT_CATEGORY,
            thing=str(number),
            owner=None,
            source_system="heqi",
            source_version="",
            occurred=None,
            fields={**about, "actor": actor(), "act": kind.word},
        )
        position = self._records.stage(transaction, [draft])
        transaction.put(layout.ACT + layout.number(number), layout.number(position))
        return position

    def newest_first(self, before: int | None = None) -> Iterator[Act]:
        """All acts, or those before a number.

        Raises:
            StoreError: the database fails.
        """
        stop = None if before is None else layout.number(before)
        for key, raw in self._store.scan(layout.ACT, stop=stop, reverse=True):
            yield self._load(layout.from_number(key[len(layout.ACT) :]), layout.from_number(raw))

    def position(self, number: int) -> int:
        """Where the record of an act is.

        Raises:
            MissingError: there is no such act.
            StoreError: the database fails.
        """
        raw = self._store.get(layout.ACT + layout.number(number)) if number >= 0 else None
        if raw is None:
            raise MissingError(f"there is no act {number}")
        return layout.from_number(raw)

    def _load(self, number: int, position: int) -> Act:
        stored = self._records.load(position)
        about = {name: str(value) for name, value in stored.fields.items()}
        who, act = about.pop("actor"), about.pop("act")
        return Act(number, position, stored.header.captured, who, act, about)
