"""At a subject's home: answering reads under its grants, and the history of who read what.

The home is the only one that counts the uses of a grant. Request, count, answer and the log record about them
become durable in one batch before anything leaves; the reader's receipt follows, and its absence is visible.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from node.domain.approval import Approval
from node.domain.document import (
    document_digest,
    open_members_document,
    reopen_document,
)
from node.domain.draft import NOBODY, RecordDraft
from node.domain.duties import Act
from node.domain.erasure import READS, record_part
from node.domain.evidence import evidence_digest
from node.domain.grant import Grant, check_covers, check_scope, grant_terms, has_uses_left, open_grant
from node.domain.ledger_ids import grant_id
from node.domain.mandate import Authority, approval_of, authority_of
from node.domain.reading import ReadAnswer, ReadReceipt, ReadRequest, id_of_use
from node.domain.retention import month_at
from node.domain.wallet import WINDOW_SECONDS
from node.errors import (
    DeniedError,
    DocumentFormatError,
    GrantMissingError,
    GrantRevokedError,
    GrantScopeError,
    GrantUsedUpError,
    InvalidError,
    MissingError,
    ReplayError,
    VerificationError,
)
from node.ports import Answer, Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.coverage import Coverage
from node.services.disputes import Disputes
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.log import Log
from node.services.mandates import check_all_signed, check_in_force, grantor_of
from node.services.notices import Notices
from node.services.preparing import StoredRecord
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.registration import READ_LOG, Registrations
from node.services.sharing import KeptGrant
from node.services.showing import Showing
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

_MOST_TIMES = 16
"""Answers to one use, so that nobody makes the history grow without using the grant up."""
_NOTHING = "no live grant covers this read, or there is nothing to read under it"


class ServedRead(msgspec.Struct, frozen=True):
    """A use of a grant; enough to give the same answer again."""

    request: bytes
    """Digest of the newest request, 32 bytes."""
    answer: str
    use: int
    as_of: int
    """When the records were the newest, seconds since 1970 UTC."""
    times: int
    """How often it was answered, each time to another request."""
    positions: list[int]
    size: int
    """Size of the log under whose checkpoint the records were proven."""
    place: bytes
    """Of its entry in the history, which tells of the newest request."""


class HistoryEntry(msgspec.Struct, frozen=True):
    """One read in a subject's history."""

    time: float
    grant: str
    request: str
    """The reader's signed request."""
    answer: str
    receipt: str = ""
    """The reader's countersignature; empty while it is missing."""


@dataclass(frozen=True, slots=True)
class _Authority:
    """A read request, and whether it is granted."""

    grant_id: bytes
    grant: Grant
    kept: KeptGrant
    request: ReadRequest
    served: ServedRead | None
    """Where this use was answered before."""
    is_granted: bool
    """If not, the read goes on as one of a subject that nobody knows, and ends as such a one does."""


