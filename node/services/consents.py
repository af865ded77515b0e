"""At a home: consents of the people in a subject's records, and their withdrawal.

What is withdrawn stops with the next call: `coverage.py` looks at every read.
"""

import msgspec

from node.domain.act import ActKind
from node.domain.consent import (
    KEY_FIELD,
    Consent,
    ConsentReceipt,
    ConsentWithdrawal,
    PersonConsent,
    RecordedConsent,
    open_consent,
    open_withdrawal,
)
from node.domain.document import document_digest
from node.domain.notice import ConsentWithdrawn
from node.domain.wallet import ConsentCall, ConsentsCall, WithdrawCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    MissingError,
    UnknownCallerError,
)
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.consent_rows import ConsentRows, KeptConsent
from node.services.coverage import Coverage, Lack
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.homes import Homes
from node.services.notices import Notices
from node.services.records import Records
from node.services.signing import Signing
from node.services.transaction import Transaction


class Consents:
    """Takes and ends consents."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        rows: ConsentRows,
        coverage: Coverage,
        alliance: Alliance,
        gate: Gate,
        homes: Homes,
        records: Records,
        notices: Notices,
        acts: Acts,
        feed: Feed,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._rows, self._coverage = store, rows, coverage
        self._alliance, self._gate = alliance, gate
        self._homes, self._records = homes, records
        self._notices, self._acts, self._feed = notices, acts, feed
        self._signing, self._clock = signing, clock

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
        digest = document_digest(call.consent)
        if (known := self._rows.find(consent.subject, digest)) is not None:
            return known.receipt
        now = self._clock.now()
        if consent.exp <= now:
            raise DocumentFormatError("the consent has run out already")
        self._alliance.projection.member(consent.receiver)
        self._check_record(consent)
        transaction = Transaction(self._store)
        kept = KeptConsent(call.consent, now, self._receipt(digest, ""))
        self._rows.put(transaction, kept)
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
        if call.subject != consent.subject or not self._homes.is_home_of(consent.subject):
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
        kept = self._rows.find(withdrawal.subject, bytes.fromhex(withdrawal.consent))
        if kept is None or not self._may_withdraw(withdrawal.key, kept.consent()):
            raise MissingError("there is no such consent")
        if kept.withdrawal:
            return kept.receipt
        transaction = Transaction(self._store)
        receipt = self._end(transaction, kept, token)
        transaction.commit()
        self._feed.wake()
        return receipt

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
        kept = self._rows.find(subject, bytes.fromhex(consent))
        if kept is None:
            raise MissingError("there is no such consent")
        if kept.withdrawal:
            return kept.receipt
        if isinstance(kept.consent(), PersonConsent):
            raise ConflictError("the person signed this consent, and withdraws it by the same key")
        withdrawal = ConsentWithdrawal(
            **self._signing.common(),
            subject=subject,
            home=self._alliance.me,
            consent=consent,
            key=self._signing.public_key.hex(),
        )
        transaction = Transaction(self._store)
        receipt = self._end(transaction, kept, self._signing.sign(withdrawal))
        self._acts.record(
            transaction, ActKind.CONSENT_WITHDRAWN, {"consent": consent, "reason": reason.strip()}
        )
        transaction.commit()
        self._feed.wake()
        return receipt

    def _end(self, transaction: Transaction, kept: KeptConsent, token: str) -> str:
        consent, digest = kept.consent(), document_digest(kept.token)
        receipt = self._receipt(digest, document_digest(token).hex())
        self._rows.put(transaction, msgspec.structs.replace(kept, withdrawal=token, receipt=receipt))
        # In the same batch: no crash can lie between a withdrawal and its notice.
        self._notices.tell(transaction, consent.subject, ConsentWithdrawn(digest.hex()), [consent.receiver])
        about = {"subject": consent.subject, "receiver": consent.receiver, "consent": digest.hex()}
        self._feed.add(transaction, FeedEntry("consent.withdrawn", self._clock.now(), about))
        return receipt

    def _may_withdraw(self, key: str, consent: Consent) -> bool:
        if key == consent.key:
            return True
        row = self._alliance.projection.subject(bytes.fromhex(consent.subject))
        is_controllers = self._alliance.speaks_for(row, key)
        return isinstance(consent, RecordedConsent) and is_controllers

    # -- looking ------------------------------------------------------------------------------------------

    def of_wallet(self, token: str) -> tuple[list[KeptConsent], list[Lack]]:
        """For the subject's controller all consents, and what lacks one; for a person those of its own key.

        Raises:
            NodeError: the request is not acceptable.
        """
        call = self._gate.open(token, ConsentsCall)
        found = list(self._rows.all(call.subject)) if call.subject else []
        row = self._alliance.projection.subject(bytes.fromhex(call.subject)) if call.subject else None
        if self._alliance.speaks_for(row, call.key):
            lacks = self._coverage.lacks(call.subject) if self._homes.is_home_of(call.subject) else ()
            return found, list(lacks)
        return [kept for kept in found if kept.consent().key == call.key], []

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

    def _receipt(self, consent: bytes, withdrawal: str) -> str:
        receipt = ConsentReceipt(
            **self._signing.issued(),
            consent=consent.hex(),
            withdrawal=withdrawal,
        )
        return self._signing.sign(receipt)
