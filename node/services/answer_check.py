"""What a reader checks before it uses an answer; each step against something that the home cannot make up.

1 the home's own signature over exactly this evidence, for exactly this request
2 the bidder's certificate vouches for the key that signed the grant, and did so when the ledger took the grant
3 that key is the subject's controller on the ledger, and the grant is its signature; where a delegation reserves
  that for two officers, both are, each with its own certificate's word, and the second approved just this grant
4 the grant and its mandate are on the ledger, not revoked, and it covered this read when the home says it answered
5 every record is in the home's log under a checkpoint, and the ledger holds that checkpoint
6 the records are what was asked for, of this subject, and a credit code shown is the certificate's
7 whoever is shown as a person in them has consented, to this reader and purpose
"""

from dataclasses import dataclass

from node.domain.approval import check_officers
from node.domain.certificate import CertificateIdentity
from node.domain.consent import Asked, check_consents, parse_shown
from node.domain.document import (
    document_digest,
    open_members_document,
)
from node.domain.evidence import (
    VerifiedEvidence,
    check_answers_identity,
    check_answers_scope,
    evidence_digest,
)
from node.domain.grant import Grant, check_covers, grant_terms, open_grant
from node.domain.ledger_ids import grant_id
from node.domain.reading import ReadAnswer, ReadRequest
from node.errors import (
    GrantMissingError,
    MovedError,
    SignatureError,
    UnknownCallerError,
    VerificationError,
)
from node.ports import Answer, Store
from node.services.alliance import Alliance
from node.services.anchored import verify_anchored
from node.services.mandates import check_live, grantor_of
from node.services.recognition import Recognition


@dataclass(frozen=True, slots=True)
class CheckedAnswer:
    """An answer that passed all steps."""

    evidence: VerifiedEvidence
    identity: CertificateIdentity
    grant_id: bytes
    home: str
    as_of: int
    """The home states that nothing was newer then, seconds since 1970 UTC."""
    mandate_id: bytes = b""
    """Of the mandate under which the grant was signed; empty if there is none."""


def open_own_grant(alliance: Alliance, token: str, delegation_key: str | None = None) -> Grant:
    """A grant to this node: well formed, signed by the subject's controller on the ledger.

    Raises:
        NodeError: it is not.
    """
    grant = open_grant(token)
    if grant.alliance != alliance.id or alliance.me not in grant.aud:
        raise GrantMissingError("the grant is for another alliance or receiver")
    row = alliance.projection.subject(bytes.fromhex(grant.iss))
    try:
        authority = grantor_of(alliance, token, grant)
    except UnknownCallerError as error:
        raise SignatureError(str(error)) from error
    assert row is not None, "somebody speaks for it"
    if row.home != grant.home:
        # Whatever the home so far still answers: it may not know of a revocation, and nobody counts uses there.
        raise MovedError(f"the subject has moved to {row.home}; a grant that names {grant.home} is dead")
    if delegation_key is not None and delegation_key != authority.key:
        raise SignatureError(
            "the bidder's certificate vouches for another key than the one that signed the grant"
        )
    return grant


def check_answer(  # noqa: PLR0917
    alliance: Alliance,
    recognition: Recognition,
    store: Store,
    request_token: str,
    request: ReadRequest,
    grant_token: str,
    answer: Answer,
) -> CheckedAnswer:
    """Check an answer.

    Raises:
        StatusUnknownError: nobody says whether the bidder's certificate is revoked.
        VerificationError: a step fails; the message says which.
        GrantMissingError: the grant is not on the ledger.
        SecondOfficerMissingError: the company wants two officers, and one has signed.
        GrantRevokedError: it is revoked.
        GrantExpiredError: it was not valid when the home answered.
        MovedError: the subject has another home by now.
    """
    home = alliance.projection.member(request.aud)
    # 1. the home's signature
    signed = open_members_document(answer.answer, ReadAnswer, home.identity_keys)
    expected = (
        home.name,
        alliance.me,
        document_digest(request_token).hex(),
        evidence_digest(answer.evidence),
    )
    if (signed.iss, signed.aud, signed.request, signed.evidence) != expected:
        raise VerificationError("the home signed another answer than it sent")
    if signed.as_of > signed.iat:
        raise VerificationError("the home states what is newest at a time that is still to come")
    # 2. and 3. the certificate, the key, the grant
    claimed = open_grant(grant_token)
    # The ledger takes no grant after `register_before`: by then this one was given, whatever its `iat` says.
    judged = recognition.check(answer.delegation, moment=claimed.register_before, proof=answer.status)
    delegation, identity = judged.delegation, judged.identity
    grant = open_own_grant(alliance, grant_token, delegation.key)
    # 4. the ledger's word on the grant
    raw_id = grant_id(alliance.raw_id, grant_terms(grant, document_digest(grant_token)))
    authority = check_live(alliance, store, raw_id, grant_token)
    # where the company wants two officers: certificate and key of the second, which the home cannot drop
    approval, second = authority.approval, None
    if approval is not None:
        second = recognition.check_within(
            approval.delegation, authority.register_before, answer.approval_status
        )
    check_officers(authority.act, judged, second, approval)
    check_covers(grant, request.scope, receiver=alliance.me, purpose=request.purpose, at=signed.iat)
    # 5. the log and its anchor
    evidence = verify_anchored(alliance, answer.evidence, home)
    # 6. what was asked for
    check_answers_scope(evidence.records, request.scope, subject=grant.iss)
    check_answers_identity(evidence.records, identity.credit_code)
    mandate_id = authority.mandate_id(alliance.raw_id) if authority.mandate else b""
    # 7. the people in it
    asked = Asked(alliance.id, grant.iss, home.name, alliance.me, request.purpose, signed.iat)
    check_consents(evidence.records, parse_shown(answer.consents), asked, [authority.key])
    return CheckedAnswer(evidence, identity, raw_id, home.name, signed.as_of, mandate_id)
