"""A certificate authority with a fixed key: makes right certificates for the vectors and wrong ones for attacks.

Its signatures are deterministic; `adapters/crypto/trial_ca.py` is the one for people.
"""

import base64
import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from node.domain.trust import CreditCodeField, TrustAnchor
from tests.vectors.keys import fixed_bytes, p256

CREDIT_CODE = "91110000600037341L"
"""A well-formed code: the example in python-stdnum's documentation."""
CREDIT_CODE_OID = "2.5.4.97"
ORGANISATION = "示例建设有限公司"
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
END = datetime.datetime(2028, 1, 1, tzinfo=datetime.UTC)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def name(common: str, credit_codes: Sequence[str] = (), organisation: str = "") -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    if organisation:
        attributes.append(x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation))
    oid = x509.ObjectIdentifier(CREDIT_CODE_OID)
    attributes += [x509.NameAttribute(oid, code) for code in credit_codes]
    return x509.Name(attributes)


def usage(*allowed: str) -> x509.KeyUsage:
    kinds = (
        "digital_signature content_commitment key_encipherment data_encipherment key_agreement "
        "key_cert_sign crl_sign encipher_only decipher_only"
    )
    return x509.KeyUsage(**{kind: kind in allowed for kind in kinds.split()})


def issue(
    subject: x509.Name,
    key: PrivateKey,
    by: Issued | None = None,
    *,
    key_usage: x509.KeyUsage | None,
    constraints: x509.BasicConstraints | None,
    more: Sequence[tuple[x509.ExtensionType, bool]] = (),
    start: datetime.datetime = START,
    end: datetime.datetime = END,
) -> Issued:
    """A certificate over `key`; self-signed unless somebody issues it."""
    issuer_key = by.key if by else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(fixed_bytes(f"serial {subject.rfc4514_string()}", 8), "big"))
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    if key_usage is not None:
        builder = builder.add_extension(key_usage, critical=True)
    if constraints is not None:
        builder = builder.add_extension(constraints, critical=True)
    for extension, critical in more:
        builder = builder.add_extension(extension, critical=critical)
    is_ec = isinstance(issuer_key, ec.EllipticCurvePrivateKey)
    certificate = builder.sign(issuer_key, hashes.SHA256(), ecdsa_deterministic=True if is_ec else None)
    return Issued(certificate, key)


@cache
def root(common: str = "Test root", path_length: int | None = 1) -> Issued:
    return issue(
        name(common),
        p256(f"authority {common}").key,
        key_usage=usage("key_cert_sign", "crl_sign"),
        constraints=x509.BasicConstraints(ca=True, path_length=path_length),
    )


def anchor(of: Issued | None = None) -> TrustAnchor:
    return TrustAnchor(
        id="test-ca",
        name="测试证书机构 Test CA",
        certificate=base64.b64encode((of or root()).der).decode(),
        credit_code=CreditCodeField(CREDIT_CODE_OID),
    )


def rsa_key(bits: int) -> rsa.RSAPrivateKey:
    pem = (Path(__file__).parent / f"test-key-rsa-{bits}.pem").read_bytes()
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@cache
def bidder(*, rsa_bits: int = 0) -> Issued:
    """The bidder's signing certificate."""
    return issue(
        name("bidder", [CREDIT_CODE], ORGANISATION),
        rsa_key(rsa_bits) if rsa_bits else p256("bidder certificate").key,
        root(),
        key_usage=usage("digital_signature", "content_commitment"),
        constraints=x509.BasicConstraints(ca=False, path_length=None),
    )
