"""At a holder: notices of the homes that this node has read from, what they have it do, and the receipts.

A notice is durable when its sender is answered; a background step does what it asks and signs for it once that is
true. What goes is erased the way this node erases its own (`erasure_book.py`), so that no restored backup brings it
back.
"""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec

from node.domain.consent import parse_shown
from node.domain.desk import Stage
from node.domain.document import (
    document_digest,
    open_members_document,
    reopen_document,
)
from node.domain.erasure import OBTAINED_PART, as_read, part_of_application, part_of_read
from node.domain.evidence import things_of
from node.domain.grant import Grant
from node.domain.guarantee import end_on_ledger
from node.domain.guarantee_table import GRACE_SECONDS, LIVE, QUIET, State
from node.domain.ledger_ids import guarantee_id
from node.domain.notice import (
    ConsentWithdrawn,
    Disputed,
    Erased,
    NewerVersions,
    Notice,
    NoticeReceipt,
    check_about,
    kind_of,
)
from node.domain.sealed_guarantee import promised
from node.domain.wallet import ApplyCall, EraseCall
from node.errors import DocumentFormatError, MissingError, UnknownCallerError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.applications import Application, Applications
from node.services.erasure_book import ErasureBook
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.own_requests import Obtained, OwnRequests
from node.services.recalls import Recalls
from node.services.remarks import Remarks
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

_HELD_SECONDS = 3_600.0
"""How often it is looked whether what the law held has ended."""


class InNotice(msgspec.Struct, frozen=True):
    """A notice that came in, and what was done about it."""

    token: str
    came: float
    receipt: str = ""

    def notice(self) -> Notice:
        """What it says."""
        return reopen_document(self.token, Notice)


_BOUND = frozenset({Stage.ACCEPTED, Stage.FEE_PAID, Stage.ISSUED})
"""Stages of applications on which a contract or a guarantee rests."""


