"""At a home: the account of reads on a legal basis, and what of it the subject sees by now.

It is the centre's own account of what it had to do, so it lies under the centre's keys and not under the subject's:
the subject's records, counts, parts and receipts are the same whether there was such a read or not. Each row says
itself from when on its subject sees it, so nothing has to happen on that day, and a restart or a restored copy
changes nothing. It is kept as long as any record of handling, the subject's erasure notwithstanding (PIPL art. 56).
"""

from collections.abc import Iterator
from contextlib import suppress

import msgspec

from node.domain.document import document_digest
from node.domain.erasure import record_part
from node.domain.legal_read import LEGAL_LOG
from node.domain.retention import month_at
from node.errors import MissingError
from node.ports import Store
from node.services import layout
from node.services.transaction import Transaction
from node.services.vault import Vault


class LegalEntry(msgspec.Struct, frozen=True):
    """One read on a legal basis, with every signature on it."""

    time: float
    """When it was answered, seconds since 1970 UTC."""
    due: float
    """From when on the subject sees it."""
    read: str
    request: str
    countersignature: str
    answer: str
    receipt: str = ""
    """The reader's countersignature; empty while it is missing."""


class Outcome(msgspec.Struct, frozen=True):
    """What came of a legal request; enough to give the same answer again."""

    read: bytes
    """Digest of the read under which it was answered: any other is refused."""
    answer: str = ""
    """Empty if there was nothing to show."""
    positions: list[int] = []  # msgspec copies it
    size: int = 0


class LegalHistory:
    """Writes and reads the account; all methods raise `StoreError` when the database fails."""

    def __init__(self, store: Store, vault: Vault, me: str) -> None:
        self._store, self._vault, self._me = store, vault, me

    def outcome(self, request: bytes) -> Outcome | None:
        """What came of the request with that digest; None if it was not used."""
        key = layout.LEGAL_OUTCOME + request
        sealed = self._store.get(key)
        if sealed is None:
            return None
        return msgspec.msgpack.decode(self._vault.open(self._me, key, sealed), type=Outcome)

    def put_outcome(self, transaction: Transaction, request: bytes, outcome: Outcome, now: float) -> None:
        """Note that a request was used."""
        self._seal(transaction, layout.LEGAL_OUTCOME + request, outcome, now)

    def put(self, transaction: Transaction, subject: str, entry: LegalEntry) -> None:
        """Write a read that has not left yet."""
        digest = document_digest(entry.answer)
        moment = layout.number(round(entry.time * 1000))
        place = layout.LEGAL_READ + layout.text(subject) + moment + digest
        self._seal(transaction, place, entry, entry.time)
        transaction.put(layout.LEGAL_ANSWER + digest, place)
        transaction.put(layout.LEGAL_RECEIPT_MISSING + moment + digest, b"")

    def by_answer(self, answer: bytes) -> LegalEntry:
        """The read that was answered so.

        Raises:
            MissingError: there is none.
        """
        place = self._store.get(layout.LEGAL_ANSWER + answer)
        if place is None:
            raise MissingError("there is no such answer")
        return self._load(place)

    def put_receipt(self, transaction: Transaction, answer: bytes, receipt: str) -> None:
        """Keep the reader's countersignature.

        Raises:
            MissingError: there is no such read.
        """
        place = self._store.get(layout.LEGAL_ANSWER + answer)
        if place is None:
            raise MissingError("there is no such answer")
        entry = self._load(place)
        self._seal(transaction, place, msgspec.structs.replace(entry, receipt=receipt), entry.time)
        transaction.delete(layout.LEGAL_RECEIPT_MISSING + layout.number(round(entry.time * 1000)) + answer)

    def seen_by(self, subject: str, now: float) -> Iterator[LegalEntry]:
        """What a subject may see by now, oldest first."""
        for place, _ in self._store.scan(layout.LEGAL_READ + layout.text(subject)):
            with suppress(MissingError):  # blocked
                entry = self._load(place)
                if entry.due <= now:
                    yield entry

    def _load(self, place: bytes) -> LegalEntry:
        sealed = self._store.get(place)
        if sealed is None:
            raise MissingError("there is no such read")
        return msgspec.msgpack.decode(self._vault.open(self._me, place, sealed), type=LegalEntry)

    def _seal(self, transaction: Transaction, place: bytes, row: msgspec.Struct, time: float) -> None:
        part = record_part(LEGAL_LOG, month_at(time))
        transaction.put(place, self._vault.seal(self._me, place, msgspec.msgpack.encode(row), part))


def receipts_missing(store: Store, now: float) -> tuple[int, float]:
    """How many answers on a legal basis lack the reader's receipt, and how old the oldest is in seconds."""
    times = [
        layout.from_number(key[len(layout.LEGAL_RECEIPT_MISSING) : -32]) / 1000
        for key, _ in store.scan(layout.LEGAL_RECEIPT_MISSING)
    ]
    return len(times), max((now - time for time in times), default=0.0)
