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
from node.domain.document import document_digest, open_document, peek_document, reopen_document, sign_document
from node.domain.duties import Act
from node.domain.encoding import to_base64url
from node.domain.erasure import OBTAINED_PART
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
from node.ports import Answer, Clock, Peers, Signer, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.anchored import when_anchored
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.ledger_proofs import LedgerProofs
from node.services.legal_check import check_legal_answer
from node.services.legal_serving import LegalServing
from node.services.pauses import Pauses
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.25, 60.0


@dataclass(frozen=True, slots=True)
class Officer:
    """Who signs, as the connection of the call shows it."""

    name: str
    key: bytes
    """64 bytes, P-256: the key of its certificate; empty if that has another kind of key."""


class OwnLegal(msgspec.Struct, frozen=True):
    """A request on a legal basis of this centre, and what became of it."""

    request: str
    countersignature: str = ""
    read: str = ""
    """Durable before it is sent: a repetition must be the same read."""
    subject: str = ""
    """Whose the records are, once there was an answer."""
    receipt: str = ""
    """What is still to be handed in; empty when the home has it."""
    at: int = 0
    """When it was answered, seconds since 1970 UTC; 0 while it was not."""
    refused: str = ""
    """Why the home gave nothing, the last time it was asked."""

    def asked(self) -> LegalRequest:
        """What was asked."""
        return reopen_document(self.request, LegalRequest)


