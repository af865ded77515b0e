"""At a reader: reads on a legal basis, from the first officer's request to the receipt.

    submit        the first officer's request, signed by its own key
    countersign   the second officer's signature on the very same request
    fetch         the node vouches for both, reads, verifies, keeps, countersigns

Officers are systems of this centre with the role `officer`; the node sees by whose certificate each call comes, and
takes a signature only from the officer whose key made it. Each step is an act on record.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgspec

from node.domain.act import ActKind
from node.domain.document import document_digest, open_document, peek_document, reopen_document
from node.domain.duties import Act
from node.domain.evidence import VerifiedEvidence, VerifiedRecord
from node.domain.legal_read import (
    LegalCountersignature,
    LegalPapers,
    LegalRead,
    LegalRequest,
    basis_of,
    check_age,
    check_legal_request,
    check_may_read,
    open_countersignature,
)
from node.domain.reading import ReadReceipt
from node.errors import (
    ConflictError,
    DocumentFormatError,
    LegalBasisError,
    MissingError,
    MovedError,
    NodeError,
    UnavailableError,
)
from node.ports import Answer, Clock, Peers, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.anchored import when_anchored
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.ledger_proofs import LedgerProofs
from node.services.legal_check import check_legal_answer
from node.services.legal_serving import LegalServing
from node.services.own_legal import OwnLegal, OwnLegals
from node.services.pauses import Pauses
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.25, 60.0


@dataclass(frozen=True, slots=True)
class Officer:
    """Who signs, as the connection of the call shows it."""

    name: str
    key: bytes
    """64 bytes, P-256: the key of its certificate; empty if that has another kind of key."""


@dataclass(frozen=True, slots=True)
class LegalFetched:
    """A verified read on a legal basis."""

    records: Sequence[VerifiedRecord]
    at: int
    """When the home answered, seconds since 1970 UTC."""


class LegalReading:
    """Reads on a legal basis, of this centre."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        serving: LegalServing,
        proofs: LedgerProofs,
        follower: Follower,
        peers: Peers,
        acts: Acts,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        """Args:
        serving: answers this centre's reads of what it keeps itself.
        """
        self._store, self._alliance, self._serving = store, alliance, serving
        self._own = OwnLegals(store, vault, alliance.me)
        self._proofs = proofs
        self._follower, self._peers, self._acts, self._feed = follower, peers, acts, feed
        self._signing, self._clock = signing, clock
        self._pauses = Pauses[bytes](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)
        self._fetching: defaultdict[bytes, asyncio.Lock] = defaultdict(asyncio.Lock)

    def submit(self, officer: Officer, token: str) -> str:
        """Take the first officer's request; the same again changes nothing.

        Returns:
            The request's digest, 64 hex digits, by which it is known here.

        Raises:
            NodeError: it is malformed, not this officer's, or on a basis that this member may not read on.
        """
        self._alliance.check_may(Act.READ)
        _check_signs(officer, peek_document(token, LegalRequest))
        request = open_document(token, LegalRequest, officer.key)
        basis = check_legal_request(request)
        if (request.iss, request.alliance) != (self._alliance.me, self._alliance.id):
            raise DocumentFormatError("the request is not this centre's in this alliance")
        check_age(request, self._clock.now())
        roles = self._alliance.projection.member(self._alliance.me).roles
        check_may_read(basis, roles, is_own=request.aud == self._alliance.me)
        self._alliance.projection.member(request.aud)
        digest = document_digest(token)
        if not self._own.has(digest):
            self._save(digest, OwnLegal(token), ActKind.LEGAL_REQUESTED, request)
        return digest.hex()

    def countersign(self, officer: Officer, token: str, digest: str) -> None:
        """Take the second officer's signature; the same again changes nothing.

        Raises:
            NodeError: it is malformed, not this officer's, by the first officer, or on another request.
        """
        raw = bytes.fromhex(digest)
        own = self._own.load(raw)
        request = own.asked()
        if officer.name == request.officer:
            raise LegalBasisError("the second officer is another than the first")
        open_countersignature(own.request, request, token)
        _check_signs(officer, peek_document(token, LegalCountersignature))
        check_age(request, self._clock.now())
        if own.countersignature:
            if own.countersignature != token:
                raise ConflictError("the request is countersigned already")
            return
        own = msgspec.structs.replace(own, countersignature=token)
        self._save(raw, own, ActKind.LEGAL_COUNTERSIGNED, request)

    async def fetch(self, officer: Officer, digest: str) -> LegalFetched:
        """Read what both officers signed for, verify it, keep it, and countersign. Again, it gives what was kept.

        Args:
            officer: one of the two.
            digest: of the request, 64 hex digits.

        Raises:
            NodeError: it is not countersigned, the home refuses or cannot be reached, or what it sent is false.
        """
        raw = bytes.fromhex(digest)
        self._check_officer(officer, self._own.load(raw).asked())
        async with self._fetching[raw]:
            return await self._fetch(raw)

    def has(self, digest: str) -> bool:
        """Whether this centre made a request on a legal basis by that digest.

        Raises:
            StoreError: the database fails.
        """
        return self._own.has(bytes.fromhex(digest))

    def obtained(self, digest: str) -> tuple[str, bytes]:
        """Who answered a request, and the evidence.

        Raises:
            MissingError: it was not answered, or what it brought was erased or lies at this centre itself.
            StoreError: the database fails.
        """
        raw = bytes.fromhex(digest)
        own = self._own.load(raw)
        answer = self._own.obtained(raw, own)
        if answer is None:
            raise MissingError("nothing was read elsewhere under this request")
        return own.asked().aud, answer.evidence

    def shown(self, officer: Officer, digest: str) -> tuple[LegalPapers, Answer, int]:
        """What a request has brought, with all that proves it, and when; for one of its two officers.

        Raises:
            MissingError: it was not answered, or what it brought was erased.
            LegalBasisError: the officer is another.
            NodeError: it lies at this centre itself, which may not show it now.
        """
        raw = bytes.fromhex(digest)
        own = self._own.load(raw)
        self._check_officer(officer, own.asked())
        answer = self._own.obtained(raw, own)
        if not own.at:
            raise MissingError("nothing was read under this request yet")
        if answer is None:
            answer = self._serving.read(self._alliance.me, own.papers)
        return own.papers, answer, own.at

    def requests(self) -> Iterator[tuple[str, OwnLegal]]:
        """All requests of this centre, by digest.

        Raises:
            StoreError: the database fails.
        """
        return ((digest.hex(), own) for digest, own in self._own.all())

    async def step(self) -> None:
        """Hand in receipts that a home has not taken yet; a home that does not take one is asked less and less often.

        Raises:
            StoreError: the database fails.
        """
        waiting = self._own.open()
        self._pauses.keep(set(waiting))
        for digest in waiting:
            if self._pauses.is_due(digest):
                self._pauses.put_off(digest)
                await self._hand_in(digest)

    async def _fetch(self, digest: bytes) -> LegalFetched:
        self._alliance.check_may(Act.READ)
        # What is kept is no newer than what the ledger said when it came, but who may read now only the ledger says.
        self._follower.check_fresh()
        self._alliance.projection.check_known("Subjects", "Anchors")
        own = self._own.load(digest)
        request = own.asked()
        if not own.countersignature:
            raise LegalBasisError("the second officer has not signed this request")
        self._check_place(request)
        answer = self._own.obtained(digest, own)
        if answer is None:
            check_age(request, self._clock.now())
            own = self._with_read(digest, own, request)
            answer = await self._ask(digest, own, request)
        evidence = await self._check(own, request, answer)
        if not own.at:
            own = self._keep(digest, own, request, answer, evidence)
            await self._hand_in(digest)
        return LegalFetched(evidence.records, own.at)

    @staticmethod
    def _check_officer(officer: Officer, request: LegalRequest) -> None:
        if officer.name not in {request.officer, request.second}:
            raise LegalBasisError("what was read is for the two officers who signed for it")

    def _check_place(self, request: LegalRequest) -> None:
        row = self._alliance.projection.subject(bytes.fromhex(request.subject)) if request.subject else None
        if row is not None and row.home != request.aud:
            raise MovedError(f"the subject has moved to {row.home}; ask there, with a new request")
        basis = basis_of(request.basis)
        roles = self._alliance.projection.member(self._alliance.me).roles
        check_may_read(basis, roles, is_own=request.aud == self._alliance.me)

    def _with_read(self, digest: bytes, own: OwnLegal, request: LegalRequest) -> OwnLegal:
        if own.read:
            return own
        read = LegalRead(
            **self._signing.issued(),
            aud=request.aud,
            request=digest.hex(),
            countersignature=document_digest(own.countersignature).hex(),
        )
        own = msgspec.structs.replace(own, read=self._signing.sign(read))
        self._own.save(digest, own)
        return own

    async def _ask(self, digest: bytes, own: OwnLegal, request: LegalRequest) -> Answer:
        try:
            if request.aud == self._alliance.me:
                return self._serving.read(self._alliance.me, own.papers)
            home = self._alliance.projection.member(request.aud)
            return await self._peers.read_on_legal_basis(home, own.papers)
        except UnavailableError:
            raise  # to be repeated with the same read
        except MissingError as error:
            # The home has this on record: the request is used up.
            self._own.save(digest, msgspec.structs.replace(own, refused=error.reason))
            raise
        except NodeError as error:
            # Refused before it was looked at: the next try is another read, under the same two signatures.
            self._own.save(digest, msgspec.structs.replace(own, read="", refused=error.reason))
            raise

    async def _check(self, own: OwnLegal, request: LegalRequest, answer: Answer) -> VerifiedEvidence:
        read = reopen_document(own.read, LegalRead)
        return await when_anchored(
            lambda: check_legal_answer(self._alliance, own.read, read, request, answer)
        )

    def _keep(
        self, digest: bytes, own: OwnLegal, request: LegalRequest, answer: Answer, evidence: VerifiedEvidence
    ) -> OwnLegal:
        receipt = ReadReceipt(
            **self._signing.issued(),
            aud=request.aud,
            answer=document_digest(answer.answer).hex(),
        )
        token = self._signing.sign(receipt)
        subject, now = evidence.records[0].header.owner, int(self._clock.now())
        own = msgspec.structs.replace(own, subject=subject, receipt=token, at=now, refused="")
        transaction = Transaction(self._store)
        # A home needs no second copy, which its subject's erasure would not reach.
        if request.aud != self._alliance.me:
            self._own.put_obtained(transaction, digest, subject, answer)
        self._own.put(transaction, digest, own)
        self._proofs.note_read(transaction, digest, 0, b"", request.aud, evidence.checkpoint.size)
        self._record(transaction, ActKind.LEGAL_READ, digest, request)
        about = {"request": digest.hex(), "home": request.aud}
        self._feed.add(transaction, FeedEntry("legal.received", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return own

    async def _hand_in(self, digest: bytes) -> None:
        own = self._own.load(digest)
        home = own.asked().aud
        try:
            if home == self._alliance.me:
                self._serving.take_receipt(home, own.receipt)
            else:
                await self._peers.submit_legal_receipt(self._alliance.projection.member(home), own.receipt)
        except NodeError as error:
            logger.info("a receipt for %s waits: %s", digest.hex()[:8], error)
            return
        self._own.save(digest, msgspec.structs.replace(self._own.load(digest), receipt=""))

    def _save(self, digest: bytes, own: OwnLegal, kind: ActKind, request: LegalRequest) -> None:
        transaction = Transaction(self._store)
        self._own.put(transaction, digest, own)
        self._record(transaction, kind, digest, request)
        transaction.commit()

    def _record(self, transaction: Transaction, kind: ActKind, digest: bytes, request: LegalRequest) -> None:
        about = {"request": digest.hex(), "home": request.aud, "basis": request.basis, "case": request.case}
        self._acts.record(transaction, kind, about)


def _check_signs(officer: Officer, document: LegalRequest | LegalCountersignature) -> None:
    """That the document names the officer that hands it in, and the key of that officer's certificate.

    Raises:
        LegalBasisError: it does not.
    """
    if (document.officer, document.key) != (officer.name, officer.key.hex()):
        raise LegalBasisError(
            "an officer hands in what it has signed itself, by the key of its certificate on P-256"
        )
