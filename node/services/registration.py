"""Registering bidders at their home centre: certificate, delegation, documents, a place on the ledger.

The map from credit code to subject stays here; the ledger learns a random id and a fresh key. Everything that
one registration needs becomes durable in one batch, so a crash leaves it whole or absent.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec

from node.domain.approval import Approval, Reserved
from node.domain.certificate import CertificateIdentity
from node.domain.document import peek_document
from node.domain.draft import RecordDraft
from node.domain.duties import Act
from node.domain.erasure import REGISTRATION_PART
from node.domain.ledger import CreateSubject
from node.domain.ledger_ids import subject_id
from node.domain.mandate import Authority, Power, authority_behind
from node.domain.package import BASE, Company
from node.domain.wallet import ControllerCall, MoveCall, RegisterCall, WalletCall
from node.errors import (
    DuplicateError,
    GrantMissingError,
    InvalidError,
    MissingError,
    Mistake,
    MovedError,
    SecondOfficerMissingError,
    SignatureError,
    StatusUnknownError,
    UnknownCallerError,
    VerificationError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.attesting import Attesting
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.homes import Homes
from node.services.look_ups import LookUps
from node.services.officers import ENOUGH, Officers, approval_in
from node.services.outbox import Outbox
from node.services.packages import Packages
from node.services.projection import SubjectRow
from node.services.reach import Reach
from node.services.recognition import Recognition
from node.services.records import Records
from node.services.registration_rows import Office, Registration, Voucher, renewed, reserved_in, with_office
from node.services.transaction import Transaction
from node.services.vault import Entropy, Vault
from node.services.waiting import Waiting

READ_LOG = "access.read"
_SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Registered:
    """What a wallet is told."""

    subject: str
    first: int
    """Position of the first record of the package."""
    count: int
    package: int = 0
    """Version of the package among the subject's."""
    warnings: Sequence[Mistake] = ()


