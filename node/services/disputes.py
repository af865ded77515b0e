"""At a home: disputes about records, the centre's answer, and who is told.

Whatever is said becomes a record of the log in the batch in which it is said, and goes to every holder.
"""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from node.domain.act import ActKind
from node.domain.consent import KEY_FIELD
from node.domain.dispute import (
    DISPUTE_CATEGORY,
    Dispute,
    DisputeAnswer,
    Outcome,
    open_dispute,
    record_fields,
)
from node.domain.document import document_digest, reopen_document
from node.domain.draft import RecordDraft, check_draft
from node.domain.erasure import REGISTRATION_PART
from node.domain.notice import Disputed
from node.domain.values import from_json_value
from node.domain.wallet import DisputeCall, DisputesCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    RecordFormatError,
    UnknownCallerError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.homes import Homes
from node.services.notices import Notices
from node.services.preparing import StoredRecord
from node.services.records import Records
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault


class KeptDispute(msgspec.Struct, frozen=True):
    """A dispute at its home."""

    token: str
    by_person: bool
    opened: float
    answer: str = ""
    """The signed answer; empty while it is open."""

    def dispute(self) -> Dispute:
        """What it says."""
        return reopen_document(self.token, Dispute)


class Disputes:
    """Takes disputes, keeps answers."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        homes: Homes,
        records: Records,
        notices: Notices,
        acts: Acts,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._homes, self._records, self._notices = homes, records, notices
        self._acts, self._feed = acts, feed
        self._signing, self._clock = signing, clock

    def open(self, token: str) -> str:
        """Take a dispute of the subject, or of the person whom a record is about.

        Returns:
            Its id, 64 hex digits; the same for the same dispute again.

        Raises:
            UnknownCallerError: the key speaks neither for the subject nor for the person in the record.
            NodeError: the request or the dispute is not acceptable; nothing is stored.
        """
        call = self._gate.open(token, DisputeCall)
        dispute = open_dispute(call.dispute)
        named = (dispute.alliance, dispute.home, dispute.subject, dispute.key)
        if named != (self._alliance.id, self._alliance.me, call.subject, call.key):
            raise DocumentFormatError(
                "the dispute is by another key, or for another subject, home or alliance"
            )
        if not self._homes.is_home_of(dispute.subject):
            raise UnknownCallerError("this key does not speak for a subject that is registered here")
        by_person = not self._is_controllers(dispute)
        stored = self._newest(dispute)
        if by_person and (stored is None or stored.fields.get(KEY_FIELD) != dispute.key):
            raise UnknownCallerError("this key does not speak for a subject that is registered here")
        digest = document_digest(call.dispute)
        if self._store.get(_place(dispute.subject, digest)) is not None:
            return digest.hex()
        if stored is None or not set(dispute.fields) <= stored.fields.keys():
            raise MissingError("there is no such record, or it has not all of these fields")
        if stored.header.version != dispute.version:
            raise ConflictError(f"version {stored.header.version} of this record is the newest; dispute that")
        kept = KeptDispute(call.dispute, by_person, self._clock.now())
        transaction = Transaction(self._store)
        self._write(transaction, dispute, digest, kept)
        self._records.stage(transaction, [_draft(kept, None)])
        self._tell(transaction, kept)
        transaction.commit()
        self._feed.wake()
        return digest.hex()

    def settle(
        self,
        subject: str,
        identity: str,
        outcome: Outcome,
        statement: str,
        corrections: Mapping[str, object],
    ) -> str:
        """The centre answers, and with `corrected` writes the next version of the record.

        Args:
            subject: its id, 64 hex digits.
            identity: id of the dispute, 64 hex digits.
            outcome: `corrected` or `kept`.
            statement: why; goes into the record.
            corrections: plain JSON values by field; those of disputed fields alone, at least one if and only if
                the record is corrected.

        Returns:
            The signed answer.

        Raises:
            MissingError: there is no such dispute here.
            ConflictError: it is answered already.
            InvalidError: the answer breaks a rule; nothing is stored.
        """
        digest = bytes.fromhex(identity)
        kept = self._load(subject, digest)
        if kept.answer:
            raise ConflictError("this dispute is answered already")
        dispute = kept.dispute()
        if bool(corrections) is not (outcome == "corrected") or not set(corrections) <= set(dispute.fields):
            raise RecordFormatError("a correction names disputed fields with their right values, others none")
        stored = self._newest(dispute)
        if stored is None:
            raise MissingError("the disputed record is gone")
        version = stored.header.version + (outcome == "corrected")
        answer = DisputeAnswer(
            **self._signing.issued(),
            dispute=identity,
            outcome=outcome,
            statement=statement.strip(),
            version=version,
        )
        if not 1 <= len(answer.statement) <= 2_000:
            raise RecordFormatError("an answer says why, in 1 to 2000 characters")
        settled = msgspec.structs.replace(kept, answer=self._signing.sign(answer))
        drafts = [_draft(settled, answer)]
        if outcome == "corrected":
            drafts.append(_corrected(stored, corrections))
        transaction = Transaction(self._store)
        self._write(transaction, dispute, digest, settled)
        self._records.stage(transaction, drafts)
        self._acts.record(transaction, ActKind.DISPUTE_SETTLED, {"dispute": identity, "outcome": outcome})
        self._tell(transaction, settled)
        transaction.commit()
        self._feed.wake()
        return settled.answer

    def of_wallet(self, token: str) -> list[KeptDispute]:
        """For the subject's controller all disputes, for a person those of its own key.

        Raises:
            NodeError: the request is not acceptable.
        """
        call = self._gate.open(token, DisputesCall)
        found = [kept for _, kept in self.all(call.subject)]
        row = self._alliance.projection.subject(bytes.fromhex(call.subject)) if call.subject else None
        if self._alliance.speaks_for(row, call.key):
            return found
        return [kept for kept in found if kept.dispute().key == call.key]

    def all(self, subject: str = "") -> Iterator[tuple[str, KeptDispute]]:
        """Disputes about a subject's records by id; of all subjects if none is named.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.DISPUTE + (layout.text(subject) if subject else b"")
        for key, sealed in self._store.scan(prefix):
            owner = key[len(layout.DISPUTE) :].partition(b"\0")[0].decode()
            content = self._vault.peek(owner, key, sealed)
            if content is not None:
                yield key[-32:].hex(), msgspec.msgpack.decode(content, type=KeptDispute)

    def notices(self, subject: str, positions: Sequence[int], reader: str) -> tuple[str, ...]:
        """Notices about disputes of the records of a read, to go with its answer.

        Raises:
            StoreError: the database fails.
        """
        known = [kept for _, kept in self.all(subject)]
        if not known:
            return ()
        headers = [self._records.load(position).header for position in positions]
        places = {(header.category, header.thing) for header in headers}
        newest: dict[tuple[str, str], KeptDispute] = {}
        for kept in sorted(known, key=lambda one: (not one.answer, one.opened)):
            dispute = kept.dispute()
            if (dispute.category, dispute.thing) in places:
                newest[dispute.category, dispute.thing] = (
                    kept  # an open one counts before all that are settled
                )
        return tuple(self._notices.sign(subject, _about(kept), reader) for kept in newest.values())

    # -- at rest ------------------------------------------------------------------------------------------

    def _is_controllers(self, dispute: Dispute) -> bool:
        row = self._alliance.projection.subject(bytes.fromhex(dispute.subject))
        return self._alliance.speaks_for(row, dispute.key)

    def _newest(self, dispute: Dispute) -> StoredRecord | None:
        for position in self._records.newest(dispute.subject, dispute.category, lambda _: True):
            stored = self._records.load(position)
            if stored.header.thing == dispute.thing:
                return stored
        return None

    def _load(self, subject: str, digest: bytes) -> KeptDispute:
        key = _place(subject, digest)
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("there is no such dispute")
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=KeptDispute)

    def _write(self, transaction: Transaction, dispute: Dispute, digest: bytes, kept: KeptDispute) -> None:
        key = _place(dispute.subject, digest)
        content = msgspec.msgpack.encode(kept)
        transaction.put(key, self._vault.seal(dispute.subject, key, content, REGISTRATION_PART))
        about = {"subject": dispute.subject, "dispute": digest.hex()}
        kind = "dispute.settled" if kept.answer else "dispute.opened"
        self._feed.add(transaction, FeedEntry(kind, self._clock.now(), about))

    def _tell(self, transaction: Transaction, kept: KeptDispute) -> None:
        dispute = kept.dispute()
        having = {
            member
            for member, _, holding in self._notices.holdings(dispute.subject)
            if any(self._is_about(position, dispute) for position in holding.positions)
        }
        self._notices.tell(transaction, dispute.subject, _about(kept), having)

    def _is_about(self, position: int, dispute: Dispute) -> bool:
        try:
            header = self._records.load(position).header
        except MissingError:  # erased
            return False
        return (header.category, header.thing) == (dispute.category, dispute.thing)


def _place(subject: str, digest: bytes) -> bytes:
    return layout.DISPUTE + layout.text(subject) + digest


def _about(kept: KeptDispute) -> Disputed:
    dispute = kept.dispute()
    return Disputed(
        dispute.category,
        dispute.thing,
        dispute.fields,
        "settled" if kept.answer else "open",
        document_digest(kept.token).hex(),
    )


def _draft(kept: KeptDispute, answer: DisputeAnswer | None) -> RecordDraft:
    dispute = kept.dispute()
    return RecordDraft(
        category=DISPUTE_CATEGORY,
        thing=document_digest(kept.token).hex(),
        owner=dispute.subject,
        source_system="heqi",
        source_version="",
        occurred=None,
        fields=record_fields(dispute, by_person=kept.by_person, answer=answer),
    )


def _corrected(stored: StoredRecord, corrections: Mapping[str, object]) -> RecordDraft:
    header, fields = stored.header, {**stored.fields, **corrections}
    draft = RecordDraft(
        category=header.category,
        thing=header.thing,
        owner=header.owner,
        source_system="heqi",
        source_version="",
        occurred=None,
        fields={name: from_json_value(value, name) for name, value in fields.items()},
    )
    check_draft(draft)
    return draft
