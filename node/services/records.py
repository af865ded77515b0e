"""Appending records: check, commit, seal, store durably, stage for the log.

A message of many records becomes one synced batch. It is known by (client, sequence): the same again gets the
same answer, and nothing is stored twice. A record that cannot be used is parked with its reason and never stops
the rest of its message.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from node.domain.category import OwnerRule, category
from node.domain.draft import RecordDraft, check_draft
from node.domain.encoding import to_rfc3339
from node.domain.erasure import record_part
from node.domain.record import RecordHeader, SealedRecord, seal_record
from node.domain.retention import month_of
from node.domain.values import to_json_value
from node.errors import InvalidError, MissingError, RecordFormatError, SequenceError
from node.ports import Clock, Store
from node.services import layout
from node.services.feed import Feed, FeedEntry
from node.services.parking import ParkedRow, Parking
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

POSITION = "position"
MAX_MESSAGE_RECORDS = 5_000
_SEED_BYTES = 32
_KEPT_ACKNOWLEDGEMENTS = 100_000


class RecordRow(msgspec.Struct, frozen=True, array_like=True):
    """A record at rest."""

    owner: str
    sealed: bytes
    """`StoredRecord`, sealed under the owner's key at this place."""


class StoredRecord(msgspec.Struct, frozen=True, array_like=True):
    """What a record is made of; payload, salts and entry follow from it."""

    seed: bytes
    header: RecordHeader
    fields: Mapping[str, object]

    def seal(self) -> SealedRecord:
        """Payload, disclosures and entry, made anew."""
        return seal_record(self.header, self.fields, self.seed)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot be used."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Incoming:
    """One item of a message: a draft, or why there is none, and how it came."""

    raw: bytes
    draft: RecordDraft | Problem


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
        entropy: Entropy,
        alliance: str,
        member: str,
    ) -> None:
        self._store, self._vault, self._feed, self._parking = store, vault, feed, parking
        self._clock, self._entropy = clock, entropy
        self._alliance, self._member = alliance, member

    def append(self, client: str, sequence: int, message: Sequence[Incoming]) -> Accepted:
        """Make a message durable.

        Args:
            client: who counts the sequence.
            sequence: one more than the client's last message, from 1.
            message: its records in order.

        Raises:
            SequenceError: a gap, or the same sequence with other content.
            RecordFormatError: too many records in one message.
            StoreError: the database fails; then nothing of the message is stored.
        """
        if len(message) > MAX_MESSAGE_RECORDS:
            raise RecordFormatError(f"a message holds at most {MAX_MESSAGE_RECORDS} records")
        digest = hashlib.sha256(b"".join(len(m.raw).to_bytes(4, "big") + m.raw for m in message)).digest()
        transaction = Transaction(self._store)
        counter = f"client/{client}"
        known = self._acknowledged(transaction, client, sequence, digest, transaction.counter(counter))
        if known is not None:
            return known
        drafts: list[RecordDraft] = []
        parked = 0
        for place, incoming in enumerate(message):
            checked = incoming.draft if isinstance(incoming.draft, Problem) else _checked(incoming.draft)
            if isinstance(checked, RecordDraft):
                drafts.append(checked)
                continue
            row = ParkedRow(client, sequence, place, checked.reason, checked.message, incoming.raw)
            self._parking.park(transaction, row)
            parked += 1
        first = self.stage(transaction, drafts)
        accepted = Accepted(digest, first, len(drafts), parked)
        transaction.set_counter(counter, sequence)
        transaction.put(_acknowledgement(client, sequence), msgspec.msgpack.encode(accepted))
        if sequence > _KEPT_ACKNOWLEDGEMENTS:
            transaction.delete(_acknowledgement(client, sequence - _KEPT_ACKNOWLEDGEMENTS))
        about = {"client": client, "sequence": str(sequence), "first": str(first), "count": str(len(drafts))}
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
        first = transaction.take(POSITION, len(drafts))
        captured = to_rfc3339(self._clock.now())
        month = month_of(captured)
        self._vault.ensure(
            {(draft.owner or self._member, record_part(draft.category, month)) for draft in drafts}
        )
        seeds = self._entropy(_SEED_BYTES * len(drafts))
        for offset, draft in enumerate(drafts):
            owner = draft.owner or self._member
            version = self._next_version(transaction, owner, draft)
            header = RecordHeader(
                alliance=self._alliance,
                member=self._member,
                category=draft.category,
                thing=draft.thing,
                version=version,
                owner=owner,
                source_system=draft.source_system,
                source_version=draft.source_version,
                captured=captured,
                clock="system",
                occurred=draft.occurred or "",
            )
            fields = {name: to_json_value(value) for name, value in draft.fields.items()}
            seed = seeds[offset * _SEED_BYTES : (offset + 1) * _SEED_BYTES]
            self._put(transaction, first + offset, StoredRecord(seed, header, fields))
        return first

    def load(self, position: int) -> StoredRecord:
        """The record at a position.

        Raises:
            MissingError: there is none, or it is blocked.
            StoreError: the database fails.
        """
        key = layout.RECORD + layout.number(position)
        raw = self._store.get(key)
        if raw is None:
            raise MissingError(f"there is no record at position {position}")
        row = msgspec.msgpack.decode(raw, type=RecordRow)
        try:
            return msgspec.msgpack.decode(self._vault.open(row.owner, key, row.sealed), type=StoredRecord)
        except MissingError as error:  # blocked: as if it were not there
            raise MissingError(f"there is no record at position {position}") from error

    def newest(self, owner: str, name: str, is_usable: Callable[[int], bool]) -> Iterator[int]:
        """Of every thing of an owner in a category, the position of the newest version that is usable.

        Raises:
            StoreError: the database fails.
        """
        prefix, stop = layout.versions(owner, name), None
        # One short scan to find each thing, one in it for the version: old versions are not walked through.
        while (found := next(self._store.scan(prefix, stop=stop, reverse=True), None)) is not None:
            thing = found[0][len(prefix) : -8]
            for _, raw in self._store.scan(prefix + thing, reverse=True):
                if is_usable(layout.from_number(raw)):
                    yield layout.from_number(raw)
                    break
            stop = thing

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
        checked = item if isinstance(item, Problem) else _checked(item)
        if isinstance(checked, Problem):
            raise RecordFormatError(f"item {number} still cannot be used: {checked.message}")
        self._parking.remove(transaction, number, "item.released")
        return self.stage(transaction, [checked])

    def drop(self, transaction: Transaction, number: int) -> None:
        """Give a parked item up, together with whatever else the unit of work does.

        Raises:
            MissingError: nothing is parked under that number.
            StoreError: the database fails.
        """
        self._parking.remove(transaction, number, "item.dropped")

    def _acknowledged(
        self, transaction: Transaction, client: str, sequence: int, digest: bytes, last: int
    ) -> Accepted | None:
        if sequence == last + 1:
            return None
        raw = transaction.get(_acknowledgement(client, sequence)) if 0 < sequence <= last else None
        if raw is None:
            raise SequenceError(f"the next sequence of {client} is {last + 1}, not {sequence}")
        accepted = msgspec.msgpack.decode(raw, type=Accepted)
        if accepted.digest != digest:
            raise SequenceError(f"sequence {sequence} of {client} was accepted with other content")
        return accepted

    def _next_version(self, transaction: Transaction, owner: str, draft: RecordDraft) -> int:
        name = self._vault.thing_key(owner, draft.category, draft.thing)
        return transaction.take(f"version/{name.hex()}") + 1

    def _put(self, transaction: Transaction, position: int, record: StoredRecord) -> None:
        header, place = record.header, layout.number(position)
        key = layout.RECORD + place
        part = record_part(header.category, month_of(header.captured))
        sealed = self._vault.seal(header.owner, key, msgspec.msgpack.encode(record), part)
        transaction.put(key, msgspec.msgpack.encode(RecordRow(header.owner, sealed)))
        thing = self._vault.thing_key(header.owner, header.category, header.thing)
        versions = layout.versions(header.owner, header.category) + thing
        transaction.put(versions + layout.number(header.version), place)
        transaction.put(layout.ENTRY + place, record.seal().entry)


def _checked(draft: RecordDraft) -> RecordDraft | Problem:
    """A draft from a centre's own system, or why it cannot become a record."""
    try:
        check_draft(draft)
        kind = category(draft.category)
        if kind.is_own:
            raise RecordFormatError(f"{draft.category} is written by the node itself")
        if len(draft.fields) > kind.slots:
            raise RecordFormatError(
                f"{draft.category} holds at most {kind.slots} fields, not {len(draft.fields)}"
            )
        if (draft.owner is None) != (kind.owner is OwnerRule.CENTRE):
            raise RecordFormatError(
                f"{draft.category} belongs to the {kind.owner.value}; the owner says otherwise"
            )
    except InvalidError as error:
        return Problem(error.reason, str(error))
    return draft


def _acknowledgement(client: str, sequence: int) -> bytes:
    return layout.ACKNOWLEDGEMENT + layout.text(client) + layout.number(sequence)
