"""Registering bidders at their home centre: certificate, delegation, documents, a place on the ledger.

The map from credit code to subject stays here; the ledger learns a random id and a fresh key. Everything that
one registration needs becomes durable in one batch, so a crash leaves it whole or absent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from node.domain.catalogue.rules import Rules
from node.domain.category import category
from node.domain.certificate import CertificateIdentity
from node.domain.document import peek_document
from node.domain.draft import RecordDraft, check_draft
from node.domain.duties import Act
from node.domain.erasure import REGISTRATION_PART
from node.domain.ledger import CreateSubject
from node.domain.ledger_ids import subject_id
from node.domain.values import from_json_value
from node.domain.wallet import MoveCall, PackageRecord, RegisterCall
from node.errors import (
    DuplicateError,
    InvalidError,
    MissingError,
    MovedError,
    RecordFieldsError,
    RecordFormatError,
    SignatureError,
    UnknownCallerError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.preparing import plain_fields
from node.services.reach import Reach
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault
from node.services.waiting import Waiting

BASE = "subject.base"
READ_LOG = "access.read"
_SALT_BYTES = 32


class Registration(msgspec.Struct, frozen=True):
    """A subject at its home, at rest sealed under the subject's key."""

    subject: str
    key: str
    delegation: str
    credit_code: str
    organisation: str
    status: bytes = b""
    """`StatusProof` of the delegation, canonical JSON."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What a wallet is told."""

    subject: str
    first: int
    """Position of the first record of the package."""
    count: int


