"""Records of other members' logs whose archives this node has imported: readable, and provable as what they are.

They stay apart from the node's own: under the log they came from, with its own tree, proven by its own checkpoint.
What is sealed here is sealed under its owner's key at this node, so forgetting the owner forgets it here too.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from node.domain import merkle
from node.domain.act import ActKind
from node.domain.archive import ArchivedRecord
from node.domain.bundle import BUNDLE_TYPE, Bundle, encode_bundle
from node.domain.checkpoint import parse_checkpoint
from node.domain.disclosure import open_disclosures
from node.domain.encoding import from_base64url
from node.domain.erasure import record_part
from node.domain.evidence import Evidence, show_record
from node.domain.merkle import leaf_hash
from node.domain.record import RecordHeader, parse_payload
from node.domain.retention import month_of
from node.domain.succession import ShownSuccession
from node.errors import AnchorError, ConflictError, MissingError, StoreError
from node.ports import Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.erasure_rows import ErasureRows
from node.services.transaction import Transaction
from node.services.vault import Vault

Progress = Callable[[str, int, int], None]
_BATCH = 1_000


class PredecessorRow(msgspec.Struct, frozen=True):
    """A log that was imported as a whole."""

    alliance: str
    member: str
    statement: str
    """The signed statement of the archive."""
    note: str
    """Its newest checkpoint."""
    witnessed: str
    """The newest that enough members had cosigned; empty if there was none."""
    size: int
    root: bytes
    records: int
    successions: tuple[ShownSuccession, ...]
    """Changes of the keys of that member."""


class KeptRecord(msgspec.Struct, frozen=True, array_like=True):
    """A record of another log."""

    index: int
    """In that log; -1 if it was not published."""
    owner: str
    """Empty if it was erased."""
    sealed: bytes
    """payload, blind and disclosures, sealed under the owner's key."""


class Opened(msgspec.Struct, frozen=True, array_like=True):
    """What is sealed."""

    payload: bytes
    blind: bytes
    disclosures: tuple[str, ...]