class Obtained(msgspec.Struct, frozen=True):
    """What another home answered."""

    evidence: bytes
    answer: str


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
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        """Args:
        serving: answers this centre's reads of what it keeps itself.
        """
        self._store, self._vault, self._alliance, self._serving = store, vault, alliance, serving
        self._proofs = proofs
        self._follower, self._peers, self._acts, self._feed = follower, peers, acts, feed
        self._signer, self._clock, self._entropy = signer, clock, entropy
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
        if self._store.get(layout.OWN_LEGAL + digest) is None:
            self._save(digest, OwnLegal(token), ActKind.LEGAL_REQUESTED, request)
        return digest.hex()

    def countersign(self, officer: Officer, token: str, digest: str) -> None:
        """Take the second officer's signature; the same again changes nothing.

        Raises:
            NodeError: it is malformed, not this officer's, by the first officer, or on another request.
        """
        own, raw = self._load(digest), bytes.fromhex(digest)
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
        request, raw = self._load(digest).asked(), bytes.fromhex(digest)
        self._check_officer(officer, request)
        async with self._fetching[raw]:
            return await self._fetch(raw)

    def has(self, digest: str) -> bool:
        """Whether this centre made a request on a legal basis by that digest.

        Raises:
            StoreError: the database fails.
        """
        return self._store.get(layout.OWN_LEGAL + bytes.fromhex(digest)) is not None

    def obtained(self, digest: str) -> tuple[str, bytes]:
        """Who answered a request, and the evidence.

        Raises:
            MissingError: it was not answered, or what it brought was erased or lies at this centre itself.
            StoreError: the database fails.
        """
        own = self._load(digest)
        answer = self._kept(bytes.fromhex(digest), own)
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
        own = self._load(digest)
        self._check_officer(officer, own.asked())
        papers = LegalPapers(own.read, own.request, own.countersignature)
        answer = self._kept(bytes.fromhex(digest), own)
        if not own.at:
            raise MissingError("nothing was read under this request yet")
        if answer is None:
            answer = self._serving.read(self._alliance.me, papers)
        return papers, answer, own.at

    def requests(self) -> Iterator[tuple[str, OwnLegal]]:
        """All requests of this centre, by digest.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.OWN_LEGAL):
            digest = key[len(layout.OWN_LEGAL) :].hex()
            yield digest, self._load(digest)

    async def step(self) -> None:
        """Hand in receipts that a home has not taken yet; a home that does not take one is asked less and less often.

        Raises:
            StoreError: the database fails.
        """
        waiting = [key[len(layout.OWN_LEGAL_OPEN) :] for key, _ in self._store.scan(layout.OWN_LEGAL_OPEN)]
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
        own = self._load(digest.hex())
        request = own.asked()
        if not own.countersignature:
            raise LegalBasisError("the second officer has not signed this request")
        self._check_place(request)
        answer = self._kept(digest, own)
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

    def _kept(self, digest: bytes, own: OwnLegal) -> Answer | None:
        key = layout.OWN_LEGAL_OBTAINED + digest
        sealed = self._store.get(key) if own.at else None
        if sealed is None:
            return None
        obtained = msgspec.msgpack.decode(self._vault.open(own.subject, key, sealed), type=Obtained)
        return Answer(obtained.evidence, obtained.answer, "")

    def _with_read(self, digest: bytes, own: OwnLegal, request: LegalRequest) -> OwnLegal:
        if own.read:
            return own
        read = LegalRead(
            alliance=self._alliance.id,
            iat=int(self._clock.now()),
            jti=self._unique(),
            iss=self._alliance.me,
            aud=request.aud,
            request=digest.hex(),
            countersignature=document_digest(own.countersignature).hex(),
        )
        own = msgspec.structs.replace(own, read=sign_document(read, self._signer.sign))
        self._save(digest, own)
        return own

    async def _ask(self, digest: bytes, own: OwnLegal, request: LegalRequest) -> Answer:
        papers = LegalPapers(own.read, own.request, own.countersignature)
        try:
            if request.aud == self._alliance.me:
                return self._serving.read(self._alliance.me, papers)
            return await self._peers.read_on_legal_basis(
                self._alliance.projection.member(request.aud), papers
            )
        except UnavailableError:
            raise  # to be repeated with the same read
        except MissingError as error:
            # The home has this on record: the request is used up.
            self._save(digest, msgspec.structs.replace(own, refused=error.reason))
            raise
        except NodeError as error:
            # Refused before it was looked at: the next try is another read, under the same two signatures.
            self._save(digest, msgspec.structs.replace(own, read="", refused=error.reason))
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
            alliance=self._alliance.id,
            iat=int(self._clock.now()),
            jti=self._unique(),
            iss=self._alliance.me,
            aud=request.aud,
            answer=document_digest(answer.answer).hex(),
        )
        token = sign_document(receipt, self._signer.sign)
        subject, now = evidence.records[0].header.owner, int(self._clock.now())
        own = msgspec.structs.replace(own, subject=subject, receipt=token, at=now, refused="")
        transaction = Transaction(self._store)
        if (
            request.aud != self._alliance.me
        ):  # a home needs no second copy, which its subject's erasure would not reach
            key = layout.OWN_LEGAL_OBTAINED + digest
            content = msgspec.msgpack.encode(Obtained(answer.evidence, answer.answer))
            transaction.put(key, self._vault.seal(subject, key, content, OBTAINED_PART))
            transaction.put(layout.UNCORROBORATED + digest + layout.number(0), b"")
        self._put(transaction, digest, own)
        self._proofs.note_read(transaction, digest, 0, b"", request.aud, evidence.checkpoint.size)
        self._record(transaction, ActKind.LEGAL_READ, digest, request)
        about = {"request": digest.hex(), "home": request.aud}
        self._feed.add(transaction, FeedEntry("legal.received", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return own

    async def _hand_in(self, digest: bytes) -> None:
        own = self._load(digest.hex())
        home = own.asked().aud
        try:
            if home == self._alliance.me:
                self._serving.take_receipt(home, own.receipt)
            else:
                await self._peers.submit_legal_receipt(self._alliance.projection.member(home), own.receipt)
        except NodeError as error:
            logger.info("a receipt for %s waits: %s", digest.hex()[:8], error)
            return
        self._save(digest, msgspec.structs.replace(self._load(digest.hex()), receipt=""))

    def _load(self, digest: str) -> OwnLegal:
        key = layout.OWN_LEGAL + bytes.fromhex(digest)
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("this node has no such request")
        return msgspec.msgpack.decode(self._vault.open(self._alliance.me, key, sealed), type=OwnLegal)

    def _save(
        self,
        digest: bytes,
        own: OwnLegal,
        kind: ActKind | None = None,
        request: LegalRequest | None = None,
    ) -> None:
        transaction = Transaction(self._store)
        self._put(transaction, digest, own)
        if kind is not None and request is not None:
            self._record(transaction, kind, digest, request)
        transaction.commit()

    def _put(self, transaction: Transaction, digest: bytes, own: OwnLegal) -> None:
        key = layout.OWN_LEGAL + digest
        transaction.put(key, self._vault.seal(self._alliance.me, key, msgspec.msgpack.encode(own)))
        if own.receipt:
            transaction.put(layout.OWN_LEGAL_OPEN + digest, b"")
        else:
            transaction.delete(layout.OWN_LEGAL_OPEN + digest)

    def _record(self, transaction: Transaction, kind: ActKind, digest: bytes, request: LegalRequest) -> None:
        about = {"request": digest.hex(), "home": request.aud, "basis": request.basis, "case": request.case}
        self._acts.record(transaction, kind, about)

    def _unique(self) -> str:
        return to_base64url(self._entropy(16))


def _check_signs(officer: Officer, document: LegalRequest | LegalCountersignature) -> None:
    """That the document names the officer that hands it in, and the key of that officer's certificate.

    Raises:
        LegalBasisError: it does not.
    """
    if (document.officer, document.key) != (officer.name, officer.key.hex()):
        raise LegalBasisError(
            "an officer hands in what it has signed itself, by the key of its certificate on P-256"
        )
