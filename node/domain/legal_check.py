"""By what right records were read without a grant, as a bundle shows it: request, second officer, member, answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.domain.bundle import Bundle, LegalAuthority
from node.domain.descriptor import member_of
from node.domain.document import document_digest, open_members_document, peek_document
from node.domain.evidence import (
    VerifiedEvidence,
    VerifiedRecord,
    check_answers_scope,
    encode_evidence,
    evidence_digest,
)
from node.domain.legal_read import (
    LegalAnswer,
    LegalPapers,
    LegalRead,
    LegalRequest,
    basis_of,
    check_may_read,
    open_papers,
)
from node.domain.member import Member
from node.errors import VerificationError


@dataclass(frozen=True, slots=True)
class VerifiedLegalRead:
    """The legal basis on which records were read, checked."""

    request: LegalRequest
    answer: LegalAnswer

    @property
    def reader(self) -> str:
        """The member that read."""
        return self.request.iss


def check_legal_read(
    authority: LegalAuthority, bundle: Bundle, evidence: VerifiedEvidence, members: dict[str, Member]
) -> VerifiedLegalRead:
    """Check that both officers, the reader and the home each signed their part, and all about this evidence.

    Args:
        authority: of the bundle.
        bundle: whose evidence is right.
        evidence: the same, checked.
        members: whose keys the verifier trusts, by name, changes of keys followed.

    Raises:
        NodeError: something is false or does not belong together.
    """
    home = member_of(members, bundle.member)
    answer = open_members_document(authority.answer, LegalAnswer, home.identity_keys)
    reader = member_of(members, peek_document(authority.read, LegalRead).iss)
    read = open_members_document(authority.read, LegalRead, reader.identity_keys)
    papers = LegalPapers(authority.read, authority.request, authority.countersignature)
    request = open_papers(papers, read, read.iat)
    check_may_read(basis_of(request.basis), reader.roles, is_own=read.iss == read.aud)
    named = (read.alliance, read.aud, answer.alliance, answer.iss, answer.aud, answer.read, answer.evidence)
    if named != (
        bundle.alliance,
        home.name,
        bundle.alliance,
        home.name,
        reader.name,
        document_digest(authority.read).hex(),
        evidence_digest(encode_evidence(bundle.evidence)),
    ):
        raise VerificationError("the home signed another answer than the bundle holds, or to another read")
    check_answers_request(evidence.records, request)
    return VerifiedLegalRead(request, answer)


def check_answers_request(records: Sequence[VerifiedRecord], request: LegalRequest) -> None:
    """Check that records are exactly what a request on a legal basis asked for, all of the one subject it meant.

    Raises:
        VerificationError: of another subject, or of several; the credit code asked for is not shown.
        DisclosureError, StaleVersionError: as `check_answers_scope`.
    """
    owners = {record.header.owner for record in records}
    if len(owners) != 1:
        raise VerificationError("the records are of several subjects, or of none")
    check_answers_scope(records, request.scope, subject=request.subject or owners.pop())
    if request.credit_code:
        shown = [record.fields for record in records if record.header.category == "subject.base"]
        if not shown or any(fields.get("credit_code") != request.credit_code for fields in shown):
            raise VerificationError("the records do not show the credit code that was asked for")
