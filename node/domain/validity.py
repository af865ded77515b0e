"""Whether a delegation holds: its certificate's path and status, as of the moment that matters.

A delegation is judged **as of now** first. What has come to an end since (the certificate expired or was revoked,
its authority was suspended) does not undo what was done before, if it can be shown that both the delegation and
what rests on it came before the end:

- the delegation existed by a *proven time*: a time stamp on it, or an OCSP answer whose nonce commits to it;
- what rests on it happened by its `moment`, which somebody else enforced: for a grant `register_before`, because
  the ledger takes no grant later.

Then it is judged as of the later of the two. So taking a proof away can only make the verdict stricter.

Source: 电子签名法 art. 13, 14; RFC 5126 4.4 and ETSI EN 319 102-1 5.6 (past validation, proof of existence).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from node.domain.certificate import CertificateIdentity
from node.domain.delegation import Delegation, open_delegation
from node.domain.encoding import canonical_json, decode_canonical, from_base64url
from node.domain.status import Status, binding_nonce, claimed_time, open_crl, open_ocsp
from node.domain.timestamp import check_timestamp
from node.domain.trust import TrustList
from node.errors import (
    CertificateError,
    DocumentFormatError,
    RevokedError,
    StatusUnknownError,
    VerificationError,
)

MAX_STATEMENTS = 8
MAX_PROOF_BYTES = 192 * 1024


class Statement(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What an authority said about one certificate. Byte strings are base64url."""

    kind: Literal["ocsp", "crl"]
    content: str
    """The answer or the list, DER."""
    salt: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]{22})?\Z")] = ""
    """16 bytes; left out where the nonce does not commit to the delegation."""


