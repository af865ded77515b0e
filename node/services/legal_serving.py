"""At a subject's home: answering reads on a legal basis.

Who asks is judged before anything is looked up, so a member without the authority learns nothing about any subject,
by no word and by no work. Whoever has it is logged with every request, also where there is nothing to show.
"""

from node.domain.document import document_digest, open_members_document, reopen_document
from node.domain.draft import RecordDraft
from node.domain.duties import Act
from node.domain.evidence import evidence_digest
from node.domain.legal_read import (
    LEGAL_LOG,
    LegalAnswer,
    LegalPapers,
    LegalRead,
    LegalRequest,
    basis_of,
    check_may_read,
    notice_due,
    open_papers,
)
from node.domain.reading import ReadReceipt
from node.domain.wallet import WINDOW_SECONDS
from node.errors import DocumentFormatError, MissingError, ReplayError, StaleVersionError
from node.ports import Answer, Clock, Store
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.legal_history import LegalEntry, LegalHistory, Outcome
from node.services.log import Log
from node.services.reach import Reach
from node.services.records import Records
from node.services.registration import Registrations
from node.services.showing import Showing
from node.services.signing import Signing
from node.services.transaction import Transaction


class LegalServing:
    """Answers reads on a legal basis, other members' and the centre's own."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        registrations: Registrations,
        records: Records,
        log: Log,
        history: LegalHistory,
        follower: Follower,
        reach: Reach,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._registrations = store, alliance, registrations
        self._records, self._history, self._follower, self._reach = records, history, follower, reach
        self._showing = Showing(records, log)
        self._feed, self._signing, self._clock = feed, signing, clock

    def read(self, caller: str, papers: LegalPapers) -> Answer:
        """Answer a member's read.

        Steps: 1 the reader's signature · 2 both officers' signatures, the basis, the reader's role · 3 one request is
        one read · 4 the newest final records · 5 everything durable · 6 the answer leaves.

        Raises:
            MissingError: there is nothing to show; the same whether there is such a subject or not, and on record.
            NodeError: the read is not allowed or not possible now; nothing was looked up.
        """
        read, request, used = self._authorise(caller, papers)
        evidence = b""
        if used is None:
            used, evidence = self._look_up(papers, read, request)
        if not used.answer:
            raise MissingError("nothing is kept here under that name in this scope")
        if not evidence:
            evidence = self._showing.show(self._showing.load(used.positions), request.scope, used.size)
        return Answer(evidence, used.answer, "")

    def take_receipt(self, caller: str, token: str) -> None:
        """Keep a reader's countersignature.

        Raises:
            NodeError: it is malformed, or not by the reader of that answer.
        """
        member = self._alliance.projection.member(caller)
        receipt = open_members_document(token, ReadReceipt, member.identity_keys)
        raw_answer = bytes.fromhex(receipt.answer)
        entry = self._history.by_answer(raw_answer)
        reader = reopen_document(entry.read, LegalRead).iss
        if {caller, receipt.iss} != {reader} or receipt.aud != self._alliance.me:
            raise MissingError("there is no such answer")
        transaction = Transaction(self._store)
        self._history.put_receipt(transaction, raw_answer, token)
        transaction.commit()

    def _authorise(self, caller: str, papers: LegalPapers) -> tuple[LegalRead, LegalRequest, Outcome | None]:
        self._alliance.check_may(Act.SERVE)
        self._follower.check_fresh()
        self._alliance.projection.check_known("Subjects", "Anchors")
        self._reach.check()
        now, member = self._clock.now(), self._alliance.projection.member(caller)
        # 1. the reader's own signature, meant for this node, now
        read = open_members_document(papers.read, LegalRead, member.identity_keys)
        if (read.iss, read.aud, read.alliance) != (caller, self._alliance.me, self._alliance.id):
            raise DocumentFormatError("the read is not this caller's at this node in this alliance")
        # 2. two officers, one basis, the right role
        request = open_papers(papers, read, now)
        basis = basis_of(request.basis)
        check_may_read(basis, member.roles, is_own=caller == self._alliance.me)
        # 3. one request is one read
        used = self._history.outcome(document_digest(papers.request))
        if used is not None and used.read != document_digest(papers.read):
            raise ReplayError("this request was used for another read; two officers have to sign a new one")
        if used is None and abs(now - read.iat) > WINDOW_SECONDS:
            raise ReplayError(
                f"the read is from another time, {abs(now - read.iat):.0f} s away from this node's; the limit is "
                f"{WINDOW_SECONDS} s: the clocks differ, or it is an old one"
            )
        return read, request, used

    def _look_up(self, papers: LegalPapers, read: LegalRead, request: LegalRequest) -> tuple[Outcome, bytes]:
        """4. and 5.: what there is with its evidence, and the account of it, durable before anybody learns of it."""
        digest, now = document_digest(papers.read), self._clock.now()
        subject = self._registrations.kept_for(request.subject, request.credit_code)
        size = self._alliance.projection.anchored_size(self._alliance.me)
        try:
            selected = self._showing.select(subject, request.scope, size)
            evidence = self._showing.show(selected, request.scope, size)
            outcome = Outcome(digest, self._sign(read, digest, evidence), list(selected), size)
        except (MissingError, StaleVersionError):
            outcome, evidence = Outcome(digest), b""
        transaction = Transaction(self._store)
        self._history.put_outcome(transaction, document_digest(papers.request), outcome, now)
        due = notice_due(request, now)
        if outcome.answer:
            entry = LegalEntry(now, due, papers.read, papers.request, papers.countersignature, outcome.answer)
            self._history.put(transaction, subject, entry)
        self._records.stage(transaction, [_log_draft(read, request, digest, outcome, due)])
        about = {"reader": read.iss, "basis": request.basis, "read": digest.hex()}
        self._feed.add(transaction, FeedEntry("legal.answered", now, about))
        transaction.commit()
        self._feed.wake()
        return outcome, evidence

    def _sign(self, read: LegalRead, digest: bytes, evidence: bytes) -> str:
        answer = LegalAnswer(
            **self._signing.issued(),
            aud=read.iss,
            read=digest.hex(),
            evidence=evidence_digest(evidence),
            as_of=int(self._clock.now()),
        )
        return self._signing.sign(answer)


def _log_draft(
    read: LegalRead, request: LegalRequest, digest: bytes, outcome: Outcome, due: float
) -> RecordDraft:
    """The record about the read; it names no subject, so that nobody's data stays when a subject is erased."""
    return RecordDraft(
        category=LEGAL_LOG,
        thing=digest.hex(),
        owner=None,
        source_system="heqi",
        source_version="",
        occurred=None,
        fields={
            "reader": read.iss,
            "basis": request.basis,
            "authority": request.authority,
            "case": request.case,
            "purpose": request.purpose,
            "officers": (request.officer, request.second),
            "request": read.request,
            "read": digest.hex(),
            "answer": document_digest(outcome.answer).hex() if outcome.answer else "",
            "notice": int(due),
            "scope": tuple(
                {"category": part.category, "fields": tuple(part.fields)} for part in request.scope
            ),
        },
    )
