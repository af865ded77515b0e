"""Lets wallet requests in: signed by the key they name, meant for this node, fresh, and taken once."""

import hashlib
from typing import TypeVar

from node.domain.approval import Approval, approved_id, open_approval
from node.domain.document import document_digest, open_by_controller, peek_document
from node.domain.mandate import Power
from node.domain.wallet import APPROVED_WINDOW_SECONDS, WINDOW_SECONDS, WalletCall
from node.errors import DocumentFormatError, ReplayError, UnknownCallerError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.mandates import principal_of
from node.services.transaction import Transaction

C = TypeVar("C", bound=WalletCall)
_SYSTEM_TAG = b"heqi.system-push.v1\0"
_SWEEP = 16


class Gate:
    """Authenticates wallets."""

    def __init__(self, store: Store, alliance: Alliance, clock: Clock) -> None:
        self._store, self._alliance, self._clock = store, alliance, clock

    def open(self, token: str, kind: type[C]) -> C:
        """Check a wallet request and take it, once.

        Raises:
            DocumentFormatError: malformed, or meant for another node or alliance.
            SignatureError: not signed by the key that it names, or the approval in it not.
            ApprovalError: the approval in it is of something else.
            ReplayError: too old, too new, or taken before.
            StoreError: the database fails.
        """
        call = self.authenticate(token, kind)
        if call.approval:
            # Known by what both signed: else each new approval of it, or a new signature, would be another request.
            approved = bytes.fromhex(approved_id(call, call.key))
            self._take(call.iat, hashlib.sha256(approved).digest(), APPROVED_WINDOW_SECONDS)
        else:
            self._take(call.iat, hashlib.sha256(document_digest(token)).digest(), WINDOW_SECONDS)
        return call

    def authenticate(self, token: str, kind: type[C]) -> C:
        """Check a wallet request that something else keeps from being taken twice.

        Raises:
            DocumentFormatError: malformed, or meant for another node or alliance.
            SignatureError: not signed by the key that it names, or the approval in it not.
            ApprovalError: the approval in it is of something else.
        """
        call = open_by_controller(token, kind, peek_document(token, kind).key)
        if (call.alliance, call.node) != (self._alliance.id, self._alliance.me):
            raise DocumentFormatError("the request is meant for another node or alliance")
        if call.approval:
            if call.mandate:
                raise DocumentFormatError("under a mandate the second officer approves the mandate alone")
            open_approval(call, call.key, call.approval)
        return call

    def look_at(self, token: str, kind: type[C]) -> C:
        """Check a wallet request that changes nothing: it may come twice, and leaves no mark.

        Raises:
            DocumentFormatError: malformed, or meant for another node or alliance.
            SignatureError: not signed by the key that it names, or the approval in it not.
            ApprovalError: the approval in it is of something else.
            ReplayError: too old, or too new.
        """
        call = self.authenticate(token, kind)
        self._check_time(call.iat)
        return call

    def principal(self, call: WalletCall, power: Power | None = None) -> str:
        """The subject's own key behind a call: the caller's, or the one that gave the caller a mandate.

        Args:
            call: authenticated.
            power: that the call needs; None if nobody else may make it.

        Raises:
            NodeError: the mandate is not one that holds now for this call.
        """
        return principal_of(self._store, self._alliance, call, power, int(self._clock.now()))

    def check_controller(self, call: WalletCall, power: Power | None = None) -> bytes:
        """The subject's id, if the call's key speaks for the subject on the ledger, wherever its home is.

        Args:
            call: authenticated.
            power: that somebody else needs to make the call for the subject; None if nobody else may.

        Raises:
            UnknownCallerError: it does not, nor the second officer's; the same where there is no such subject.
            NodeError: the mandate is not one that holds now for this call.
            ContractUnknownError: this node cannot tell who speaks for a subject now.
            StoreError: the database fails.
        """
        self._alliance.projection.check_known("Subjects")
        subject = bytes.fromhex(call.subject) if len(call.subject) == 64 else b""
        row = self._alliance.projection.subject(subject)
        if not self._alliance.speaks_for(row, self.principal(call, power)):
            raise UnknownCallerError("this key does not speak for a subject of this alliance")
        if call.approval:
            approver = peek_document(call.approval, Approval).key
            if not self._alliance.speaks_for(row, approver):
                raise UnknownCallerError("the second officer's key does not speak for the subject")
        return subject

    def take_once(self, issued: int, nonce: bytes) -> None:
        """Take a message of a system of the member's own that was authenticated otherwise.

        Args:
            issued: seconds since 1970 UTC.
            nonce: that its sender uses for no other message.

        Raises:
            ReplayError: too old, too new, or taken before.
            StoreError: the database fails.
        """
        self._take(issued, hashlib.sha256(_SYSTEM_TAG + nonce).digest(), WINDOW_SECONDS)

    def _check_time(self, issued: int, window: int = WINDOW_SECONDS) -> int:
        now = int(self._clock.now())
        if not -WINDOW_SECONDS <= now - issued <= window:
            raise ReplayError(
                f"the request is from another time, {abs(now - issued)} s away from this node's; the limit is "
                f"{window} s: the clocks differ, or it is an old request"
            )
        return now

    def _take(self, issued: int, digest: bytes, window: int) -> None:
        now = self._check_time(issued, window)
        # Under the time until which it counts, less the usual window, so that marks go in their order.
        key = layout.TAKEN + layout.number(issued + window - WINDOW_SECONDS) + digest
        if self._store.get(key) is not None:
            raise ReplayError("this request was taken before")
        transaction = Transaction(self._store)
        transaction.put(key, b"")
        # What is older than the window is refused by its time alone, so its marks can go.
        expired = self._store.scan(layout.TAKEN, stop=layout.number(now - 2 * WINDOW_SECONDS))
        for (old, _), _ in zip(expired, range(_SWEEP), strict=False):
            transaction.delete(old)
        transaction.commit()
