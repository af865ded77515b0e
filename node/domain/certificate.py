"""Certificates of bidders: a path to an authority on the trust list, and the credit code in them.

Pure: the time and the trust list are arguments. Revocations are `node.domain.status`. Path building and checking
are `cryptography`'s verifier, which also refuses weak keys and hashes; only the end-entity policy is ours, because
bidders' certificates are signing certificates without a DNS name.

Source: RFC 5280 6.1; 电子签名法 art. 13 and 21; GB 32100-2015 for the credit code.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID
from stdnum.cn import uscc
from stdnum.exceptions import ValidationError

from node.domain.trust import UNREADABLE, CreditCodeField, TrustAnchor, TrustList, is_strong, public_key_bytes
from node.errors import CertificateError, CodeFormatError

MAX_CHAIN_LENGTH = 5
MAX_CERTIFICATE_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class CertificateIdentity:
    """Who a certificate is about, and who says so."""

    credit_code: str
    """统一社会信用代码, 18 characters."""
    organisation: str
    leaf: x509.Certificate
    path: tuple[x509.Certificate, ...]
    """From the leaf to the recognised authority's own certificate, both included."""
    anchor: TrustAnchor
    """The recognised authority nearest to the leaf; its terms hold."""


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


def check_certificate(chain: Sequence[bytes], trust: TrustList, at: int) -> CertificateIdentity:
    """Check a chain against the recognised authorities as of a moment.

    Args:
        chain: DER certificates, the end entity's first.
        trust: the trust list in force.
        at: seconds since 1970 UTC; an authority that is suspended by then counts for nothing.

    Raises:
        CertificateError: no path to a recognised authority, not in date, not meant for signing, none of the
            policies that this authority is recognised for, or without a valid credit code where it puts it.
    """
    leaf, *intermediates = load_chain(chain)
    if not is_strong(leaf):
        raise CertificateError("the certificate's key is too weak or of an unknown kind")
    barred = trust.suspended_keys(at)
    # A suspended authority's key is refused in whatever certificate it comes, also in one that another signed.
    passable = [one for one in intermediates if not barred or public_key_bytes(one) not in barred]
    try:
        verified = _verifier(trust, at).verify(leaf, passable)
    except (verification.VerificationError, UnsupportedAlgorithm, ValueError) as error:
        raise CertificateError(
            f"the certificate is not acceptable: {_reason(error, leaf, trust, at)}"
        ) from error
    path = tuple(verified.chain)
    anchor = trust.nearest(path)
    if anchor is None:
        raise CertificateError("the path does not end at a recognised authority")
    _check_terms(leaf, anchor)
    try:
        organisation = _attribute(leaf, NameOID.ORGANIZATION_NAME)
        assert anchor.credit_code is not None
        code = check_credit_code(_credit_code(leaf, anchor.credit_code))
    except (*UNREADABLE, CodeFormatError) as error:
        raise CertificateError(f"the certificate carries no valid credit code: {error}") from error
    return CertificateIdentity(code, organisation[0] if organisation else "", leaf, path, anchor)


def load_chain(chain: Sequence[bytes]) -> list[x509.Certificate]:
    """Parse DER certificates.

    Raises:
        CertificateError: too many, too large, or one cannot be read.
    """
    if not 1 <= len(chain) <= MAX_CHAIN_LENGTH or any(len(der) > MAX_CERTIFICATE_BYTES for der in chain):
        raise CertificateError(
            f"a certificate chain has 1 to {MAX_CHAIN_LENGTH} certificates of ordinary size"
        )
    try:
        return [x509.load_der_x509_certificate(der) for der in chain]
    except UNREADABLE as error:
        raise CertificateError(f"a certificate cannot be read: {error}") from error


def _verifier(trust: TrustList, at: int) -> verification.ClientVerifier:
    store = trust.store(at)
    if store is None:
        raise CertificateError("the alliance recognises no certificate authority at that time")
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


def _check_terms(leaf: x509.Certificate, anchor: TrustAnchor) -> None:
    try:
        usage = leaf.extensions.get_extension_for_class(x509.KeyUsage).value
        if not any(getattr(usage, wanted) for wanted in anchor.key_usages):
            raise CertificateError(f"{anchor.id} is recognised for other key usages than this certificate's")
        if anchor.policies:
            policies = leaf.extensions.get_extension_for_class(x509.CertificatePolicies).value
            if not {one.policy_identifier.dotted_string for one in policies} & set(anchor.policies):
                raise CertificateError(
                    f"{anchor.id} is recognised for other policies than this certificate's"
                )
    except UNREADABLE as error:
        raise CertificateError(f"the certificate's usages or policies cannot be read: {error}") from error


def _credit_code(leaf: x509.Certificate, field: CreditCodeField) -> str:
    """Raises:
    ValueError: it does not stand there, or more than once.
    """
    oid = x509.ObjectIdentifier(field.oid)
    if field.source == "subject":
        values = _attribute(leaf, oid)
        text = values[0] if len(values) == 1 else ""
    else:
        extension = leaf.extensions.get_extension_for_oid(oid).value
        if not isinstance(extension, x509.UnrecognizedExtension):
            raise ValueError(f"{field.oid} is an extension with a meaning of its own")
        raw = extension.value
        text = raw.decode("ascii") if field.source == "extension-raw" else _der_text(raw)
    if not text.startswith(field.prefix):
        raise ValueError(f"it does not begin with {field.prefix!r}")
    return text.removeprefix(field.prefix)


def _der_text(raw: bytes) -> str:
    """A DER string of one of the three kinds that authorities use.

    Raises:
        ValueError: it is none.
    """
    with suppress(ValueError):
        return asn1.decode_der(str, raw)
    with suppress(ValueError):
        return asn1.decode_der(asn1.PrintableString, raw).as_str()
    with suppress(ValueError):
        return asn1.decode_der(asn1.IA5String, raw).as_str()
    raise ValueError("the extension holds no DER string")


def _reason(error: Exception, leaf: x509.Certificate, trust: TrustList, at: int) -> str:
    """Says more than "no path" where it can: who is refused because of a suspension must learn of it."""
    for anchor in trust.anchors:
        if anchor.is_suspended(at) and trust.certificate(anchor).subject == leaf.issuer:
            return f"{anchor.id} is suspended since {anchor.suspended}: {error}"
    return str(error)


def _attribute(certificate: x509.Certificate, oid: x509.ObjectIdentifier) -> list[str]:
    return [str(attribute.value) for attribute in certificate.subject.get_attributes_for_oid(oid)]