class Serving:
    """Answers readers."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        registrations: Registrations,
        recognition: Recognition,
        records: Records,
        log: Log,
        coverage: Coverage,
        disputes: Disputes,
        follower: Follower,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._coverage, self._disputes = coverage, disputes
        self._store, self._vault, self._alliance, self._registrations = store, vault, alliance, registrations
        self._records, self._follower, self._feed = records, follower, feed
        self._showing = Showing(records, log)
        self._recognition = recognition
        self._signing, self._clock = signing, clock

    def read(self, caller: str, request_token: str, grant_token: str) -> Answer:
        """Answer a member's read.

        Steps: 1 the reader's signature · 2 the subject's grant, its state and its cover · 3 the number of uses ·
        4 the newest final records · 5 the consent of every person in them · 6 everything durable · 7 the answer
        leaves.

        Raises:
            NodeError: the read is not allowed or not possible; no use was counted.
        """
        authority = self._authorise(caller, request_token, grant_token)
        subject, request, served = authority.grant.iss, authority.request, authority.served
        digest = document_digest(request_token)
        size, selected = self._select(authority) if served is None else (served.size, None)
        positions = served.positions if served else list(selected or ())
        consents = self._consented(authority, positions)
        # Officers are counted only now: while things are looked up, a read that is granted costs what any other does.
        moment = authority.grant.register_before
        voucher = self._registrations.signed_voucher(subject, authority_of(grant_token), moment)
        delegation = voucher.delegation
        status = self._recognition.hand_on(delegation, voucher.status)
        second = self._second_status(subject, authority.grant)
        told = self._disputes.notices(subject, positions, caller)
        evidence = self._showing.show(selected or self._showing.load(positions), request.scope, size)
        if served is not None and served.request == digest:
            return Answer(evidence, served.answer, delegation, status, consents, told, second)
        if served is not None and served.times == _MOST_TIMES:
            raise GrantUsedUpError(f"this use of the grant was answered {_MOST_TIMES} times already")
        use = served.use if served else authority.kept.uses + 1
        as_of = served.as_of if served else int(self._clock.now())
        answer = self._sign(request, digest, evidence, use, as_of)
        transaction = Transaction(self._store)
        place = served.place if served else self._place(transaction, subject)
        if served is not None:
            transaction.delete(layout.ANSWER + document_digest(served.answer))
        times = served.times + 1 if served else 1
        row = ServedRead(digest, answer, use, as_of, times, positions, size, place)
        transaction.put(layout.READ + id_of_use(request), msgspec.msgpack.encode(row))
        self._remember(transaction, authority, row, request_token)
        return Answer(evidence, answer, delegation, status, consents, told, second)

    def take_receipt(self, caller: str, token: str) -> None:
        """Keep a reader's countersignature.

        Raises:
            NodeError: it is malformed, or not by the reader of that answer.
        """
        member = self._alliance.projection.member(caller)
        receipt = open_members_document(token, ReadReceipt, member.identity_keys)
        key = self._store.get(layout.ANSWER + bytes.fromhex(receipt.answer))
        if key is None:
            raise MissingError("there is no such answer")
        subject = key[len(layout.HISTORY) : -9].decode()
        try:
            entry = self._entry(subject, key)
        except MissingError as error:  # erased or blocked since
            raise MissingError("there is no such answer") from error
        if reopen_document(entry.request, ReadRequest).iss != caller or receipt.iss != caller:
            raise MissingError("there is no such answer")
        transaction = Transaction(self._store)
        signed = msgspec.msgpack.encode(msgspec.structs.replace(entry, receipt=token))
        transaction.put(key, self._vault.seal(subject, key, signed, _history_part(entry.time)))
        transaction.commit()

    def history(self, subject: str) -> Iterator[HistoryEntry]:
        """Who read what of a subject, oldest first.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.HISTORY + layout.text(subject)):
            with suppress(MissingError):  # blocked
                yield self._entry(subject, key)

    def _authorise(self, caller: str, request_token: str, grant_token: str) -> _Authority:
        self._alliance.check_may(Act.SERVE)
        self._follower.check_fresh()
        self._alliance.projection.check_known("Subjects", "Grants")
        projection, now = self._alliance.projection, self._clock.now()
        # 1. the reader's own signature, meant for this node, now
        request = open_members_document(request_token, ReadRequest, projection.member(caller).identity_keys)
        if (request.iss, request.aud, request.alliance) != (caller, self._alliance.me, self._alliance.id):
            raise DocumentFormatError("the request is not this caller's to this node in this alliance")
        if abs(now - request.iat) > WINDOW_SECONDS:
            raise ReplayError(
                f"the read request is from another time, {abs(now - request.iat):.0f} s away from this node's; the "
                f"limit is {WINDOW_SECONDS} s: the clocks differ, or it is an old request"
            )
        check_scope(request.scope)
        # 2. the subject's grant: signature, controller, state on the ledger, cover. All of it is looked up before
        # anything is decided: what is not there, not granted and sealed must cost the same.
        grant = open_grant(grant_token)
        raw_id = grant_id(self._alliance.raw_id, grant_terms(grant, document_digest(grant_token)))
        row, state = projection.subject(bytes.fromhex(grant.iss)), projection.grant(raw_id)
        is_registered = self._registrations.is_registered(grant.iss)  # not so if it was erased
        kept = self._kept(raw_id, grant, grant_token)
        raw = self._store.get(layout.READ + id_of_use(request))
        served = None if raw is None else msgspec.msgpack.decode(raw, type=ServedRead)
        authority = self._authority(grant_token, grant)
        is_theirs = row is not None and authority is not None
        is_home = row is not None and (row.home, grant.home) == (self._alliance.me, self._alliance.me)
        if is_theirs and is_registered and not is_home:
            # Whom the subject itself gave a grant of before its move may know that there was one.
            self._registrations.check_home(grant.iss)
        is_granted = (
            (is_theirs and is_home and is_registered)
            and (grant.alliance, request.grant) == (self._alliance.id, raw_id.hex())
            and (state.registered or state.revoked)
        )
        if is_granted and (state.revoked or kept.revoked):
            raise GrantRevokedError("the grant was revoked by its owner")
        if is_granted:
            try:
                check_covers(grant, request.scope, receiver=caller, purpose=request.purpose, at=int(now))
            except GrantScopeError:
                is_granted = False
        if is_granted and authority is not None:
            is_granted = self._holds(authority)
        return _Authority(raw_id, grant, kept, request, served if is_granted else None, is_granted)

    def _select(self, authority: _Authority) -> tuple[int, dict[int, StoredRecord]]:
        """The size of the log and the records that are to be shown, by position.

        Raises:
            GrantMissingError: the read is not granted, or there is nothing to show: one answer to all of that.
        """
        if authority.is_granted and not has_uses_left(authority.grant, authority.kept.uses):
            raise GrantUsedUpError(f"the grant was good for {authority.grant.uses} reads")
        size = self._alliance.projection.anchored_size(self._alliance.me)
        subject = authority.grant.iss if authority.is_granted else NOBODY
        try:
            return size, self._showing.select(subject, authority.request.scope, size)
        except MissingError as error:
            raise GrantMissingError(_NOTHING) from error

    def _authority(self, token: str, grant: Grant) -> Authority | None:
        """On whose authority a grant is; None if it is not the subject's."""
        try:
            return grantor_of(self._alliance, token, grant)
        except (InvalidError, DeniedError, VerificationError):
            return None

    def _holds(self, authority: Authority) -> bool:
        """Whether the mandate behind a grant is on the ledger, if there is one.

        Raises:
            GrantRevokedError: it was revoked.
        """
        try:
            check_in_force(self._alliance, authority, self._store)
            check_all_signed(self._store, authority)
        except GrantMissingError:
            return False
        return True

    def _kept(self, raw_id: bytes, grant: Grant, token: str) -> KeptGrant:
        """The kept grant, or a new one for a grant that another member has brought to the ledger."""
        raw = self._store.get(layout.GRANT + raw_id)
        return KeptGrant(token, grant.iss) if raw is None else msgspec.msgpack.decode(raw, type=KeptGrant)

    def _consented(self, authority: _Authority, positions: Sequence[int]) -> bytes:
        """The consents of the people whose fields leave, at a repetition too.

        Raises:
            GrantMissingError: one is lacking; the reader learns neither that nor whose.
        """
        request = authority.request
        consents = self._coverage.cover(
            authority.grant_id, authority.grant, request.iss, request.purpose, request.scope, positions
        )
        if consents is None:
            raise GrantMissingError(_NOTHING)
        return consents

    def _second_status(self, subject: str, grant: Grant) -> bytes:
        """What authorities said of the second officer's certificate, where a second has signed."""
        token = approval_of(grant)
        if not token:
            return b""
        delegation = reopen_document(token, Approval).delegation
        return self._recognition.hand_on(delegation, self._registrations.status_of(subject, delegation))

    def _sign(self, request: ReadRequest, digest: bytes, evidence: bytes, use: int, as_of: int) -> str:
        answer = ReadAnswer(
            **self._signing.issued(),
            aud=request.iss,
            request=digest.hex(),
            evidence=evidence_digest(evidence),
            use=use,
            as_of=as_of,
        )
        return self._signing.sign(answer)

    def _place(self, transaction: Transaction, subject: str) -> bytes:
        """The next in a subject's history."""
        number = transaction.take(f"history/{subject}")
        return layout.HISTORY + layout.text(subject) + layout.number(number)

    def _remember(
        self, transaction: Transaction, authority: _Authority, row: ServedRead, request_token: str
    ) -> None:
        subject, now, place = authority.grant.iss, self._clock.now(), row.place
        used = msgspec.structs.replace(authority.kept, uses=max(authority.kept.uses, row.use))
        transaction.put(layout.GRANT + authority.grant_id, msgspec.msgpack.encode(used))
        transaction.put(layout.GRANT_OF + layout.text(subject) + authority.grant_id, b"")
        entry = HistoryEntry(now, authority.grant_id.hex(), request_token, row.answer)
        content = msgspec.msgpack.encode(entry)
        transaction.put(place, self._vault.seal(subject, place, content, _history_part(now)))
        transaction.put(layout.ANSWER + document_digest(row.answer), place)
        self._records.stage(transaction, [_log_draft(authority, row.answer)])
        reader, expires = authority.request.iss, authority.grant.exp
        Notices.note_read(transaction, subject, reader, authority.grant_id, expires, row.positions)
        about = {"subject": subject, "reader": authority.request.iss, "grant": authority.grant_id.hex()}
        self._feed.add(transaction, FeedEntry("read.answered", now, about))
        transaction.commit()
        self._feed.wake()

    def _entry(self, subject: str, key: bytes) -> HistoryEntry:
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("there is no such read")
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=HistoryEntry)


def _history_part(time: float) -> str:
    return record_part(READS, month_at(time))


def _log_draft(authority: _Authority, answer: str) -> RecordDraft:
    """The record about the read, which goes into the home's log like any other."""
    request = authority.request
    return RecordDraft(
        category=READ_LOG,
        thing=document_digest(answer).hex(),
        owner=authority.grant.iss,
        source_system="heqi",
        source_version="",
        occurred=None,
        fields={
            "reader": request.iss,
            "purpose": request.purpose,
            "grant": request.grant,
            "answer": document_digest(answer).hex(),
            "scope": tuple(
                {"category": part.category, "fields": tuple(part.fields)} for part in request.scope
            ),
        },
    )
