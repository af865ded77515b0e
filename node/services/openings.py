"""At a tender's centre: committing to the moment of an opening, putting it off, opening."""

import asyncio
from collections.abc import Iterator, Sequence

import msgspec

from node.domain.act import ActKind
from node.domain.document import document_digest, peek_document
from node.domain.duties import Act
from node.domain.member import Member, Role
from node.domain.opening import (
    Opening,
    OpeningKeyRequest,
    OpeningNotice,
    OpeningTerms,
    check_moment,
    check_threshold,
    may_hold,
    open_terms,
)
from node.domain.sealing import AnnounceOpening, OpenTender, PostponeOpening
from node.errors import ConflictError, DocumentFormatError, MissingError
from node.ports import Clock, Peers, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.follower import Follower
from node.services.outbox import Outbox
from node.services.sealing_rows import OpeningRow, opening_of
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Entropy

_LABEL_BYTES = 32


class OwnOpening(msgspec.Struct, frozen=True):
    """An opening of this centre."""

    terms: str
    """Opening-terms document."""
    notices: tuple[str, ...] = ()
    """Opening-notice documents, oldest first."""


class Openings:
    """This centre's openings."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        follower: Follower,
        outbox: Outbox,
        peers: Peers,
        acts: Acts,
        signing: Signing,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._alliance, self._follower, self._outbox = store, alliance, follower, outbox
        self._peers, self._acts, self._signing = peers, acts, signing
        self._clock, self._entropy = clock, entropy

    async def announce(self, section: str, opens: int, holders: Sequence[str], threshold: int) -> str:
        """Have the holders make keys, sign the terms, and commit to the moment on the ledger.

        Args:
            section: 标段编号.
            opens: the moment by which bids must be in.
            holders: members that will hold shares.
            threshold: so many of them open a bid.

        Returns:
            The opening-terms document, which goes into the tender's papers.

        Raises:
            NodeError: this node is no centre, a holder does not answer or may not hold, or the terms break a rule.
        """
        self._alliance.check_may(Act.ANNOUNCE)
        self._alliance.check_role(Role.CENTRE)
        projection = self._alliance.projection
        if opens <= self._clock.now():
            raise DocumentFormatError("an opening is announced for the future")
        check_moment(int(self._clock.now()), opens)
        names = sorted(set(holders))
        check_threshold(threshold, len(names))
        members = [projection.member(name) for name in names]
        if barred := [member.name for member in members if not may_hold(member, self._alliance.me)]:
            raise DocumentFormatError(
                f"{', '.join(barred)} may not hold shares: neither this centre nor guarantors do"
            )
        label = self._entropy(_LABEL_BYTES).hex()
        keys = await asyncio.gather(*(self._ask_key(member, label) for member in members))
        terms = OpeningTerms(
            **self._signing.issued(),
            label=label,
            section=section,
            opens=opens,
            threshold=threshold,
            keys=tuple(keys),
        )
        token = self._signing.sign(terms)
        opening = open_terms(
            token, self._alliance.projection.known_member
        )  # what a holder has answered is checked as bidders will
        transaction = Transaction(self._store)
        self._put(transaction, opening.id, OwnOpening(token))
        self._outbox.add(transaction, _object(opening.id), AnnounceOpening(opening.id, opens))
        self._acts.record(transaction, ActKind.OPENING_ANNOUNCED, {"opening": opening.id.hex()})
        transaction.commit()
        return token

    def postpone(self, opening: str, opens: int, reason: str) -> str:
        """Put an opening off; the opening-notice document.

        Raises:
            NodeError: there is no such opening, it has begun, or the moment is no later one.
        """
        self._alliance.check_may(Act.POSTPONE)
        raw_id, kept, state = self._closed(opening)
        if opens <= state.time:
            raise DocumentFormatError("an opening is only put off, to a later moment")
        check_moment(peek_document(kept.terms, OpeningTerms).iat, opens)
        notice = OpeningNotice(**self._signing.issued(), opening=opening, opens=opens, reason=reason)
        token = self._signing.sign(notice)
        transaction = Transaction(self._store)
        self._put(transaction, raw_id, OwnOpening(kept.terms, (*kept.notices, token)))
        move = PostponeOpening(raw_id, opens, document_digest(token))
        self._outbox.add(transaction, _object(raw_id), move)
        about = {"opening": opening, "notice": document_digest(token).hex()}
        self._acts.record(transaction, ActKind.OPENING_POSTPONED, about)
        transaction.commit()
        return token

    def open(self, opening: str) -> None:
        """Begin an opening: bring that to the ledger, which takes it only once the committed moment has come.

        Raises:
            NodeError: there is no such opening, it has begun, or it is too early.
        """
        self._alliance.check_may(Act.OPEN)
        raw_id, _, state = self._closed(opening)
        if self._follower.check_fresh().time < state.time:
            raise ConflictError(f"the ledger's time has not reached the committed moment, {state.time}")
        if self._outbox.is_open(Transaction(self._store), _object(raw_id)):
            raise ConflictError("something about this opening is still on its way to the ledger")
        transaction = Transaction(self._store)
        self._outbox.add(transaction, _object(raw_id), OpenTender(raw_id))
        self._acts.record(transaction, ActKind.TENDER_OPENED, {"opening": opening})
        transaction.commit()

    def own(self) -> Iterator[tuple[str, OwnOpening, OpeningRow | None]]:
        """All openings of this centre: id, papers, and where the ledger has them.

        Raises:
            StoreError: the database fails.
        """
        for key, raw in self._store.scan(layout.OPENING):
            raw_id = key[len(layout.OPENING) :]
            kept = msgspec.msgpack.decode(raw, type=OwnOpening)
            yield raw_id.hex(), kept, opening_of(self._store, self._alliance.me, raw_id)

    def opened(self, opening: str) -> tuple[Opening, OpeningRow, str]:
        """An opening that has begun: its papers, its state and the opening-terms document.

        Raises:
            MissingError: there is none by that id.
            ConflictError: it has not begun, as far as final blocks say.
        """
        raw_id, kept = self._load(opening)
        state = opening_of(self._store, self._alliance.me, raw_id)
        if state is None or not state.opened:
            raise ConflictError("the tender is not open yet, as far as the ledger's final blocks say")
        return open_terms(kept.terms, self._alliance.projection.known_member), state, kept.terms

    async def _ask_key(self, member: Member, label: str) -> str:
        request = OpeningKeyRequest(**self._signing.issued(), aud=member.name, label=label)
        return await self._peers.opening_key(member, self._signing.sign(request))

    def _closed(self, opening: str) -> tuple[bytes, OwnOpening, OpeningRow]:
        raw_id, kept = self._load(opening)
        state = opening_of(self._store, self._alliance.me, raw_id)
        if state is None:
            raise ConflictError("the announcement of this opening is not final on the ledger yet")
        if state.opened:
            raise ConflictError("the tender is open already")
        return raw_id, kept, state

    def _load(self, opening: str) -> tuple[bytes, OwnOpening]:
        raw_id = bytes.fromhex(opening)
        raw = self._store.get(layout.OPENING + raw_id)
        if raw is None:
            raise MissingError("this centre has no such opening")
        return raw_id, msgspec.msgpack.decode(raw, type=OwnOpening)

    def _put(self, transaction: Transaction, raw_id: bytes, row: OwnOpening) -> None:
        transaction.put(layout.OPENING + raw_id, msgspec.msgpack.encode(row))


def _object(opening: bytes) -> str:
    return f"opening/{opening.hex()}"