class StatusProof(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is kept beside a delegation, so that it can be judged later as of its time."""

    statements: tuple[Statement, ...] = ()
    timestamp: str = ""
    """RFC 3161 answer over the delegation, DER; left out if there is none."""


NO_PROOF = StatusProof()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A delegation that holds."""

    delegation: Delegation
    identity: CertificateIdentity
    at: int
    """As of when it holds, seconds since 1970 UTC."""
    is_status_known: bool
    """False where the authority has no service for it, or the caller goes on without."""


def encode_proof(proof: StatusProof) -> bytes:
    """Canonical JSON."""
    return canonical_json(msgspec.to_builtins(proof))


def parse_proof(raw: bytes) -> StatusProof:
    """Read a proof without believing it; no bytes are no proof.

    Raises:
        DocumentFormatError: it is none, or too large.
    """
    if not raw:
        return NO_PROOF
    if len(raw) > MAX_PROOF_BYTES:
        raise DocumentFormatError(f"a status proof has at most {MAX_PROOF_BYTES} bytes")
    proof = decode_canonical(raw, StatusProof)
    if len(proof.statements) > MAX_STATEMENTS:
        raise DocumentFormatError(f"a status proof has at most {MAX_STATEMENTS} statements")
    return proof


@dataclass(frozen=True, slots=True)
class Circumstances:
    """Under which a delegation is judged."""

    alliance: str
    """Alliance id, 64 hex digits."""
    trust: TrustList
    now: int
    """Seconds since 1970 UTC."""
    soft_fail: frozenset[str] = frozenset()
    """Authorities without whose word on revocation the caller goes on."""


Known = Sequence[tuple[bytes, Status]]
"""Checked statements of the judge's own, each with the DER of the certificate that it is about."""


def judge_delegation(
    token: str, circumstances: Circumstances, *, moment: int, proof: StatusProof = NO_PROOF, known: Known = ()
) -> Judgement:
    """Decide whether a delegation holds for something that happened by `moment`.

    Args:
        token: the compact JWS.
        circumstances: where and when.
        moment: by when what rests on the delegation happened, seconds since 1970 UTC; now, if it happens now.
        proof: what came with the delegation; not believed.
        known: what the judge itself was told by the authorities.

    Raises:
        DocumentFormatError: malformed, or made for another alliance.
        RevokedError: the certificate was revoked in time.
        CertificateError: it does not hold for another reason.
        SignatureError: not signed by the certificate's key.
        StatusUnknownError: nobody says whether the certificate is revoked.
    """
    now, relied = circumstances.now, min(moment, circumstances.now)
    try:
        return _judge_at(token, circumstances, now, relied, proof, known)
    except CertificateError:
        proven = _proven_time(token, circumstances, proof)
        if proven is None or max(proven, relied) >= now:
            raise
        return _judge_at(token, circumstances, max(proven, relied), max(proven, relied), proof, known)


def statuses_of(proof: StatusProof, path: Sequence[x509.Certificate]) -> dict[int, list[Status]]:
    """The true statements of a proof about the certificates of a path, by place in it.

    What is false, or about another certificate, is passed over: it proves nothing, and a proof that somebody
    spoilt must not stand in the way of what this node knows itself.
    """
    found: dict[int, list[Status]] = {}
    for statement in proof.statements:
        opener = open_ocsp if statement.kind == "ocsp" else open_crl
        for place, (certificate, issuer) in enumerate(pairwise(path)):
            try:
                status = opener(from_base64url(statement.content), certificate, issuer)
            except (VerificationError, DocumentFormatError):
                continue
            found.setdefault(place, []).append(status)
    return found


def _judge_at(  # noqa: PLR0917
    token: str, circumstances: Circumstances, at: int, relied: int, proof: StatusProof, known: Known
) -> Judgement:
    delegation, identity = open_delegation(token, circumstances.alliance, circumstances.trust, at)
    shown = statuses_of(proof, identity.path)
    is_known = judge_status(identity, circumstances, at, relied, known, shown)
    return Judgement(delegation, identity, at, is_known and identity.anchor.has_status)


def judge_status(  # noqa: PLR0917
    identity: CertificateIdentity,
    circumstances: Circumstances,
    at: int,
    relied: int,
    known: Known,
    shown: Mapping[int, Sequence[Status]] = MappingProxyType({}),
) -> bool:
    """Decide whether a certificate stands that has a path to a recognised authority.

    Args:
        identity: whom it is about, with its path.
        circumstances: where and when.
        at: as of when, seconds since 1970 UTC.
        relied: by when what rests on it happened; the same as `at` for what happens now.
        known: what the judge itself was told by the authorities.
        shown: checked statements that came with it, by place in the path.

    Returns:
        Whether the authorities have said so; false where they have no service, or are gone on without.

    Raises:
        RevokedError: it was revoked in time.
        StatusUnknownError: nobody says whether it is revoked.
    """
    path, is_known = identity.path, True
    own: dict[bytes, list[Status]] = {}
    for der, status in known:
        own.setdefault(der, []).append(status)
    for place, certificate in enumerate(path[:-1]):
        mine = own.get(certificate.public_bytes(Encoding.DER), [])
        statuses = [*mine, *shown.get(place, ())]
        since = min((one.revoked for one in statuses if one.revoked is not None), default=None)
        if since is not None and since <= at:
            raise RevokedError(f"{_label(certificate)} is revoked since {since}")
        is_known = is_known and any(
            one.this_update >= relied or one.is_news(circumstances.now) for one in statuses
        )
    anchor = identity.anchor
    if not is_known and anchor.has_status and anchor.id not in circumstances.soft_fail:
        raise StatusUnknownError(f"{anchor.id} has not said whether the certificate was revoked at that time")
    return is_known


def _proven_time(token: str, circumstances: Circumstances, proof: StatusProof) -> int | None:
    """The earliest moment by which the delegation is shown to have existed."""
    times: list[int] = []
    if proof.timestamp:
        with suppress(VerificationError, DocumentFormatError):
            times.append(check_timestamp(from_base64url(proof.timestamp), token, circumstances.trust))
    times += _bound_times(token, circumstances, proof)
    return min(times, default=None)


def _bound_times(token: str, circumstances: Circumstances, proof: StatusProof) -> list[int]:
    times: list[int] = []
    for statement in proof.statements:
        if not statement.salt:
            continue
        try:
            raw = from_base64url(statement.content)
            produced = claimed_time(raw)
            path = open_delegation(token, circumstances.alliance, circumstances.trust, produced)[1].path
            status = open_ocsp(raw, path[0], path[1], must_echo=True)
            nonce = binding_nonce(token, from_base64url(statement.salt))
        except (VerificationError, DocumentFormatError):
            continue
        # The answer itself must show the certificate good: else who signed is the one from whom it was taken.
        is_good = status.revoked is None or status.revoked > status.produced
        if is_good and status.nonce == nonce:
            times.append(status.produced)
    return times


def _label(certificate: x509.Certificate) -> str:
    return f"the certificate with serial number {certificate.serial_number:x}"
