"""At a guarantor: what is different about applications whose tender it is not to learn.

The code stays with the applicant. What the guarantor sees instead is that a nullifier is reserved on the ledger for
it and this applicant, or none (docs/formats/sealed.md). The issue is an act in its padded log: there is no row on the
ledger, and no message to anybody.
"""

from typing import Any

import msgspec

from node.domain.act import ActKind
from node.domain.desk import FREES_CODE
from node.domain.document import document_digest, reopen_document
from node.domain.evidence import Evidence, encode_evidence, show_record
from node.domain.guarantee import guarantee_terms
from node.domain.ledger_ids import end_commitment, guarantee_id, issue_guarantee_digest
from node.domain.sealed_guarantee import (
    LONGEST_RESERVATION_SECONDS,
    ApplicationRefusal,
    Reservation,
    SealedGuarantee,
    SealedPart,
    binding_of,
    check_sealed,
    file_digest,
    hidden_of,
    is_issue_signed,
    ledger_terms,
    open_guarantee,
    promised,
)
from node.domain.wallet import ApplyCall, SealedIssueCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    MissingError,
    NodeError,
    ReservationMissingError,
    UnavailableError,
)
from node.ports import Clock, Store
from node.services import layout
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.applications import Applications
from node.services.gate import Gate
from node.services.log import Log
from node.services.projection import Projection
from node.services.records import Records
from node.services.sealing_rows import reservation_of
from node.services.signing import Signing
from node.services.transaction import Transaction
from node.services.vault import Vault

_SHOWN = ("act", "document")


class SealedIssue(msgspec.Struct, frozen=True):
    """What an applicant gets besides the document."""

    signature: bytes
    """Over EIP-712 IssueGuarantee."""
    position: int
    """Of the record of the issue."""
    contract: bytes = b""
    """That the signature is for, 20 bytes; empty for the founding one."""


class Collected(msgspec.Struct, frozen=True):
    """What an applicant is told about its sealed application."""

    document: str = ""
    """The sealed guarantee, if it was issued."""
    signature: bytes = b""
    proof: bytes = b""
    """Evidence under the last final anchor; empty until that has it."""
    refusal: str = ""
    """An application-refusal, if it was refused."""
    contract: bytes = b""
    """That the signature is for, 20 bytes."""


