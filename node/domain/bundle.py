"""Evidence bundles: one file that anybody can check without network, store or trust in who hands it over.

A bundle holds records with the fields that may be seen, under a signed checkpoint, and, if they were read at
another centre, the grant, the delegation and the signed answer that show by what right. What it proves rests on
the alliance descriptor alone (`docs/formats/bundle.md`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec

from node.domain.certificate import CertificateIdentity
from node.domain.descriptor import Descriptor, alliance_domain, known_members
from node.domain.document import document_digest, open_document, open_members_document, peek_document
from node.domain.encoding import canonical_json, decode_canonical, from_base64url
from node.domain.evidence import (
    Evidence,
    VerifiedEvidence,
    check_answers_identity,
    check_answers_scope,
    encode_evidence,
    evidence_digest,
    verify_evidence,
)
from node.domain.grant import Grant, check_covers, check_grant, check_scope, grant_terms
from node.domain.ledger_ids import grant_id
from node.domain.member import Member
from node.domain.reading import ReadAnswer, ReadRequest
from node.domain.succession import ShownSuccession, follow_all, read_succession
from node.domain.trust import TrustList
from node.domain.validity import Circumstances, Judgement, judge_delegation, parse_proof
from node.errors import DescriptorError, DocumentFormatError, ProofFormatError, VerificationError

BUNDLE_TYPE = "heqi.bundle.v1"
MAX_BUNDLE_BYTES = 16 << 20


class Authority(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """By what right records of a subject were read; all members but the last are compact JWS."""

    grant: str
    delegation: str
    request: str
    answer: str
    status: str = ""
    """Base64url of the `StatusProof` of the delegation; left out if there is none."""


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The file."""

    type: str
    alliance: str
    member: str
    """Centre whose log holds the records."""
    evidence: Evidence
    authority: Authority | None = None
    successions: tuple[ShownSuccession, ...] = ()
    """Changes of keys since the descriptor, of the centre and the reader, oldest first."""


@dataclass(frozen=True, slots=True)
class VerifiedBundle:
    """What a checked bundle shows, and the steps that were checked, in order."""

    evidence: VerifiedEvidence
    grant: Grant | None
    identity: CertificateIdentity | None
    steps: Sequence[str]


def encode_bundle(bundle: Bundle) -> bytes:
    """Canonical JSON."""
    return canonical_json(msgspec.to_builtins(bundle))


def parse_bundle(raw: bytes) -> Bundle:
    """Read a bundle without believing it.

    Raises:
        ProofFormatError: it is none, in the one allowed encoding.
    """
    if len(raw) > MAX_BUNDLE_BYTES:
        raise ProofFormatError(f"a bundle has at most {MAX_BUNDLE_BYTES} bytes")
    try:
        bundle = decode_canonical(raw, Bundle)
    except DocumentFormatError as error:
        raise ProofFormatError(f"not a bundle: {error}") from error
    if bundle.type != BUNDLE_TYPE:
        raise ProofFormatError(f"unknown bundle type {bundle.type!r}")
    return bundle