class Registrations:
    """The home's own directory of subjects."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        homes: Homes,
        recognition: Recognition,
        gate: Gate,
        records: Records,
        outbox: Outbox,
        feed: Feed,
        clock: Clock,
        entropy: Entropy,
        reach: Reach,
        waiting: Waiting,
        attesting: Attesting,
        look_ups: LookUps,
        packages: Packages,
    ) -> None:
        self._homes, self._waiting = homes, waiting
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._reach, self._attesting, self._look_ups = reach, attesting, look_ups
        self._packages = packages
        self._recognition, self._records, self._outbox, self._feed = recognition, records, outbox, feed
        self._officers = Officers(alliance, recognition)
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
        key = self._gate.principal(call, Power.REGISTER)
        if call.mandate:
            call = self._under_mandate(call, key)
        identity = self._identify(call, status, key)
        directory = layout.DIRECTORY + self._vault.directory_key(identity.credit_code)
        known = self._store.get(directory)
        waiting = None if known is None else self._waiting.find(known.hex())
        if waiting is not None:
            known = None  # nobody has registered yet: what the centre had before is taken over
        credentials: dict[str, tuple[Voucher, ...]] = {key: (Voucher(call.delegation, status),)}
        self._alliance.check_may(Act.REGISTER if known is None else Act.CORRECT)
        if known is not None:
            self.check_home(known.hex())
        if known is not None and not call.subject:
            return self._again(known.hex(), key)
        if call.subject and (known is None or known.hex() != call.subject):
            raise MissingError("no such subject is registered here under this certificate")
        is_new_delegation = True
        office = self._officers.after(Office(), reserved_in([call.delegation]), [key], lowers=False)
        if known is not None:
            last = self.load(known.hex())
            is_new_delegation = all(one.delegation != call.delegation for one in last.vouchers)
            if not self._is_of(known.hex(), key):
                raise DuplicateError(
                    "another key is registered for this company; it has to add this one first"
                )
            credentials = renewed(last, key, call.delegation, status)
            office = self._officers.handed_in(
                call, key, last, credentials, is_new_delegation=is_new_delegation
            )
        salt = self._entropy(_SALT_BYTES) if waiting is None else waiting.salt
        raw = known or subject_id(self._alliance.raw_id, self._alliance.me, salt)
        subject = raw.hex()
        # Before anything is sealed: a refusal must not leave as much as a key behind.
        drafts, warnings = self._packages.drafts(
            subject, call.records, _company(identity), is_first=known is None and waiting is None
        )
        transaction = Transaction(self._store)
        if known is None:
            transaction.put(directory, raw)
            if waiting is not None:
                self._waiting.take_over(transaction, subject)
            create = CreateSubject(salt, self._alliance.signer_of(key))
            self._outbox.add(transaction, f"subject/{subject}", create)
        # With further documents too: certificates and delegations expire and are renewed.
        self._put(
            transaction,
            with_office(
                Registration(subject, identity.credit_code, identity.organisation, credentials), office
            ),
        )
        first = self._records.stage(transaction, drafts)
        self._attest(transaction, subject, drafts, identity, call.delegation, is_new=is_new_delegation)
        package = self._packages.keep(transaction, subject, first, len(drafts)) if drafts else 0
        about = {"subject": subject, "first": str(first), "count": str(len(drafts))}
        self._feed.add(transaction, FeedEntry("subject.registered", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return Registered(subject, first, len(drafts), package, warnings)

    async def prepare(self, token: str) -> bytes:
        """Ask the authorities about the delegation in a request that is about to be handed to `register`.

        Returns:
            The status proof for it.

        Raises:
            NodeError: the request is malformed, or a time stamp that must be had cannot be.
        """
        call = peek_document(token, RegisterCall)
        if not call.delegation:  # under a mandate: what is known stands
            return b""
        await self.warm_approval(call.approval)
        return await self._recognition.prove(call.delegation)

    async def warm_approval(self, approval: str) -> None:
        """Ask the authorities about a second officer's certificate, where nothing kept is news.

        Args:
            approval: a compact JWS, not checked; empty for none.

        Raises:
            DocumentFormatError: it is malformed.
            StoreError: the database fails.
        """
        if approval:
            await self._recognition.warm(peek_document(approval, Approval).delegation)

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
        identity = self._identify(call, status, call.key)
        directory = layout.DIRECTORY + self._vault.directory_key(identity.credit_code)
        known = self._store.get(directory)
        if known is not None and known.hex() != call.subject:
            raise DuplicateError("this company is registered here already, as another subject")
        drafts, warnings = self._packages.drafts(
            call.subject, call.records, _company(identity), is_first=True
        )
        transaction.put(directory, bytes.fromhex(call.subject))
        earlier = self.load(call.subject) if self.is_registered(call.subject) else None
        credentials = {} if earlier is None else earlier.credentials
        credentials = {**credentials, call.key: (Voucher(call.delegation, status),)}
        office = self._officers.settled(call, identity.credit_code, earlier)
        moved = Registration(call.subject, identity.credit_code, identity.organisation, credentials)
        self._put(transaction, with_office(moved, office))
        first = self._records.stage(transaction, drafts)
        self._attest(transaction, call.subject, drafts, identity, call.delegation, is_new=True)
        package = self._packages.keep(transaction, call.subject, first, len(drafts))
        return Registered(call.subject, first, len(drafts), package, warnings)

    def check_officers(
        self, subject: str, act: Reserved, key: str, approval: Approval | None, *, by: int | None = None
    ) -> None:
        """Check that an act is signed by as many officers as a subject wants; whoever is not registered wants one.

        Args:
            subject: its id, 64 hex digits.
            act: what it is.
            key: the first officer's, that signed.
            approval: its own signature was checked; None if there is none.
            by: when the ledger had what was approved, at the latest; None for what is done now.

        Raises:
            SecondOfficerMissingError: it is reserved for two officers.
            ApprovalError: the second is no officer of this subject.
            NodeError: the second officer's delegation does not hold now.
        """
        if self.is_registered(subject):
            last = self.load(subject)
            self._officers.check(subject, last.credit_code, last.office, act, key, approval, by=by)

    def check_call(self, call: WalletCall, act: Reserved) -> None:
        """`check_officers` for an authenticated request: of the act, or of the mandate under which it is done."""
        if call.mandate:
            self.check_mandate(call.subject, authority_behind(call.mandate))
        else:
            self.check_officers(call.subject, act, call.key, approval_in(call))

    def check_mandate(self, subject: str, authority: Authority) -> None:
        """`check_officers` for a mandate that is in force on the ledger."""
        self.check_officers(
            subject, Reserved.MANDATE, authority.key, authority.approval, by=authority.register_before
        )

    def change_officers(self, transaction: Transaction, call: ControllerCall, row: SubjectRow) -> None:
        """Let a change of keys through that is signed by as many officers as the subject wants, and note the new one.

        Raises:
            ConflictError: fewer than two officers would be left.
            NodeError: as `check_officers`.
        """
        if not self.is_home_of(call.subject):
            return
        last = self.load(call.subject)
        office = last.office
        if len(office.keys) >= ENOUGH:
            self.check_call(call, Reserved.CONTROLLERS)
        changed = self._officers.changed(office, row, removed=call.removed, added=call.added)
        if changed != office:
            self._put(transaction, with_office(last, changed))

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

    def voucher(self, subject: str, key: str, moment: int | None = None) -> Voucher:
        """A certificate's word for a subject's key that holds; the last one handed in where none does.

        A certificate that was revoked or has run out stops nothing while another of the same company is good.

        Args:
            subject: that is registered here.
            key: one that speaks for it.
            moment: by when what rests on it happened, seconds since 1970 UTC; now if None.

        Raises:
            GrantMissingError: the company has not handed a delegation of this key in here.
            ErasureListError, MissingError, StoreError: as `load`.
        """
        return self._voucher(self.load(subject), key, moment)

    def signed_voucher(self, subject: str, authority: Authority, moment: int) -> Voucher:
        """`voucher` for the key behind a grant that enough officers who count here signed, or the mandate behind it.

        A second officer's certificate that ran out since stops no grant, so only keys are compared.

        Raises:
            SecondOfficerMissingError: one officer has signed what is reserved for two.
            NodeError: as `voucher`.
        """
        last = self.load(subject)
        approval, officers = authority.approval, last.officers
        if authority.act in last.office.reserved and (
            approval is None or not {authority.key, approval.key} <= set(officers)
        ):
            raise SecondOfficerMissingError("the bidder reserves this for two officers; one has signed")
        return self._voucher(last, authority.key, moment)

    def _voucher(self, registration: Registration, key: str, moment: int | None) -> Voucher:
        vouchers = registration.credentials.get(key, ())
        if not vouchers:
            raise GrantMissingError("no certificate has vouched here for the key that signed the grant")
        first, *others = vouchers
        if not others:
            return first  # whoever relies on it judges it
        for one in vouchers:
            with suppress(VerificationError, InvalidError, StatusUnknownError):
                self._recognition.check(one.delegation, moment=moment, proof=one.status)
                return one
        return first

    def status_of(self, subject: str, delegation: str) -> bytes:
        """What came with a delegation of a subject when it was handed in here; empty if nothing did, or it was not.

        Raises:
            ErasureListError, MissingError, StoreError: as `load`.
        """
        return next((one.status for one in self.load(subject).vouchers if one.delegation == delegation), b"")

    async def warm(self, subject: str) -> None:
        """Ask the authorities about all certificates of a subject, where nothing kept is news.

        Raises:
            MissingError: no such subject is registered here.
            StoreError: the database fails.
        """
        for one in self.load(subject).vouchers:
            await self._recognition.warm(one.delegation)

    def owned_by(self, subject: str, key: str) -> str:
        """The subject, if it is registered here under this wallet key, also when it has moved away since.

        Raises:
            UnknownCallerError: it is not; the same where there is no such subject.
            StoreError: the database fails.
        """
        if not self.is_registered(subject) or not self._is_of(subject, key):
            raise UnknownCallerError("this key does not speak for a subject that is registered here")
        return subject

    def is_home_of(self, subject: str) -> bool:
        """As `Homes`."""
        return self._homes.is_home_of(subject)

    def is_registered(self, subject: str) -> bool:
        """As `Homes`."""
        return self._homes.is_registered(subject)

    def _attest(
        self,
        transaction: Transaction,
        subject: str,
        drafts: Sequence[RecordDraft],
        identity: CertificateIdentity,
        delegation: str,
        *,
        is_new: bool,
    ) -> None:
        """What the certificate says at once, what the register says when it answers."""
        self._attesting.registered(
            transaction, subject, drafts, identity, delegation, is_new_delegation=is_new
        )
        if any(draft.category == BASE for draft in drafts):
            self._look_ups.queue(transaction, subject)

    def _under_mandate(self, call: RegisterCall, key: str) -> RegisterCall:
        """The call of somebody who hands in documents for a subject: the subject's delegation stands.

        Raises:
            UnknownCallerError: the subject is not registered here, or its wallet key is another by now.
        """
        subject = self.owned_by(call.subject, key)
        self._gate.check_controller(call, Power.REGISTER)
        return msgspec.structs.replace(call, delegation=self.voucher(subject, key).delegation)

    def _identify(self, call: RegisterCall | MoveCall, status: bytes, key: str) -> CertificateIdentity:
        """Whose certificate vouches for the wallet key that calls, or that gave the caller a mandate."""
        judged = self._recognition.check(call.delegation, proof=status)
        if judged.delegation.key != key:
            raise SignatureError("the delegation is for another wallet key")
        return judged.identity

    def _again(self, subject: str, key: str) -> Registered:
        if not self._is_of(subject, key):
            raise DuplicateError("this company is registered here already, under another wallet key")
        return Registered(subject, 0, 0, self._packages.last(subject))

    def _is_of(self, subject: str, key: str) -> bool:
        """Whether a key speaks for a subject: as the ledger has it, and before that, as it was registered."""
        row = self._alliance.projection.subject(bytes.fromhex(subject))
        return key in self.load(subject).credentials if row is None else self._alliance.speaks_for(row, key)

    def _put(self, transaction: Transaction, registration: Registration) -> None:
        place = layout.REGISTRATION + registration.subject.encode()
        content = msgspec.msgpack.encode(registration)
        transaction.put(place, self._vault.seal(registration.subject, place, content, REGISTRATION_PART))


def _company(identity: CertificateIdentity) -> Company:
    return Company(identity.credit_code, identity.organisation)
