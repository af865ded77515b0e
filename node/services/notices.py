"""At a home: telling members that hold a subject's data what has become of it, until each has answered.

Who holds what follows from the reads: a holder is noted in the batch that counts the read, before anything leaves. A
notice is durable in the batch of what it tells of; a background step delivers it, less and less often to who does not
answer, and keeps the receipt. The same way takes a person's withdrawal of a consent to its home from any member.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from node.domain.consent import ConsentReceipt, ConsentWithdrawal
from node.domain.document import (
    document_digest,
    open_members_document,
)
from node.domain.member import Member
from node.domain.notice import About, Notice, NoticeReceipt, check_about
from node.domain.wallet import HoldersCall
from node.errors import (
    ConflictError,
    InvalidError,
    MissingError,
    NodeError,
    PeerError,
    StoreError,
    UnavailableError,
)
from node.ports import Clock, Peers, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.notice_rows import Holding, OutNotice
from node.services.pauses import Pauses
from node.services.side_by_side import side_by_side
from node.services.signing import Signing
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_COUNTER = "notices"
_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 1.0, 3_600.0


class Notices:
    """The way out."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        gate: Gate,
        peers: Peers,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._gate = store, alliance, gate
        self._peers, self._feed = peers, feed
        self._signing, self._clock = signing, clock
        self._pauses = Pauses[int](clock, _FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS)

    # -- who holds something ------------------------------------------------------------------------------

    @staticmethod
    def note_read(  # noqa: PLR0917
        transaction: Transaction,
        subject: str,
        member: str,
        grant_id: bytes,
        expires: int,
        positions: Sequence[int],
    ) -> None:
        """A member is about to obtain these records of a subject; in the batch that counts the read."""
        key = layout.HOLDER + layout.text(subject, member) + grant_id
        transaction.put(key, msgspec.msgpack.encode(Holding(expires, list(positions))))

    def holdings(self, subject: str) -> Iterator[tuple[str, bytes, "Holding"]]:
        """Member, grant and what was read last under it, of all that was read of a subject here.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.HOLDER + layout.text(subject)
        for key, raw in self._store.scan(prefix):
            member = key[len(prefix) : -33].decode()
            yield member, key[-32:], msgspec.msgpack.decode(raw, type=Holding)

    def holders(self, subject: str) -> list[str]:
        """Members that have obtained something of a subject here, each once.

        Raises:
            StoreError: the database fails.
        """
        return sorted({member for member, _, _ in self.holdings(subject)})

    # -- what is told -------------------------------------------------------------------------------------

    def tell(
        self, transaction: Transaction, subject: str, about: About, to: Iterable[str] | None = None
    ) -> None:
        """Have holders of a subject's data told, together with what is told.

        Args:
            transaction: of what it tells of; call `Feed.wake` after its commit.
            subject: whose data.
            about: what it is.
            to: these holders only; all of them if not given. Who holds nothing is told nothing.

        Raises:
            StoreError: the database fails.
        """
        check_about(about)
        holders = self.holders(subject)
        for member in holders if to is None else [one for one in to if one in holders]:
            self._add(transaction, self.sign(subject, about, member), member, subject)

    def sign(self, subject: str, about: About, to: str) -> str:
        """A notice to a member."""
        notice = Notice(
            **self._signing.issued(),
            aud=to,
            subject=subject,
            about=about,
        )
        return self._signing.sign(notice)

    def relay(self, token: str, withdrawal: ConsentWithdrawal) -> OutNotice:
        """Take a checked withdrawal to its home; the same again is the same.

        Raises:
            StoreError: the database fails.
        """
        digest = document_digest(token)
        known = self._store.get(layout.NOTICE_OF + digest)
        if known is not None:
            return self.load(layout.from_number(known))
        transaction = Transaction(self._store)
        number = self._add(transaction, token, withdrawal.home, withdrawal.subject)
        transaction.put(layout.NOTICE_OF + digest, layout.number(number))
        transaction.commit()
        return self.load(number)

    def load(self, number: int) -> OutNotice:
        """One notice.

        Raises:
            MissingError: there is none by that number.
            StoreError: the database fails.
        """
        raw = self._store.get(layout.NOTICE + layout.number(number))
        if raw is None:
            raise MissingError(f"there is no notice {number}")
        return msgspec.msgpack.decode(raw, type=OutNotice)

    def all(self, first: int = 0) -> Iterator[tuple[int, OutNotice]]:
        """All notices by number from one on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        for key, raw in self._store.scan(layout.NOTICE, start=layout.number(first)):
            number = layout.from_number(key[len(layout.NOTICE) :])
            yield number, msgspec.msgpack.decode(raw, type=OutNotice)

    def waiting(self, first: int = 0) -> Iterator[tuple[int, OutNotice]]:
        """Those that are not answered, or of which something is held, by number from one on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.NOTICE_OPEN, start=layout.number(first)):
            number = layout.from_number(key[len(layout.NOTICE_OPEN) :])
            yield number, self.load(number)

    def of_subject(self, subject: str) -> Iterator[tuple[int, OutNotice]]:
        """Those about a subject, oldest first.

        Raises:
            StoreError: the database fails.
        """
        prefix = layout.NOTICE_ABOUT + layout.text(subject)
        for key, _ in self._store.scan(prefix):
            number = layout.from_number(key[len(prefix) :])
            yield number, self.load(number)

    def of_wallet(self, token: str) -> list[OutNotice]:
        """For the subject's controller, also after an erasure: who was told what, and answered what.

        Raises:
            NodeError: the request is not acceptable.
        """
        subject = self._gate.check_controller(self._gate.open(token, HoldersCall)).hex()
        return [notice for _, notice in self.of_subject(subject) if not notice.is_relayed]

    # -- the way there ------------------------------------------------------------------------------------

    async def step(self) -> None:
        """Deliver what is due, as far as members answer now.

        Raises:
            StoreError: the database fails.
        """
        by_member: defaultdict[str, list[tuple[int, OutNotice]]] = defaultdict(list)
        for key, _ in self._store.scan(layout.NOTICE_OPEN):
            number = layout.from_number(key[len(layout.NOTICE_OPEN) :])
            if self._pauses.is_due(number):
                notice = self.load(number)
                by_member[notice.to].append((number, notice))
        # One member that does not answer delays nobody else's notices.
        await side_by_side(self._deliver_all(waiting) for waiting in by_member.values())

    async def deliver(self, number: int) -> OutNotice:
        """Try one now, for somebody who waits for the answer; what it has become of.

        Raises:
            StoreError: the database fails.
        """
        if not self.load(number).receipt:
            await self._deliver_all([(number, self.load(number))])
        return self.load(number)

    def number_of(self, token: str) -> int:
        """Number of a relayed withdrawal.

        Raises:
            MissingError: it was not relayed here.
            StoreError: the database fails.
        """
        raw = self._store.get(layout.NOTICE_OF + document_digest(token))
        if raw is None:
            raise MissingError("there is no such withdrawal")
        return layout.from_number(raw)

    async def _deliver_all(self, waiting: Sequence[tuple[int, OutNotice]]) -> None:
        """To one member; once it has not answered, the rest waits for the next round."""
        for number, notice in waiting:
            try:
                await self._deliver(number, notice)
            except PeerError as error:
                logger.info("notice %d waits for %s: %s", number, notice.to, error)
                return

    async def _deliver(self, number: int, notice: OutNotice) -> None:
        self._pauses.put_off(number)
        try:
            member = self._alliance.projection.member(notice.to)
            receipt = await self._peers.submit_notice(member, notice.token)
            if receipt:
                self._check_receipt(notice, receipt, member)
        except (StoreError, PeerError):
            raise
        except (UnavailableError, ConflictError) as error:
            logger.info("notice %d waits: %s", number, error)
            return
        except NodeError as error:
            self._refused(number, notice, error)
            return
        if not receipt or receipt == notice.receipt:
            return
        answered = msgspec.structs.replace(notice, receipt=receipt, problem="")
        if answered.outcome == "held":
            self._keep(number, answered)  # the receipt for the rest comes when what holds it has ended
        else:
            self._answered(number, answered)

    def _check_receipt(self, notice: OutNotice, token: str, member: Member) -> None:
        digest = document_digest(notice.token).hex()
        named: tuple[str, ...]
        if notice.is_relayed:
            kept = open_members_document(token, ConsentReceipt, member.identity_keys)
            named = (kept.alliance, kept.iss, kept.withdrawal)
            wanted: tuple[str, ...] = (self._alliance.id, notice.to, digest)
        else:
            receipt = open_members_document(token, NoticeReceipt, member.identity_keys)
            named = (receipt.alliance, receipt.iss, receipt.aud, receipt.notice)
            wanted = (self._alliance.id, notice.to, self._alliance.me, digest)
        if named != wanted:
            raise InvalidError("the receipt is for another notice")

    def _refused(self, number: int, notice: OutNotice, error: NodeError) -> None:
        logger.warning("notice %d was refused by %s: %s", number, notice.to, error)
        problem = f"{error.reason}: {error}"
        if notice.is_relayed and isinstance(error, InvalidError | MissingError):
            # Somebody's paper that its home cannot use: it is not this node's to press on with.
            self._answered(number, msgspec.structs.replace(notice, problem=problem))
        elif problem != notice.problem:
            self._keep(number, msgspec.structs.replace(notice, problem=problem))

    def _keep(self, number: int, notice: OutNotice) -> None:
        transaction = Transaction(self._store)
        self._put(transaction, number, notice)
        transaction.commit()

    def _answered(self, number: int, notice: OutNotice) -> None:
        transaction = Transaction(self._store)
        self._put(transaction, number, notice)
        transaction.delete(layout.NOTICE_OPEN + layout.number(number))
        about = {"notice": str(number), "member": notice.to}
        self._feed.add(transaction, FeedEntry("notice.answered", self._clock.now(), about))
        transaction.commit()
        self._pauses.forget(number)
        self._feed.wake()

    def _add(self, transaction: Transaction, token: str, to: str, subject: str) -> int:
        number = transaction.take(_COUNTER)
        self._put(transaction, number, OutNotice(token, to, subject, self._clock.now()))
        transaction.put(layout.NOTICE_OPEN + layout.number(number), b"")
        transaction.put(layout.NOTICE_ABOUT + layout.text(subject) + layout.number(number), b"")
        return number

    @staticmethod
    def _put(transaction: Transaction, number: int, notice: OutNotice) -> None:
        transaction.put(layout.NOTICE + layout.number(number), msgspec.msgpack.encode(notice))
