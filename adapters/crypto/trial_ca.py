"""A certificate authority for trials: stands in for the real ones, which cannot be had here. Not for production.

It makes what a recognised CA would: a root, authorities below it, and signing certificates of bidders with their
credit code. What it says about revocations is `trial_status`.
"""

import datetime
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

CREDIT_CODE_OID = "2.5.4.97"
"""organizationIdentifier, where this authority puts the credit code."""
_ROOT_DAYS, _LEAF_DAYS = 3650, 730

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
Extensions = Sequence[tuple[x509.ExtensionType, bool]]
"""Further extensions, each with whether it is critical."""


@dataclass(frozen=True, slots=True, repr=False)
class TrialCertificate:
    """A private key and the certificate over it."""

    key: PrivateKey
    certificate: x509.Certificate

    @property
    def key_pem(self) -> bytes:
        """PKCS #8, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    @property
    def certificate_pem(self) -> bytes:
        """PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def der(self) -> bytes:
        """DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)


def make_root(name: str = "试用证书机构 Trial CA") -> TrialCertificate:
    """A new trial root."""
    return make_authority(name)


def make_authority(
    name: str, issuer: TrialCertificate | None = None, *, key: PrivateKey | None = None
) -> TrialCertificate:
    """An authority: a root, or one that another authority certifies.

    Args:
        name: common name.
        issuer: who certifies it; itself if None.
        key: a key that it has already, for a cross-certificate; a new P-256 key if None.
    """
    own = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, issuer.certificate.subject if issuer else subject, own, _ROOT_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None if issuer else 2), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(own.public_key()), critical=False)
    )
    if issuer is not None:
        builder = builder.add_extension(_issued_by(issuer), critical=False)
    return TrialCertificate(own, builder.sign(issuer.key if issuer else own, hashes.SHA256()))


def issue(
    root: TrialCertificate,
    organisation: str,
    credit_code: str,
    *,
    rsa_bits: int = 0,
    start: datetime.datetime | None = None,
    days: float = _LEAF_DAYS,
    key: PrivateKey | None = None,
    extensions: Extensions = (),
) -> TrialCertificate:
    """A signing certificate for a bidder.

    Args:
        root: who issues it.
        organisation: its name.
        credit_code: stands at `CREDIT_CODE_OID`.
        rsa_bits: size of an RSA key; a P-256 key if zero.
        start: when it becomes valid; an hour ago if None.
        days: how long it is valid.
        key: the bidder's own key; a new one if None.
        extensions: further ones, for example policies.
    """
    own: PrivateKey = key or (
        rsa.generate_private_key(65537, rsa_bits) if rsa_bits else ec.generate_private_key(ec.SECP256R1())
    )
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(x509.ObjectIdentifier(CREDIT_CODE_OID), credit_code),
            x509.NameAttribute(NameOID.COMMON_NAME, organisation),
        ]
    )
    builder = (
        _builder(subject, root.certificate.subject, own, days, start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(_issued_by(root), critical=False)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return TrialCertificate(own, builder.sign(root.key, hashes.SHA256()))


def issue_service(
    issuer: TrialCertificate,
    name: str,
    purpose: x509.ObjectIdentifier,
    *,
    change: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda builder: builder,
) -> TrialCertificate:
    """A certificate for a service of the authority itself.

    Args:
        issuer: the authority.
        name: common name.
        purpose: extended key usage: OCSP signing or time stamping.
        change: the last word on the certificate, for what must be refused.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        _builder(subject, issuer.certificate.subject, key, _LEAF_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=True)
        .add_extension(_issued_by(issuer), critical=False)
    )
    return TrialCertificate(key, change(builder).sign(issuer.key, hashes.SHA256()))


def load(key_pem: bytes, certificate_pem: bytes) -> TrialCertificate:
    """A key and its certificate from files.

    Raises:
        ValueError: they are not a PEM key of a kind in use and a PEM certificate.
    """
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the key is neither RSA nor EC")
    return TrialCertificate(key, x509.load_pem_x509_certificate(certificate_pem))


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: PrivateKey,
    days: float,
    start: datetime.datetime | None = None,
) -> x509.CertificateBuilder:
    begin = start or datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=days))
    )


def _issued_by(issuer: TrialCertificate) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=not is_authority,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )
