"""At any node: a company that has lost its keys gets a new one, on its certificate's word.

The wallet goes to the nodes itself. Any of them proposes the new key on the ledger; those that are drawn keep the
request until they have confirmed it, by their operator or, if configured so, by themselves. Each checks on its own:

1 the request is by the new key, and a certificate that holds now vouches for it, lately
2 one of the keys that speak for the subject on the ledger has accepted a delegation (`KeyAcceptance`)
3 that delegation is by a certificate of the same company: the same credit code

Without 2 any company could sign a delegation for a key that it sees on the ledger, and take the subject over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from node.domain.certified import peek_certified
from node.domain.controller import drawn_members
from node.domain.delegation import Delegation, open_acceptance, open_delegation
from node.domain.document import document_digest, open_by_controller, peek_document
from node.domain.duties import Act
from node.domain.erasure import REGISTRATION_PART
from node.domain.member import member_name_from_bytes32, member_name_to_bytes32
from node.domain.recovery import ConfirmRecovery, FinishRecovery, ProposeRecovery
from node.domain.wallet import FinishCall, RecoverCall
from node.errors import (
    CertificateError,
    ConflictError,
    MissingError,
    SignatureError,
    UnknownCallerError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.outbox import Outbox
from node.services.projection import RecoveryRow, SubjectRow
from node.services.recognition import Recognition
from node.services.transaction import Transaction
from node.services.vault import Vault

MAX_DELEGATION_AGE_SECONDS = 30 * 86_400
"""What the certificate signed for the old keys does not recover them: it must have signed lately."""


class KeptRecovery(msgspec.Struct, frozen=True):
    """A request that this member may confirm."""

    token: str
    credit_code: str
    organisation: str
    version: int
    """That the subject would have after the recovery."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a wallet is told."""

    drawn: tuple[str, ...]
    """Members that may confirm; two of them must."""
    recovery: RecoveryRow | None
    """None before the ledger has the proposal."""


