"""At the reader: asking for access, collecting the grant, fetching under it, countersigning.

What is asked and what is read is durable before it is sent; a background step delivers requests, collects grants
and hands in receipts until each has arrived, so an absent peer delays and loses nothing.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from node.domain.act import ActKind
from node.domain.document import (
    document_digest,
    open_members_document,
    peek_document,
    reopen_document,
)
from node.domain.duties import Act
from node.domain.evidence import VerifiedRecord, things_of
from node.domain.grant import (
    AccessRequest,
    Basis,
    Grant,
    Scope,
    check_request,
    grant_terms,
    is_answer,
    open_grant,
)
from node.domain.ledger_ids import grant_id
from node.domain.mandate import authority_of
from node.domain.notice import Notice, check_about
from node.domain.reading import ReadReceipt, ReadRequest, jti_of_use
from node.errors import (
    AnchorError,
    ConflictError,
    GrantMissingError,
    InvalidError,
    MovedError,
    NodeError,
    PeerError,
    UnavailableError,
    VerificationError,
)
from node.ports import Answer, Clock, Peers, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.anchored import when_anchored
from node.services.answer_check import CheckedAnswer, check_answer, open_own_grant
from node.services.feed import Feed, FeedEntry
from node.services.follower import Follower
from node.services.ledger_proofs import LedgerProofs
from node.services.mandates import check_live
from node.services.own_requests import Obtained, OwnRequest, OwnRequests
from node.services.pauses import Pauses
from node.services.recalls import Recalls
from node.services.recognition import Recognition
from node.services.remarks import Remarks
from node.services.side_by_side import side_by_side
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

logger = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.25, 10.0


@dataclass(frozen=True, slots=True)
class Fetched:
    """A verified read, for the centre's own systems."""

    records: Sequence[VerifiedRecord]
    credit_code: str
    organisation: str
    number: int
    """Which read under this access request, from 0."""
    as_of: int
    """The home states that nothing was newer then, seconds since 1970 UTC."""


