"""What a wallet does for a sealed bid guarantee: reserve, apply without naming the tender, seal to the opening.

    plan = scribe.begin(new_plan(code, terms), "bank-x", now)
    client.reserve(scribe.reserve(node, plan))           # until the ledger has it
    application = client.apply(scribe.apply(plan, grant))
    plan = scribe.take(plan, client.sealed_issue(...))   # once it was issued and its proof is there
    sealed = seal(plan, opening, alliance)               # goes into the encrypted bid

The plan holds what the guarantor does not see; with the opening key the bidder can always open its bid alone.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

from node.domain.descriptor import alliance_domain
from node.domain.document import document_digest, open_members_document, peek_document
from node.domain.encoding import canonical_json, to_base64url
from node.domain.guarantee import (
    ApplicationCode,
    applicant_salt,
    beneficiary_salt,
    centre_salt,
    code_digest,
    end_salt,
    guarantee_terms,
)
from node.domain.ledger_ids import (
    Eip712Domain,
    centre_commitment,
    guarantee_id,
    mover_commitment,
)
from node.domain.member import Member
from node.domain.opening import SEALED_TYPE, DealtShare, Opening, SealedFile
from node.domain.reservation_key import reservation_key
from node.domain.sealed_guarantee import (
    CONTENT_TYPE,
    HIDDEN_TYPE,
    ApplicationRefusal,
    HiddenTerms,
    Reservation,
    SealedContent,
    SealedGuarantee,
    SealedPart,
    binding_of,
    check_issue_signature,
    hidden_digest,
    nullifier_of,
    open_guarantee,
    opened_file,
    round_validity,
)
from node.domain.shares import (
    KEY_BYTES,
    NONCE_BYTES,
    encrypt_content,
    seal_share,
    share_commitment,
    share_info,
    split_key,
)
from node.domain.wallet import ApplyCall, ReserveCall, SealedIssueCall
from node.errors import ConflictError, DocumentFormatError
from node.wallet.documents import Scribe
from node.wallet.guarantees import Terms

RESERVED_SECONDS = 3 * 86_400
"""How long a guarantor has for its decision, unless the applicant says otherwise."""


class SealedPlan(msgspec.Struct, frozen=True):
    """A sealed application from its reservation to its file; kept in the wallet's folder and shown to nobody."""

    code: str
    """Application-code document."""
    terms: Terms
    salt: str
    """Of the hidden terms, hex."""
    reservations: tuple[Reservation, ...] = ()
    application: str = ""
    """Id at the last reservation's guarantor."""
    guarantee: str = ""
    """The opened guarantee, once it was issued."""
    signature: str = ""
    proof: str = ""
    opening_key: str = ""
    """Hex, once it was sealed."""

    @property
    def word(self) -> str:
        """The application code itself."""
        return peek_document(self.code, ApplicationCode).code

    @property
    def nullifier(self) -> bytes:
        """Of the last reservation, 32 bytes."""
        return nullifier_of(self.word, len(self.reservations) - 1)

    @property
    def hidden(self) -> HiddenTerms:
        """What the guarantor does not see."""
        return HiddenTerms(
            type=HIDDEN_TYPE,
            salt=self.salt,
            centre=peek_document(self.code, ApplicationCode).iss,
            code=self.word,
            section=self.terms.section,
            beneficiary_name=self.terms.beneficiary_name,
            beneficiary_key=self.terms.beneficiary_key,
            reservations=self.reservations,
        )


@dataclass(frozen=True, slots=True)
class Sealed:
    """What goes into the bid, and what stays with the bidder."""

    file: bytes
    opening_key: bytes


def new_plan(code: str, terms: Terms) -> SealedPlan:
    """Begin: the validity is rounded so that it does not name the tender."""
    nbf, exp = round_validity(terms.nbf, terms.exp)
    return SealedPlan(code, replace(terms, nbf=nbf, exp=exp), os.urandom(32).hex())


