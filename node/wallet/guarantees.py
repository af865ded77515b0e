"""What a wallet signs about guarantees: asking for a code, applying, and, as a beneficiary, releasing."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from node.domain.document import document_digest, open_members_document, peek_document, sign_document
from node.domain.encoding import to_base64url
from node.domain.grant import Scope
from node.domain.guarantee import (
    ApplicationCode,
    Guarantee,
    GuaranteeRelease,
    Kind,
    guarantee_terms,
)
from node.domain.guarantee_table import Event
from node.domain.ledger import GuaranteeStep
from node.domain.ledger_ids import Eip712Domain, guarantee_id, step_guarantee_digest
from node.domain.line_statement import LineStatement
from node.domain.member import Member
from node.domain.offer import GuaranteeOffer
from node.domain.sealed_guarantee import file_digest, open_guarantee, peek_guarantee
from node.domain.wallet import (
    AcceptCall,
    ApplicationsCall,
    ApplyCall,
    AwardsCall,
    CancelCall,
    CodeCall,
    LineCall,
    ReleaseCall,
)
from node.errors import DocumentFormatError
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey

NEEDED_SCOPE = (Scope("subject.base", ("credit_code", "legal_name")),)
PURPOSE = "guarantee-application"
FIRST_STEP = 2
"""Number of the step after the issue."""


def needed_with(shown: Sequence[Scope]) -> tuple[Scope, ...]:
    """What a guarantor needs in any case, and what else the applicant lets it read."""
    fields = {part.category: set(part.fields) for part in NEEDED_SCOPE}
    for part in shown:
        fields.setdefault(part.category, set()).update(part.fields)
    return tuple(Scope(category, tuple(sorted(names))) for category, names in sorted(fields.items()))


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What an applicant asks a guarantor for."""

    beneficiary_name: str
    beneficiary_key: str
    """One-time key of the beneficiary, 128 hex digits."""
    section: str
    guarantee_kind: str
    amount: str
    """Plain decimal."""
    currency: str
    nbf: int
    exp: int


@dataclass(frozen=True, slots=True)
class GuaranteeScribe:
    """Writes documents about guarantees for one wallet."""

    scribe: Scribe

    def ask_code(self, centre: str, section: str, delegation: str, kind: Kind = "bid") -> str:
        """Ask the tender's centre for the application code of a section, for one kind of guarantee."""
        return self.scribe.call(CodeCall, centre, section=section, delegation=delegation, guarantee_kind=kind)

    def ask_awards(self, centre: str, project: str, delegation: str) -> str:
        """Ask the tender's centre for the proof of the own awards in a project."""
        return self.scribe.call(AwardsCall, centre, project=project, delegation=delegation)

    def apply(self, guarantor: str, code: str, grant: str, terms: Terms) -> str:
        """Apply to a guarantor, with the code and a grant on the applicant's data."""
        one_time = self.scribe.key.applicant_key(peek_document(code, ApplicationCode).code)
        return self.scribe.call(
            ApplyCall,
            guarantor,
            code=code,
            grant=grant,
            applicant_key=one_time.public_key.hex(),
            **msgspec.structs.asdict(terms),
        )

    def applications(self, guarantor: str) -> str:
        """Ask a guarantor what became of the applications."""
        return self.scribe.call(ApplicationsCall, guarantor)

    def open_offer(self, token: str, guarantor: Member, application: str) -> GuaranteeOffer:
        """An offer that its guarantor really signed, for this application.

        Raises:
            NodeError: it did not, or for another.
        """
        offer = open_members_document(token, GuaranteeOffer, guarantor.identity_keys)
        expected = (self.scribe.descriptor.alliance, guarantor.name, application)
        if (offer.alliance, offer.iss, offer.application) != expected:
            raise DocumentFormatError("the offer is of another alliance, guarantor or application")
        return offer

    def accept(self, guarantor: str, application: str, offer: str) -> str:
        """Sign the contract: accept just this offer."""
        digest = document_digest(offer).hex()
        return self.scribe.call(AcceptCall, guarantor, application=application, offer=digest)

    def cancel(self, guarantor: str, application: str) -> str:
        """Take an application back."""
        return self.scribe.call(CancelCall, guarantor, application=application)

    def ask_line(self, guarantor: str) -> str:
        """Ask a guarantor for this subject's credit line."""
        return self.scribe.call(LineCall, guarantor)

    def open_line(self, token: str, guarantor: Member) -> LineStatement:
        """A statement that its guarantor really signed, about this subject's line.

        Raises:
            NodeError: it did not, or about another.
        """
        statement = open_members_document(token, LineStatement, guarantor.identity_keys)
        expected = (self.scribe.descriptor.alliance, guarantor.name, self.scribe.subject)
        if (statement.alliance, statement.iss, statement.subject) != expected:
            raise DocumentFormatError("the statement is of another alliance, guarantor or subject")
        return statement

    def open(self, token: str, guarantor: Member) -> Guarantee:
        """A guarantee that its guarantor really signed.

        Raises:
            NodeError: it did not.
        """
        guarantee = open_guarantee(token, guarantor.identity_keys, self.scribe.verifier)
        if (guarantee.alliance, guarantee.iss) != (self.scribe.descriptor.alliance, guarantor.name):
            raise DocumentFormatError("the guarantee is of another alliance or guarantor")
        return guarantee

    def release(self, node: str, token: str, guarantor: Member, reason: str) -> str:
        """As the beneficiary: give a guarantee back, and ask a node to bring that to the ledger.

        Raises:
            NodeError: the document is not the guarantor's, or names another beneficiary.
        """
        guarantee = self.open(token, guarantor)
        key = self.scribe.key.beneficiary_key(guarantee.section)
        if guarantee.beneficiary_key != key.public_key.hex():
            raise DocumentFormatError("the guarantee names another beneficiary than this wallet")
        return self.sign_release(node, token, key, reason)

    def sign_release(self, node: str, token: str, key: WalletKey, reason: str) -> str:
        """The request of `release` under any key, the beneficiary's or not."""
        guarantee = peek_guarantee(token)
        raw_id = self.id_of(guarantee, token)
        release = GuaranteeRelease(
            alliance=guarantee.alliance,
            iat=int(time.time()),
            jti=to_base64url(os.urandom(16)),
            guarantee=raw_id.hex(),
            reason=reason,
        )
        signed = sign_document(release, key.sign)
        previous, document = document_digest(token), document_digest(signed)
        step = GuaranteeStep(raw_id, FIRST_STEP, previous, Event.RELEASE, document)
        signature = key.sign(step_guarantee_digest(self._domain(), step))
        speaker = replace(self.scribe, key=key, subject="")
        return speaker.call(ReleaseCall, node, guarantee=token, release=signed, signature=signature.hex())

    def id_of(self, guarantee: Guarantee, token: str) -> bytes:
        """Id on the ledger, 32 bytes."""
        terms = guarantee_terms(guarantee, file_digest(token), self.scribe.verifier)
        return guarantee_id(bytes.fromhex(guarantee.alliance), terms)

    def _domain(self) -> Eip712Domain:
        descriptor = self.scribe.descriptor
        contract = bytes.fromhex(descriptor.contracts["Guarantees"].address)
        return Eip712Domain(descriptor.chain_id, contract, bytes.fromhex(descriptor.alliance))
