"""Signatures in CMS (PKCS #7): the mathematics by pyHanko; everything is told of every signer separately.

Source: RFC 5652; RFC 5035 (signing-certificate attribute); RFC 3161 (timestamps).
"""

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from asn1crypto import algos, cms, core, pem, x509
from cryptography import x509 as pyca_x509
from cryptography.exceptions import UnsupportedAlgorithm
from msgspec.structs import replace
from pyhanko.sign.general import (
    CMSExtractionError,
    CMSStructuralError,
    SignedDataCerts,
    extract_certificate_info,
)
from pyhanko.sign.validation import errors
from pyhanko.sign.validation.generic_cms import (
    extract_self_reported_ts,
    extract_tst_data_iter,
    message_imprint_checker,
    validate_sig_integrity,
    validate_tst_signed_data,
)
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext

from node.domain.certificate import MAX_CHAIN_LENGTH
from node.domain.signed_file import Finding, Problem, weakness_of
from node.errors import InvalidError

MAX_SIGNERS = 64
_MAX_CERTIFICATES = 64
# asn1crypto and pyHanko raise these on malformed input; others are bugs, and the worker tells of them.
MALFORMED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    OverflowError,
    RecursionError,
    NotImplementedError,
    UnsupportedAlgorithm,
    pyca_x509.InvalidVersion,
)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose timestamps count."""

    roots: Sequence[bytes]
    at: int


def read_cms(content: bytes, signature: bytes, trust: Trust) -> list[Finding]:
    """All signatures of a CMS file.

    Args:
        content: what was signed if `signature` is detached; otherwise the CMS file itself.
        signature: the detached CMS file, or empty.
        trust: for timestamps.

    Raises:
        InvalidError: it is no CMS signed data, or has its content both within and without, or neither.
    """
    signed = load_signed_data(signature or content)
    inner = signed["encap_content_info"]["content"]
    has_inner = not isinstance(inner, core.Void)
    if has_inner and signature and bytes(inner) != content:
        raise InvalidError("the signature carries content of its own, which is not the content given")
    if not has_inner and not signature:
        raise InvalidError("the signature is detached: give the signed content too")
    body = bytes(inner) if has_inner else content
    kind = signed["encap_content_info"]["content_type"].native

    def digest_of(name: str) -> bytes:
        return hashlib.new(name, body).digest()

    found = []
    for place, one in enumerate(each_signer(signed)):
        finding = Finding(name=str(place), covers_whole=True)
        if _is_attributes(body) and isinstance(one["signer_infos"][0]["signed_attrs"], core.Void):
            # The attributes that somebody signed, passed off as what he signed.
            detail = "the content is the attributes of another signature"
            found.append(replace(finding, problem=Problem.FALSE_SIGNATURE, detail=detail))
        else:
            found.append(read_signer(one, kind, digest_of, trust, finding))
    return found


def load_signed_data(raw: bytes) -> cms.SignedData:
    """The signed data in DER, BER or PEM.

    Raises:
        InvalidError: it is none.
    """
    try:
        if pem.detect(raw):
            _, _, raw = pem.unarmor(raw)
        info = cms.ContentInfo.load(raw, strict=True)
        signed = info["content"]
        if info["content_type"].native == "signed_data" and isinstance(signed, cms.SignedData):
            _ = signed.native["signer_infos"]  # parses everything, which asn1crypto puts off
            return signed
    except MALFORMED as error:
        raise InvalidError(f"this is no CMS signature: {str(error)[:200]}") from error
    raise InvalidError("this is CMS, but no signature")


def each_signer(signed: cms.SignedData) -> list[cms.SignedData]:
    """The signed data once for every signer, with that signer only: pyHanko takes one at a time.

    What is signed does not hold the container, so taking it apart changes nothing.

    Raises:
        InvalidError: it has none, or too many.
    """
    signers = signed["signer_infos"]
    if not 1 <= len(signers) <= MAX_SIGNERS or len(signed["certificates"] or ()) > _MAX_CERTIFICATES:
        raise InvalidError(f"a CMS signature has 1 to {MAX_SIGNERS} signers and not too many certificates")
    alone = []
    for signer in signers:
        one = signed.copy()
        one["signer_infos"] = cms.SignerInfos([signer])
        alone.append(one)
    return alone


def read_signer(
    signed: cms.SignedData, kind: str, digest_of: Callable[[str], bytes], trust: Trust, known: Finding
) -> Finding:
    """What one signer's signature is.

    Args:
        signed: signed data with one signer.
        kind: content type that the signer must have meant.
        digest_of: name of a digest → digest of the content.
        trust: for timestamps.
        known: what is known already.
    """
    try:
        return _read_signer(signed, kind, digest_of, trust, known)
    except (CMSStructuralError, errors.SignatureValidationError, *MALFORMED) as error:
        return replace(known, problem=Problem.UNREADABLE, detail=str(error)[:200])


def _read_signer(
    signed: cms.SignedData, kind: str, digest_of: Callable[[str], bytes], trust: Trust, known: Finding
) -> Finding:
    signer = signed["signer_infos"][0]
    digest = signer["digest_algorithm"]["algorithm"].native
    mechanism, signing_digest = _mechanism(signer)
    known = replace(known, digest=digest, mechanism=mechanism, claimed=_claimed(signer))
    try:
        certificates = extract_certificate_info(signed)
    except CMSExtractionError:
        return replace(known, problem=Problem.NO_CERTIFICATE, detail="the signer's certificate is missing")
    known = about_certificate(known, certificates)
    # Whatever is weak is not computed with at all: its parameters are the attacker's.
    weak = weakness_of(digest, mechanism, known.key, known.key_bits)
    if not weak and signing_digest not in {"", digest}:
        weak = weakness_of(signing_digest, mechanism, known.key, known.key_bits)
    if weak:
        return replace(known, problem=Problem.WEAK_ALGORITHM, detail=weak)
    imprint = digest_of(digest)
    known = replace(known, imprint=imprint.hex())
    intact, valid = validate_sig_integrity(signer, certificates.signer_cert, kind, imprint)
    if not intact:
        return replace(known, problem=Problem.ALTERED, detail="the content is not what was signed")
    if not valid:
        return replace(
            known, problem=Problem.FALSE_SIGNATURE, detail="the signature is not by its certificate"
        )
    stamped, stamp_problem, is_false = _stamp(signer, trust)
    if is_false:
        return replace(known, problem=Problem.FALSE_TIMESTAMP, detail=stamp_problem)
    return replace(known, stamped=stamped, stamp_problem=stamp_problem)


def about_certificate(known: Finding, certificates: SignedDataCerts) -> Finding:
    """Add whose certificate it is, and what may lead from it to a root."""
    leaf = pyca_x509.load_der_x509_certificate(certificates.signer_cert.dump())
    key = certificates.signer_cert.public_key
    is_rsa = key.algorithm in {"rsa", "rsassa_pss"}
    return replace(
        known,
        subject=leaf.subject.rfc4514_string(),
        key="rsa" if is_rsa else str(key.curve[1]) if key.algorithm == "ec" else key.algorithm,
        key_bits=key.bit_size if is_rsa or key.algorithm == "ec" else 0,
        chain=tuple(_chain(certificates.signer_cert, certificates.other_certs)),
    )


def _is_attributes(content: bytes) -> bool:
    """Whether content could be the signed attributes of a signature (draft-ietf-lamps-cms-euf-cma-signeddata)."""
    try:
        kinds = [attribute["type"].native for attribute in cms.CMSAttributes.load(content, strict=True)]
    except MALFORMED:
        return False
    return "message_digest" in kinds


def _chain(leaf: x509.Certificate, others: Iterable[x509.Certificate]) -> Iterable[bytes]:
    """The leaf and its possible issuers, nearest first, no more than a verifier takes."""
    chain, wanted, left = [leaf], [leaf.issuer], list(others)
    while wanted and len(chain) < MAX_CHAIN_LENGTH:
        name = wanted.pop(0)
        for other in [one for one in left if one.subject == name and one.subject != one.issuer]:
            left.remove(other)
            chain.append(other)
            wanted.append(other.issuer)
    return (one.dump() for one in chain[:MAX_CHAIN_LENGTH])


def _mechanism(signer: cms.SignerInfo) -> tuple[str, str]:
    """The signature's mechanism, and the digest that it names, if it does."""
    algorithm: algos.SignedDigestAlgorithm = signer["signature_algorithm"]
    try:
        return algorithm.signature_algo, algorithm.hash_algo
    except ValueError:  # plain RSA or EC keys name no digest
        return algorithm.signature_algo, ""


