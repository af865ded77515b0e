"""What this centre's records say of each section: a projection of its own log, position by position.

It follows the log by a cursor, so that taking records in costs nothing here, a restart loses nothing, and going over
everything again gives the same. What it holds is sealed at rest under the centre's own key. Nobody outside learns
anything of a section from here before its bids are opened: `opened` answers for a section with sealed bids as for one
that does not exist.
"""

import hmac
from collections.abc import Iterable, Iterator

import msgspec

from node.domain.ledger import Event, GuaranteeMoved
from node.domain.sealed_guarantee import reopen_guarantee
from node.domain.section import (
    CATEGORIES,
    READING,
    Fact,
    SectionFacts,
    kept_fields,
    opened_at,
    section_of,
    take_fact,
)
from node.errors import MissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.records import POSITION, RecordRow, Records
from node.services.transaction import Transaction
from node.services.vault import Vault, part_of

_CURSOR = "sections"
"""Counter: the first position that was not looked at."""
_TAG = b"heqi.section-facts.v1\0"
_AT_ONCE = 100
_AT_ONCE_ROWS = 5_000
_ID_BYTES = 32


class Sections:
    """Facts by section."""

    def __init__(  # noqa: PLR0917
        self, store: Store, vault: Vault, records: Records, index_key: bytes, me: str, clock: Clock
    ) -> None:
        self._store, self._vault, self._records = store, vault, records
        self._index_key, self._me, self._clock = index_key, me, clock

    def digest(self, section: str) -> bytes:
        """32 bytes under which a section is filed: section numbers can be counted through."""
        return hmac.digest(self._index_key, _TAG + section.encode(), "sha256")

    def opened(self, section: str) -> SectionFacts | None:
        """What is known of a section whose bids were opened; None before that, as if there were no such section.

        Raises:
            StoreError: the database fails.
        """
        found = self.facts(self.digest(section))
        return found if found is not None and opened_at(found, self._clock.now()) else None

    def facts(self, digest: bytes) -> SectionFacts | None:
        """Everything that is known of a section, opened or not: for what stays in this node.

        Raises:
            StoreError: the database fails.
        """
        key = layout.SECTION + digest
        sealed = self._store.get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=SectionFacts)

    def guarantees(self, digest: bytes) -> Iterator[bytes]:
        """Ids of the guarantees for a section that this node holds.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.SECTION_GUARANTEE + digest):
            yield key[-_ID_BYTES:]

    def catch_up(self) -> bool:
        """Take in what the log and the guarantees brought since; whether there may be more.

        Raises:
            StoreError: the database fails; then nothing has changed.
        """
        self._note_reading()
        more = self._take_records()
        return self._take_guarantees() or more

    def observe(self, transaction: Transaction, event: Event) -> None:
        """As the follower's observer: note which guarantees that are held here have moved.

        Raises:
            StoreError: the database fails.
        """
        match event.happening:
            case GuaranteeMoved(guarantee=moved):
                if transaction.get(layout.GUARANTEE + moved) is not None:
                    transaction.put(layout.SECTION_NEWS + moved, b"")
            case _:
                pass

    def _note_reading(self) -> None:
        """Have all records read anew where this software reads more of them than the one before."""
        if self._store.get(layout.SECTION_READING) == READING:
            return
        transaction = Transaction(self._store)
        for key in forget(transaction, self._store):
            transaction.delete(key)
        transaction.put(layout.SECTION_READING, READING)
        transaction.commit()

    def _take_records(self) -> bool:
        transaction = Transaction(self._store)
        start, end = transaction.counter(_CURSOR), transaction.counter(POSITION)
        if start >= end:
            return False
        if start == 0:  # guarantees may have been kept before anything followed them
            for key, _ in self._store.scan(layout.GUARANTEE):
                transaction.put(layout.SECTION_NEWS + key[len(layout.GUARANTEE) :], b"")
        at, known = start, dict[str, SectionFacts]()
        taken = 0
        for key, raw in self._store.scan(layout.RECORD, start=layout.number(start), stop=layout.number(end)):
            at = layout.from_number(key[len(layout.RECORD) :]) + 1
            row = msgspec.msgpack.decode(raw, type=RecordRow)
            if row.owner == self._me and _may_be_of_a_section(row.sealed):
                self._take(at - 1, known)
                taken += 1
            if taken == _AT_ONCE or at - start >= _AT_ONCE_ROWS:
                break
        else:
            at = end
        self._write(transaction, known.values())
        transaction.set_counter(_CURSOR, at)
        transaction.commit()
        return at < end

    def _take(self, position: int, known: dict[str, SectionFacts]) -> None:
        try:
            record = self._records.load(position)
        except MissingError:  # erased or blocked
            return
        header = record.header
        section = section_of(header.category, record.fields, record.project)
        if not section:
            return
        if section not in known:
            known[section] = self.facts(self.digest(section)) or SectionFacts(section, {})
        fields = kept_fields(header.category, record.fields)
        take_fact(
            known[section],
            Fact(header.category, header.thing, header.version, position, header.occurred, fields),
        )

    def _write(self, transaction: Transaction, changed: Iterable[SectionFacts]) -> None:
        for facts in changed:
            digest = self.digest(facts.section)
            key = layout.SECTION + digest
            transaction.put(key, self._vault.seal(self._me, key, msgspec.msgpack.encode(facts)))
            transaction.put(look(0, digest), b"")

    def _take_guarantees(self) -> bool:
        transaction, count = Transaction(self._store), 0
        for key, _ in self._store.scan(layout.SECTION_NEWS):
            if count == _AT_ONCE:
                break
            count += 1
            raw_id = key[len(layout.SECTION_NEWS) :]
            kept = self._store.get(layout.GUARANTEE + raw_id)
            terms = None if kept is None else reopen_guarantee(kept.decode())
            if terms is not None and terms.centre == self._me:
                digest = self.digest(terms.section)
                transaction.put(layout.SECTION_GUARANTEE + digest + raw_id, b"")
                transaction.put(look(0, digest), b"")
            transaction.delete(key)
        transaction.commit()
        return count == _AT_ONCE


def look(time: int, digest: bytes) -> bytes:
    """Key that says when a section is to be looked at again, seconds since 1970 UTC; 0 for at once."""
    return layout.SECTION_LOOK + layout.number(time) + digest


def forget(transaction: Transaction, store: Store) -> list[bytes]:
    """Drop everything that was derived from records, so that it is derived anew from those that are left.

    Returns:
        The keys of which the files must not keep anything.

    Raises:
        StoreError: the database fails.
    """
    families = (layout.SECTION, layout.OBLIGATIONS, layout.OBLIGATION_DUE, layout.SECTION_LOOK)
    transaction.set_counter(_CURSOR, 0)
    return [key for family in families for key, _ in store.scan(family)]


def _may_be_of_a_section(sealed: bytes) -> bool:
    part = part_of(sealed)
    return not part or any(part.startswith(name) for name in CATEGORIES)
