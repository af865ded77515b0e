"""All that a node holds, as the files of an archive (`docs/formats/archive.md`), one after the other."""

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from node.domain.act import ActKind
from node.domain.archive import (
    ANCHORS,
    CHECKPOINT,
    LINES,
    MAX_CHUNK_BYTES,
    MEMBERS,
    README,
    README_TEXT,
    RECORDS,
    SEALED,
    WITNESSED,
    ArchivedAnchor,
    ArchivedRecord,
    ArchivedRow,
    archived_member,
    archived_record,
    chunk_path,
    encode_line,
)
from node.domain.bundle import LaterCheckpoint
from node.domain.succession import show_succession
from node.domain.tile import levels_of, tile_path, tiles_of
from node.domain.wallet import StepReceipt
from node.errors import AnchorError, MissingError
from node.ports import Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.applications import Application
from node.services.award_reads import AwardRead
from node.services.bank_orders import KeptOrder
from node.services.claim_payment_rows import KeptPayment
from node.services.consent_rows import KeptConsent
from node.services.cosignatures import Cosignatures
from node.services.credit_lines import CreditLine
from node.services.disputes import KeptDispute
from node.services.exposures import Exposure
from node.services.guarantee_files import SealedRow
from node.services.holdings import InNotice
from node.services.ledger_proofs import AnchorProof
from node.services.legal_history import LegalEntry
from node.services.log import Log
from node.services.look_ups import LookUp
from node.services.notice_rows import OutNotice
from node.services.openings import OwnOpening
from node.services.own_legal import LegalObtained, OwnLegal
from node.services.own_requests import Obtained, OwnRequest
from node.services.packages import Package
from node.services.parking import ParkedRow
from node.services.projection import AnchorRow
from node.services.records import RecordRow, Records, stored_of
from node.services.registration_rows import Registration
from node.services.sealed_issuing import SealedIssue
from node.services.serving import HistoryEntry
from node.services.sharing import KeptGrant, PendingRequest
from node.services.system_calls import KeptCall
from node.services.system_cases import SystemCase, SystemFile
from node.services.taken_guarantees import TakenGuarantee
from node.services.tiles import Tiles
from node.services.transaction import Transaction
from node.services.vault import Vault
from node.services.waiting import WaitingRow
from node.services.witness import AlarmRow

Seal = Callable[[bytes], bytes]
"""Encrypts the lines of a file to the recipient."""
File = tuple[str, bytes]
"""Path and content."""


@dataclass(frozen=True, slots=True)
class _Family:
    """A kind of row that is exported as it stands."""

    name: str
    prefix: bytes
    kind: type[msgspec.Struct] | None
    """Of the row; None for a signed document, a text, or a list of proofs."""
    owner: Callable[["Archiving", bytes], str] | None = None
    """Key without prefix → under whose key it is sealed; None if it is not."""
    is_text: bool = False
    """By whomever: perhaps not even UTF-8."""


def _first_text(_: "Archiving", key: bytes) -> str:
    return key.partition(b"\0")[0].decode()