class Reading:
    """Reads other centres' data under grants."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        follower: Follower,
        peers: Peers,
        acts: Acts,
        feed: Feed,
        proofs: LedgerProofs,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._own = store, OwnRequests(store, vault)
        self._alliance, self._recognition, self._follower = alliance, recognition, follower
        self._peers, self._acts, self._feed, self._signing = peers, acts, feed, signing
        self._proofs, self._clock = proofs, clock
        self._remarks, self._recalls = Remarks(store), Recalls(store)
        # A request may be open for days: the home is asked less and less often.
        self._pauses = Pauses[bytes](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._arrived: defaultdict[bytes, set[str]] = defaultdict(set)
        """Receipts that the home has taken, by request, while the store still has them as to be handed in."""

    def request(  # noqa: PLR0917
        self,
        subject: str,
        home: str,
        scope: Sequence[Scope],
        purpose: str,
        uses: int,
        valid_seconds: int,
        basis: Basis = "consent",
    ) -> str:
        """Ask a subject for access; the request is delivered in the background.

        Args:
            subject: its id, 64 hex digits.
            home: member that keeps its records.
            scope: what is asked for.
            purpose: what for.
            uses: how many reads; `UNCOUNTED` for any number.
            valid_seconds: for how long.
            basis: on what ground the data will be handled.

        Returns:
            The request's digest, 64 hex digits, by which it is known here.

        Raises:
            NodeError: the request is malformed, or the home is no active member.
        """
        self._alliance.check_may(Act.READ)
        self._alliance.projection.member(home)
        if home == self._alliance.me:
            raise ConflictError("the subject's home is this centre itself: it reads by its own procedure")
        issued = self._signing.issued()
        request = AccessRequest(
            **issued,
            aud=home,
            subject=subject,
            scope=tuple(scope),
            purpose=purpose,
            basis=basis,
            uses=uses,
            exp=issued["iat"] + valid_seconds,
        )
        check_request(request)
        token = self._signing.sign(request)
        digest, transaction = document_digest(token), Transaction(self._store)
        self._own.put(transaction, digest, OwnRequest(token))
        about = {"request": digest.hex(), "subject": subject, "home": home, "purpose": purpose}
        self._acts.record(transaction, ActKind.DATA_REQUESTED, about)
        transaction.commit()
        return digest.hex()

    def adopt(self, transaction: Transaction, grant_token: str) -> str:
        """Take a grant that came without a request, for example with an application for a guarantee.

        Kept like any other: under a request of this node's own that asks for just what was granted, and that
        nobody else needs to see. One that was taken before, or that answered a request of this node for just that,
        stays under its request, with what was read.

        Returns:
            The digest by which its data can be fetched, 64 hex digits.

        Raises:
            NodeError: the grant is not one to this node by a subject's controller.
        """
        grant = open_own_grant(self._alliance, grant_token)
        for digest, own in self._own.of_subject(grant.iss):
            if own.grant == grant_token and own.asked().scope == grant.scope:
                return digest.hex()
        request = AccessRequest(
            **self._signing.issued(),
            aud=grant.home,
            subject=grant.iss,
            scope=grant.scope,
            purpose=grant.purpose,
            basis=grant.basis,
            uses=grant.uses,
            exp=grant.exp,
        )
        token = self._signing.sign(request)
        own = OwnRequest(token, delivered=True, grant=grant_token)
        self._own.put(transaction, document_digest(token), own)
        return document_digest(token).hex()

    def requests(self) -> Iterator[tuple[str, OwnRequest]]:
        """All own requests, by digest.

        Raises:
            StoreError: the database fails.
        """
        return ((digest.hex(), own) for digest, own in self._own.all())

    def obtained(self, digest: str, number: int) -> Obtained:
        """What a read brought.

        Raises:
            MissingError: there was no such read.
            StoreError: the database fails.
        """
        return self._own.obtained(bytes.fromhex(digest), number)

    async def fetch(self, digest: str) -> Fetched:
        """Read everything that the grant covers, verify it, keep it, and countersign.

        Raises:
            NodeError: there is no grant yet, the home refuses or cannot be reached, or what it sent is false.
        """
        # Under one request one read at a time: two would take each other's place.
        async with self._fetching[digest]:
            return await self._fetch(digest)

    async def _fetch(self, digest: str) -> Fetched:
        self._alliance.check_may(Act.READ)
        self._follower.check_fresh()
        self._alliance.projection.check_known("Subjects", "Grants", "Anchors")
        raw_digest = bytes.fromhex(digest)
        own = self._own.load(raw_digest)
        asked = own.asked()
        if not own.grant:
            raise GrantMissingError("the subject has not signed a grant for this request yet")
        own = await self._follow_subject(raw_digest, own, asked)
        grant = open_own_grant(self._alliance, own.grant)
        raw_id = self._grant_id(grant, own.grant)
        check_live(self._alliance, self._store, raw_id, own.grant)
        request = self._read_request(raw_digest, own, grant, raw_id)
        try:
            answer = await self._peers.read(self._alliance.projection.member(grant.home), request, own.grant)
            checked = await self._check(request, own.grant, answer)
            self._recalls.check(asked.subject, grant.home, answer)
        except (UnavailableError, AnchorError):
            raise  # the next try has the same `jti`, and is the same use
        except NodeError:
            # Refused or false: this read is over, the next try is another one.
            refused = self._own.load(raw_digest)
            self._own.save(raw_digest, msgspec.structs.replace(refused, refused=refused.refused + 1))
            raise
        self._keep(raw_digest, own, asked, request, answer, checked)
        with suppress(
            PeerError
        ):  # what was read is kept already: nothing here may turn the read into a failure
            await self._hand_in(raw_digest)
        return Fetched(
            checked.evidence.records,
            checked.identity.credit_code,
            checked.identity.organisation,
            own.reads,
            checked.as_of,
        )

    async def _follow_subject(self, digest: bytes, own: OwnRequest, asked: AccessRequest) -> OwnRequest:
        """With the grant that names the subject's present home: its wallet signed it again when it moved."""
        row = self._alliance.projection.subject(bytes.fromhex(asked.subject))
        if row is None or row.home in {open_grant(own.grant).home, self._alliance.me}:
            return own
        token = await self._peers.collect_grant(self._alliance.projection.member(row.home), own.token)
        if token is None:
            raise MovedError(f"the subject has moved to {row.home} without this grant; request access there")
        self._take_grant(digest, own, asked, token)
        return self._own.load(digest)

    async def step(self) -> None:
        """Deliver requests, collect grants and hand in receipts, as far as peers answer now.

        Raises:
            StoreError: the database fails.
        """
        self._drop_arrived()
        by_home: defaultdict[str, list[tuple[bytes, OwnRequest, AccessRequest]]] = defaultdict(list)
        waiting = self._own.open()
        self._pauses.keep({digest for digest, _ in waiting})
        for digest, own in waiting:
            asked = own.asked()
            by_home[asked.aud].append((digest, own, asked))
        # One slow home delays nobody else's requests.
        await side_by_side(self._move_all(waiting) for waiting in by_home.values())
        self._drop_arrived()

    async def _move_all(self, waiting: Sequence[tuple[bytes, OwnRequest, AccessRequest]]) -> None:
        now = self._clock.now()
        for digest, own, asked in waiting:
            if not self._pauses.is_due(digest):
                continue
            self._pauses.put_off(digest)
            try:
                if asked.exp < now and not own.receipts:
                    self._own.close(digest)
                else:
                    await self._move_on(digest, own, asked)
            except PeerError as error:
                logger.info("requests wait for %s: %s", asked.aud, error)
                return  # the rest would wait as long, and all others' with it
            except NodeError as error:
                logger.info("request %s waits: %s", digest.hex()[:8], error)

    async def _move_on(self, digest: bytes, own: OwnRequest, asked: AccessRequest) -> None:
        await self._hand_in(digest)
        if own.grant:
            return
        self._alliance.check_may(Act.READ)
        home = self._alliance.projection.member(asked.aud)
        if not own.delivered:
            await self._peers.submit_request(home, own.token)
            own = msgspec.structs.replace(own, delivered=True)
            self._own.save(digest, own)
        token = await self._peers.collect_grant(home, own.token)
        if token is not None:
            self._take_grant(digest, own, asked, token)

    def _take_grant(self, digest: bytes, own: OwnRequest, asked: AccessRequest, token: str) -> None:
        grant = open_own_grant(self._alliance, token)
        # That it names the subject's present home is checked already.
        if not is_answer(grant, asked):
            raise GrantMissingError("the grant answers another request")
        transaction = Transaction(self._store)
        granted = msgspec.structs.replace(own, grant=token)
        self._own.put(transaction, digest, granted)
        about = {
            "request": digest.hex(),
            "subject": asked.subject,
            "grant": self._grant_id(grant, token).hex(),
        }
        self._feed.add(transaction, FeedEntry("grant.received", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()

    def _grant_id(self, grant: Grant, token: str) -> bytes:
        return grant_id(self._alliance.raw_id, grant_terms(grant, document_digest(token)))

    def _read_request(self, digest: bytes, own: OwnRequest, grant: Grant, raw_id: bytes) -> str:
        request = ReadRequest(
            alliance=self._alliance.id,
            iat=int(self._clock.now()),
            jti=jti_of_use(digest, own.grant, own.reads, own.refused),
            iss=self._alliance.me,
            aud=grant.home,
            grant=raw_id.hex(),
            # Of a standing grant just what was asked for here; of one that was given for the request all there is.
            scope=own.asked().scope if grant.standing else grant.scope,
            purpose=grant.purpose,
        )
        return self._signing.sign(request)

    async def _check(self, request_token: str, grant_token: str, answer: Answer) -> CheckedAnswer:
        request = reopen_document(request_token, ReadRequest)
        moment = open_grant(grant_token).register_before
        await self._recognition.warm(answer.delegation, moment)
        if approval := authority_of(grant_token).approval:
            await self._recognition.warm(approval.delegation, moment)
        return await when_anchored(
            lambda: check_answer(
                self._alliance, self._recognition, self._store, request_token, request, grant_token, answer
            )
        )

    def _keep(  # noqa: PLR0917
        self,
        digest: bytes,
        own: OwnRequest,
        asked: AccessRequest,
        request: str,
        answer: Answer,
        checked: CheckedAnswer,
    ) -> None:
        home = checked.home
        receipt = ReadReceipt(
            **self._signing.issued(),
            aud=home,
            answer=document_digest(answer.answer).hex(),
        )
        token = self._signing.sign(receipt)
        # The background step may have handed in earlier receipts while the home answered.
        receipts = (*self._waiting(digest), token)
        done = msgspec.structs.replace(own, receipts=receipts, reads=own.reads + 1)
        status = self._recognition.hand_on(answer.delegation, answer.status)
        obtained = Obtained(
            request,
            own.grant,
            answer.evidence,
            answer.answer,
            answer.delegation,
            status,
            receipt.iat,
            answer.consents,
            self._hand_on_approval(own.grant, answer.approval_status),
        )
        transaction = Transaction(self._store)
        self._own.put_obtained(transaction, digest, own.reads, asked.subject, obtained)
        self._own.put(transaction, digest, done)
        size = checked.evidence.checkpoint.size
        self._proofs.note_read(
            transaction, digest, own.reads, checked.grant_id, home, size, checked.mandate_id
        )
        self._note(transaction, asked.subject, home, answer)
        about = {"request": digest.hex(), "subject": asked.subject, "home": home}
        self._feed.add(transaction, FeedEntry("read.received", self._clock.now(), about))
        self._acts.record(
            transaction, ActKind.DATA_READ, about | {"purpose": asked.purpose, "read": str(own.reads)}
        )
        transaction.commit()
        self._arrived.pop(digest, None)
        self._feed.wake()

    def _hand_on_approval(self, grant_token: str, proof: bytes) -> bytes:
        approval = authority_of(grant_token).approval
        return b"" if approval is None else self._recognition.hand_on(approval.delegation, proof)

    def _note(self, transaction: Transaction, subject: str, home: str, answer: Answer) -> None:
        """What the home says of the records beside its answer; what is not its own word counts for nothing."""
        keys = self._alliance.projection.member(home).identity_keys
        for token in answer.notices:
            try:
                notice = open_members_document(token, Notice, keys)
                check_about(notice.about)
            except (VerificationError, InvalidError) as error:
                logger.warning("a notice beside an answer of %s is false: %s", home, error)
                continue
            named = (notice.alliance, notice.iss, notice.aud, notice.subject)
            if named == (self._alliance.id, home, self._alliance.me, subject):
                self._remarks.note(transaction, notice, things_of(answer.evidence))

    async def _hand_in(self, digest: bytes) -> None:
        """Send what receipts there are; what the home does not take now, the background step tries again.

        That a receipt has arrived is written down later, with something else: the home takes one again that it has
        already.

        Raises:
            PeerError: the home does not answer.
            StoreError: the database fails.
        """
        for receipt in self._waiting(digest):
            home = peek_document(receipt, ReadReceipt).aud
            try:
                await self._peers.submit_receipt(self._alliance.projection.member(home), receipt)
            except PeerError:
                raise
            except NodeError as error:
                logger.info("a receipt for %s waits: %s", digest.hex()[:8], error)
                return
            self._arrived[digest].add(receipt)

    def _waiting(self, digest: bytes) -> tuple[str, ...]:
        arrived = self._arrived.get(digest, ())
        return tuple(receipt for receipt in self._own.load(digest).receipts if receipt not in arrived)

    def _drop_arrived(self) -> None:
        transaction = Transaction(self._store)
        for digest in self._arrived:
            left = self._waiting(digest)
            self._own.put(transaction, digest, msgspec.structs.replace(self._own.load(digest), receipts=left))
        transaction.commit()
        self._arrived.clear()
