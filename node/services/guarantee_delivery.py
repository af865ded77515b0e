"""Documents of steps on their way between members: what this node hands in, and what is handed in here.

A step reaches the ledger from the node where it was made; its document goes from there to the guarantor's node, and
from that to the nodes that have handed in a step of this guarantee. Nobody else is told: before the opening a message
from a bank to a centre would say who bids. Afterwards, once the ledger has what a centre has revealed, its guarantor
is handed the opened file: the document of the first step, the issue, is the guarantee itself.
"""

import logging
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from node.domain.document import document_digest
from node.domain.guarantee import Guarantee, GuaranteeRelease
from node.domain.guarantee_statement import event_of, peek_step
from node.domain.guarantee_table import Event
from node.domain.wallet import StepReceipt
from node.errors import (
    ConflictError,
    MissingError,
    NodeError,
    PeerError,
    RoleMissingError,
    StoreError,
    UnavailableError,
    UnknownCallerError,
)
from node.ports import Clock, Peers, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.guarantee_checks import CheckedStep, StepChecks, member_of
from node.services.guarantee_lives import GuaranteeLives
from node.services.guarantee_receipts import StepReceipts
from node.services.guarantees import Guarantees
from node.services.pauses import Pauses
from node.services.side_by_side import side_by_side
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_COUNTER = "guarantee-posts"
_ISSUE = 1
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 3_600.0


class Post(msgspec.Struct, frozen=True):
    """A document on its way."""

    to: str
    guarantee: bytes
    sequence: int
    digest: bytes
    signature: bytes