@dataclass(frozen=True, slots=True)
class SealedScribe:
    """Writes and reads documents about sealed guarantees for one wallet."""

    scribe: Scribe

    def begin(
        self, plan: SealedPlan, guarantor: str, now: int, seconds: int = RESERVED_SECONDS
    ) -> SealedPlan:
        """The plan with a reservation for a guarantor; after a refusal, or once the last one is over.

        Raises:
            ConflictError: the last reservation is live.
        """
        if plan.reservations and not (plan.reservations[-1].refusal or plan.reservations[-1].until < now):
            last = plan.reservations[-1]
            raise ConflictError(
                f"the application is reserved for {last.guarantor}: have it refuse, or wait until {last.until}"
            )
        made = Reservation(guarantor, self.scribe.subject, os.urandom(32).hex(), now + seconds)
        return replace(
            plan,
            reservations=(*plan.reservations, made),
            salt=os.urandom(32).hex(),
            application="",
        )

    def reserve(self, node: str, plan: SealedPlan) -> str:
        """Ask a member to bring the last reservation to the ledger; it learns neither tender nor guarantor."""
        key = reservation_key(plan.word, len(plan.reservations) - 1)
        signed = key.sign(alliance_domain(self.scribe.descriptor), binding_of(plan.reservations[-1]))
        return self.scribe.call(
            ReserveCall,
            node,
            nullifier=signed.nullifier.hex(),
            binding=signed.binding.hex(),
            signature=signed.signature.hex(),
        )

    def apply(self, plan: SealedPlan, grant: str) -> str:
        """Apply at the last reservation's guarantor."""
        word, terms, last = plan.word, plan.terms, plan.reservations[-1]
        one_time = self.scribe.key.applicant_key(word).public_key
        verifier = self.scribe.verifier
        applicant = mover_commitment(applicant_salt(word), verifier + one_time)
        beneficiary = mover_commitment(
            beneficiary_salt(word), verifier + bytes.fromhex(terms.beneficiary_key)
        )
        part = SealedPart(
            hidden=hidden_digest(plan.hidden).hex(),
            application=code_digest(word).hex(),
            beneficiary=beneficiary.hex(),
            applicant=applicant.hex(),
            centre=centre_commitment(centre_salt(word), plan.hidden.centre).hex(),
            end_salt=end_salt(word, 1).hex(),
            nullifier=plan.nullifier.hex(),
            salt=last.salt,
            until=last.until,
        )
        return self.scribe.call(
            ApplyCall,
            last.guarantor,
            code="",
            grant=grant,
            applicant_key=one_time.hex(),
            beneficiary_name="",
            beneficiary_key="",
            section="",
            guarantee_kind=terms.guarantee_kind,
            amount=terms.amount,
            currency=terms.currency,
            nbf=terms.nbf,
            exp=terms.exp,
            sealed=part,
        )

    def ask(self, plan: SealedPlan) -> str:
        """Ask the guarantor what it signed."""
        return self.scribe.call(
            SealedIssueCall, plan.reservations[-1].guarantor, application=plan.application
        )

    def take(  # noqa: PLR0917
        self,
        plan: SealedPlan,
        guarantor: Member,
        document: str,
        signature: bytes,
        proof: bytes,
        contract: bytes = b"",
    ) -> SealedPlan:
        """Check what was issued against what was asked for, and keep it.

        Args:
            plan: applied for.
            guarantor: that issued it.
            document: the sealed guarantee.
            signature: for the ledger, 64 bytes.
            proof: that its log has the issue; empty if that is not anchored yet.
            contract: that the guarantor names as the one in force, 20 bytes; empty for the founding one.

        Raises:
            NodeError: it is not what was asked for, or the guarantor has not signed it.
        """
        file = opened_file(document, plan.hidden)
        guarantee = open_guarantee(file, guarantor.identity_keys, self.scribe.verifier)
        sealed = peek_document(document, SealedGuarantee)
        terms = plan.terms
        asked = (
            terms.amount,
            terms.currency,
            terms.nbf,
            terms.exp,
            self.scribe.subject,
            plan.nullifier.hex(),
        )
        given = (
            guarantee.amount,
            guarantee.currency,
            guarantee.nbf,
            guarantee.exp,
            guarantee.applicant,
            sealed.nullifier,
        )
        if asked != given or guarantee.iss != guarantor.name:
            raise DocumentFormatError("the guarantee is not what was applied for")
        told = guarantee_terms(guarantee, document_digest(document), self.scribe.verifier)
        raw_id = guarantee_id(bytes.fromhex(guarantee.alliance), told)
        check_issue_signature(
            guarantor.identity_keys(guarantee.iat), self._domain(contract), raw_id, signature
        )
        return replace(plan, guarantee=file, signature=signature.hex(), proof=to_base64url(proof))

    def take_refusal(self, plan: SealedPlan, guarantor: Member, refusal: str) -> SealedPlan:
        """Keep a refusal: it lets the application be reserved for another guarantor.

        Raises:
            NodeError: it is not the guarantor's of this reservation.
        """
        opened = open_members_document(refusal, ApplicationRefusal, guarantor.identity_keys)
        if (opened.iss, opened.nullifier) != (guarantor.name, plan.nullifier.hex()):
            raise DocumentFormatError("the refusal is of another application")
        *earlier, last = plan.reservations
        return replace(plan, reservations=(*earlier, replace(last, refusal=refusal)))

    def _domain(self, contract: bytes) -> Eip712Domain:
        descriptor = self.scribe.descriptor
        contract = contract or bytes.fromhex(descriptor.contracts["Guarantees"].address)
        return Eip712Domain(descriptor.chain_id, contract, bytes.fromhex(descriptor.alliance))


def seal(
    plan: SealedPlan,
    opening: Opening,
    *,
    deal: Callable[[bytes, int, int], list[bytes]] = split_key,
) -> Sealed:
    """Make the file that travels in the encrypted bid.

    Args:
        plan: with what was issued and its proof.
        opening: its papers, checked.
        deal: splits the opening key.

    Raises:
        ConflictError: nothing was issued, its proof is not there yet, or the opening is another section's.
    """
    if not plan.guarantee or not plan.proof:
        raise ConflictError("the guarantee, or the proof that its guarantor's log has it, is not there yet")
    if plan.terms.section != opening.terms.section:
        raise ConflictError("the opening is of another section than the guarantee")
    content = SealedContent(CONTENT_TYPE, plan.guarantee, plan.signature, plan.proof)
    key, alliance = os.urandom(KEY_BYTES), bytes.fromhex(opening.terms.alliance)
    ciphertext = encrypt_content(
        key, os.urandom(NONCE_BYTES), canonical_json(msgspec.to_builtins(content)), opening.id
    )
    shares = deal(key, opening.terms.threshold, len(opening.holders))
    dealt = tuple(
        DealtShare(
            holder.name,
            share_commitment(opening.id, holder.name, share).hex(),
            to_base64url(seal_share(holder.key, share, share_info(alliance, opening.id, holder.name))),
        )
        for holder, share in zip(opening.holders, shares, strict=True)
    )
    file = SealedFile(SEALED_TYPE, opening.id.hex(), dealt, to_base64url(ciphertext))
    return Sealed(canonical_json(msgspec.to_builtins(file)), key)
