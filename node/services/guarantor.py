"""At a guarantor: applications for guarantees, the applicant's verified data, the decision, the issue.

An application comes with the applicant's own grant on its data, so the guarantor reads and verifies before it
decides. One application code holds one application here and, by contract, one guarantee on the ledger.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from node.domain.act import ActKind
from node.domain.desk import FREES_CODE, DeskEvent, DeskMover, Stage, desk_step
from node.domain.document import (
    document_digest,
    open_by_controller,
    open_members_document,
    peek_document,
)
from node.domain.duties import Act
from node.domain.evidence import VerifiedRecord
from node.domain.grant import Grant
from node.domain.guarantee import ApplicationCode, Guarantee, check_guarantee, guarantee_terms
from node.domain.ledger import IssueGuarantee
from node.domain.ledger_ids import guarantee_id, issue_guarantee_digest
from node.domain.member import Role
from node.domain.package import BASE
from node.domain.sealed_guarantee import SealedPart
from node.domain.wallet import ApplicationsCall, ApplyCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    GrantScopeError,
    MissingError,
    MovedError,
    SignatureError,
)
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.applications import Application, Applications, Numbered, digest_of_code
from node.services.credit_lines import CreditLines
from node.services.exposures import Exposure
from node.services.feed import Feed, FeedEntry
from node.services.gate import Gate
from node.services.guarantees import Guarantees
from node.services.kept_reads import KeptReads
from node.services.outbox import Outbox, guarantee_object
from node.services.reading import Reading
from node.services.sealed_issuing import ANY_CODE, SealedIssuing
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

Also = Callable[[Transaction, str], None]
"""Told in the batch of an issue, with the guarantee's id, 64 hex digits; or of a refusal, with the application's."""
NEEDED_FIELDS = frozenset({"credit_code", "legal_name"})
"""Of subject.base: without them nobody can be named in a guarantee."""
KNOWN_SECONDS = 92 * 86_400
"""For so long a sealed application needs no other read than the last one under its grant."""


class Guarantor:
    """A guarantor's desk."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        reading: Reading,
        kept: KeptReads,
        guarantees: Guarantees,
        outbox: Outbox,
        lines: CreditLines,
        acts: Acts,
        feed: Feed,
        signing: Signing,
        clock: Clock,
        sealed: SealedIssuing,
    ) -> None:
        self._store, self._alliance, self._sealed = store, alliance, sealed
        self._applications = Applications(store, vault, alliance.me)
        self._gate, self._reading, self._kept, self._guarantees = gate, reading, kept, guarantees
        self._outbox, self._lines, self._acts = outbox, lines, acts
        self._feed, self._signing = feed, signing
        self._clock = clock

    def apply(self, token: str) -> str:
        """Take an application from an applicant's wallet; the same one again is answered again and taken once.

        The same is the very same request, whenever it comes, and a request that the wallet signed anew with the same
        terms under the same grant: an answer can get lost. Who was refused and applies anew signs a new grant.

        Returns:
            The application's id, 64 hex digits.

        Raises:
            NodeError: this node is no guarantor, or the application is not acceptable; nothing is stored.
        """
        self._alliance.check_role(Role.GUARANTOR)
        self._alliance.check_may(Act.APPLY)
        if (taken := self._taken(token)) is not None:
            return taken
        call = self._gate.open(token, ApplyCall)
        subject = self._gate.check_controller(call).hex()
        if call.sealed is None:
            self._check_code(call)
            check_guarantee(self._draft(call, number="-", name="-", credit_code=ANY_CODE))
        self._check_grant(call)
        code = digest_of_code(call)
        transaction, former = Transaction(self._store), None
        known = self._applications.holder(code)
        if known is not None:
            former = self.load(known.hex())
            if _content(call) == _content(peek_document(former.call, ApplyCall)):
                return known.hex()
            if former.stage is Stage.NEED_INFO:
                self._applications.put(transaction, known, msgspec.structs.replace(former, replaced=True))
            elif former.stage not in FREES_CODE:
                raise DuplicateError(
                    "there is another application under this code already: one per bidder and section"
                )
        if call.sealed is not None:
            self._sealed.check(call, call.sealed)
        identity = document_digest(token)
        read = self._reading.adopt(transaction, call.grant)
        refusals = 0 if former is None else former.refusals + (former.stage is Stage.REFUSED)
        application = Application(token, subject, read, refusals=refusals)
        self._applications.add(transaction, identity, code, application)
        if call.sealed is not None:
            self._sealed.take(transaction, call.sealed, identity)
        about = {"application": identity.hex(), "subject": subject}
        self._feed.add(transaction, FeedEntry("application.received", self._clock.now(), about))
        transaction.commit()
        self._feed.wake()
        return identity.hex()

    def of_wallet(self, token: str, first: int = 0) -> Iterator[Numbered]:
        """The applications of the wallet that asks, from number `first` on, oldest first.

        Raises:
            NodeError: the request is not acceptable.
        """
        subject = self._gate.check_controller(self._gate.open(token, ApplicationsCall)).hex()
        return self._applications.of(subject, first)

    def applications(self, first: int = 0) -> Iterator[Numbered]:
        """All applications from number `first` on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return self._applications.all(first)

    def queue(self, first: int = 0) -> Iterator[Numbered]:
        """The applications that are neither issued nor over, from number `first` on, oldest first.

        Raises:
            StoreError: the database fails.
        """
        return self._applications.open(first)

    def load(self, application: str) -> Application:
        """One application.

        Raises:
            MissingError: there is none by that id.
            StoreError: the database fails.
        """
        return self._applications.load(application)

    async def assess(self, application: str) -> list[VerifiedRecord]:
        """Read and verify the applicant's data under its grant.

        For a sealed application what was read under the same grant earlier is looked at again, for `KNOWN_SECONDS`:
        a read would tell the applicant's home, before the opening, that it applies, when and where.

        Raises:
            ConflictError: it is decided already: what was decided on stays as it was.
            NodeError: the data cannot be read, is false, or does not name the applicant.
        """
        found = self._undecided(application)
        records = self._known(found) or (await self._reading.fetch(found.read)).records
        base = next((r for r in records if r.header.category == BASE), None)
        if base is None or not set(base.fields) >= NEEDED_FIELDS:
            raise GrantScopeError("the applicant's record does not state its name and credit code")
        assessed = msgspec.structs.replace(
            self._undecided(application),  # somebody may have decided while the data was on its way
            legal_name=str(base.fields["legal_name"]),
            credit_code=str(base.fields["credit_code"]),
        )
        transaction = Transaction(self._store)
        self._applications.put(transaction, bytes.fromhex(application), assessed)
        transaction.commit()
        return list(records)

    def issue(
        self, application: str, number: str, *, outside_line: bool = False, also: Also | None = None
    ) -> str:
        """Sign a guarantee and bring it to the ledger, drawing on the applicant's credit line if it was given one.

        Args:
            application: its id, 64 hex digits.
            number: the guarantor's own.
            outside_line: leave the line alone; that is recorded as an act.
            also: what is written in the same batch.

        Returns:
            The guarantee's id, 64 hex digits.

        Raises:
            ConflictError: the application was not assessed yet, is decided already, or its fee is not paid.
            LineError: the line does not allow it.
            NodeError: the guarantee would be malformed.
        """
        self._alliance.check_role(Role.GUARANTOR)
        self._alliance.check_may(Act.ISSUE)
        found = self._ready(application, DeskEvent.ISSUE)
        if not found.credit_code:
            raise ConflictError("read and verify the applicant's data first: heqi guarantee assess")
        if self.has_number(number):
            raise DuplicateError(f"there is a guarantee {number} already")
        call = peek_document(found.call, ApplyCall)
        if call.sealed is not None:
            return self._issue_sealed(
                application, found, call, call.sealed, number, outside_line=outside_line, also=also
            )
        guarantee = self._draft(call, number=number, name=found.legal_name, credit_code=found.credit_code)
        check_guarantee(guarantee)
        token = self._signing.sign(guarantee)
        terms = guarantee_terms(guarantee, document_digest(token), self._alliance.verifiers.es256)
        raw_id = guarantee_id(self._alliance.raw_id, terms)
        digest = issue_guarantee_digest(self._alliance.signing_domain("Guarantees"), raw_id)
        transaction = Transaction(self._store)
        issue = IssueGuarantee(terms, self._signing.sign_message(digest))
        self._outbox.add(transaction, guarantee_object(raw_id), issue)
        self._guarantees.keep(transaction, raw_id, guarantee, token)
        exposure = (guarantee.applicant, guarantee.amount, guarantee.currency, guarantee.exp)
        self._book(transaction, raw_id, *exposure, outside_line=outside_line)
        decided = msgspec.structs.replace(found, guarantee=token)
        self._applications.put(transaction, bytes.fromhex(application), decided)
        self._applications.settle(transaction, bytes.fromhex(application))
        if also is not None:
            also(transaction, raw_id.hex())
        transaction.commit()
        return raw_id.hex()

    def has_number(self, number: str) -> bool:
        """Whether this guarantor has given a number before.

        Raises:
            StoreError: the database fails.
        """
        return bool(self._guarantees.by_number(self._alliance.me, number))

    def _book(  # noqa: PLR0917
        self,
        transaction: Transaction,
        raw_id: bytes,
        subject: str,
        amount: str,
        currency: str,
        exp: int,
        *,
        outside_line: bool,
        is_sent: bool = True,
    ) -> None:
        """Who was given a line draws on it: without the guarantor's word nothing goes past it, frozen or not."""
        has_line = self._lines.find(subject) is not None
        if has_line and outside_line:
            about = {"guarantee": raw_id.hex(), "subject": subject}
            self._acts.record(transaction, ActKind.OUTSIDE_LINE, about)
        exposure = Exposure(subject, amount, currency, exp, has_line and not outside_line)
        self._lines.book(transaction, raw_id, exposure, is_sent=is_sent)

    def _issue_sealed(
        self,
        application: str,
        found: Application,
        call: ApplyCall,
        part: SealedPart,
        number: str,
        *,
        outside_line: bool,
        also: Also | None,
    ) -> str:
        """The same for an application whose tender this node does not know: nothing goes to the ledger."""
        self._sealed.check_live(call, part)
        sealed = self._sealed.draft(
            call, part, number=number, name=found.legal_name, credit_code=found.credit_code
        )
        transaction = Transaction(self._store)
        token, raw_id = self._sealed.sign(transaction, application, sealed)
        exposure = (sealed.applicant, sealed.amount, sealed.currency, sealed.exp)
        self._book(transaction, raw_id, *exposure, outside_line=outside_line, is_sent=False)
        decided = msgspec.structs.replace(found, guarantee=token)
        self._applications.put(transaction, bytes.fromhex(application), decided)
        self._applications.settle(transaction, bytes.fromhex(application))
        if also is not None:
            also(transaction, raw_id.hex())
        transaction.commit()
        return raw_id.hex()

    def refuse(self, application: str, reason: str, *, also: Also | None = None) -> None:
        """Refuse an application; the applicant's wallet is told why, and its code is free again.

        Args:
            application: its id, 64 hex digits.
            reason: for the applicant.
            also: what is written in the same batch.

        Raises:
            ConflictError: it is decided already.
            DocumentFormatError: no reason is given.
        """
        if not reason.strip():
            raise DocumentFormatError("a refusal needs a reason")
        found = self._ready(application, DeskEvent.REFUSE)
        transaction = Transaction(self._store)
        self._applications.put(
            transaction, bytes.fromhex(application), msgspec.structs.replace(found, refused=reason)
        )
        self._applications.settle(transaction, bytes.fromhex(application))
        if also is not None:
            also(transaction, application)
        transaction.commit()

    def _known(self, found: Application) -> Sequence[VerifiedRecord]:
        """What a sealed application's grant has brought already; nothing if it has to be read."""
        if peek_document(found.call, ApplyCall).sealed is None:
            return ()
        try:
            kept = self._kept.show(found.read)
        except (MissingError, MovedError):  # not read yet; or to be read at the new home
            return ()
        return kept.records if kept.age_seconds <= KNOWN_SECONDS else ()

    def _undecided(self, application: str) -> Application:
        found = self.load(application)
        if found.stage not in {Stage.APPLIED, Stage.NEED_INFO}:
            raise ConflictError(f"the application is decided already: {found.stage.value}")
        return found

    def _ready(self, application: str, event: DeskEvent) -> Application:
        found = self.load(application)
        desk_step(found.stage, event, DeskMover.GUARANTOR)
        return found

    def _taken(self, token: str) -> str | None:
        """Id of the application that this very request was taken as."""
        identity = document_digest(token)
        found = self._applications.get(identity)
        return identity.hex() if found is not None and found.call == token else None

    def _check_code(self, call: ApplyCall) -> None:
        """That the tender's centre gave this code to this wallet."""
        centre = self._alliance.projection.member(peek_document(call.code, ApplicationCode).iss)
        code = open_members_document(call.code, ApplicationCode, centre.identity_keys)
        if not centre.roles & Role.CENTRE or code.alliance != self._alliance.id:
            raise DocumentFormatError("the application code is not by a centre of this alliance")
        if code.key != call.key:
            raise SignatureError("the application code was given to another wallet")
        if code.exp < self._clock.now():
            raise ConflictError("the application code has run out; ask the centre for a new one")

    def _check_grant(self, call: ApplyCall) -> None:
        """That the applicant lets this guarantor read what it needs."""
        grant = open_by_controller(call.grant, Grant, call.key)
        granted = {part.category: set(part.fields) for part in grant.scope}
        if (grant.iss, grant.aud) != (call.subject, (self._alliance.me,)):
            raise GrantScopeError("the grant is not the applicant's to this guarantor")
        if not granted.get(BASE, set()) >= NEEDED_FIELDS:
            raise GrantScopeError(f"the grant must cover {', '.join(sorted(NEEDED_FIELDS))} of {BASE}")

    def _draft(self, call: ApplyCall, *, number: str, name: str, credit_code: str) -> Guarantee:
        if call.exp <= self._clock.now():
            raise DocumentFormatError("the guarantee would be over before the ledger has it")
        code = peek_document(call.code, ApplicationCode)
        terms = {
            **self._signing.issued(),
            "number": number,
            "centre": code.iss,
            "code": code.code,
            "applicant": call.subject,
            "applicant_name": name,
            "applicant_code": credit_code,
            "applicant_key": call.applicant_key,
            "beneficiary_name": call.beneficiary_name,
            "beneficiary_key": call.beneficiary_key,
            "section": call.section,
            "guarantee_kind": call.guarantee_kind,
            "legal_nature": "independent",
            "amount": call.amount,
            "currency": call.currency,
            "nbf": call.nbf,
            "exp": call.exp,
        }
        try:
            return msgspec.convert(terms, Guarantee)
        except msgspec.ValidationError as error:
            raise DocumentFormatError(f"the terms applied for are malformed: {error}") from error


def _content(call: ApplyCall) -> ApplyCall:
    """What is applied for, whenever and however often it was signed and under whichever copy of the code."""
    return msgspec.structs.replace(call, iat=0, jti="", code=digest_of_code(call).hex())
