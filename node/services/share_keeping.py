"""At a holder: keys for openings, and shares of tenders that are open.

A holder sees, before an opening, that a centre will have one, and nothing of any bid: shares come with the centre's
request, after the opening. It looks at its own final blocks, and believes nobody about the moment.

Keys and released shares go for good some time after the opening, and no file of the database keeps them: who takes
the node over later opens no bid of the past.
"""

import asyncio
import logging

from node.domain.act import ActKind
from node.domain.document import (
    document_digest,
    open_members_document,
)
from node.domain.duties import Act
from node.domain.encoding import from_base64url, to_base64url
from node.domain.member import Role
from node.domain.opening import (
    KEY_KEPT_SECONDS,
    KEY_SECONDS,
    Opening,
    OpeningKey,
    OpeningKeyRequest,
    ShareRelease,
    ShareRequest,
    may_hold,
    open_terms,
)
from node.domain.shares import holder_public_key, open_share, share_info
from node.errors import (
    DocumentFormatError,
    MissingError,
    NodeError,
    RoleMissingError,
    UnavailableError,
    VerificationError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.follower import Follower
from node.services.sealing_rows import opening_of
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

logger = logging.getLogger(__name__)

_SECRET_BYTES = 32
_TIME_BYTES = 8
_GRACE_SECONDS = 86_400
"""Shares that are asked for late can be asked for again, should the answer be lost."""
_NOTHING = "there is nothing to release for such an opening"


class ShareKeeping:
    """Keys for others' openings."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        follower: Follower,
        acts: Acts,
        signing: Signing,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._vault, self._alliance, self._follower = store, vault, alliance, follower
        self._acts, self._signing = acts, signing
        self._clock, self._entropy = clock, entropy

    def make_key(self, caller: str, token: str) -> str:
        """Make a key for an opening of the centre that calls; the same request gets the same key.

        Returns:
            An opening-key document.

        Raises:
            NodeError: the request is not the caller's, or this member may hold no shares for it.
        """
        self._alliance.check_may(Act.HOLD)
        centre = self._alliance.projection.member(caller)
        request = open_members_document(token, OpeningKeyRequest, centre.identity_keys)
        self._check_named(request.alliance, request.iss, request.aud, caller)
        me = self._alliance.projection.member(self._alliance.me)
        if not centre.roles & Role.CENTRE or not may_hold(me, caller):
            raise RoleMissingError(f"{me.name} holds no shares for {caller}")
        key = _key(caller, request.label)
        raw = self._store.get(key)
        if raw is None:
            secret = self._entropy(_SECRET_BYTES)
            transaction = Transaction(self._store)
            transaction.put(key, self._vault.seal(self._alliance.me, key, secret))
            self._end(transaction, key, self._now() + KEY_SECONDS)
            transaction.commit()
        else:
            secret = self._vault.open(self._alliance.me, key, raw)
        made = OpeningKey(
            **self._signing.issued(),
            aud=caller,
            label=request.label,
            key=holder_public_key(secret).hex(),
        )
        return self._signing.sign(made)

    def release(self, caller: str, token: str) -> str:
        """Give the shares of an opened tender to its centre.

        Returns:
            A share-release document; the same request gets the same one.

        Raises:
            MissingError: there is nothing to release: no such opening, not this caller's, not open yet. Which of them
                is not said.
            ProjectionStaleError: this node's view of the ledger is too old to say.
            StoreError: the database fails.
        """
        self._follower.check_fresh()
        self._alliance.projection.check_known("Openings")
        try:
            request, opening, secret, opened = self._authorise(caller, token)
        except UnavailableError:
            raise
        except NodeError as error:
            raise MissingError(_NOTHING) from error
        given = layout.SHARES_GIVEN + document_digest(token)
        known = self._store.get(given)
        if known is not None:
            return known.decode()
        info = share_info(self._alliance.raw_id, opening.id, self._alliance.me)
        release = ShareRelease(
            **self._signing.issued(),
            aud=caller,
            request=document_digest(token).hex(),
            shares=tuple(_open(secret, sealed, info) for sealed in request.shares),
        )
        signed = self._signing.sign(release)
        transaction = Transaction(self._store)
        transaction.put(given, signed.encode())
        for row in (given, _key(caller, opening.terms.label)):
            self._end(transaction, row, max(opened + KEY_KEPT_SECONDS, self._now() + _GRACE_SECONDS))
        about = {"opening": opening.id.hex(), "centre": caller, "release": document_digest(signed).hex()}
        self._acts.record(transaction, ActKind.SHARES_RELEASED, about)
        transaction.commit()
        return signed

    async def step(self) -> None:
        """Forget what has come to its end; once it returns, no file of the database holds it.

        Raises:
            StoreError: the database fails.
        """
        newest = self._alliance.projection.cursor()
        if newest is None:
            return
        prefix = layout.SHARES_END  # by the ledger's time: a clock that runs ahead ends nothing
        found = [key for key, _ in self._store.scan(prefix, stop=layout.number(newest.time))]
        if not found:
            return
        transaction = Transaction(self._store)
        rows = {key[len(prefix) + _TIME_BYTES :] for key in found}
        for row in rows:
            transaction.delete(row)
        transaction.commit()
        if not await self._purge(rows):
            return  # somebody still reads what was there before: again with the next step
        transaction = Transaction(self._store)
        for key in found:
            transaction.delete(key)
        transaction.commit()
        logger.info("%d keys and shares of past openings are gone for good", len(rows))

    async def _purge(self, rows: set[bytes]) -> bool:
        """In a thread, which must have ended before anybody closes the store."""
        purging = asyncio.ensure_future(asyncio.to_thread(self._store.purge, rows))
        try:
            return await asyncio.shield(purging)
        except asyncio.CancelledError:
            await asyncio.wait([purging])
            raise

    @staticmethod
    def _end(transaction: Transaction, row: bytes, at: int) -> None:
        transaction.put(layout.SHARES_END + layout.number(at) + row, b"")

    def _now(self) -> int:
        """The later of this node's time and the ledger's: a clock that is late ends nothing too early."""
        newest = self._alliance.projection.cursor()
        return max(int(self._clock.now()), 0 if newest is None else newest.time)

    def _authorise(self, caller: str, token: str) -> tuple[ShareRequest, Opening, bytes, int]:
        """The request, its opening, the key, and when the ledger opened it."""
        centre = self._alliance.projection.known_member(caller)
        request = open_members_document(token, ShareRequest, centre.identity_keys)
        self._check_named(request.alliance, request.iss, request.aud, caller)
        opening = open_terms(request.terms, self._alliance.projection.known_member)
        if (opening.terms.alliance, opening.terms.iss) != (self._alliance.id, caller):
            raise DocumentFormatError("the opening is another's")
        key = _key(caller, opening.terms.label)
        raw = self._store.get(key)
        if raw is None:
            raise MissingError("no key was made for this opening")
        secret = self._vault.open(self._alliance.me, key, raw)
        mine = [holder.key for holder in opening.holders if holder.name == self._alliance.me]
        if mine != [holder_public_key(secret)]:
            raise VerificationError("the terms name another key")
        return request, opening, secret, self._check_open(opening)

    def _check_open(self, opening: Opening) -> int:
        """By final blocks alone, and also by the moment in the terms that the bidders were given."""
        state = opening_of(self._store, opening.terms.iss, opening.id)
        newest = self._alliance.projection.cursor()
        if state is None or not state.opened or newest is None:
            raise MissingError("the tender is not open")
        if newest.time < max(opening.terms.opens, state.time):
            raise MissingError("the moment has not come")
        return state.opened

    def _check_named(self, alliance: str, iss: str, aud: str, caller: str) -> None:
        if (alliance, iss, aud) != (self._alliance.id, caller, self._alliance.me):
            raise DocumentFormatError("the request is by or for another member")


def _key(centre: str, label: str) -> bytes:
    return layout.OPENING_KEY + layout.text(centre) + bytes.fromhex(label)


def _open(secret: bytes, sealed: str, info: bytes) -> str:
    try:
        return to_base64url(open_share(secret, from_base64url(sealed), info))
    except NodeError:
        return ""