_FAMILIES = (
    _Family("alarms", layout.ALARM, AlarmRow),
    _Family("anchor-proofs", layout.ANCHOR_PROOF, AnchorProof),
    _Family("applications", layout.APPLICATION, Application, lambda archiving, _: archiving.me),
    _Family("award-reads", layout.AWARD_READ, AwardRead, lambda archiving, _: archiving.me),
    _Family("bank-orders", layout.BANK_ORDER, KeptOrder, lambda archiving, _: archiving.me),
    _Family("claim-payments", layout.CLAIM_PAYMENT, KeptPayment, lambda archiving, _: archiving.me),
    _Family("consents", layout.CONSENT, KeptConsent, _first_text),
    _Family("corroborations", layout.CORROBORATED, LaterCheckpoint),
    _Family("credit-lines", layout.LINE, CreditLine, lambda archiving, _: archiving.me),
    _Family("definitions", layout.DEFINITION, None, is_text=True),
    _Family("disputes", layout.DISPUTE, KeptDispute, _first_text),
    _Family("exposures", layout.EXPOSURE, Exposure, lambda archiving, _: archiving.me),
    _Family("grants", layout.GRANT, KeptGrant),
    _Family("guarantees", layout.GUARANTEE, None),
    _Family("guarantee-receipts", layout.GUARANTEE_RECEIPT, StepReceipt),
    _Family("guarantee-steps", layout.GUARANTEE_STEP, None),
    _Family("guarantee-seals", layout.GUARANTEE_SEAL, SealedRow),
    _Family("history", layout.HISTORY, HistoryEntry, _first_text),
    _Family("look-ups", layout.LOOK_UP, LookUp, _first_text),
    _Family("notices", layout.NOTICE, OutNotice),
    _Family("notices-in", layout.NOTICE_IN, InNotice),
    _Family(
        "legal-obtained", layout.OWN_LEGAL_OBTAINED, LegalObtained, lambda a, key: a.legal_subject_of(key)
    ),
    _Family("legal-reads", layout.LEGAL_READ, LegalEntry, lambda archiving, _: archiving.me),
    _Family("legal-requests", layout.OWN_LEGAL, OwnLegal, lambda archiving, _: archiving.me),
    _Family("obtained", layout.OBTAINED, Obtained, lambda archiving, key: archiving.subject_of(key[:-8])),
    _Family("openings", layout.OPENING, OwnOpening),
    _Family("packages", layout.PACKAGE, Package, _first_text),
    _Family("parked", layout.PARKED, ParkedRow, lambda archiving, _: archiving.me),
    _Family("read-proofs", layout.READ_PROOF, None),
    _Family("registrations", layout.REGISTRATION, Registration, _first_text),
    _Family("taken-guarantees", layout.TAKEN_GUARANTEE, TakenGuarantee, lambda archiving, _: archiving.me),
    _Family("sealed-issues", layout.SEALED_ISSUE, SealedIssue, lambda archiving, _: archiving.me),
    _Family("system-calls", layout.SYSTEM_CALL, KeptCall, lambda archiving, _: archiving.me),
    _Family("system-cases", layout.SYSTEM_CASE, SystemCase, lambda archiving, _: archiving.me),
    _Family("system-files", layout.SYSTEM_FILE, SystemFile, lambda archiving, _: archiving.me),
    _Family("shares-given", layout.SHARES_GIVEN, None),
    _Family("shares-obtained", layout.SHARES_OBTAINED, None),
    _Family("waiting", layout.WAITING, WaitingRow, _first_text),
    _Family("requests", layout.REQUEST, PendingRequest, _first_text),
)