class GuaranteeDelivery:
    """The durable queue of documents to a guarantee's parties, and the door for theirs."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        guarantees: Guarantees,
        lives: GuaranteeLives,
        checks: StepChecks,
        receipts: StepReceipts,
        peers: Peers,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._guarantees, self._lives = store, alliance, guarantees, lives
        self._checks, self._receipts, self._peers = checks, receipts, peers
        self._feed, self._clock = feed, clock
        self._pauses = Pauses[tuple[str, bytes]](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)

    def lodge(self, caller: str, guarantee: str, step: str, signature: bytes) -> StepReceipt | None:
        """Take a step's document from a member's node; the same again is answered the same.

        Args:
            caller: member; told of this guarantee's further steps from now on, if this is its guarantor.
            guarantee: the guarantee document.
            step: the step's document; empty for the issue, which the ledger has: its document is the guarantee.
            signature: its mover's over EIP-712 StepGuarantee; empty for the issue.

        Returns:
            A receipt, if this is guarantor or centre of it, not the mover, and the ledger does not have the step yet.

        Raises:
            ConflictError: it does not come next, or another document of it was lodged; perhaps this node has not seen
                what the ledger has yet.
            NodeError: it is not a step of this guarantee, or none of this node's business.
        """
        terms, guarantor = self._guarantees.open(guarantee)
        raw_id = self._guarantees.id_of(terms, guarantee)
        if not step:
            self._take_issue(raw_id, terms, guarantee)
            return None
        digest = document_digest(step)
        if not self._concerns(raw_id, terms):
            raise RoleMissingError("this node is no party to the guarantee")
        document = peek_step(step)
        sequence = 0 if isinstance(document, GuaranteeRelease) else document.sequence
        transaction = Transaction(self._store)
        receipt = self._receipts.kept(raw_id, digest)
        if not self._is_known(raw_id, sequence, digest):
            checked = self._checks.check(guarantee, step, signature)
            if self._lives.has_another(checked.step):
                raise ConflictError("this node has another document of this step, until the ledger has one")
            receipt = receipt or self._receipts.own(checked)
            self._receipts.keep(transaction, checked, receipt)
            self._lives.announce(transaction, checked.step, step)
        if self._store.get(layout.GUARANTEE + raw_id) is None:
            self._guarantees.keep(transaction, raw_id, terms, guarantee)
        if self._alliance.me == guarantor.name:
            transaction.put(layout.GUARANTEE_NODE + raw_id + layout.text(caller), b"")
        if not self._lives.document(raw_id, digest):
            self._lives.keep(transaction, raw_id, step)
            named = {"guarantee": raw_id.hex(), "event": event_of(document).name, "by": caller}
            self._feed.add(transaction, FeedEntry("guarantee.lodged", self._clock.now(), named))
        transaction.commit()
        self._feed.wake()
        return receipt

    def _take_issue(self, raw_id: bytes, terms: Guarantee, guarantee: str) -> None:
        """At its guarantor: the file of a guarantee that was sealed until the opening."""
        if terms.iss != self._alliance.me:
            raise RoleMissingError("an issue is handed in at its guarantor alone")
        if self._alliance.projection.guarantee(raw_id) is None:
            raise ConflictError("the ledger does not have this guarantee yet")
        if self._store.get(layout.GUARANTEE + raw_id) is None:
            transaction = Transaction(self._store)
            self._guarantees.keep(transaction, raw_id, terms, guarantee)
            named = {"guarantee": raw_id.hex(), "event": Event.ISSUE.name}
            self._feed.add(transaction, FeedEntry("guarantee.lodged", self._clock.now(), named))
            transaction.commit()
            self._feed.wake()

    async def hand_in(self, step: CheckedStep) -> StepReceipt | None:
        """The guarantor's, or the centre's: whoever answers first, in this order; none if nobody does.

        A step that can never be late needs none.

        Raises:
            StoreError: the database fails.
        """
        if not step.is_timed:
            return None
        mover = member_of(step.guarantee, step.rule.mover)
        for name in dict.fromkeys((step.guarantee.iss, step.guarantee.centre)):
            if name in {self._alliance.me, mover}:
                continue
            try:
                receipt = await self._peers.lodge_step(
                    self._alliance.projection.known_member(name),
                    step.token,
                    step.document_token,
                    step.signature,
                )
                if receipt is not None:
                    self._checks.check_receipt(step, receipt)
                    return receipt
            except StoreError:
                raise
            except NodeError as error:
                logger.info("no receipt by %s for a step of %s: %s", name, step.raw_id.hex(), error)
        return None

    def post(self, transaction: Transaction, step: CheckedStep) -> None:
        """Have a step's document handed in at whom it concerns."""
        for to in self._to_be_told(step):
            post = Post(to, step.raw_id, step.step.sequence, step.digest, step.signature)
            _keep(transaction, post)

    async def step(self) -> None:
        """Hand in what is to be handed in, in order for each guarantee; no member waits for another's.

        Raises:
            StoreError: the database fails.
        """
        by_member: defaultdict[str, list[tuple[bytes, Post]]] = defaultdict(list)
        for key, raw in self._store.scan(layout.GUARANTEE_POST):
            post = msgspec.msgpack.decode(raw, type=Post)
            if self._pauses.is_due((post.to, post.guarantee)):
                by_member[post.to].append((key, post))
        await side_by_side(self._deliver_all(posts) for posts in by_member.values())

    async def _deliver_all(self, posts: Sequence[tuple[bytes, Post]]) -> None:
        """To one member; once it has not answered, the rest waits for the next round."""
        held: set[bytes] = set()
        for key, post in posts:
            if post.guarantee in held:
                continue
            try:
                is_done = await self._deliver(key, post)
            except PeerError as error:
                logger.info("steps of guarantees wait for %s: %s", post.to, error)
                return
            if is_done:
                self._pauses.forget((post.to, post.guarantee))
            else:
                held.add(post.guarantee)

    async def _deliver(self, key: bytes, post: Post) -> bool:
        """Whether it is done, or is not needed any more.

        Raises:
            PeerError: its member does not answer.
            StoreError: the database fails.
        """
        line = post.to, post.guarantee
        row = self._alliance.projection.guarantee(post.guarantee)
        if row is None:
            return False  # this node reads the ledger anew
        is_issue, is_overtaken = post.sequence == _ISSUE, row.sequence >= post.sequence
        if is_issue or not is_overtaken or self._lives.is_final(post.guarantee, post.sequence, post.digest):
            self._pauses.put_off(line)
            try:
                token, document = self._checks.file(post.guarantee), self._document(post)
                member = self._alliance.projection.known_member(post.to)
                await self._peers.lodge_step(member, token, document, post.signature)
            except (StoreError, PeerError):
                raise
            except (UnavailableError, ConflictError, UnknownCallerError) as error:
                logger.info("a step of guarantee %s waits for %s: %s", post.guarantee.hex(), post.to, error)
                return False
            except NodeError as error:
                logger.warning(
                    "a step of guarantee %s never gets to %s: %s", post.guarantee.hex(), post.to, error
                )
        transaction = Transaction(self._store)
        transaction.delete(key)
        transaction.commit()
        return True

    def _document(self, post: Post) -> str:
        if post.sequence == _ISSUE:
            return ""
        document = self._lives.document(post.guarantee, post.digest)
        if not document:  # without one it would be handed in as an issue
            raise MissingError("this node does not hold the document of that step")
        return document

    def _to_be_told(self, step: CheckedStep) -> list[str]:
        me = self._alliance.me
        if me != step.guarantee.iss:
            return [step.guarantee.iss]
        prefix = layout.GUARANTEE_NODE + step.raw_id
        return [key[len(prefix) : -1].decode() for key, _ in self._store.scan(prefix)]

    def _is_known(self, raw_id: bytes, sequence: int, digest: bytes) -> bool:
        if self._lives.is_final(raw_id, sequence, digest):
            return True
        row = self._alliance.projection.known_guarantee(raw_id)  # a release does not say its number
        return row.document == digest

    def _concerns(self, raw_id: bytes, terms: Guarantee) -> bool:
        is_party = self._alliance.me in {terms.iss, terms.centre}
        return is_party or self._store.get(layout.GUARANTEE + raw_id) is not None


def post_issue(transaction: Transaction, raw_id: bytes, guarantor: str) -> None:
    """Have the file of an opened guarantee handed in at its guarantor, once the ledger has the guarantee."""
    _keep(transaction, Post(guarantor, raw_id, _ISSUE, b"", b""))


def _keep(transaction: Transaction, post: Post) -> None:
    place = layout.GUARANTEE_POST + layout.number(transaction.take(_COUNTER))
    transaction.put(place, msgspec.msgpack.encode(post))
