"""At a holder: what homes have said of records that it read: that there is a newer version, or a dispute."""

from collections.abc import Iterable

import msgspec

from node.domain.notice import Disputed, NewerVersions, Notice
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction


class Remark(msgspec.Struct, frozen=True):
    """What a home has said of a record that this node holds."""

    home: str
    category: str
    thing: str
    version: int = 0
    """The newest there is, if it was said."""
    disputed: tuple[str, ...] = ()
    """Fields that are disputed now."""
    settled: bool = False
    """Whether there was a dispute, and it is settled: a newer version, or the home's answer, says how."""


class Remarks:
    """Keeps them beside what was read."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def of(self, subject: str) -> list[Remark]:
        """What was said of records of a subject.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.REMARK + layout.text(subject)
        return [msgspec.msgpack.decode(raw, type=Remark) for _, raw in self._store.scan(prefix)]

    def note(self, transaction: Transaction, notice: Notice, held: Iterable[tuple[str, str]]) -> None:
        """Take what a checked notice says of records held here, by category and thing; nothing of others."""
        places = frozenset(held)
        match notice.about:
            case NewerVersions(records):
                for one in records:
                    if (one.category, one.thing) in places:
                        self._change(transaction, notice, one.category, one.thing, version=one.version)
            case Disputed(category, thing, fields, state, _) if (category, thing) in places:
                disputed = fields if state == "open" else ()
                self._change(
                    transaction, notice, category, thing, disputed=disputed, settled=state == "settled"
                )
            case _:
                pass

    @staticmethod
    def _change(
        transaction: Transaction, notice: Notice, category: str, thing: str, **changes: object
    ) -> None:
        key = layout.REMARK + layout.text(notice.subject, notice.iss, category) + thing.encode()
        raw = transaction.get(key)
        known = (
            Remark(notice.iss, category, thing) if raw is None else msgspec.msgpack.decode(raw, type=Remark)
        )
        transaction.put(key, msgspec.msgpack.encode(msgspec.structs.replace(known, **changes)))