class Holdings:
    """The way in, and the work."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        book: ErasureBook,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._book, self._feed = book, feed
        self._own = OwnRequests(store, vault)
        self._applications = Applications(store, vault, alliance.me)
        self._signing, self._clock = signing, clock
        self._remarks = Remarks(store)
        self._next_look: dict[bytes, float] = {}

    # -- in -----------------------------------------------------------------------------------------------

    def submit(self, caller: str, token: str) -> str:
        """Take a notice of a home about data that this node may hold.

        Returns:
            The receipt once it is true; empty until then, whatever this node holds.

        Raises:
            UnknownCallerError: the caller is not a home that may give this notice; the same whatever is held here.
            NodeError: the notice is malformed, or not the caller's to this node.
        """
        keys = self._alliance.projection.member(caller).identity_keys
        notice = open_members_document(token, Notice, keys)
        check_about(notice.about)
        if (notice.iss, notice.aud, notice.alliance) != (caller, self._alliance.me, self._alliance.id):
            raise DocumentFormatError("the notice is not this caller's to this node in this alliance")
        if not self._is_home(notice):
            raise UnknownCallerError("this member gives no notices about this subject")
        key = layout.NOTICE_IN + document_digest(token)
        known = self._store.get(key)
        if known is not None:
            return msgspec.msgpack.decode(known, type=InNotice).receipt
        transaction = Transaction(self._store)
        transaction.put(key, msgspec.msgpack.encode(InNotice(token, self._clock.now())))
        transaction.put(layout.NOTICE_IN_OPEN + document_digest(token), b"")
        Recalls.note(transaction, token, notice)
        transaction.commit()
        return ""

    def _is_home(self, notice: Notice) -> bool:
        row = self._alliance.projection.subject(bytes.fromhex(notice.subject))
        if row is not None and row.home == notice.iss:
            return True
        return any(True for _ in self._reads(notice.subject, notice.iss))

    def by_controller(self, token: str) -> None:
        """Delete what this node read of a subject, on the order of the subject itself: its home may be gone.

        The erasures that it leads to name the request, like those at a home; their receipts are handed out likewise.

        Args:
            token: a wallet-erase document that this node has not taken.

        Raises:
            MissingError: nothing of this subject is kept here.
            UnknownCallerError: the key does not speak for the subject; the same where there is no such subject.
            DocumentFormatError: it names categories: what was read goes whole.
            NodeError: the request is not acceptable.
        """
        call = self._gate.open(token, EraseCall)
        subject = self._gate.check_controller(call).hex()
        if call.categories:
            raise DocumentFormatError("what was read here goes whole: name no categories")
        live = {one.read for one in self._live(subject)}
        everything = self._all_reads(subject)
        parts = {one for one in everything if (read := as_read(one)) and read[0].hex() not in live}
        if parts and parts == everything:
            parts.add(OBTAINED_PART)
        if not parts:
            raise MissingError("nothing of this subject that could be erased is kept here")
        self._erase(subject, sorted(parts), document_digest(token).hex())

    # -- the work -----------------------------------------------------------------------------------------

    async def step(self) -> None:
        """Do what notices ask, and sign for what is done.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.NOTICE_IN_OPEN):
            digest = key[len(layout.NOTICE_IN_OPEN) :]
            if self._clock.now() < self._next_look.get(digest, 0.0):
                continue
            raw = self._store.get(layout.NOTICE_IN + digest)
            assert raw is not None  # written in one batch
            self._move_on(digest, msgspec.msgpack.decode(raw, type=InNotice))

    def _move_on(self, digest: bytes, row: InNotice) -> None:
        notice = row.notice()
        if isinstance(notice.about, NewerVersions | Disputed):
            self._remark(notice)
            return self._answer(digest, row, "noted")
        # What a crash has left half done is known by the erasures that name this notice.
        if not all(one.receipt for one in self._book.rows.of_request(digest)):
            return None  # bytes of it may still be in files
        if parts := self._parts(notice):
            self._erase(notice.subject, parts, digest.hex())
            return None
        if reason := self._held(notice):
            return self._answer(digest, row, "held", reason)
        return self._answer(digest, row, "deleted")

    def _answer(
        self, digest: bytes, row: InNotice, outcome: Literal["noted", "deleted", "held"], reason: str = ""
    ) -> None:
        if outcome == "held":
            self._next_look[digest] = self._clock.now() + _HELD_SECONDS
            if row.receipt:
                return  # said already; the end of what holds it is waited for
        notice = row.notice()
        receipt = NoticeReceipt(
            **self._signing.issued(),
            aud=notice.iss,
            notice=digest.hex(),
            outcome=outcome,
            reason=reason,
        )
        signed = self._signing.sign(receipt)
        transaction = Transaction(self._store)
        done = msgspec.structs.replace(row, receipt=signed)
        transaction.put(layout.NOTICE_IN + digest, msgspec.msgpack.encode(done))
        if outcome == "held":
            for request, number in self._meant(notice):
                transaction.put(layout.READ_BLOCKED + request + layout.number(number), b"")
        else:
            transaction.delete(layout.NOTICE_IN_OPEN + digest)
        about = {
            "subject": notice.subject,
            "home": notice.iss,
            "kind": kind_of(row.token),
            "outcome": outcome,
        }
        self._feed.add(transaction, FeedEntry("notice.received", self._clock.now(), about))
        transaction.commit()
        if outcome != "held":
            self._next_look.pop(digest, None)
        self._feed.wake()

    def _erase(self, subject: str, parts: Sequence[str], notice: str) -> int:
        self._book.catch_up()
        number = self._book.erase(subject, parts, notice)
        logger.warning("a notice has this node erase %d parts of what it read elsewhere", len(parts))
        return number

    # -- what is held -------------------------------------------------------------------------------------

    def _reads(self, subject: str, home: str) -> Iterator[tuple[bytes, int, Obtained]]:
        """What was read of a subject at a home."""
        for digest, own in self._own.of_subject(subject):
            for number, obtained in self._own.kept(digest, own):
                if reopen_document(obtained.grant, Grant).home == home:
                    yield digest, number, obtained

    def _meant(self, notice: Notice) -> Iterator[tuple[bytes, int]]:
        for digest, number, obtained in self._reads(notice.subject, notice.iss):
            match notice.about:
                case ConsentWithdrawn(consent):
                    ids = {document_digest(one.consent).hex() for one in parse_shown(obtained.consents)}
                    is_meant = consent in ids
                case Erased(categories):
                    is_meant = not categories or not set(categories).isdisjoint(_categories(obtained))
                case _:
                    is_meant = False
            if is_meant:
                yield digest, number

    def _parts(self, notice: Notice) -> list[str]:
        """What goes now: reads that nothing holds, and applications that came to nothing."""
        kept = {one.read for one in self._live(notice.subject)}
        meant = {
            part_of_read(digest.hex(), at) for digest, at in self._meant(notice) if digest.hex() not in kept
        }
        if not meant.symmetric_difference(self._all_reads(notice.subject)):
            meant |= {OBTAINED_PART} if meant else set()
        if isinstance(notice.about, Erased) and not notice.about.categories:
            for one in self._applications.of(notice.subject):
                grant = reopen_document(reopen_document(one.row.call, ApplyCall).grant, Grant)
                if one.row.stage not in _BOUND and grant.home == notice.iss:
                    meant.add(part_of_application(one.id))
        return sorted(meant)

    def _all_reads(self, subject: str) -> set[str]:
        return {
            part_of_read(digest.hex(), number)
            for digest, own in self._own.of_subject(subject)
            for number, _ in self._own.kept(digest, own)
        }

    def _live(self, subject: str) -> list[Application]:
        """Applications on which a guarantee rests that can still be claimed."""
        return [one.row for one in self._applications.of(subject) if self._is_claimable(one.row.guarantee)]

    def _is_claimable(self, token: str) -> bool:
        if not token:
            return False
        end, terms = promised(token, self._alliance.verifiers.es256)
        row = self._alliance.projection.guarantee(guarantee_id(self._alliance.raw_id, terms))
        if row is None:
            return end > self._clock.now()
        if row.expires != end_on_ledger(end):  # it was extended
            end = row.expires
        state = State(row.state)
        # A claim that was in time can come within the grace period, and one that is open lasts as long as it lasts.
        may_come = end + GRACE_SECONDS > self._clock.now()
        return state in LIVE and (may_come or state not in QUIET)

    def _held(self, notice: Notice) -> str:
        """Why something stays for now; empty if nothing does."""
        live = {one.read: one for one in self._live(notice.subject)}
        ends = [
            promised(live[digest.hex()].guarantee, self._alliance.verifiers.es256)[0]
            for digest, _ in self._meant(notice)
            if digest.hex() in live
        ]
        if not ends:
            return ""
        day = datetime.fromtimestamp(max(ends), UTC).date().isoformat()
        return f"a guarantee that was issued on it can be claimed until {day}"

    def _remark(self, notice: Notice) -> None:
        held = {
            place
            for _, _, obtained in self._reads(notice.subject, notice.iss)
            for place in things_of(obtained.evidence)
        }
        transaction = Transaction(self._store)
        self._remarks.note(transaction, notice, held)
        transaction.commit()


def _categories(obtained: Obtained) -> set[str]:
    return {category for category, _ in things_of(obtained.evidence)}