def _claimed(signer: cms.SignerInfo) -> int | None:
    said = extract_self_reported_ts(signer)
    return None if said is None else int(said.timestamp())


def _stamp(signer: cms.SignerInfo, trust: Trust) -> tuple[int | None, str, bool]:
    """Time of the signature's timestamp; why it does not count; whether it is false."""
    problem, is_false = "", False
    if not trust.roots:
        return None, "no authority's timestamps are recognised", False
    for token in extract_tst_data_iter(signer, signed=False):
        status = asyncio.run(_stamp_status(token, signer, trust))
        if status.intact and status.valid and status.trusted:
            return int(status.timestamp.timestamp()), "", False
        is_false = is_false or not (status.intact and status.valid)
        problem = (
            "the timestamp is false"
            if is_false
            else "the timestamp is not by a recognised authority, or was not then"
        )
    return None, problem, is_false


async def _stamp_status(
    token: cms.SignedData, signer: cms.SignerInfo, trust: Trust
) -> TimestampSignatureStatus:
    context = ValidationContext(
        trust_roots=[x509.Certificate.load(root) for root in trust.roots],
        moment=datetime.fromtimestamp(trust.at, UTC),
        allow_fetching=False,
        revocation_mode="soft-fail",
    )
    found = await validate_tst_signed_data(token, context, message_imprint_checker(signer))
    return TimestampSignatureStatus(**found)