class Recoveries:
    """Proposes, keeps for confirming, confirms, finishes."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        recognition: Recognition,
        gate: Gate,
        outbox: Outbox,
        feed: Feed,
        clock: Clock,
        *,
        is_automatic: bool,
    ) -> None:
        self._store, self._vault, self._alliance, self._recognition = store, vault, alliance, recognition
        self._gate, self._outbox, self._feed, self._clock = gate, outbox, feed, clock
        self._is_automatic = is_automatic

    async def prepare(self, token: str) -> None:
        """Ask the authorities about the certificate behind a request for `recover`.

        Raises:
            NodeError: the request is malformed.
        """
        await self._recognition.warm(peek_document(token, RecoverCall).delegation)

    def recover(self, token: str) -> Standing:
        """Take a request: propose it, keep it for confirming, and say where it stands.

        Raises:
            NodeError: a check fails; nothing is stored.
        """
        self._alliance.check_may(Act.RECOVER)
        call = self._gate.open(token, RecoverCall)
        kept, row = self._check(token, call)
        subject, signer = bytes.fromhex(call.subject), self._alliance.signer_of(call.key)
        found = next((one for one in row.recoveries if one.controller == signer), None)
        transaction = Transaction(self._store)
        name = _object(call.subject, signer)
        if found is None and not self._outbox.is_open(transaction, name):
            self._outbox.add(transaction, name, ProposeRecovery(subject, signer))
        drawn = self._drawn(row)
        if self._alliance.me in drawn:
            self._keep(transaction, call, kept)
        transaction.commit()
        self._feed.wake()
        if self._is_automatic and found is not None and self._alliance.me in drawn:
            self._send_confirmation(subject, signer, row, found)
        return Standing(drawn, found)

    def finish(self, token: str) -> None:
        """Carry a recovery out.

        Raises:
            NodeError: the request is not in order, or it is too early.
        """
        self._alliance.check_may(Act.FINISH)
        call = self._gate.open(token, FinishCall)
        subject, signer = bytes.fromhex(call.subject), self._alliance.signer_of(call.key)
        row = self._alliance.projection.subject(subject)
        found = next((one for one in row.recoveries if one.controller == signer), None) if row else None
        if row is None or found is None:
            raise UnknownCallerError("no recovery of this subject by this key is under way")
        if not found.until or found.until > self._clock.now():
            raise ConflictError(
                "the recovery is not confirmed by two members yet, or its waiting time is not over"
            )
        transaction = Transaction(self._store)
        name = _object(call.subject, signer)
        if not self._outbox.is_open(transaction, name):
            self._outbox.add(transaction, name, FinishRecovery(subject, row.version + 1, signer))
        transaction.commit()

    def key_of(self, signer: bytes) -> str:
        """A controller as documents name it."""
        return self._alliance.verifiers.key_of(signer)

    def waiting(self) -> Iterator[tuple[str, KeptRecovery, RecoveryRow | None]]:
        """Requests that this member may confirm and has not: id, request, where it stands.

        Raises:
            StoreError: the database fails.
        """
        for key, sealed in list(self._store.scan(layout.RECOVERY)):
            subject = key[len(layout.RECOVERY) :].partition(b"\0")[0].decode()
            kept = msgspec.msgpack.decode(self._vault.open(subject, key, sealed), type=KeptRecovery)
            row = self._alliance.projection.subject(bytes.fromhex(subject))
            if row is None or row.version + 1 != kept.version:
                self._forget(key)  # what it was about is over: this member has no use for it any more
                continue
            signer = self._alliance.signer_of(peek_document(kept.token, RecoverCall).key)
            found = next((one for one in row.recoveries if one.controller == signer), None)
            if found is None or self._alliance.me not in found.confirmers:
                yield document_digest(kept.token).hex(), kept, found

    async def prepare_confirming(self, request: str) -> None:
        """Ask the authorities about the certificate behind a request for `confirm`.

        Raises:
            StoreError: the database fails.
        """
        for one, kept, _ in self.waiting():
            if one == request:
                await self.prepare(kept.token)

    def confirm(self, request: str) -> None:
        """As its operator decides: say on the ledger that this member has checked the certificate.

        Args:
            request: id, as `waiting` says it.

        Raises:
            MissingError: no such request waits.
            NodeError: it does not stand the checks any more.
        """
        self._alliance.check_may(Act.CONFIRM)
        for one, kept, found in self.waiting():
            if one == request:
                call = open_by_controller(kept.token, RecoverCall, peek_document(kept.token, RecoverCall).key)
                _, row = self._check(kept.token, call)
                if found is None:
                    raise ConflictError("the ledger does not have the proposal yet; try again in a moment")
                signer = self._alliance.signer_of(call.key)
                self._send_confirmation(bytes.fromhex(call.subject), signer, row, found)
                return
        raise MissingError("no such request for a recovery waits here")

    def _check(self, token: str, call: RecoverCall) -> tuple[KeptRecovery, SubjectRow]:
        row = self._alliance.projection.subject(bytes.fromhex(call.subject)) if call.subject else None
        if row is None:
            raise UnknownCallerError("the ledger has no such subject")
        # 1. the new key
        judged = self._recognition.check(call.delegation)
        if judged.delegation.key != call.key:
            raise SignatureError("the delegation is for another wallet key")
        if judged.delegation.iat < self._clock.now() - MAX_DELEGATION_AGE_SECONDS:
            raise CertificateError(
                "the certificate must have signed the new delegation within the last 30 days"
            )
        # 2. a lost key's own word
        acceptance = open_acceptance(call.acceptance, call.former)
        if acceptance.alliance != self._alliance.id or not self._alliance.speaks_for(row, acceptance.key):
            raise SignatureError("the key-acceptance is not by a key that speaks for the subject")
        # 3. the same company
        began, trust = peek_certified(call.former, Delegation).iat, self._recognition.trust()
        former, company = open_delegation(call.former, self._alliance.id, trust, began)
        if former.key != acceptance.key:
            raise SignatureError("the former delegation is for another key than the one that accepted it")
        if company.credit_code != judged.identity.credit_code:
            raise CertificateError("the certificate is of another company than the one that has lost its key")
        identity = judged.identity
        return KeptRecovery(token, identity.credit_code, identity.organisation, row.version + 1), row

    def _drawn(self, row: SubjectRow) -> tuple[str, ...]:
        active = (one.member.name for one in self._alliance.projection.members() if one.active)
        eligible = [member_name_to_bytes32(name) for name in active if name != row.home]
        return tuple(map(member_name_from_bytes32, drawn_members(row.controllers, eligible)))

    def _keep(self, transaction: Transaction, call: RecoverCall, kept: KeptRecovery) -> None:
        place = layout.RECOVERY + layout.text(call.subject, call.key)
        is_new = transaction.get(place) is None
        content = msgspec.msgpack.encode(kept)
        transaction.put(place, self._vault.seal(call.subject, place, content, REGISTRATION_PART))
        if is_new:
            about = {"subject": call.subject, "request": document_digest(kept.token).hex()}
            self._feed.add(transaction, FeedEntry("recovery.received", self._clock.now(), about))

    def _forget(self, key: bytes) -> None:
        transaction = Transaction(self._store)
        transaction.delete(key)
        transaction.commit()

    def _send_confirmation(self, subject: bytes, signer: bytes, row: SubjectRow, found: RecoveryRow) -> None:
        transaction = Transaction(self._store)
        name = _object(subject.hex(), signer)
        if self._alliance.me not in found.confirmers and not self._outbox.is_open(transaction, name):
            self._outbox.add(transaction, name, ConfirmRecovery(subject, row.version + 1, signer))
            transaction.commit()


def _object(subject: str, signer: bytes) -> str:
    return f"recovery/{subject}/{signer.hex()}"
