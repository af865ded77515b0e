"""Subjects that move: taking one in without its old home's help, and handing a subject its own copy.

Only the subject's controller moves it, by its signature on the ledger; what the new home gets it gets from the
wallet. Grants name the home that counts their uses, so they die with the move, and the wallet signs those that it
wants to keep again for the new home, over as many reads as were left.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from node.domain.alliance_life import MoveSubject
from node.domain.category import OwnerRule, categories
from node.domain.controller import verify_digest
from node.domain.document import document_digest, peek_document
from node.domain.duties import Act
from node.domain.erasure import REGISTRATION_PART
from node.domain.grant import AccessRequest, Grant, grant_terms, is_answer, open_grant
from node.domain.ledger import RegisterGrant
from node.domain.ledger_ids import grant_id, move_subject_digest
from node.domain.wallet import CarriedGrant, CopyCall, MoveCall, PackageRecord, PlaceCall
from node.errors import ConflictError, DocumentFormatError, UnknownCallerError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.projection import RecoveryRow
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.registration import Registered, Registrations
from node.services.sharing import KeptGrant, PendingRequest, request_key
from node.services.transaction import Transaction
from node.services.vault import Vault

_SUBJECTS = "Subjects"


@dataclass(frozen=True, slots=True)
class Place:
    """Where the ledger has a subject."""

    home: str
    version: int
    contract: bytes
    """20 bytes: the contract that the next change is signed for."""
    keys: tuple[str, ...]
    """Those that speak for the subject, as documents name them."""
    recoveries: tuple[RecoveryRow, ...]
    """That are proposed for the subject as it is now."""


class Moving:
    """Moves subjects between homes."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        registrations: Registrations,
        records: Records,
        outbox: Outbox,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._recognition = recognition
        self._registrations, self._records = registrations, records
        self._outbox, self._feed, self._clock = outbox, feed, clock

    def place(self, token: str) -> Place:
        """At any node: where the ledger has the wallet's subject.

        Raises:
            NodeError: the request is not acceptable.
        """
        subject = self._gate.check_controller(self._gate.open(token, PlaceCall))
        row = self._alliance.projection.subject(subject)
        assert row is not None  # its controller just called
        keys = tuple(map(self._alliance.verifiers.key_of, row.controllers))
        return Place(row.home, row.version, self._alliance.contract(_SUBJECTS), keys, row.recoveries)

    def copy(self, token: str) -> Iterator[PackageRecord]:
        """The newest version of every document that the subject handed in here; also after it has moved away.

        Raises:
            NodeError: the request is not acceptable.
        """
        call = self._gate.open(token, CopyCall)
        subject = self._registrations.owned_by(call.subject, call.key)
        names = [one.name for one in categories() if one.owner is OwnerRule.SUBJECT and not one.is_own]
        for name in names:
            for position in self._records.newest(subject, name, lambda _: True):
                stored = self._records.load(position)
                if stored.header.source_system == "wallet":
                    yield PackageRecord(name, stored.header.thing, dict(stored.fields))

    async def prepare(self, token: str) -> bytes:
        """Ask the authorities about the delegation in a request that is about to be handed to `take_over`.

        Returns:
            The status proof for it.

        Raises:
            NodeError: the request is malformed, or a time stamp that must be had cannot be.
        """
        call = peek_document(token, MoveCall)
        await self._registrations.warm_approval(call.approval)
        return await self._recognition.prove(call.delegation)

    def take_over(self, token: str, status: bytes = b"") -> Registered:
        """At the new home: take a subject in, and bring its move to the ledger.

        Args:
            token: the wallet's request.
            status: what `prepare` said of its delegation.

        Raises:
            NodeError: it is not the subject's own move to this node, or not possible now; nothing is stored.
        """
        self._alliance.check_may(Act.TAKE_OVER)
        call = self._gate.open(token, MoveCall)
        subject = self._gate.check_controller(call)
        row = self._alliance.projection.subject(subject)
        if row is None:
            raise UnknownCallerError("the ledger has no such subject")
        if row.home == self._alliance.me:
            raise ConflictError("the subject's home is this member already")
        if call.version != row.version + 1:
            raise ConflictError(f"the move must have version {row.version + 1} on the ledger: sign it again")
        self._check_signature(call, subject)
        carried = [(one, self._open_grant(one, call)) for one in call.grants]
        transaction = Transaction(self._store)
        self._outbox.yield_place(transaction, f"subject/{call.subject}", MoveSubject)
        if self._outbox.is_open(transaction, f"subject/{call.subject}"):
            raise ConflictError("a move of this subject is on its way already")
        registered = self._registrations.settle(transaction, call, status)
        for one, grant in carried:
            self._keep(transaction, call.subject, one, grant)
        signer = self._alliance.signer_of(call.key)
        move = MoveSubject(subject, signer, bytes.fromhex(call.signature))
        self._outbox.add(transaction, f"subject/{call.subject}", move)
        about = {"subject": call.subject, "from": row.home, "count": str(registered.count)}
        self._feed.add(transaction, FeedEntry("subject.moving", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return registered

    def _check_signature(self, call: MoveCall, subject: bytes) -> None:
        domain = self._alliance.signing_domain(_SUBJECTS)
        digest = move_subject_digest(domain, subject, call.version, self._alliance.me)
        verify_digest(call.key, digest, bytes.fromhex(call.signature))

    def _open_grant(self, carried: CarriedGrant, call: MoveCall) -> Grant:
        grant = open_grant(carried.grant)
        named = (grant.iss, grant.key, grant.alliance, grant.home)
        if named != (call.subject, call.key, self._alliance.id, self._alliance.me):
            raise DocumentFormatError(
                "a grant that is carried over must be the subject's, and name its new home"
            )
        if carried.request:
            request = peek_document(carried.request, AccessRequest)
            if request.subject != call.subject or not is_answer(grant, request):
                raise DocumentFormatError(
                    "a grant that is carried over does not answer the request beside it"
                )
        return grant

    def _keep(self, transaction: Transaction, subject: str, carried: CarriedGrant, grant: Grant) -> None:
        terms = grant_terms(grant, document_digest(carried.grant))
        raw_id = grant_id(self._alliance.raw_id, terms)
        kept = msgspec.msgpack.encode(KeptGrant(carried.grant, subject))
        transaction.put(layout.GRANT + raw_id, kept)
        transaction.put(layout.GRANT_OF + layout.text(subject) + raw_id, b"")
        if carried.request:
            key = request_key(subject, carried.request)
            answered = msgspec.msgpack.encode(PendingRequest(carried.request, carried.grant))
            transaction.put(key, self._vault.seal(subject, key, answered, REGISTRATION_PART))
        self._outbox.add(transaction, f"grant/{raw_id.hex()}", RegisterGrant(terms))
