"""A certificate authority for trials: stands in for the real ones, which cannot be had here. Not for production.

It makes what a recognised CA would: a root, and signing certificates of bidders with their credit code.
"""

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

CREDIT_CODE_OID = "2.5.4.97"
"""organizationIdentifier, where this authority puts the credit code."""
_ROOT_DAYS, _LEAF_DAYS = 3650, 730

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


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
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, _ROOT_DAYS)
    certificate = (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=1), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return TrialCertificate(key, certificate)


def issue(
    root: TrialCertificate,
    organisation: str,
    credit_code: str,
    *,
    rsa_bits: int = 0,
    start: datetime.datetime | None = None,
    days: float = _LEAF_DAYS,
) -> TrialCertificate:
    """A bidder's signing certificate.

    Args:
        root: who issues it.
        organisation: the bidder's name.
        credit_code: put in as it is, so that tests can put in a wrong one.
        rsa_bits: size of an RSA key; a P-256 key if zero.
        start: when it becomes valid; an hour ago if None.
        days: how long it is valid.
    """
    key: PrivateKey = (
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
    certificate = (
        _builder(subject, root.certificate.subject, key, days, start)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(is_authority=False), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(root.key.public_key()), critical=False
        )
        .sign(root.key, hashes.SHA256())
    )
    return TrialCertificate(key, certificate)


def load(key_pem: bytes, certificate_pem: bytes) -> TrialCertificate:
    """A key and its certificate from files.

    Raises:
        ValueError: they are not a PEM key of a kind in use and a PEM certificate.
    """
    key = serialization.load_pem_private_key(key_pem, None)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise ValueError("the key is neither RSA nor P-256")
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
