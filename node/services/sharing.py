"""At any node: access requests for its subjects, grants and revocations on their way to the ledger.

A grant or a revocation is taken from any subject of the alliance, whoever its home is, so that a home centre
cannot block one. The receiver of a grant does not relay it: its account on the ledger would tell of it.
"""

import contextlib
from collections.abc import Iterator

import msgspec

from node.domain.document import document_digest, open_by_controller, open_members_document, peek_document
from node.domain.duties import Act
from node.domain.erasure import REGISTRATION_PART
from node.domain.grant import AccessRequest, Grant, check_grant, check_request, grant_terms, is_answer
from node.domain.ledger import GrantTerms, RegisterGrant, RevokeGrant
from node.domain.ledger_ids import grant_id, revoke_grant_digest
from node.domain.mandate import Mandate, Power, principal_key
from node.domain.signature import verify_p256
from node.domain.wallet import GrantCall, RelayCall, RevokeCall
from node.errors import (
    DocumentFormatError,
    GrantExpiredError,
    GrantMissingError,
    RoleMissingError,
    SignatureError,
    UnknownCallerError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.mandates import check_all_signed, grantor_of
from node.services.outbox import Outbox
from node.services.recognition import Recognition
from node.services.registration import Registrations
from node.services.transaction import Transaction
from node.services.vault import Vault


class PendingRequest(msgspec.Struct, frozen=True):
    """An access request at the subject's home."""

    token: str
    grant: str = ""
    """The grant that answers it, once there is one."""


class KeptGrant(msgspec.Struct, frozen=True):
    """A grant document at its home."""

    token: str
    """Empty if the grant was revoked before it was seen here."""
    subject: str
    uses: int = 0
    revoked: bool = False
    """Set when this node took the revocation, before the ledger has it."""


class Sharing:
    """Requests, grants and revocations."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        registrations: Registrations,
        outbox: Outbox,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._vault, self._alliance = store, vault, alliance
        self._recognition, self._gate, self._registrations = recognition, gate, registrations
        self._outbox, self._feed, self._clock = outbox, feed, clock

    def submit_request(self, caller: str, token: str) -> None:
        """Keep another member's request for the subject's wallet; never says whether there is such a subject.

        Raises:
            NodeError: the request is malformed or not the caller's.
        """
        member = self._alliance.projection.member(caller)
        request = open_members_document(token, AccessRequest, member.identity_keys)
        if (request.iss, request.aud, request.alliance) != (caller, self._alliance.me, self._alliance.id):
            raise DocumentFormatError("the request is not this caller's to this node in this alliance")
        check_request(request)
        key = request_key(request.subject, token)
        if not self._registrations.is_home_of(request.subject) or self._store.get(key) is not None:
            return
        transaction = Transaction(self._store)
        self._seal(transaction, request.subject, key, PendingRequest(token, self._standing(request)))
        about = {"subject": request.subject, "reader": caller, "request": document_digest(token).hex()}
        self._feed.add(transaction, FeedEntry("request.received", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()

    def requests(self, subject: str) -> Iterator[PendingRequest]:
        """A subject's access requests, answered ones included.

        Raises:
            StoreError: the database fails.
        """
        for key, sealed in self._store.scan(layout.REQUEST + layout.text(subject)):
            yield msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=PendingRequest)

    def collect_grant(self, caller: str, token: str) -> str | None:
        """The grant that answers the caller's own request, or None; the same for a request nobody knows.

        Raises:
            NodeError: the request is not the caller's.
        """
        request = open_members_document(
            token, AccessRequest, self._alliance.projection.member(caller).identity_keys
        )
        if request.iss != caller:
            raise DocumentFormatError("the request is not this caller's")
        key = request_key(request.subject, token)
        sealed = self._store.get(key)
        if sealed is None:
            return None
        pending = msgspec.msgpack.decode(self._vault.open(request.subject, key, sealed), type=PendingRequest)
        return pending.grant or None

    async def prepare_grant(self, token: str) -> None:
        """Ask the authorities about the certificate behind a grant for `give_grant`.

        Raises:
            NodeError: the request is malformed.
        """
        call = peek_document(token, GrantCall)
        if self._registrations.is_home_of(call.subject):
            await self._registrations.warm(call.subject)
            grant = peek_document(call.grant, Grant)
            behind = peek_document(grant.mandate, Mandate) if grant.mandate else grant
            await self._registrations.warm_approval(behind.approval)

    def give_grant(self, token: str) -> str:
        """At the subject's home: keep a grant for its reader and bring it to the ledger.

        Returns:
            The grant's id on the ledger, 64 hex digits.

        Raises:
            NodeError: the request or the grant is not acceptable; nothing is stored.
        """
        self._alliance.check_may(Act.KEEP_GRANT)
        call = self._gate.open(token, GrantCall)
        subject = self._gate.check_controller(call, Power.GRANT)
        grant = open_by_controller(call.grant, Grant, call.key)
        check_grant(grant)
        if (grant.iss, grant.key, grant.alliance) != (subject.hex(), call.key, self._alliance.id):
            raise DocumentFormatError("the grant is by another subject or key, or for another alliance")
        if grant.mandate != call.mandate:
            raise DocumentFormatError("the grant is under another mandate than the call")
        authority = grantor_of(self._alliance, call.grant, grant)
        if self._alliance.me != grant.home:
            # Who is granted what is no business of other members: they relay the terms alone.
            raise RoleMissingError("a grant is for its subject's home; other members relay without seeing it")
        check_all_signed(self._store, authority)
        if authority.mandate is not None:
            self._registrations.check_mandate(grant.iss, authority)
        else:
            self._registrations.check_officers(grant.iss, authority.act, authority.key, authority.approval)
        if self._clock.now() > grant.register_before:
            raise GrantExpiredError("the grant was to reach the ledger earlier; sign a new one")
        terms = grant_terms(grant, document_digest(call.grant))
        raw_id = grant_id(self._alliance.raw_id, terms)
        transaction = Transaction(self._store)
        if transaction.get(layout.GRANT + raw_id) is None:
            self._check_certificate(grant)
            self._keep(transaction, raw_id, grant, call.grant)
        if not self._alliance.projection.grant(raw_id).registered:
            self._outbox.add(transaction, f"grant/{raw_id.hex()}", RegisterGrant(terms))
        transaction.commit()
        self._feed.wake()
        return raw_id.hex()

    def relay(self, token: str) -> str:
        """At any member: bring a grant to the ledger without seeing it.

        Returns:
            The grant's id, 64 hex digits.

        Raises:
            NodeError: the request is not acceptable; nothing is stored.
        """
        self._alliance.check_may(Act.KEEP_GRANT)
        call = self._gate.open(token, RelayCall)
        self._gate.check_controller(call, Power.GRANT)
        terms = _terms_of(call)
        raw_id = grant_id(self._alliance.raw_id, terms)
        transaction = Transaction(self._store)
        if not self._alliance.projection.grant(raw_id).registered:
            self._outbox.add(transaction, f"grant/{raw_id.hex()}", RegisterGrant(terms))
        transaction.commit()
        return raw_id.hex()

    def revoke(self, token: str) -> str:
        """Take a revocation and bring it to the ledger; at the home it acts at once.

        Returns:
            The grant's id, 64 hex digits.

        Raises:
            NodeError: the request or the revocation is not acceptable; nothing is stored.
        """
        call = self._gate.open(token, RevokeCall)
        self._gate.check_controller(call, Power.REVOKE)
        terms = _terms_of(call)
        signature = bytes.fromhex(call.signature)
        raw_id = grant_id(self._alliance.raw_id, terms)
        at = self._signed_for(terms, raw_id, signature)
        transaction = Transaction(self._store)
        key = layout.GRANT + raw_id
        kept = transaction.get(key)
        if kept is not None or self._registrations.is_home_of(call.subject):
            # A grant that another member brought to the ledger may be unknown here until its first read.
            grant = (
                KeptGrant("", call.subject) if kept is None else msgspec.msgpack.decode(kept, type=KeptGrant)
            )
            transaction.put(key, msgspec.msgpack.encode(msgspec.structs.replace(grant, revoked=True)))
        if not self._alliance.projection.grant(raw_id).revoked:
            self._outbox.add(transaction, f"grant/{raw_id.hex()}", RevokeGrant(terms, signature, at))
        about = {"grant": raw_id.hex()}
        self._feed.add(transaction, FeedEntry("grant.revoked", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return raw_id.hex()

    def _signed_for(self, terms: GrantTerms, raw_id: bytes, signature: bytes) -> bytes:
        """Which contract a revocation was signed for; empty for the one in force.

        A wallet may not have heard that the contract was replaced; each of them takes revocations for ever.
        """
        *earlier, founding = self._alliance.contracts("Grants")
        for address in earlier:
            with contextlib.suppress(SignatureError):
                digest = revoke_grant_digest(self._alliance.domain_at(address), raw_id)
                verify_p256(terms.revoker[20:], digest, signature)
                return address
        digest = revoke_grant_digest(self._alliance.domain_at(founding), raw_id)
        verify_p256(terms.revoker[20:], digest, signature)
        return founding if earlier else b""

    def grants(self, subject: str) -> Iterator[tuple[str, KeptGrant]]:
        """A subject's grants that this home keeps, by id.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.GRANT_OF + layout.text(subject)):
            raw_id = key[-32:]
            yield raw_id.hex(), self.grant(raw_id)

    def grant(self, raw_id: bytes) -> KeptGrant:
        """A grant that this home keeps.

        Raises:
            GrantMissingError: there is none.
            StoreError: the database fails.
        """
        raw = self._store.get(layout.GRANT + raw_id)
        if raw is None:
            raise GrantMissingError("no live grant covers this")
        return msgspec.msgpack.decode(raw, type=KeptGrant)

    def _check_certificate(self, grant: Grant) -> None:
        """A revoked certificate stops new grants; those that the ledger has go on."""
        if not self._registrations.is_home_of(grant.iss):
            raise UnknownCallerError(
                "the grant names this node as home, but its subject is not registered here"
            )
        voucher = self._registrations.voucher(grant.iss, principal_key(grant))
        self._recognition.check(voucher.delegation, proof=voucher.status)

    def _keep(self, transaction: Transaction, raw_id: bytes, grant: Grant, token: str) -> None:
        kept = KeptGrant(token, grant.iss)
        transaction.put(layout.GRANT + raw_id, msgspec.msgpack.encode(kept))
        transaction.put(layout.GRANT_OF + layout.text(grant.iss) + raw_id, b"")
        self._answer(transaction, grant, token)
        about = {"subject": grant.iss, "readers": " ".join(grant.aud), "grant": raw_id.hex()}
        self._feed.add(transaction, FeedEntry("grant.received", self._clock.now(), about))

    def _standing(self, request: AccessRequest) -> str:
        """A live standing grant that answers a request; empty if there is none."""
        for raw_id, kept in self.grants(request.subject):
            state = self._alliance.projection.grant(bytes.fromhex(raw_id))
            if not kept.token or kept.revoked or state.revoked:
                continue
            grant = peek_document(kept.token, Grant)
            if grant.standing and self._clock.now() < grant.exp and is_answer(grant, request):
                return kept.token
        return ""

    def _answer(self, transaction: Transaction, grant: Grant, token: str) -> None:
        """Put the grant beside the request that it answers, for the reader to collect."""
        for key, sealed in self._store.scan(layout.REQUEST + layout.text(grant.iss)):
            pending = msgspec.msgpack.decode(self._vault.open(grant.iss, key, sealed), type=PendingRequest)
            request = peek_document(pending.token, AccessRequest)
            if is_answer(grant, request) and not (grant.standing and pending.grant):
                self._seal(transaction, grant.iss, key, PendingRequest(pending.token, token))

    def _seal(self, transaction: Transaction, subject: str, key: bytes, row: msgspec.Struct) -> None:
        content = msgspec.msgpack.encode(row)
        transaction.put(key, self._vault.seal(subject, key, content, REGISTRATION_PART))


def _terms_of(call: RelayCall | RevokeCall) -> GrantTerms:
    return GrantTerms(bytes.fromhex(call.digest), call.register_before, call.exp, bytes.fromhex(call.revoker))


def request_key(subject: str, token: str) -> bytes:
    """Where an access request waits for its subject."""
    return layout.REQUEST + layout.text(subject) + document_digest(token)