class Archiving:
    """Reads everything; nothing may write to the store meanwhile."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        records: Records,
        acts: Acts,
        alliance: Alliance,
        log: Log,
        cosignatures: Cosignatures,
        tiles: Tiles,
    ) -> None:
        self._store, self._vault, self._records, self._acts = store, vault, records, acts
        self._alliance, self._log, self._cosignatures, self._tiles = alliance, log, cosignatures, tiles
        self.record_count = 0
        """Records that `files` has handed out."""

    @property
    def me(self) -> str:
        """Name of the member whose node this is."""
        return self._alliance.me

    def begin(self, recipient: bytes, basis: str) -> tuple[int, bytes]:
        """Record the act, durably, before anything leaves; size and root of the log that the archive will rest on.

        Raises:
            MissingError: nothing was published yet: there is no log to prove anything by.
            AnchorError: this store is older than the ledger: it is no full export of the node.
            StoreError: the database fails.
        """
        size = self._log.size()
        if not size:
            raise MissingError("nothing was published yet; let the node run for a period first")
        anchored = self._alliance.projection.anchored_size(self.me)
        if anchored > size:
            raise AnchorError(f"the ledger has this log at size {anchored}, and this store ends at {size}")
        transaction = Transaction(self._store)
        self._acts.record(
            transaction,
            ActKind.ARCHIVE_EXPORTED,
            {"recipient": recipient.hex(), "basis": basis, "size": str(size)},
        )
        transaction.commit()
        return size, self._log.root(size)

    def files(self, descriptor: bytes, seal: Seal, size: int) -> Iterator[File]:
        """All files but the manifest's two, in no order that counts; one chunk in memory at a time.

        Args:
            descriptor: content of `alliance.json`.
            seal: encrypts to the recipient.
            size: of the log, from `begin`.

        Raises:
            StoreError: the database fails, or holds what cannot be opened although its key was not erased.
        """
        yield README, README_TEXT.encode()
        yield "alliance.json", descriptor
        yield MEMBERS, b"".join(map(encode_line, self._members()))
        yield CHECKPOINT, self._cosignatures.note(size).encode()
        witnessed = self._cosignatures.witnessed_size()
        if witnessed:
            yield WITNESSED, self._cosignatures.note(witnessed).encode()
        for path, lines in _chunks(ANCHORS, LINES, enumerate(map(encode_line, self._anchors()))):
            yield path, lines
        for path, lines in _chunks(RECORDS, SEALED, self._record_lines()):
            yield path, seal(lines)
        for family in _FAMILIES:
            for path, lines in _chunks(family.name, SEALED, enumerate(self._rows(family))):
                yield path, seal(lines)
        for index, width in tiles_of(size):
            yield tile_path(None, index, width), self._tiles.entries(index, width)
        for level, count in levels_of(size):
            for index, width in tiles_of(count):
                yield tile_path(level, index, width), self._tiles.hashes(level, index, width)

    def subject_of(self, request: bytes) -> str:
        """Whose data an own request, by digest, is about."""
        raw = self._store.get(layout.OWN_REQUEST + request)
        if raw is None:
            raise MissingError("what was read elsewhere lacks its request")
        return msgspec.msgpack.decode(raw, type=OwnRequest).asked().subject

    def legal_subject_of(self, request: bytes) -> str:
        """Whose data an own request on a legal basis, by digest, has brought."""
        key = layout.OWN_LEGAL + request
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("what was read on a legal basis lacks its request")
        return msgspec.msgpack.decode(self._vault.open(self.me, key, sealed), type=OwnLegal).subject

    def _members(self) -> Iterator[msgspec.Struct]:
        for row in self._alliance.projection.members():
            yield archived_member(row.member, row.standing, map(show_succession, row.successions))

    def _anchors(self) -> Iterator[ArchivedAnchor]:
        for key, raw in self._store.scan(layout.LEDGER_ANCHOR + layout.text(self.me)):
            row = msgspec.msgpack.decode(raw, type=AnchorRow)
            yield ArchivedAnchor(layout.from_number(key[-8:]), row.root.hex(), row.block)

    def _record_lines(self) -> Iterator[tuple[int, bytes]]:
        self.record_count = 0
        for key, raw in self._store.scan(layout.RECORD):
            position = layout.from_number(key[len(layout.RECORD) :])
            row = msgspec.msgpack.decode(raw, type=RecordRow)
            index = self._log.index_of(position)
            opened = self._open(row.owner, key, row.sealed)
            if opened is None:
                line = ArchivedRecord(position, -1 if index is None else index, erased=True)
            else:
                line = archived_record(position, index, stored_of(opened).seal())
            self.record_count += 1
            yield position, encode_line(line)

    def _rows(self, family: _Family) -> Iterator[bytes]:
        for key, raw in self._store.scan(family.prefix):
            name = key[len(family.prefix) :]
            opened = raw if family.owner is None else self._open(family.owner(self, name), key, raw)
            if opened is None:
                yield encode_line(ArchivedRow(name.hex(), erased=True))
                continue
            value: dict[str, object]
            if family.is_text:
                value = {"document": opened.decode(errors="replace")}
            elif family.kind is None:
                value = _document(opened)
            else:
                value = _readable(msgspec.msgpack.decode(opened, type=family.kind))
            yield encode_line(ArchivedRow(name.hex(), value))

    def _open(self, owner: str, place: bytes, sealed: bytes) -> bytes | None:
        """What is sealed; None if its key was erased or set aside, and nothing else."""
        return self._vault.open(owner, place, sealed) if self._vault.holds(owner, sealed) else None


def _document(raw: bytes) -> dict[str, object]:
    """A token as it is; anything else is msgpack of byte strings."""
    if raw[:1] == b"e":  # every JWS begins so
        return {"document": raw.decode("ascii")}
    return {"proofs": [_plain(proof) for proof in msgspec.msgpack.decode(raw, type=list[bytes])]}


def _readable(row: msgspec.Struct) -> dict[str, object]:
    """A row as JSON holds it: bytes base64, times in whole seconds."""
    return {
        name: _plain(msgspec.to_builtins(getattr(row, name), builtin_types=(bytes, float)))
        for name in row.__struct_fields__
    }


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return int(value) if isinstance(value, float) else value


def _chunks(family: str, ending: str, lines: Iterable[tuple[int, bytes]]) -> Iterator[File]:
    """Numbered lines as files, each named by the number of its first."""
    first, chunk, size = 0, list[bytes](), 0
    for number, line in lines:
        if chunk and size + len(line) > MAX_CHUNK_BYTES:
            yield chunk_path(family, first, ending), b"".join(chunk)
            chunk, size = [], 0
        if not chunk:
            first = number
        chunk.append(line)
        size += len(line)
    if chunk:
        yield chunk_path(family, first, ending), b"".join(chunk)
