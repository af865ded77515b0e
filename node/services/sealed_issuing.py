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
from node.domain.ledger_ids import end_commitment, guarantee_id, issue_guarantee_digest
from node.domain.sealed_guarantee import (
    LONGEST_RESERVATION_SECONDS,
    ApplicationRefusal,
    Reservation,
    SealedGuarantee,
    SealedPart,
    binding_of,
    check_sealed,
    ledger_terms,
)
from node.domain.wallet import ApplyCall, SealedIssueCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    MissingError,
    ReservationMissingError,
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


class Collected(msgspec.Struct, frozen=True):
    """What an applicant is told about its sealed application."""

    document: str = ""
    """The sealed guarantee, if it was issued."""
    signature: bytes = b""
    proof: bytes = b""
    """Evidence under the last final anchor; empty until that has it."""
    refusal: str = ""
    """An application-refusal, if it was refused."""


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
        signature = self._signing.sign_message(
            issue_guarantee_digest(self._alliance.signing_domain("Guarantees"), raw_id)
        )
        position = self._acts.record(transaction, ActKind.GUARANTEE_SEALED, {"document": digest.hex()})
        key = layout.SEALED_ISSUE + bytes.fromhex(application)
        row = msgspec.msgpack.encode(SealedIssue(signature, position))
        transaction.put(key, self._vault.seal(self._alliance.me, key, row))
        # So that a number is given once; the file itself is nothing that a check could find before the opening.
        number = layout.text(sealed.iss, sealed.number)
        transaction.put(layout.GUARANTEE_NUMBER + number + raw_id, b"")
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
        issue = msgspec.msgpack.decode(opened, type=SealedIssue)
        return Collected(row.guarantee, issue.signature, self._proof(issue.position))

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


def _nullifier(part: SealedPart) -> bytes:
    return layout.SEALED_NULLIFIER + bytes.fromhex(part.nullifier)


ANY_CODE = "91110108740053589U"
"""A well-formed credit code: stands in while the applicant's own is not read yet."""