class SealedIssuing:
    """The sealed side of a guarantor's desk."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        vault: Vault,
        alliance: Alliance,
        gate: Gate,
        records: Records,
        log: Log,
        acts: Acts,
        signing: Signing,
        clock: Clock,
    ) -> None:
        self._store, self._vault, self._alliance, self._gate = store, vault, alliance, gate
        self._applications = Applications(store, vault, alliance.me)
        self._records, self._log, self._acts = records, log, acts
        self._signing, self._clock = signing, clock

    @property
    def _projection(self) -> Projection:
        return self._alliance.projection

    def check(self, call: ApplyCall, part: SealedPart) -> None:
        """That a sealed application is well-formed and reserved for this guarantor.

        Raises:
            DocumentFormatError: it says something in the clear that is to be hidden, or breaks a rule.
            ReservationMissingError: it has no live reservation; whether it never had one is not said.
            DuplicateError: another application came under this reservation.
            StoreError: the database fails.
        """
        if call.code or call.beneficiary_name or call.beneficiary_key or call.section:
            raise DocumentFormatError("a sealed application names no code, section or beneficiary")
        self.check_live(call, part)
        if self._store.get(_nullifier(part)) is not None:
            raise DuplicateError("another application came under this reservation; reserve anew")
        check_sealed(self.draft(call, part, number="-", name="-", credit_code=ANY_CODE))

    def check_live(self, call: ApplyCall, part: SealedPart) -> None:
        """That the reservation stands.

        Raises:
            ReservationMissingError: it does not.
            StoreError: the database fails.
        """
        now = self._clock.now()
        bound = Reservation(self._alliance.me, call.subject, part.salt, part.until)
        row = reservation_of(self._store, bytes.fromhex(part.nullifier))
        is_bound = row is not None and row.binding == binding_of(bound)
        if not is_bound or not now < part.until <= now + LONGEST_RESERVATION_SECONDS:
            raise ReservationMissingError("no live reservation for this applicant at this guarantor")

    def take(self, transaction: Transaction, part: SealedPart, application: bytes) -> None:
        """Note that an application came under a reservation: there is no second one, also after a refusal."""
        transaction.put(_nullifier(part), application)

    def draft(
        self, call: ApplyCall, part: SealedPart, *, number: str, name: str, credit_code: str
    ) -> SealedGuarantee:
        """What would be signed.

        Raises:
            DocumentFormatError: the terms applied for are malformed.
        """
        terms: dict[str, Any] = {
            **self._signing.issued(),
            "number": number,
            "applicant": call.subject,
            "applicant_name": name,
            "applicant_code": credit_code,
            "applicant_key": call.applicant_key,
            "guarantee_kind": call.guarantee_kind,
            "legal_nature": "independent",
            "amount": call.amount,
            "currency": call.currency,
            "nbf": call.nbf,
            "exp": call.exp,
            "hidden": part.hidden,
            "application": part.application,
            "beneficiary": part.beneficiary,
            "applicant_mover": part.applicant,
            "centre_mover": part.centre,
            "end": end_commitment(bytes.fromhex(part.end_salt), call.exp).hex(),
            "nullifier": part.nullifier,
        }
        try:
            return msgspec.convert(terms, SealedGuarantee)
        except msgspec.ValidationError as error:
            raise DocumentFormatError(f"the terms applied for are malformed: {error}") from error

    def sign(self, transaction: Transaction, application: str, sealed: SealedGuarantee) -> tuple[str, bytes]:
        """Sign a sealed guarantee and record that in the log.

        Returns:
            The document, and the id that the guarantee will have on the ledger, 32 bytes.

        Raises:
            DocumentFormatError: it would be malformed.
            StoreError: the database fails.
        """
        check_sealed(sealed)
        token = self._signing.sign(sealed)
        digest = document_digest(token)
        raw_id = guarantee_id(self._alliance.raw_id, ledger_terms(sealed, digest))
        contract, signature = self._sign_issue(raw_id)
        position = self._acts.record(transaction, ActKind.GUARANTEE_SEALED, {"document": digest.hex()})
        key = layout.SEALED_ISSUE + bytes.fromhex(application)
        self._put_issue(transaction, key, SealedIssue(signature, position, contract))
        # So that a number is given once; the file itself is nothing that a check could find before the opening.
        transaction.put(_number_key(sealed.iss, sealed.number, raw_id), b"")
        return token, raw_id

    def collect(self, token: str) -> Collected:
        """For the applicant's wallet: what became of its sealed application.

        Raises:
            NodeError: the request is not acceptable, or the subject has no such application.
        """
        call = self._gate.open(token, SealedIssueCall)
        subject = self._gate.check_controller(call).hex()
        row = self._applications.get(bytes.fromhex(call.application))
        applied = None if row is None else reopen_document(row.call, ApplyCall)
        if row is None or applied is None or row.subject != subject or applied.sealed is None:
            raise MissingError("there is no such application")
        if (
            row.stage in FREES_CODE
        ):  # cancelled or lapsed as well: the reservation may go to another guarantor
            return Collected(refusal=self._refusal(applied.sealed))
        if not row.guarantee:
            return Collected()
        key = layout.SEALED_ISSUE + bytes.fromhex(call.application)
        raw = self._store.get(key)
        if raw is None:
            raise ConflictError("the issue of this application is not whole")
        opened = self._vault.open(self._alliance.me, key, raw)
        signed = msgspec.msgpack.decode(opened, type=SealedIssue)
        issue = self._good_now(key, signed, row.guarantee)
        proof = self._proof(issue.position)
        return Collected(row.guarantee, issue.signature, proof, contract=issue.contract)

    def sign_again(self, caller: str, file: str) -> bytes:
        """Sign a sealed guarantee of this guarantor for the contract in force: it was signed for one before that.

        Who shows the opened guarantee knows the tender, and it must be the caller's own. Nothing is promised anew:
        the terms and their id are those that were signed.

        Args:
            caller: member that asks.
            file: the opened guarantee.

        Returns:
            The signature over EIP-712 IssueGuarantee, 64 bytes.

        Raises:
            MissingError: this guarantor has nothing to sign there; why is not said.
            ContractUnknownError: this node does not know the contract in force.
            StoreError: the database fails.
        """
        self._projection.check_known("Guarantees")
        try:
            raw_id = self._own(caller, file)
        except UnavailableError:
            raise
        except NodeError as error:
            raise MissingError("there is nothing to sign for such a guarantee") from error
        return self._sign_issue(raw_id)[1]

    def _own(self, caller: str, file: str) -> bytes:
        """The id of a sealed guarantee that this guarantor has issued, and that is for a tender of the caller."""
        me, verifier = self._projection.member(self._alliance.me), self._alliance.verifiers.es256
        hidden_of(file)  # a guarantee of the other kind was never waiting for an opening
        terms = open_guarantee(file, me.identity_keys, verifier)
        named = (terms.alliance, terms.iss, terms.centre)
        if named != (self._alliance.id, self._alliance.me, caller):
            raise DocumentFormatError("the guarantee is another's, or for another centre's tender")
        raw_id = guarantee_id(self._alliance.raw_id, guarantee_terms(terms, file_digest(file), verifier))
        if self._store.get(_number_key(terms.iss, terms.number, raw_id)) is None:
            raise MissingError("this node has issued no such guarantee")
        return raw_id

    def _good_now(self, key: bytes, issue: SealedIssue, token: str) -> SealedIssue:
        """The same issue, signed again if contract or key was replaced since and the ledger has no row of it yet."""
        founding, in_force = self._alliance.contracts("Guarantees")[-1], self._alliance.contract("Guarantees")
        _, terms = promised(token, self._alliance.verifiers.es256)
        raw_id = guarantee_id(self._alliance.raw_id, terms)
        known = msgspec.structs.replace(issue, contract=issue.contract or founding)
        keys = self._projection.member(self._alliance.me).identity_keys(self._clock.now())
        domain = self._alliance.domain_at(in_force)
        if self._projection.guarantee(raw_id) is not None or is_issue_signed(
            keys, domain, raw_id, known.signature
        ):
            return known
        self._projection.check_known("Guarantees")
        contract, signature = self._sign_issue(raw_id)
        again, transaction = SealedIssue(signature, issue.position, contract), Transaction(self._store)
        self._put_issue(transaction, key, again)
        transaction.commit()
        return again

    def _sign_issue(self, raw_id: bytes) -> tuple[bytes, bytes]:
        """The contract in force, and the signature by which it takes the row."""
        contract = self._alliance.contract("Guarantees")
        digest = issue_guarantee_digest(self._alliance.domain_at(contract), raw_id)
        return contract, self._signing.sign_message(digest)

    def _put_issue(self, transaction: Transaction, key: bytes, issue: SealedIssue) -> None:
        transaction.put(key, self._vault.seal(self._alliance.me, key, msgspec.msgpack.encode(issue)))

    def _refusal(self, part: SealedPart) -> str:
        refusal = ApplicationRefusal(**self._signing.issued(), nullifier=part.nullifier)
        return self._signing.sign(refusal)

    def _proof(self, position: int) -> bytes:
        size, index = self._projection.anchored_size(self._alliance.me), self._log.index_of(position)
        if index is None or index >= size:
            return b""
        # Under the first final anchor that has it, whenever the applicant asks: a later one might be too late.
        size = self._first_anchor(index, size)
        stored, proof = self._records.load(position).seal(), self._log.prove(position, size)
        opened = stored.commitments.disclosures
        shown = show_record(
            stored.payload,
            stored.commitments.blind,
            [opened[name] for name in _SHOWN],
            proof.index,
            proof.path,
        )
        return encode_evidence(Evidence(proof.note, (shown,)))

    def _first_anchor(self, index: int, newest: int) -> int:
        return self._projection.first_anchor(self._alliance.me, index + 1) or newest


def _number_key(guarantor: str, number: str, raw_id: bytes) -> bytes:
    return layout.GUARANTEE_NUMBER + layout.text(guarantor, number) + raw_id


def _nullifier(part: SealedPart) -> bytes:
    return layout.SEALED_NULLIFIER + bytes.fromhex(part.nullifier)


ANY_CODE = "91110108740053589U"
"""A well-formed credit code: stands in while the applicant's own is not read yet."""