class Registrations:
    """The home's own directory of subjects."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        records: Records,
        outbox: Outbox,
        feed: Feed,
        clock: Clock,
        entropy: Entropy,
        reach: Reach,
        waiting: Waiting,
    ) -> None:
        self._waiting = waiting
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._reach = reach
        self._recognition, self._records, self._outbox, self._feed = recognition, records, outbox, feed
        self._clock, self._entropy = clock, entropy

    def register(self, token: str, status: bytes = b"") -> Registered:
        """Register a subject, or take in further documents of one that is registered.

        The same key registering again gets the same subject and stores nothing twice.

        Args:
            token: the wallet's request.
            status: what `Recognition.prove` said of its delegation.

        Raises:
            NodeError: the request, the delegation or the package is not acceptable; nothing is stored.
        """
        call = self._gate.open(token, RegisterCall)
        identity = self._identify(call, status)
        directory = layout.DIRECTORY + self._vault.directory_key(identity.credit_code)
        known = self._store.get(directory)
        waiting = None if known is None else self._waiting.find(known.hex())
        if waiting is not None:
            known = None  # nobody has registered yet: what the centre had before is taken over
        self._alliance.check_may(Act.REGISTER if known is None else Act.CORRECT)
        if known is not None:
            self.check_home(known.hex())
        if known is not None and not call.subject:
            return self._again(known.hex(), call.key)
        if call.subject and (known is None or known.hex() != call.subject):
            raise MissingError("no such subject is registered here under this certificate")
        if known is not None:
            last = self.load(known.hex())
            if last.key != call.key:
                raise DuplicateError("another key is registered for this company; it has to hand over first")
            if last.delegation == call.delegation:
                status = last.status or status  # the first proof shows the earliest time
        salt = self._entropy(_SALT_BYTES) if waiting is None else waiting.salt
        raw = known or subject_id(self._alliance.raw_id, self._alliance.me, salt)
        subject = raw.hex()
        # Before anything is sealed: a refusal must not leave as much as a key behind.
        drafts = _drafts(
            subject,
            call.records,
            identity,
            self._records.rules,
            is_first=known is None and waiting is None,
        )
        transaction = Transaction(self._store)
        if known is None:
            transaction.put(directory, raw)
            if waiting is not None:
                self._waiting.take_over(transaction, subject)
            create = CreateSubject(salt, self._alliance.signer_of(call.key))
            self._outbox.add(transaction, f"subject/{subject}", create)
        # With further documents too: certificates and delegations expire and are renewed.
        self._put(
            transaction,
            Registration(
                subject, call.key, call.delegation, identity.credit_code, identity.organisation, status
            ),
        )
        first = self._records.stage(transaction, drafts)
        about = {"subject": subject, "first": str(first), "count": str(len(drafts))}
        self._feed.add(transaction, FeedEntry("subject.registered", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return Registered(subject, first, len(drafts))

    async def prepare(self, token: str) -> bytes:
        """Ask the authorities about the delegation in a request that is about to be handed to `register`.

        Returns:
            The status proof for it.

        Raises:
            NodeError: the request is malformed, or a time stamp that must be had cannot be.
        """
        return await self._recognition.prove(peek_document(token, RegisterCall).delegation)

    def settle(self, transaction: Transaction, call: MoveCall, status: bytes) -> Registered:
        """Take in a subject that moves here, from its wallet's own copy; by the same rules as a new one.

        The caller has checked that the subject's controller signed the move.

        Args:
            transaction: of the move.
            call: the wallet's request.
            status: what `Recognition.prove` said of its delegation.

        Raises:
            NodeError: the delegation or the package is not acceptable.
        """
        identity = self._identify(call, status)
        directory = layout.DIRECTORY + self._vault.directory_key(identity.credit_code)
        known = self._store.get(directory)
        if known is not None and known.hex() != call.subject:
            raise DuplicateError("this company is registered here already, as another subject")
        drafts = _drafts(call.subject, call.records, identity, self._records.rules, is_first=True)
        transaction.put(directory, bytes.fromhex(call.subject))
        self._put(
            transaction,
            Registration(
                call.subject, call.key, call.delegation, identity.credit_code, identity.organisation, status
            ),
        )
        return Registered(call.subject, self._records.stage(transaction, drafts), len(drafts))

    def check_home(self, subject: str) -> None:
        """That the subject has not moved away.

        Raises:
            MovedError: the ledger names another home.
            StoreError: the database fails.
        """
        row = self._alliance.projection.subject(bytes.fromhex(subject))
        if row is not None and row.home != self._alliance.me:
            raise MovedError(f"the subject has moved to {row.home}")

    def find(self, credit_code: str) -> str:
        """The subject that is registered here under a credit code.

        Raises:
            MissingError: there is none.
            StoreError: the database fails.
        """
        raw = self._store.get(layout.DIRECTORY + self._vault.directory_key(credit_code))
        if raw is None:
            raise MissingError("no such subject is registered here")
        return raw.hex()

    def kept_for(self, subject: str, credit_code: str) -> str:
        """Whose records are meant, for a read that needs no wallet of theirs; empty if nobody's are kept here.

        Args:
            subject: its id, 64 hex digits; or empty.
            credit_code: instead of the id.

        Raises:
            StoreError: the database fails.
        """
        if credit_code:
            subject = (
                self._store.get(layout.DIRECTORY + self._vault.directory_key(credit_code)) or b""
            ).hex()
        is_kept = self.is_home_of(subject) or self._waiting.is_waiting(subject)
        return subject if subject and is_kept else ""

    def load(self, subject: str) -> Registration:
        """The registration of a subject whose home is here.

        Raises:
            MissingError: there is none.
            ErasureListError: this node cannot tell whether it was erased.
            StoreError: the database fails.
        """
        self._reach.check()
        key = layout.REGISTRATION + subject.encode()
        sealed = self._store.get(key)
        if sealed is None:
            raise MissingError("no such subject is registered here")
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=Registration)

    def owned_by(self, subject: str, key: str) -> str:
        """The subject, if it is registered here under this wallet key, also when it has moved away since.

        Raises:
            UnknownCallerError: it is not; the same where there is no such subject.
            StoreError: the database fails.
        """
        if not self.is_registered(subject) or self.load(subject).key != key:
            raise UnknownCallerError("this key does not speak for a subject that is registered here")
        return subject

    def is_home_of(self, subject: str) -> bool:
        """Whether this node keeps the subject's records, and the ledger names no other home.

        Raises:
            StoreError: the database fails.
        """
        if not self.is_registered(subject):
            return False
        row = self._alliance.projection.subject(bytes.fromhex(subject))
        return row is None or row.home == self._alliance.me

    def is_registered(self, subject: str) -> bool:
        """Whether the subject was ever registered here, also if it has moved away since.

        Raises:
            StoreError: the database fails.
        """
        return self._store.get(layout.REGISTRATION + subject.encode()) is not None

    def _identify(self, call: RegisterCall | MoveCall, status: bytes) -> CertificateIdentity:
        """Whose certificate vouches for the wallet that calls."""
        judged = self._recognition.check(call.delegation, proof=status)
        if judged.delegation.key != call.key:
            raise SignatureError("the delegation is for another wallet key")
        return judged.identity

    def _again(self, subject: str, key: str) -> Registered:
        if self.load(subject).key != key:
            raise DuplicateError("this company is registered here already, under another wallet key")
        return Registered(subject, 0, 0)

    def _put(self, transaction: Transaction, registration: Registration) -> None:
        place = layout.REGISTRATION + registration.subject.encode()
        content = msgspec.msgpack.encode(registration)
        transaction.put(place, self._vault.seal(registration.subject, place, content, REGISTRATION_PART))


def _drafts(
    subject: str,
    package: Sequence[PackageRecord],
    identity: CertificateIdentity,
    rules: Rules,
    *,
    is_first: bool,
) -> list[RecordDraft]:
    """The package as drafts; all its mistakes are told at once.

    Raises:
        RecordFieldsError: a document breaks a rule.
        DefinitionMissingError: the definition of a category is not here.
    """
    drafts: list[RecordDraft] = []
    problems: list[str] = []
    for place, document in enumerate(package):
        where = f"document {place} ({document.category})"
        try:
            draft = _draft(subject, document, identity)
            mistakes = rules.mistakes(draft.category, plain_fields(draft))
            problems += [f"{where}: {mistake}" for mistake in mistakes]
            drafts.append(draft)
        except InvalidError as error:
            problems.append(f"{where}: {error}")
    if is_first and not any(document.category == BASE for document in package):
        problems.append(f"the first package must hold a {BASE} document")
    if problems:
        raise RecordFieldsError("; ".join(problems))
    return drafts


def _draft(subject: str, document: PackageRecord, identity: CertificateIdentity) -> RecordDraft:
    kind = category(document.category)
    if not kind.is_from_wallet:
        raise RecordFormatError("a wallet hands in documents of the subject only")
    if len(document.fields) > kind.slots:
        raise RecordFormatError(f"at most {kind.slots} fields, not {len(document.fields)}")
    stated = document.fields.get("credit_code", "" if document.category == BASE else identity.credit_code)
    if stated != identity.credit_code:
        raise RecordFormatError("credit_code is not the one in the certificate")
    draft = RecordDraft(
        category=document.category,
        thing=document.thing,
        owner=subject,
        source_system="wallet",
        source_version="",
        occurred=None,
        fields={name: from_json_value(value, name) for name, value in document.fields.items()},
    )
    check_draft(draft)
    return draft