def verify_bundle(
    bundle: Bundle,
    descriptor: Descriptor,
    cards: Sequence[str] = (),
    trust: TrustList | None = None,
    *,
    without_status: bool = False,
) -> VerifiedBundle:
    """Check everything that a bundle says.

    Args:
        bundle: what somebody handed over.
        descriptor: the checked alliance descriptor, the only root of trust.
        cards: member cards that the caller trusts besides the founders', compact JWS.
        trust: the trust list that the caller believes; the founding one if None.
        without_status: go on where the bundle does not show whether the certificate was revoked.

    Raises:
        NodeError: a step fails; the message says which.
    """
    if bundle.alliance != descriptor.alliance:
        raise VerificationError("the bundle belongs to another alliance than the descriptor")
    known = known_members(descriptor, cards)
    members = follow_all(known, map(read_succession, bundle.successions), alliance_domain(descriptor))
    home = _member(members, bundle.member)
    steps = [
        f"keys of {home.name} taken from the {'descriptor' if not cards else 'descriptor and given cards'}"
    ]
    evidence = verify_evidence(
        bundle.evidence, alliance=bundle.alliance, member=home.name, log_key=home.log_key_at
    )
    if bundle.successions:
        steps.append(
            f"{len(bundle.successions)} change(s) of keys are each signed by the identity key before"
        )
    steps += [
        f"checkpoint of {home.name} at size {evidence.checkpoint.size} is signed by its log key",
        f"{len(evidence.records)} record(s) are in that log, every shown field belongs to its record",
    ]
    if bundle.authority is None:
        return VerifiedBundle(evidence, None, None, steps)
    trust = trust or TrustList(descriptor.trust_anchors)
    lenient = frozenset(anchor.id for anchor in trust.anchors) if without_status else frozenset()
    circumstances = Circumstances(descriptor.alliance, trust, 0, lenient)
    grant, judged = _verify_authority(bundle.authority, bundle, evidence, circumstances, members)
    identity = judged.identity
    steps += [
        f"the certificate of {identity.credit_code} vouches for the wallet key that signed the grant",
        _status_step(judged),
        f"the grant lets {grant.aud} read these fields for {grant.purpose}",
        f"{home.name} signed that it answered {grant.aud} with exactly this",
    ]
    return VerifiedBundle(evidence, grant, identity, steps)


def _verify_authority(
    authority: Authority,
    bundle: Bundle,
    evidence: VerifiedEvidence,
    circumstances: Circumstances,
    members: dict[str, Member],
) -> tuple[Grant, Judgement]:
    answer = open_members_document(
        authority.answer, ReadAnswer, _member(members, bundle.member).identity_keys
    )
    judged = judge_delegation(
        authority.delegation,
        replace(circumstances, now=answer.iat),
        moment=peek_document(authority.grant, Grant).register_before,
        proof=parse_proof(from_base64url(authority.status)),
    )
    delegation, identity = judged.delegation, judged.identity
    grant = open_document(authority.grant, Grant, bytes.fromhex(delegation.key))
    check_grant(grant)
    request = open_members_document(authority.request, ReadRequest, _member(members, grant.aud).identity_keys)
    raw_id = grant_id(
        bytes.fromhex(circumstances.alliance), grant_terms(grant, document_digest(authority.grant))
    )
    named = (grant.alliance, grant.key, grant.home, request.grant, request.iss, request.aud, request.alliance)
    alliance = circumstances.alliance
    if named != (alliance, delegation.key, bundle.member, raw_id.hex(), grant.aud, bundle.member, alliance):
        raise VerificationError("grant, delegation and request do not belong together")
    signed = (answer.alliance, answer.iss, answer.aud, answer.request, answer.evidence)
    digest = evidence_digest(encode_evidence(bundle.evidence))
    if signed != (alliance, bundle.member, grant.aud, document_digest(authority.request).hex(), digest):
        raise VerificationError("the home signed another answer than the bundle holds")
    check_scope(request.scope)
    check_covers(grant, request.scope, receiver=request.iss, purpose=request.purpose, at=answer.iat)
    check_answers_scope(evidence.records, request.scope, subject=grant.iss)
    check_answers_identity(evidence.records, identity.credit_code)
    return grant, judged


def _status_step(judged: Judgement) -> str:
    if judged.is_status_known:
        return f"{judged.identity.anchor.id} says that the certificate was not revoked when it mattered"
    if not judged.identity.anchor.has_status:
        return f"{judged.identity.anchor.id} is recognised without a word on revocation"
    return "whether the certificate was revoked is NOT shown, as you allowed"


def _member(members: dict[str, Member], name: str) -> Member:
    member = members.get(name)
    if member is None:
        raise DescriptorError(
            f"{name} is no founder of the alliance; give its member card to check its records"
        )
    return member
