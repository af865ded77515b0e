"""Appending records: give them their place, seal, store durably, stage for the log.

A message of many records becomes one synced batch. It is known by (client, sequence): the same again gets the
same answer, and nothing is stored twice. A record that cannot be used is parked with its reason and never stops
the rest of its message. What can be done before a record has its place is in `preparing.py`.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from node.domain.catalogue.rules import Rules
from node.domain.category import OwnerRule, category
from node.domain.draft import RecordDraft
from node.domain.erasure import record_part
from node.domain.record import end_payload, entry_of
from node.domain.retention import month_at
from node.errors import LegalBasisError, MissingError, RecordFormatError, SequenceError
from node.ports import Clock, Store
from node.services import layout
from node.services.feed import Feed, FeedEntry
from node.services.parking import ParkedRow, Parking
from node.services.preparing import (
    Incoming,
    Prepared,
    PreparedRecord,
    Preparer,
    Problem,
    StoredRecord,
    Unusable,
    milliseconds,
)
from node.services.transaction import Transaction
from node.services.vault import Vault

POSITION = "position"
_STRANGER = "the subject that it is about is not registered at this centre"
_KEPT_ACKNOWLEDGEMENTS = 100_000


class RecordRow(msgspec.Struct, frozen=True, array_like=True):
    """A record at rest."""

    owner: str
    sealed: bytes
    """`_Kept`, sealed under the owner's key at this place."""