class Predecessors:
    """Imports archives and hands out proofs from them."""

    def __init__(self, store: Store, vault: Vault, acts: Acts, alliance: Alliance) -> None:
        self._store, self._vault, self._acts, self._alliance = store, vault, acts, alliance
        self._forgotten: frozenset[tuple[str, str]] = frozenset()

    def check(self, row: PredecessorRow) -> None:
        """That a log can be imported, before the work.

        Raises:
            ConflictError: it is this node's own.
            AnchorError: this node has another version of it, or a longer one.
            StoreError: the database fails.
        """
        if (row.alliance, row.member) == (self._alliance.id, self._alliance.me):
            raise ConflictError(f"{row.member} is this node: its log is restored from a copy, not imported")
        if row.alliance != self._alliance.id:
            raise ConflictError("the archive belongs to another alliance than this node")
        known = self._row(row.member)
        if known is None:
            return
        if known.size > row.size or (known.size == row.size and known.root != row.root):
            raise AnchorError(
                f"the log of {row.member} was imported at size {known.size}; this archive does not follow from it"
            )

    def take(
        self,
        row: PredecessorRow,
        bundles: Iterable[Sequence[bytes]],
        records: Iterable[ArchivedRecord],
        basis: str,
        progress: Progress = lambda *_: None,
    ) -> int:
        """Keep a log, which the caller has checked, and its records, which are checked as they come.

        Until all is in, nothing is shown of it; what a broken import left behind goes first. A later archive of the
        same log takes the place of the one before.

        Args:
            row: what will stand for it.
            bundles: the entries in order.
            records: by position.
            basis: on what ground.
            progress: told now and then.

        Returns:
            How many records can be read here; the others' owners were erased, there or here.

        Raises:
            ConflictError, AnchorError: as `check`.
            ArchiveError: a record is not what the archive's log holds; then nothing of it is shown.
            StoreError: the database fails.
        """
        self.check(row)
        known = self._row(row.member)
        place = layout.text(row.member) + layout.number(row.size)
        if known is None or known.size != row.size:
            self._clear(row.member, row.size)
        self._grow(row, place, bundles, progress)
        if known is not None and merkle.root_hash(known.size, self._reader(place)) != known.root:
            self._clear(row.member, row.size)
            raise AnchorError(
                f"the log of {row.member} was forked: this archive does not hold the one before"
            )
        self._forgotten = self._erased_here()
        readable = self._keep(place, records)
        transaction = Transaction(self._store)
        transaction.put(layout.PREDECESSOR + row.member.encode(), msgspec.msgpack.encode(row))
        about = {"member": row.member, "size": str(row.size), "root": row.root.hex(), "basis": basis}
        self._acts.record(transaction, ActKind.ARCHIVE_IMPORTED, about)
        transaction.commit()
        if known is not None and known.size != row.size:
            self._clear(row.member, known.size)
        return readable

    def all(self) -> Iterator[PredecessorRow]:
        """The logs that were imported, by member.

        Raises:
            StoreError: the database fails.
        """
        for _, raw in self._store.scan(layout.PREDECESSOR):
            yield msgspec.msgpack.decode(raw, type=PredecessorRow)

    def load(self, member: str, position: int) -> tuple[RecordHeader, Mapping[str, object]]:
        """A record of another log: what it is about, and its fields.

        Raises:
            MissingError: there is none, or it was erased.
            StoreError: the database fails.
        """
        _, opened = self._open(self._known(member), position)
        header, digests = parse_payload(opened.payload)
        return header, {field.name: field.value for field in open_disclosures(opened.disclosures, digests)}

    def bundle(self, member: str, position: int, fields: Collection[str] = ()) -> bytes:
        """A bundle over a record of another log, under the witnessed checkpoint, or the last, of its archive.

        Args:
            member: whose log.
            position: of the record at that member's node.
            fields: what to show; everything if empty.

        Raises:
            MissingError: there is no such log, record or field; or the record was erased, or never published.
            StoreError: the database fails.
        """
        row = self._known(member)
        index, opened = self._open(row, position)
        if index < 0:
            raise MissingError(
                "the record was not published before the archive was made; it cannot be proven"
            )
        _, digests = parse_payload(opened.payload)
        names = [field.name for field in open_disclosures(opened.disclosures, digests)]
        unknown = set(fields) - set(names)
        if unknown:
            raise MissingError(f"the record has no field {', '.join(sorted(unknown))}")
        shown = [
            text for name, text in zip(names, opened.disclosures, strict=True) if not fields or name in fields
        ]
        place = layout.text(row.member) + layout.number(row.size)
        note = note_for(index, row.note, row.witnessed)
        path = merkle.inclusion_proof(index, parse_checkpoint(note).size, self._reader(place))
        evidence = Evidence(note, (show_record(opened.payload, opened.blind, shown, index, path),))
        return encode_bundle(
            Bundle(BUNDLE_TYPE, row.alliance, row.member, evidence, successions=row.successions)
        )

    def _known(self, member: str) -> PredecessorRow:
        row = self._row(member)
        if row is None:
            raise MissingError(f"no archive of {member} was imported here")
        return row

    def _row(self, member: str) -> PredecessorRow | None:
        raw = self._store.get(layout.PREDECESSOR + member.encode())
        return None if raw is None else msgspec.msgpack.decode(raw, type=PredecessorRow)

    def _open(self, row: PredecessorRow, position: int) -> tuple[int, Opened]:
        place = layout.PREDECESSOR_RECORD + layout.text(row.member) + layout.number(row.size)
        key = place + layout.number(max(position, 0))
        raw = self._store.get(key)
        if raw is None or position < 0:
            raise MissingError(f"the log of {row.member} has no record {position} that can be read here")
        kept = msgspec.msgpack.decode(raw, type=KeptRecord)
        if not kept.owner or not self._vault.holds(kept.owner, kept.sealed):
            raise MissingError(f"record {position} of {row.member} was erased")
        return kept.index, msgspec.msgpack.decode(self._vault.open(kept.owner, key, kept.sealed), type=Opened)

    def _grow(
        self, row: PredecessorRow, place: bytes, bundles: Iterable[Sequence[bytes]], progress: Progress
    ) -> None:
        size = 0
        for entries in bundles:
            transaction = Transaction(self._store)
            for offset, entry in enumerate(entries, size):
                transaction.put(_node(place, 0, offset), entry)
            grown = merkle.grow(size, map(leaf_hash, entries), self._reader(place, transaction))
            for level, index, value in grown:
                if level:
                    transaction.put(_node(place, level, index), value)
            transaction.commit()
            size += len(entries)
            progress("log", size, row.size)
        if size != row.size or merkle.root_hash(size, self._reader(place)) != row.root:
            raise AnchorError(f"the entries are not the log of {row.member} at size {row.size}")

    def _keep(self, place: bytes, records: Iterable[ArchivedRecord]) -> int:
        readable, remaining = 0, iter(records)
        while batch := list(islice(remaining, _BATCH)):
            transaction = Transaction(self._store)
            for line in batch:
                kept = self._kept(place, line)
                readable += bool(kept.owner)
                key = layout.PREDECESSOR_RECORD + place + layout.number(line.position)
                transaction.put(key, msgspec.msgpack.encode(kept))
            transaction.commit()
        return readable

    def _kept(self, place: bytes, line: ArchivedRecord) -> KeptRecord:
        if line.erased:
            return KeptRecord(line.index, "", b"")
        payload = from_base64url(line.payload)
        header, _ = parse_payload(payload)
        # What belonged to the predecessor itself is kept under a name that no owner here can have.
        owner = f"predecessor/{header.owner}" if header.owner == header.member else header.owner
        part = record_part(header.category, month_of(header.captured))
        if (owner, part) in self._forgotten or (owner, "") in self._forgotten:
            return KeptRecord(line.index, "", b"")
        key = layout.PREDECESSOR_RECORD + place + layout.number(line.position)
        opened = Opened(payload, from_base64url(line.blind), line.disclosures)
        sealed = self._vault.seal(owner, key, msgspec.msgpack.encode(opened), part)
        return KeptRecord(line.index, owner, sealed)

    def _erased_here(self) -> frozenset[tuple[str, str]]:
        """Owner and part of all that was erased here, or is held; part empty where all of an owner's went."""
        found: set[tuple[str, str]] = set()
        for erasure in ErasureRows(self._store).all():
            line = erasure.line
            found |= {(line.owner, part) for part in (*line.parts, *line.held)}
            if line.whole:
                found.add((line.owner, ""))
        return frozenset(found)

    def _clear(self, member: str, size: int) -> None:
        """Remove what was imported of a log at a size; little by little, so that it never fills the memory."""
        place = layout.text(member) + layout.number(size)
        for prefix in (layout.PREDECESSOR_NODE, layout.PREDECESSOR_RECORD):
            while keys := [key for key, _ in islice(self._store.scan(prefix + place), _BATCH)]:
                transaction = Transaction(self._store)
                for key in keys:
                    transaction.delete(key)
                transaction.commit()

    def _reader(self, place: bytes, transaction: Transaction | None = None) -> merkle.ReadNode:
        get = self._store.get if transaction is None else transaction.get

        def read(level: int, index: int) -> bytes:
            value = get(_node(place, level, index))
            if value is None:
                raise StoreError(f"tree node {level}/{index} of an imported log is missing")
            return value if level else leaf_hash(value)

        return read


def note_for(index: int, newest: str, witnessed: str = "") -> str:
    """The checkpoint to prove an entry by: the witnessed one, if it holds it."""
    return witnessed if witnessed and index < parse_checkpoint(witnessed).size else newest


def _node(place: bytes, level: int, index: int) -> bytes:
    return layout.PREDECESSOR_NODE + place + bytes([level]) + layout.number(index)
