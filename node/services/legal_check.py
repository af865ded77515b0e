"""What a reader on a legal basis checks before it uses an answer: the same as of any answer, minus the grant.

1 the home's own signature over exactly this evidence, for exactly this read
2 every record is in the home's log under a checkpoint, and the ledger holds that checkpoint
3 the records are what was asked for, of one subject: the one that was asked for, by its id or by its credit code
"""

from node.domain.document import document_digest, open_members_document
from node.domain.evidence import VerifiedEvidence, evidence_digest
from node.domain.legal_check import check_answers_request
from node.domain.legal_read import LegalAnswer, LegalRead, LegalRequest
from node.errors import VerificationError
from node.ports import Answer
from node.services.alliance import Alliance
from node.services.anchored import verify_anchored


def check_legal_answer(
    alliance: Alliance, read_token: str, read: LegalRead, request: LegalRequest, answer: Answer
) -> VerifiedEvidence:
    """Check an answer.

    Raises:
        AnchorError: this node's view of the ledger does not have the checkpoint.
        VerificationError: a step fails; the message says which.
    """
    home = alliance.projection.member(read.aud)
    # 1. the home's signature
    signed = open_members_document(answer.answer, LegalAnswer, home.identity_keys)
    expected = (
        alliance.id,
        home.name,
        read.iss,
        document_digest(read_token).hex(),
        evidence_digest(answer.evidence),
    )
    if (signed.alliance, signed.iss, signed.aud, signed.read, signed.evidence) != expected:
        raise VerificationError("the home signed another answer than it sent")
    if signed.as_of > signed.iat:
        raise VerificationError("the home says that it had nothing newer at a time after its answer")
    # 2. the log and its anchor
    evidence = verify_anchored(alliance, answer.evidence, home)
    # 3. what was asked for
    check_answers_request(evidence.records, request)
    return evidence
