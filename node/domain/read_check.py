"""By what right records of a subject were read: grant, delegation, request and answer, as a bundle shows them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from node.domain.approval import check_officers
from node.domain.bundle import Authority, Bundle
from node.domain.consent import Asked, Consent, check_consents
from node.domain.descriptor import member_of
from node.domain.document import document_digest, open_by_controller, open_members_document, peek_document
from node.domain.encoding import from_base64url
from node.domain.evidence import (
    VerifiedEvidence,
    check_answers_identity,
    check_answers_scope,
    encode_evidence,
    evidence_digest,
)
from node.domain.grant import Grant, check_covers, check_grant, check_scope, grant_terms
from node.domain.ledger_ids import grant_id
from node.domain.mandate import Authority as Principal
from node.domain.mandate import authority_of
from node.domain.member import Member
from node.domain.proven_state import GrantStanding, ProvenState
from node.domain.reading import ReadAnswer, ReadRequest
from node.domain.validity import Circumstances, Judgement, judge_delegation, parse_proof
from node.errors import VerificationError

STALE_LEDGER_SECONDS = 600
"""How much older than a read the ledger's state may be that stands for its moment."""


@dataclass(frozen=True, slots=True)
class VerifiedRead:
    """The authority under which records were read, checked."""

    grant: Grant
    grant_id: bytes
    """32 bytes: its id on the ledger."""
    reader: str
    answer: ReadAnswer
    judged: Judgement
    consents: Sequence[Consent]
    """Of the people whose fields are shown."""
    mandate_id: bytes = b""
    """32 bytes: id of the mandate under which the grant was signed; empty if the subject signed itself."""


def check_read(
    authority: Authority,
    bundle: Bundle,
    evidence: VerifiedEvidence,
    circumstances: Circumstances,
    members: dict[str, Member],
) -> VerifiedRead:
    """Check that subject, reader and home each signed their part, and that it is all about this evidence.

    Args:
        authority: of the bundle.
        bundle: whose evidence is right.
        evidence: the same, checked.
        circumstances: whose trust list counts; the time is the answer's.
        members: whose keys the verifier trusts, by name, changes of keys followed.

    Raises:
        NodeError: something is false or does not belong together.
    """
    answer = open_members_document(
        authority.answer, ReadAnswer, member_of(members, bundle.member).identity_keys
    )
    judged = judge_delegation(
        authority.delegation,
        replace(circumstances, now=answer.iat),
        moment=peek_document(authority.grant, Grant).register_before,
        proof=parse_proof(from_base64url(authority.status)),
    )
    delegation, identity = judged.delegation, judged.identity
    signer = peek_document(authority.grant, Grant)
    grant = open_by_controller(authority.grant, Grant, signer.key if signer.mandate else delegation.key)
    check_grant(grant)
    reader = peek_document(authority.request, ReadRequest).iss
    if reader not in grant.aud:
        raise VerificationError("the grant is for other readers")
    request = open_members_document(authority.request, ReadRequest, member_of(members, reader).identity_keys)
    # Under a mandate it is the principal for whom the certificate vouches, and who let the agent grant this.
    principal = authority_of(authority.grant) if grant.mandate else Principal(grant.key)
    raw_id = grant_id(
        bytes.fromhex(circumstances.alliance), grant_terms(grant, document_digest(authority.grant))
    )
    named = (
        grant.alliance,
        principal.key,
        grant.home,
        request.grant,
        request.iss,
        request.aud,
        request.alliance,
    )
    alliance = circumstances.alliance
    if named != (alliance, delegation.key, bundle.member, raw_id.hex(), reader, bundle.member, alliance):
        raise VerificationError("grant, delegation and request do not belong together")
    _check_officers(authority, judged, replace(circumstances, now=answer.iat))
    signed = (answer.alliance, answer.iss, answer.aud, answer.request, answer.evidence)
    digest = evidence_digest(encode_evidence(bundle.evidence))
    if signed != (alliance, bundle.member, reader, document_digest(authority.request).hex(), digest):
        raise VerificationError("the home signed another answer than the bundle holds")
    if answer.as_of > answer.iat:
        raise VerificationError("the home states what is newest at a time that is still to come")
    check_scope(request.scope)
    check_covers(grant, request.scope, receiver=request.iss, purpose=request.purpose, at=answer.iat)
    check_answers_scope(evidence.records, request.scope, subject=grant.iss)
    check_answers_identity(evidence.records, identity.credit_code)
    mandate_id = principal.mandate_id(bytes.fromhex(alliance)) if principal.mandate else b""
    asked = Asked(alliance, grant.iss, bundle.member, reader, request.purpose, answer.iat)
    consents = check_consents(evidence.records, authority.consents, asked, [principal.key])
    return VerifiedRead(grant, raw_id, reader, answer, judged, consents, mandate_id)


def _check_officers(authority: Authority, first: Judgement, circumstances: Circumstances) -> None:
    """That two officers signed, as far as the delegations reserve that for two."""
    principal = authority_of(authority.grant)
    approval = principal.approval
    second = None
    if approval is not None:
        # The ledger's id commits to this delegation: it is as old as what the ledger took by then.
        at = min(principal.register_before, circumstances.now)
        proof = parse_proof(from_base64url(authority.approval_status))
        second = judge_delegation(approval.delegation, replace(circumstances, now=at), moment=at, proof=proof)
    check_officers(principal.act, first, second, approval)


def check_grant_on_ledger(read: VerifiedRead, states: Sequence[ProvenState]) -> ProvenState | None:
    """The ledger's state that shows the grant in force; None if no state is shown at all.

    Raises:
        VerificationError: the last state is from long before the read, or does not hold the grant as registered and
            not revoked.
        LedgerProofError: it says nothing about the grant.
    """
    if not states:
        return None
    last = states[-1]
    if last.block.time < read.answer.iat - STALE_LEDGER_SECONDS:
        raise VerificationError("the ledger's state is from long before the read")
    for name, raw_id in (("grant", read.grant_id), ("mandate behind the grant", read.mandate_id)):
        if raw_id and last.grant(raw_id).standing is not GrantStanding.REGISTERED:
            raise VerificationError(f"the ledger did not hold the {name} as registered and not revoked")
    return last
