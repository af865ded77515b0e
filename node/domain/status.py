"""Revocation status of certificates: OCSP answers and revocation lists, checked as to who may say it and of when.

A status is a statement about a moment: "not revoked" is known up to `this_update`, "revoked since" for all time.
Whoever asks puts a nonce into the request that commits to what was signed (`binding_nonce`). Where the responder
repeats it, its answer proves both that the certificate was good and that the signature existed by then.

Pure: what was fetched, and the time, are arguments.

Source: RFC 6960 (OCSP) 3.2 and 4.2.2; RFC 9654 (nonce); RFC 5019 2.1.1 (SHA-1 names the certificate, it protects
nothing); RFC 5280 6.3.3 (CRL).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from node.domain.trust import MIN_RSA_BITS, UNREADABLE
from node.errors import StatusError

MAX_OCSP_BYTES = 64 * 1024
MAX_CRL_BYTES = 8 << 20
NONCE_BYTES = 32
SALT_BYTES = 16
CLOCK_SKEW_SECONDS = 300
DEFAULT_VALID_SECONDS = 300
"""How long an OCSP answer without nextUpdate may be used: its responder always has a newer one (RFC 6960 2.4)."""
MAX_AGE_SECONDS = 10 * 86_400
"""An answer that speaks of an older moment is no news, whatever its nextUpdate (CA/B BR 4.9.10)."""

_BINDING_TAG = b"heqi.status.v1\0"
_HASHES = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_BROKEN = (*UNREADABLE, UnsupportedAlgorithm, InvalidSignature)


@dataclass(frozen=True, slots=True)
class Status:
    """What an authority says about one certificate. Times are seconds since 1970 UTC."""

    this_update: int
    """The moment of which it speaks: up to it, a certificate that is not revoked was not."""
    next_update: int
    """Until when it may be used as news."""
    produced: int
    """When it was signed."""
    revoked: int | None = None
    """Since when the certificate is revoked."""
    nonce: bytes | None = None

    def is_news(self, now: int) -> bool:
        """Whether it may be used as the present status."""
        return (
            self.this_update - CLOCK_SKEW_SECONDS
            <= now
            <= min(self.next_update, self.this_update + MAX_AGE_SECONDS)
        )


def binding_nonce(token: str, salt: bytes) -> bytes:
    """The nonce that commits to a signed document, signature included: 32 bytes.

    Args:
        token: the compact JWS. All of it: what is signed can be prepared long before it is signed.
        salt: 16 random bytes, so that no answer can be fetched in advance.
    """
    return hashlib.sha256(_BINDING_TAG + salt + token.encode()).digest()


def build_ocsp_request(certificate: x509.Certificate, issuer: x509.Certificate, nonce: bytes) -> bytes:
    """DER of the question about one certificate."""
    builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
    nonced = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
    return nonced.build().public_bytes(Encoding.DER)


def open_ocsp(
    raw: bytes,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    nonce: bytes | None = None,
    must_echo: bool = False,
) -> Status:
    """Check an OCSP answer: who signed it, and that it is about this certificate. Not whether it is news.

    Args:
        raw: DER.
        certificate: which one was asked about.
        issuer: the certificate that signed it.
        nonce: what was asked with; an answer with another nonce is a replay. None for a kept answer.
        must_echo: this responder always repeats nonces.

    Raises:
        StatusError: it is no answer, by nobody who may give it, about another certificate, or a replay.
    """
    if len(raw) > MAX_OCSP_BYTES:
        raise StatusError(f"an OCSP answer has at most {MAX_OCSP_BYTES} bytes")
    try:
        answer = ocsp.load_der_ocsp_response(raw)
        if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise StatusError(f"the OCSP responder answers {answer.response_status.name}")
        _check_responder(answer, issuer)
        echoed = _nonce_of(answer)
        if (echoed is None and must_echo) or (None not in (echoed, nonce) and echoed != nonce):
            raise StatusError("the OCSP answer was given to another question: a replay")
        single = _single(answer, certificate, issuer)
        if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
            raise StatusError("the OCSP responder does not know this certificate")
        return _status(answer, single, echoed)
    except _BROKEN as error:
        raise StatusError(f"the OCSP answer cannot be read: {error}") from error


def claimed_time(raw: bytes) -> int:
    """When an OCSP answer says that it was made; nothing is checked.

    Raises:
        StatusError: it is no answer.
    """
    if len(raw) > MAX_OCSP_BYTES:
        raise StatusError(f"an OCSP answer has at most {MAX_OCSP_BYTES} bytes")
    try:
        return _seconds(ocsp.load_der_ocsp_response(raw).produced_at_utc)
    except _BROKEN as error:
        raise StatusError(f"the OCSP answer cannot be read: {error}") from error


def open_crl(raw: bytes, certificate: x509.Certificate, issuer: x509.Certificate) -> Status:
    """Check a revocation list, and look the certificate up. Not whether the list is news.

    Raises:
        StatusError: it is none, not signed by this issuer, or of a partial kind that says nothing here.
    """
    if len(raw) > MAX_CRL_BYTES:
        raise StatusError(f"a revocation list has at most {MAX_CRL_BYTES} bytes")
    try:
        crl = x509.load_der_x509_crl(raw)
        _check_signing_issuer(issuer)
        _check_strength(issuer.public_key(), crl.signature_hash_algorithm)
        if crl.issuer != issuer.subject or not crl.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
            raise StatusError("the revocation list is not by the certificate's issuer")
        _check_kind(crl, certificate)
        entry = crl.get_revoked_certificate_by_serial_number(certificate.serial_number)
        this_update, next_update = crl.last_update_utc, crl.next_update_utc
        if next_update is None:
            raise StatusError("the revocation list does not say until when it holds")
        since = None if entry is None else _seconds(entry.revocation_date_utc)
    except _BROKEN as error:
        raise StatusError(f"the revocation list cannot be read: {error}") from error
    return Status(_seconds(this_update), _seconds(next_update), _seconds(this_update), since)


def _check_responder(answer: ocsp.OCSPResponse, issuer: x509.Certificate) -> None:
    """The issuer itself, or one to whom it gave just this task, while that lasted (RFC 6960 4.2.2.2)."""
    responder = next((one for one in (issuer, *answer.certificates) if _is_named(answer, one)), None)
    if responder is None:
        raise StatusError("the OCSP answer is not signed by the issuer or its responder")
    if responder != issuer:
        _check_strength(issuer.public_key(), responder.signature_hash_algorithm)
        responder.verify_directly_issued_by(issuer)
        uses = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        if ExtendedKeyUsageOID.OCSP_SIGNING not in uses:
            raise StatusError("who signed the OCSP answer was not given that task")
        if not responder.not_valid_before_utc <= answer.produced_at_utc <= responder.not_valid_after_utc:
            raise StatusError("the OCSP responder's certificate was not in date")
    key, algorithm = responder.public_key(), answer.signature_hash_algorithm
    _check_strength(key, algorithm)
    assert algorithm is not None
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(algorithm))


def _is_named(answer: ocsp.OCSPResponse, certificate: x509.Certificate) -> bool:
    if answer.responder_name is not None:
        return answer.responder_name == certificate.subject
    return (
        answer.responder_key_hash
        == x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest
    )


def _check_strength(key: object, algorithm: object) -> None:
    if not isinstance(algorithm, _HASHES):
        raise StatusError("the status is signed with a hash that is too weak or unknown")
    is_rsa = isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS
    if not is_rsa and not isinstance(key, ec.EllipticCurvePublicKey):
        raise StatusError("the status is signed with a key that is too weak or of an unknown kind")


def _nonce_of(answer: ocsp.OCSPResponse) -> bytes | None:
    try:
        return answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        return None


def _single(
    answer: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    for single in answer.responses:
        # The same names as in the answer, computed from what we know.
        wanted = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, single.hash_algorithm).build()
        if (single.serial_number, single.issuer_key_hash, single.issuer_name_hash) == (
            wanted.serial_number,
            wanted.issuer_key_hash,
            wanted.issuer_name_hash,
        ):
            return single
    raise StatusError("the OCSP answer is about another certificate")


def _status(answer: ocsp.OCSPResponse, single: ocsp.OCSPSingleResponse, nonce: bytes | None) -> Status:
    produced, this_update = _seconds(answer.produced_at_utc), _seconds(single.this_update_utc)
    next_update = single.next_update_utc
    until = produced + DEFAULT_VALID_SECONDS if next_update is None else _seconds(next_update)
    revoked = single.revocation_time_utc
    return Status(this_update, until, produced, None if revoked is None else _seconds(revoked), nonce)


def _check_signing_issuer(issuer: x509.Certificate) -> None:
    try:
        usage = issuer.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not usage.crl_sign:
        raise StatusError("the issuer's certificate is not meant for signing revocation lists")


def _check_kind(crl: x509.CertificateRevocationList, certificate: x509.Certificate) -> None:
    """A list of some reasons, of some certificates or of changes does not say that this one is not revoked."""
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.IssuingDistributionPoint):
            partial = value.indirect_crl or value.only_some_reasons or value.only_contains_attribute_certs
            is_authority = _is_authority(certificate)
            if partial or (value.only_contains_user_certs and is_authority):
                raise StatusError("the revocation list is of a partial kind")
            if value.only_contains_ca_certs and not is_authority:
                raise StatusError("the revocation list is of a partial kind")
        elif extension.critical:
            raise StatusError("the revocation list has a critical extension that is not understood")


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