class _Kept(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed in a row."""

    version: int
    record: msgspec.Raw
    """`StoredRecord`, made before its version was known."""


class Accepted(msgspec.Struct, frozen=True):
    """What is durable of a message."""

    digest: bytes
    """SHA-256 of the message."""
    first: int
    """Position of its first record at this node."""
    count: int
    parked: int


class Records:
    """The centre's records, written and read."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        feed: Feed,
        parking: Parking,
        clock: Clock,
        preparer: Preparer,
        member: str,
        check_known: Callable[[], None] = lambda: None,
        is_home_of: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Args:
        store: the node's database.
        vault: its keyring.
        feed: tells what happened.
        parking: takes what cannot be used.
        clock: dates records.
        preparer: makes what is stored of drafts.
        member: this node's.
        is_home_of: whether a subject's home is here.
        check_known: raises if what was erased may be back; asked before a subject's record is opened.
        """
        self._store, self._vault, self._feed, self._parking = store, vault, feed, parking
        self._clock, self._preparer, self._member = clock, preparer, member
        self._check_known, self._is_home_of = check_known, is_home_of

    def append(self, client: str, sequence: int, message: Sequence[Incoming]) -> Accepted:
        """Prepare a message and make it durable; see `accept`.

        Raises:
            SequenceError, StoreError: as for `accept`.
            RecordFormatError: too many records in one message.
        """
        return self.accept(client, sequence, self._preparer.message(message, self._clock.now()))

    def accept(self, client: str, sequence: int, message: Prepared) -> Accepted:
        """Make a message durable.

        Args:
            client: who counts the sequence.
            sequence: one more than the client's last message, from 1.
            message: its records in order.

        Raises:
            SequenceError: a gap, or the same sequence with other content.
            StoreError: the database fails; then nothing of the message is stored.
        """
        transaction = Transaction(self._store)
        known = self.acknowledged(transaction, client, sequence, message.digest)
        if known is not None:
            return known
        records, strangers = self._about_known(message.records)
        unusable = sorted([*message.unusable, *strangers], key=lambda one: one.place)
        self._parking.park_all(
            transaction,
            [ParkedRow(client, sequence, u.place, u.reason, u.message, u.raw) for u in unusable],
        )
        first = self._place(transaction, records, self._member, message.captured)
        accepted = Accepted(message.digest, first, len(records), len(unusable))
        self.acknowledge(transaction, client, sequence, accepted)
        about = {
            "client": client,
            "sequence": str(sequence),
            "first": str(first),
            "count": str(len(records)),
        }
        self._feed.add(transaction, FeedEntry("record.accepted", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return accepted

    def stage(self, transaction: Transaction, drafts: Sequence[RecordDraft]) -> int:
        """Add checked drafts to a unit of work and return the position of the first.

        Raises:
            RecordFormatError: a draft breaks a rule of its category.
            StoreError: the database fails.
        """
        captured = milliseconds(self._clock.now())
        first = transaction.counter(POSITION)
        month = _month(captured)
        self._vault.ensure(
            {
                (draft.owner or self._member, record_part(draft.sealed_with or draft.category, month))
                for draft in drafts
            }
        )
        for draft, record in zip(drafts, self._preparer.records(drafts, captured), strict=True):
            self._place(transaction, [record], draft.owner or self._member, captured)
        return first

    @property
    def rules(self) -> Rules:
        """The definitions that new records are checked by."""
        return self._preparer.rules()

    def load(self, position: int) -> StoredRecord:
        """The record at a position.

        Raises:
            MissingError: there is none, or it is blocked.
            ErasureListError: it is a subject's, and this node cannot tell whether it was erased.
            StoreError: the database fails.
        """
        key, row = self._row(position)
        if row.owner != self._member:
            self._check_known()
        try:
            return stored_of(self._vault.open(row.owner, key, row.sealed))
        except MissingError as error:  # blocked: as if it were not there
            raise MissingError(f"there is no record at position {position}") from error

    def owner(self, position: int) -> str:
        """Whose the record at a position is.

        Raises:
            MissingError: there is none.
            StoreError: the database fails.
        """
        return self._row(position)[1].owner

    def check_centres(self, position: int) -> None:
        """That the record at a position is the centre's own: a subject's is read under a grant or on a legal basis.

        Raises:
            LegalBasisError: it is a subject's.
            MissingError: there is none.
            StoreError: the database fails.
        """
        if self.owner(position) != self._member:
            raise LegalBasisError(
                "the record is a subject's; the centre reads it in its own procedure, on record"
            )

    def newest(self, owner: str, name: str, is_usable: Callable[[int], bool]) -> Iterator[int]:
        """Of every thing of an owner in a category, the position of the newest version that is usable.

        Raises:
            StoreError: the database fails.
        """
        prefix, stop = layout.versions(owner, name), None
        # One short scan to find each thing by its newest version, and one in it where that cannot be used: old
        # versions are not walked through.
        while (found := next(self._store.scan(prefix, stop=stop, reverse=True), None)) is not None:
            thing, newest = found[0][len(prefix) : -8], layout.from_number(found[1])
            earlier = (layout.from_number(raw) for _, raw in self._store.scan(prefix + thing, reverse=True))
            usable = newest if is_usable(newest) else next(filter(is_usable, earlier), None)
            if usable is not None:
                yield usable
            stop = thing

    def version(self, transaction: Transaction, owner: str, name: str, thing: str) -> int:
        """The last version of an owner's thing in a category, as a unit of work sees it; 0 if there is none.

        Raises:
            StoreError: the database fails.
        """
        key = layout.last_version(self._preparer.thing_key(owner, name, thing))
        return layout.from_number(transaction.get(key) or b"")

    def position(self, owner: str, name: str, thing: str, version: int) -> int:
        """Where one version of a subject's thing is.

        Raises:
            MissingError: there is none, or it is blocked.
            StoreError: the database fails.
        """
        place = layout.versions(owner, name) + self._preparer.thing_key(owner, name, thing)
        raw = self._store.get(place + layout.number(version))
        if raw is None:
            raise MissingError(f"the subject has no version {version} of that thing in {name}")
        return layout.from_number(raw)

    def all_of(self, owner: str) -> Iterator[int]:
        """Positions of all records of an owner, every version of every thing.

        Raises:
            StoreError: the database fails.
        """
        for _, raw in self._store.scan(layout.VERSION + layout.text(owner)):
            yield layout.from_number(raw)

    def last_sequence(self, client: str) -> int:
        """The client's last accepted sequence, zero before the first.

        Raises:
            StoreError: the database fails.
        """
        return Transaction(self._store).counter(f"client/{client}")

    def release(self, transaction: Transaction, number: int, item: RecordDraft | Problem) -> int:
        """Make a record of a parked item, together with whatever else the unit of work does.

        Returns:
            The new record's position.

        Raises:
            MissingError: nothing is parked under that number.
            RecordFormatError: it still cannot be used.
            StoreError: the database fails.
        """
        checked = item if isinstance(item, Problem) else self._preparer.check(item)
        if isinstance(checked, Problem):
            raise RecordFormatError(f"item {number} still cannot be used: {checked.message}")
        if checked.owner is not None and not self._is_home_of(checked.owner):
            raise RecordFormatError(f"item {number} still cannot be used: {_STRANGER}")
        self._parking.remove(transaction, number, "item.released")
        return self.stage(transaction, [checked])

    def drop(self, transaction: Transaction, number: int) -> None:
        """Give a parked item up, together with whatever else the unit of work does.

        Raises:
            MissingError: nothing is parked under that number.
            StoreError: the database fails.
        """
        self._parking.remove(transaction, number, "item.dropped")

    def acknowledged(
        self, transaction: Transaction, client: str, sequence: int, digest: bytes
    ) -> Accepted | None:
        """What became of a message that was accepted before; None if it is the client's next.

        Raises:
            SequenceError: a gap, or the same sequence with other content.
            StoreError: the database fails.
        """
        last = transaction.counter(f"client/{client}")
        if sequence == last + 1:
            return None
        raw = transaction.get(_acknowledgement(client, sequence)) if 0 < sequence <= last else None
        if raw is None:
            raise SequenceError(f"the next sequence of {client} is {last + 1}, not {sequence}")
        accepted = msgspec.msgpack.decode(raw, type=Accepted)
        if accepted.digest != digest:
            raise SequenceError(f"sequence {sequence} of {client} was accepted with other content")
        return accepted

    def acknowledge(self, transaction: Transaction, client: str, sequence: int, accepted: Accepted) -> None:
        """Note what became of a client's next message, together with whatever it did."""
        transaction.set_counter(f"client/{client}", sequence)
        transaction.put(_acknowledgement(client, sequence), msgspec.msgpack.encode(accepted))
        if sequence > _KEPT_ACKNOWLEDGEMENTS:
            transaction.delete(_acknowledgement(client, sequence - _KEPT_ACKNOWLEDGEMENTS))

    def _row(self, position: int) -> tuple[bytes, RecordRow]:
        key = layout.RECORD + layout.number(position)
        raw = self._store.get(key)
        if raw is None:
            raise MissingError(f"there is no record at position {position}")
        return key, msgspec.msgpack.decode(raw, type=RecordRow)

    def _place(
        self, transaction: Transaction, records: Sequence[PreparedRecord], owner: str, captured: int
    ) -> int:
        """Give records their versions and positions, and write them; the first position.

        Args:
            transaction: of the message.
            records: prepared.
            owner: of those that are about no subject of their own.
            captured: milliseconds since 1970 UTC.
        """
        first, month = transaction.take(POSITION, len(records)), _month(captured)
        usual = owner
        self._vault.ensure({(_owner(record, usual), record_part(record.part, month)) for record in records})
        encode, moment = msgspec.msgpack.encode, layout.number(captured)
        for at, record in enumerate(records, first):
            owner, place = _owner(record, usual), layout.number(at)
            version = self._next_version(transaction, record.thing)
            key = layout.RECORD + place
            kept, part = encode(_Kept(version, msgspec.Raw(record.body))), record_part(record.part, month)
            sealed = self._vault.seal(owner, key, kept, part)
            transaction.put(key, encode(RecordRow(owner, sealed)))
            if owner != self._member:
                filed = layout.versions(owner, record.category) + record.thing
                transaction.put(filed + layout.number(version), place)
                if version > 1:
                    transaction.put(layout.CHANGED + owner.encode(), b"")  # holders are told of it
            payload = end_payload(record.beginning, version)
            transaction.put(layout.ENTRY + place, entry_of(payload, record.blind))
            self._index(transaction, record, owner, moment + place)
        return first

    def _about_known(
        self, records: Sequence[PreparedRecord]
    ) -> tuple[Sequence[PreparedRecord], Sequence[Unusable]]:
        """What can be written, and what is about a subject that is not at home here."""
        if not any(record.about for record in records):
            return records, ()
        known = [one for one in records if one.about is None or self._is_home_of(one.about.subject)]
        kept = set(map(id, known))
        strangers = [
            Unusable(one.about.place, MissingError.reason, _STRANGER, one.about.raw)
            for one in records
            if one.about is not None and id(one) not in kept
        ]
        return known, strangers

    @staticmethod
    def _next_version(transaction: Transaction, thing: bytes) -> int:
        key = layout.last_version(thing)
        version = layout.from_number(transaction.get(key) or b"") + 1
        transaction.put(key, layout.number(version))
        return version

    @staticmethod
    def _index(transaction: Transaction, record: PreparedRecord, owner: str, place: bytes) -> None:
        name = record.category.encode()
        transaction.put(layout.of_category(record.category) + place, b"")
        if category(record.category).owner is OwnerRule.SUBJECT:
            transaction.put(layout.OF_OWNER + layout.text(owner) + place, name)
        if record.project:
            transaction.put(layout.OF_PROJECT + record.project + place, name)


def stored_of(opened: bytes) -> StoredRecord:
    """The record in a row that was opened."""
    kept = msgspec.msgpack.decode(opened, type=_Kept)
    record = msgspec.msgpack.decode(kept.record, type=StoredRecord)
    return msgspec.structs.replace(
        record, header=msgspec.structs.replace(record.header, version=kept.version)
    )


def _owner(record: PreparedRecord, usual: str) -> str:
    return usual if record.about is None else record.about.subject


def _month(captured: int) -> str:
    return month_at(captured / 1000)


def _acknowledgement(client: str, sequence: int) -> bytes:
    return layout.ACKNOWLEDGEMENT + layout.text(client) + layout.number(sequence)
