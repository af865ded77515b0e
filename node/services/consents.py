"""At a home: consents of the people in a subject's records, their withdrawal, and the gate before every read.

A consent is kept sealed under its subject's key. It is looked for again at every read, also at the repetition of one:
what a person withdraws stops with the next call.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from node.domain.act import ActKind
from node.domain.consent import (
    KEY_FIELD,
    Asked,
    Consent,
    ConsentReceipt,
    ConsentWithdrawal,
    PersonConsent,
    RecordedConsent,
    ShownConsent,
    encode_shown,
    is_for,
    kind_of,
    lacking,
    open_consent,
    open_withdrawal,
    personal_fields,
)
from node.domain.document import document_digest, reopen_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.erasure import REGISTRATION_PART
from node.domain.grant import Grant, Scope
from node.domain.notice import ConsentWithdrawn
from node.domain.wallet import ConsentCall, ConsentsCall, WithdrawCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    UnknownCallerError,
)
from node.ports import Clock, Signer, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.notices import Notices
from node.services.preparing import StoredRecord
from node.services.records import Records
from node.services.registration import Registrations
from node.services.sharing import Sharing
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault

_MOST_LACKED = 10_000


class KeptConsent(msgspec.Struct, frozen=True):
    """A consent at its home."""

    token: str
    taken: float
    receipt: str
    """Of the consent; of its withdrawal once there is one."""
    withdrawal: str = ""

    def consent(self) -> Consent:
        """What it says."""
        return reopen_document(self.token, kind_of(self.token))


@dataclass(frozen=True, slots=True)
class Lack:
    """A record that nobody may read under a grant, because its person has not consented."""

    receiver: str
    purpose: str
    category: str
    thing: str
    fields: tuple[str, ...]


class Consents:
    """Keeps consents and stands before reads."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        registrations: Registrations,
        records: Records,
        sharing: Sharing,
        notices: Notices,
        acts: Acts,
        feed: Feed,
        signer: Signer,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._registrations, self._records, self._sharing = registrations, records, sharing
        self._notices, self._acts, self._feed = notices, acts, feed
        self._signer, self._clock, self._entropy = signer, clock, entropy
        self._lacked: set[tuple[str, bytes, str]] = set()
        """Subject, grant and reader of reads that lacked a consent; a process that dies forgets them."""

    # -- giving -------------------------------------------------------------------------------------------

    def give(self, token: str) -> str:
        """Keep a consent, on the request of the subject's controller or of the person itself.

        Returns:
            The home's signed receipt; the same for the same consent again, also after it was withdrawn.

        Raises:
            NodeError: the request or the consent is not acceptable; nothing is stored.
        """
        call = self._gate.open(token, ConsentCall)
        consent = open_consent(call.consent)
        if (consent.alliance, consent.home) != (self._alliance.id, self._alliance.me):
            raise DocumentFormatError("the consent is for another home or alliance")
        self._check_bringer(call, consent)
        if (known := self._find(consent.subject, document_digest(call.consent))) is not None:
            return known[1].receipt
        now = self._clock.now()
        if consent.exp <= now:
            raise DocumentFormatError("the consent has run out already")
        self._alliance.projection.member(consent.receiver)
        self._check_record(consent)
        transaction = Transaction(self._store)
        digest = document_digest(call.consent)
        kept = KeptConsent(call.consent, now, self._receipt(digest, ""))
        self._put(transaction, consent, digest, kept)
        about = {"subject": consent.subject, "receiver": consent.receiver, "consent": digest.hex()}
        self._feed.add(transaction, FeedEntry("consent.given", now, about))
        transaction.commit()
        self._feed.wake()
        return kept.receipt

    def _check_bringer(self, call: ConsentCall, consent: Consent) -> None:
        """Raises:
        UnknownCallerError: neither the subject's controller nor the person brings it, or a company records it with
            a key that does not speak for it. The same where there is no such subject.
        """
        if call.subject != consent.subject or not self._registrations.is_home_of(consent.subject):
            raise UnknownCallerError("this key does not speak for a subject that is registered here")
        if isinstance(consent, PersonConsent) and call.key == consent.key:
            return
        self._gate.check_controller(call)
        if isinstance(consent, RecordedConsent) and consent.key != call.key:
            raise UnknownCallerError("a recorded consent is signed by the subject's controller")

    def _check_record(self, consent: Consent) -> None:
        """Raises:
        MissingError: there is no such record, or it names another key; a stranger to it learns no more.
        """
        for position in self._records.newest(consent.subject, consent.category, lambda _: True):
            stored = self._records.load(position)
            if stored.header.thing == consent.thing:
                if isinstance(consent, RecordedConsent) or stored.fields.get(KEY_FIELD) == consent.key:
                    return
                break
        raise MissingError(
            f"no {consent.category} record by that name states this key as its {KEY_FIELD}"
            if isinstance(consent, PersonConsent)
            else f"there is no {consent.category} record by that name"
        )

    # -- withdrawing --------------------------------------------------------------------------------------

    def withdraw(self, token: str) -> tuple[str, int]:
        """Take a withdrawal: at the home it acts at once, any other member takes it there.

        Returns:
            The home's receipt, or empty and the number under which it is on its way.

        Raises:
            NodeError: the request or the withdrawal is not acceptable; nothing has changed.
        """
        call = self._gate.open(token, WithdrawCall)
        withdrawal = open_withdrawal(call.withdrawal)
        if withdrawal.alliance != self._alliance.id or withdrawal.key != call.key:
            raise DocumentFormatError("the withdrawal is by another key, or for another alliance")
        if withdrawal.home == self._alliance.me:
            return self.take(call.withdrawal), -1
        self._alliance.projection.member(withdrawal.home)
        kept = self._notices.relay(call.withdrawal, withdrawal)
        return kept.receipt, self._notices.number_of(call.withdrawal)

    def take(self, token: str) -> str:
        """At the home: end a consent by a withdrawal, whoever brought it.

        Returns:
            The home's receipt; the same for a consent that was withdrawn before.

        Raises:
            MissingError: there is no such consent here, or this key cannot withdraw it: one answer for both.
            NodeError: the withdrawal is malformed or false.
        """
        withdrawal = open_withdrawal(token)
        if (withdrawal.alliance, withdrawal.home) != (self._alliance.id, self._alliance.me):
            raise DocumentFormatError("the withdrawal is for another home or alliance")
        key, kept = self._load(withdrawal)
        if kept.withdrawal:
            return kept.receipt
        transaction = Transaction(self._store)
        self._end(transaction, key, kept, withdrawal, token)
        transaction.commit()
        self._feed.wake()
        return self._open(withdrawal.subject, key).receipt

    def withdraw_on_record(self, subject: str, consent: str, reason: str) -> str:
        """The operator ends a recorded consent, for a person that told it to the home; recorded with the reason.

        Args:
            subject: its id, 64 hex digits.
            consent: id of the consent, 64 hex digits.
            reason: how the person withdrew; goes into the record, so it names nobody.

        Returns:
            The receipt.

        Raises:
            MissingError: there is no such consent here.
            ConflictError: the person signed it with a key of its own, and withdraws with it.
            DocumentFormatError: no reason is given.
        """
        if not reason.strip():
            raise DocumentFormatError("a withdrawal on record needs a reason")
        found = self._find(subject, bytes.fromhex(consent))
        if found is None:
            raise MissingError("there is no such consent")
        key, kept = found
        if kept.withdrawal:
            return kept.receipt
        if isinstance(kept.consent(), PersonConsent):
            raise ConflictError("the person signed this consent, and withdraws it by the same key")
        withdrawal = ConsentWithdrawal(
            alliance=self._alliance.id,
            iat=int(self._clock.now()),
            jti=to_base64url(self._entropy(16)),
            subject=subject,
            home=self._alliance.me,
            consent=consent,
            key=self._signer.public_key.hex(),
        )
        transaction = Transaction(self._store)
        self._end(transaction, key, kept, withdrawal, sign_document(withdrawal, self._signer.sign))
        self._acts.record(
            transaction, ActKind.CONSENT_WITHDRAWN, {"consent": consent, "reason": reason.strip()}
        )
        transaction.commit()
        self._feed.wake()
        return self._open(subject, key).receipt

    def _end(
        self,
        transaction: Transaction,
        key: bytes,
        kept: KeptConsent,
        withdrawal: ConsentWithdrawal,
        token: str,
    ) -> None:
        consent, digest = kept.consent(), document_digest(kept.token)
        receipt = self._receipt(digest, document_digest(token).hex())
        ended = msgspec.structs.replace(kept, withdrawal=token, receipt=receipt)
        self._seal(transaction, consent.subject, key, ended)
        # In the same batch: no crash can lie between a withdrawal and its notice.
        self._notices.tell(
            transaction, consent.subject, ConsentWithdrawn(withdrawal.consent), [consent.receiver]
        )
        about = {"subject": consent.subject, "receiver": consent.receiver, "consent": digest.hex()}
        self._feed.add(transaction, FeedEntry("consent.withdrawn", self._clock.now(), about))

    def _load(self, withdrawal: ConsentWithdrawal) -> tuple[bytes, KeptConsent]:
        found = self._find(withdrawal.subject, bytes.fromhex(withdrawal.consent))
        if found is not None and self._may_withdraw(withdrawal.key, found[1].consent()):
            return found
        raise MissingError("there is no such consent")

    def _may_withdraw(self, key: str, consent: Consent) -> bool:
        if key == consent.key:
            return True
        row = self._alliance.projection.subject(bytes.fromhex(consent.subject))
        is_controllers = row is not None and row.controller == self._alliance.signer_of(key)
        return isinstance(consent, RecordedConsent) and is_controllers

    # -- reading ------------------------------------------------------------------------------------------

    def cover(  # noqa: PLR0917
        self,
        grant_id: bytes,
        grant: Grant,
        receiver: str,
        purpose: str,
        scope: Sequence[Scope],
        positions: Sequence[int],
    ) -> bytes | None:
        """The consents that a read of these records needs, to go with the answer.

        Costs nothing where no field of the scope is personal, and writes nothing: no refusal takes longer for it.

        Returns:
            See `encode_shown`; None if one is lacking, of which the owner is told afterwards.

        Raises:
            StoreError: the database fails.
        """
        personal = dict(personal_fields({part.category: part.fields for part in scope}))
        if not personal:
            return b""
        asked = self._asked(grant.iss, receiver, purpose)
        kept = list(self._live(asked))
        shown: dict[bytes, ShownConsent] = {}
        is_covered = True
        for position in positions:
            stored = self._records.load(position)
            leaving = personal.get(stored.header.category, frozenset()) & stored.fields.keys()
            usable = _usable(stored, kept, grant.key)
            is_covered = is_covered and not lacking(
                stored.header.category, leaving, [consent for _, consent in usable]
            )
            for token, consent in usable:
                if leaving.intersection(consent.fields):
                    shown[document_digest(token)] = ShownConsent(token, _key_disclosure(stored, consent))
        if not is_covered:
            if len(self._lacked) < _MOST_LACKED:
                self._lacked.add((grant.iss, grant_id, receiver))
            return None
        return encode_shown(shown.values())

    def lacks(self, subject: str) -> Iterator[Lack]:
        """What of a subject's live grants cannot be read, because a person has not consented.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        for _, kept in self._sharing.grants(subject):
            if not kept.token or kept.revoked:
                continue
            grant = reopen_document(kept.token, Grant)
            if grant.exp <= now:
                continue
            personal = dict(personal_fields({part.category: part.fields for part in grant.scope}))
            for receiver in grant.aud if personal else ():
                yield from self._lacks_of(grant, receiver, personal)

    def _lacks_of(
        self, grant: Grant, receiver: str, personal: Mapping[str, frozenset[str]]
    ) -> Iterator[Lack]:
        live = list(self._live(self._asked(grant.iss, receiver, grant.purpose)))
        for name, fields in personal.items():
            for position in self._records.newest(grant.iss, name, lambda _: True):
                stored = self._records.load(position)
                usable = [consent for _, consent in _usable(stored, live, grant.key)]
                if missing := lacking(name, fields & stored.fields.keys(), usable):
                    thing = stored.header.thing
                    yield Lack(receiver, grant.purpose, name, thing, tuple(sorted(missing)))

    # -- looking ------------------------------------------------------------------------------------------

    def of_wallet(self, token: str) -> tuple[list[KeptConsent], list[Lack]]:
        """For the subject's controller all consents, and what lacks one; for a person those of its own key.

        Raises:
            NodeError: the request is not acceptable.
        """
        call = self._gate.open(token, ConsentsCall)
        found = [kept for _, kept in self.all(call.subject)] if len(call.subject) == 64 else []
        row = self._alliance.projection.subject(bytes.fromhex(call.subject)) if call.subject else None
        if row is not None and row.controller == self._alliance.signer_of(call.key):
            lacks = self.lacks(call.subject) if self._registrations.is_home_of(call.subject) else ()
            return found, list(lacks)
        return [kept for kept in found if kept.consent().key == call.key], []

    def all(self, subject: str) -> Iterator[tuple[bytes, KeptConsent]]:
        """A subject's consents with the places where they are kept.

        Raises:
            StoreError: the database fails.
        """
        for key, _ in self._store.scan(layout.CONSENT + layout.text(subject)):
            yield key, self._open(subject, key)

    def holder_state(self, kept: KeptConsent) -> str:
        """What became of the notice of a withdrawal: `waiting`, `deleted`, `held`; empty if there was none.

        Raises:
            StoreError: the database fails.
        """
        if not kept.withdrawal:
            return ""
        consent, digest = kept.consent(), document_digest(kept.token).hex()
        for _, notice in self._notices.of_subject(consent.subject):
            if notice.about() == ConsentWithdrawn(digest):
                return notice.outcome or "waiting"
        return ""

    def _live(self, asked: Asked) -> Iterator[tuple[str, Consent]]:
        for key, _ in self._store.scan(layout.CONSENT + layout.text(asked.subject, asked.receiver)):
            kept = self._open(asked.subject, key)
            consent = kept.consent()
            if not kept.withdrawal and is_for(consent, asked):
                yield kept.token, consent

    def _asked(self, subject: str, receiver: str, purpose: str) -> Asked:
        now = int(self._clock.now())
        return Asked(self._alliance.id, subject, self._alliance.me, receiver, purpose, now)

    async def step(self) -> None:
        """Tell owners what could not be read.

        Raises:
            StoreError: the database fails.
        """
        while self._lacked:
            self._tell_owner(*self._lacked.pop())

    def _tell_owner(self, subject: str, grant_id: bytes, receiver: str) -> None:
        """Once for each grant: a reader that tries again and again shall not fill the feed."""
        mark = layout.CONSENT_LACKING + layout.text(subject) + grant_id
        if self._store.get(mark) is not None:
            return
        transaction = Transaction(self._store)
        transaction.put(mark, b"")
        about = {"subject": subject, "reader": receiver, "grant": grant_id.hex()}
        self._feed.add(transaction, FeedEntry("consent.lacking", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()

    # -- at rest ------------------------------------------------------------------------------------------

    def _find(self, subject: str, digest: bytes) -> tuple[bytes, KeptConsent] | None:
        for key, _ in self._store.scan(layout.CONSENT + layout.text(subject)):
            if key.endswith(digest):
                return key, self._open(subject, key)
        return None

    def _open(self, subject: str, key: bytes) -> KeptConsent:
        sealed = self._store.get(key)
        assert sealed is not None  # its key was just found, and only an erasure deletes it
        return msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=KeptConsent)

    def _put(self, transaction: Transaction, consent: Consent, digest: bytes, kept: KeptConsent) -> None:
        key = layout.CONSENT + layout.text(consent.subject, consent.receiver) + digest
        self._seal(transaction, consent.subject, key, kept)

    def _seal(self, transaction: Transaction, subject: str, key: bytes, kept: KeptConsent) -> None:
        content = msgspec.msgpack.encode(kept)
        transaction.put(key, self._vault.seal(subject, key, content, REGISTRATION_PART))

    def _receipt(self, consent: bytes, withdrawal: str) -> str:
        receipt = ConsentReceipt(
            alliance=self._alliance.id,
            iat=int(self._clock.now()),
            jti=to_base64url(self._entropy(16)),
            iss=self._alliance.me,
            consent=consent.hex(),
            withdrawal=withdrawal,
        )
        return sign_document(receipt, self._signer.sign)


def _usable(
    stored: StoredRecord, kept: Sequence[tuple[str, Consent]], controller: str
) -> list[tuple[str, Consent]]:
    """Those of a record's own person: by the key that it names, or recorded by who signed the grant."""
    place, named = (stored.header.category, stored.header.thing), stored.fields.get(KEY_FIELD)
    return [
        (token, consent)
        for token, consent in kept
        if (consent.category, consent.thing) == place
        and consent.key == (named if isinstance(consent, PersonConsent) else controller)
    ]


def _key_disclosure(stored: StoredRecord, consent: Consent) -> str:
    if isinstance(consent, RecordedConsent):
        return ""
    return stored.seal().commitments.disclosures[KEY_FIELD]
