"""Certificates of bidders: a path to an authority that the alliance recognises, and the credit code in them.

Pure: the time and the trust anchors are arguments. Revocation status is not looked at here. Path building and
checking are `cryptography`'s verifier; only the end-entity policy is ours, because bidders' certificates are
signing certificates without a DNS name.

Source: RFC 5280 6.1; 电子签名法 art. 13 and 21; GB 32100-2015 for the credit code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from node.errors import CertificateError, CodeFormatError

MAX_CHAIN_LENGTH = 5
MAX_CERTIFICATE_BYTES = 16_384
# What `cryptography` raises on certificates that are malformed or of a kind it does not know.
_UNREADABLE = (ValueError, x509.InvalidVersion, x509.DuplicateExtension, x509.ExtensionNotFound)


class TrustAnchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A certificate authority that the members recognise."""

    name: str
    certificate: str
    """PEM of one CA certificate."""
    credit_code_oid: str
    """Which subject attribute carries the credit code: every CA puts it elsewhere. Dotted OID."""


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """Who a certificate is about."""

    credit_code: str
    """统一社会信用代码, 18 characters."""
    organisation: str
    leaf: x509.Certificate


def check_credit_code(code: str) -> str:
    """Return the code if it is a well-formed 统一社会信用代码 with a right check character.

    Raises:
        CodeFormatError: it is not.
    Source: GB 32100-2015.
    """
    try:
        if uscc.validate(code) == code:
            return code
    except ValidationError as error:
        raise CodeFormatError(f"{code!r} is not a credit code (GB 32100): {error}") from error
    raise CodeFormatError(f"{code!r} is not a credit code (GB 32100): 18 capital characters, no separators")


def check_certificate(chain: Sequence[bytes], anchors: Sequence[TrustAnchor], at: int) -> CertificateIdentity:
    """Check a chain against the recognised authorities as of a moment.

    Args:
        chain: DER certificates, the end entity's first.
        anchors: recognised authorities.
        at: seconds since 1970 UTC.

    Raises:
        CertificateError: no path to a recognised authority, not in date, not meant for signing, or without
            a valid credit code where this authority puts it.
    """
    leaf, *intermediates = _load_chain(chain)
    try:
        verified = _verifier(anchors, at).verify(leaf, intermediates)
    except (verification.VerificationError, ValueError) as error:
        raise CertificateError(f"the certificate is not acceptable: {error}") from error
    anchor = _anchor_of(verified.chain[-1], anchors)
    try:
        values = _attribute(leaf, x509.ObjectIdentifier(anchor.credit_code_oid))
        organisation = _attribute(leaf, NameOID.ORGANIZATION_NAME)
        code = check_credit_code(values[0] if len(values) == 1 else "")
    except (CodeFormatError, ValueError) as error:
        raise CertificateError(f"the certificate carries no valid credit code: {error}") from error
    return CertificateIdentity(code, organisation[0] if organisation else "", leaf)


def check_anchor(anchor: TrustAnchor) -> None:
    """Check that a trust anchor can serve as one.

    Raises:
        CertificateError: its PEM or its OID is malformed, or it is no CA certificate.
    """
    try:
        certificate = x509.load_pem_x509_certificate(anchor.certificate.encode())
        x509.ObjectIdentifier(anchor.credit_code_oid)
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except _UNREADABLE as error:
        raise CertificateError(f"{anchor.name}: not a CA certificate in PEM with an OID: {error}") from error
    if not is_authority:
        raise CertificateError(f"{anchor.name}: the certificate is not a CA's")


def anchor_der(anchor: TrustAnchor) -> bytes:
    """DER of a trust anchor's certificate."""
    return x509.load_pem_x509_certificate(anchor.certificate.encode()).public_bytes(Encoding.DER)


def _load_chain(chain: Sequence[bytes]) -> list[x509.Certificate]:
    if not 1 <= len(chain) <= MAX_CHAIN_LENGTH or any(len(der) > MAX_CERTIFICATE_BYTES for der in chain):
        raise CertificateError(
            f"a certificate chain has 1 to {MAX_CHAIN_LENGTH} certificates of ordinary size"
        )
    try:
        return [x509.load_der_x509_certificate(der) for der in chain]
    except _UNREADABLE as error:
        raise CertificateError(f"a certificate cannot be read: {error}") from error


def _verifier(anchors: Sequence[TrustAnchor], at: int) -> verification.ClientVerifier:
    if not anchors:
        raise CertificateError("the alliance recognises no certificate authority")
    store = verification.Store([x509.load_pem_x509_certificate(a.certificate.encode()) for a in anchors])
    signing_only = (
        verification.ExtensionPolicy.permit_all()
        .require_present(x509.KeyUsage, verification.Criticality.AGNOSTIC, _require_signing)
        .may_be_present(x509.BasicConstraints, verification.Criticality.AGNOSTIC, _refuse_authority)
    )
    return (
        verification.PolicyBuilder()
        .store(store)
        .time(datetime.fromtimestamp(at, UTC).replace(tzinfo=None))
        .max_chain_depth(MAX_CHAIN_LENGTH - 1)
        .extension_policies(
            ca_policy=verification.ExtensionPolicy.webpki_defaults_ca(), ee_policy=signing_only
        )
        .build_client_verifier()
    )


def _require_signing(_policy: object, _certificate: x509.Certificate, usage: x509.KeyUsage) -> None:
    if not (usage.digital_signature or usage.content_commitment) or usage.key_cert_sign:
        raise ValueError("the certificate is not meant for signing documents")


def _refuse_authority(
    _policy: object, _certificate: x509.Certificate, constraints: x509.BasicConstraints | None
) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("an authority does not act for a bidder")


def _anchor_of(root: x509.Certificate, anchors: Sequence[TrustAnchor]) -> TrustAnchor:
    for anchor in anchors:
        if x509.load_pem_x509_certificate(anchor.certificate.encode()) == root:
            return anchor
    raise CertificateError("the path does not end at a recognised authority")


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]
