"""What the node signs for its centre's systems, and what it will not sign."""

import base64
import datetime
import time
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.crypto.leaves import IdentityCertifier, issue_leaf, new_request
from adapters.crypto.signers import P256Signer
from node.errors import CertificateRequestError, UnknownCallerError
from node.wire.tls import parse_leaf

KEY = ec.generate_private_key(ec.SECP256R1())
CERTIFIER = IdentityCertifier("centre-a", P256Signer(KEY))
SHA256 = hashes.SHA256()
NOW = float(int(time.time()))


def rsa_key(bits: int):
    pem = Path(__file__).resolve().parents[2] / "vectors" / f"test-key-rsa-{bits}.pem"
    return serialization.load_pem_private_key(pem.read_bytes(), password=None)


SOUND = {
    "P-256": ec.generate_private_key(ec.SECP256R1()),
    "P-384": ec.generate_private_key(ec.SECP384R1()),
    "RSA 2048": rsa_key(2048),
}


def request_of(key, *, subject="", names=(), digest=SHA256) -> bytes:
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, subject)] if subject else []
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    return builder.sign(key, digest).public_bytes(serialization.Encoding.PEM)


def certify(request: bytes, role: str = "writer"):
    return CERTIFIER.certify(request, "trading", role, NOW, NOW + 86_400)


@pytest.mark.parametrize("key", SOUND.values(), ids=SOUND)
def test_a_sound_key_is_certified(key):
    issued = certify(request_of(key))
    certificate = x509.load_pem_x509_certificate(issued.pem)
    assert certificate.public_key() == key.public_key()
    assert f"{certificate.serial_number:x}" == issued.serial
    assert certificate.fingerprint(hashes.SHA256()) == issued.fingerprint
    assert certificate.not_valid_after_utc.timestamp() == issued.end == NOW + 86_400


def test_nothing_but_the_key_is_taken_from_a_request():
    greedy = request_of(
        ec.generate_private_key(ec.SECP256R1()),
        subject="centre-b",
        names=[x509.DNSName("centre-a.heqi"), x509.UniformResourceIdentifier("heqi:operator")],
    )
    issued = certify(greedy)
    leaf = parse_leaf(issued.pem)
    assert (leaf.names, leaf.roles) == (frozenset(), {"writer"})
    extensions = leaf.certificate.extensions
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    usages = extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usages) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert "centre-b" not in leaf.certificate.subject.rfc4514_string()


def _signed_by_another() -> bytes:
    """A request for a key that its sender does not have: one byte of the signature differs."""
    raw = bytearray(x509.load_pem_x509_csr(new_request()[1]).public_bytes(serialization.Encoding.DER))
    raw[-1] ^= 1
    return _pem(bytes(raw))


def _pem(der: bytes) -> bytes:
    return (
        b"-----BEGIN CERTIFICATE REQUEST-----\n"
        + base64.encodebytes(der)
        + b"-----END CERTIFICATE REQUEST-----\n"
    )


REFUSED = {
    "empty": b"",
    "no PEM": b"x" * 1_000,
    "not DER": _pem(b"\x30\x03\x02\x01\x01"),
    "somebody else's signature": _signed_by_another(),
    "RSA 1024": request_of(rsa_key(1024)),
    "P-521": request_of(ec.generate_private_key(ec.SECP521R1())),
    "secp256k1": request_of(ec.generate_private_key(ec.SECP256K1())),
    "Ed25519": request_of(ed25519.Ed25519PrivateKey.generate(), digest=None),
    "a certificate": issue_leaf("centre-a", KEY, NOW).certificate_pem,
    "a private key": new_request()[0],
}


@pytest.mark.parametrize("request_pem", REFUSED.values(), ids=REFUSED)
def test_what_the_node_will_not_sign(request_pem):
    with pytest.raises(CertificateRequestError):
        certify(request_pem)


@given(st.integers(0, 10_000), st.integers(0, 255))
@settings(max_examples=150, deadline=None)
def test_a_damaged_request_is_refused_or_still_its_own(place, byte):
    der = bytearray(x509.load_pem_x509_csr(_REQUEST).public_bytes(serialization.Encoding.DER))
    der[place % len(der)] = byte
    try:
        issued = certify(_pem(bytes(der)))
    except CertificateRequestError:
        return
    assert parse_leaf(issued.pem).roles == {"writer"}


_REQUEST = new_request()[1]


def test_serials_differ_even_for_one_key():
    request = new_request()[1]
    assert len({certify(request).serial for _ in range(20)}) == 20


def test_the_own_operators_certificate_is_recognised():
    leaf = issue_leaf("centre-a", KEY, NOW, role="operator")
    recognised = CERTIFIER.recognise(leaf.certificate_pem, "operator")
    assert recognised.fingerprint == parse_leaf(leaf.certificate_pem).fingerprint


@pytest.mark.parametrize(
    "pem",
    [
        issue_leaf("centre-a", KEY, NOW).certificate_pem,
        issue_leaf("centre-a", KEY, NOW, role="writer").certificate_pem,
        issue_leaf("centre-b", KEY, NOW, role="operator").certificate_pem,
        issue_leaf("centre-a", ec.generate_private_key(ec.SECP256R1()), NOW, role="operator").certificate_pem,
        b"nothing",
    ],
    ids=["the node's", "a writer's", "another member's", "another key's", "none"],
)
def test_no_other_certificate_passes_for_the_operators(pem):
    with pytest.raises(UnknownCallerError):
        CERTIFIER.recognise(pem, "operator")


def test_a_certificate_begins_a_little_before_its_time_for_late_clocks():
    certificate = x509.load_pem_x509_certificate(certify(new_request()[1]).pem)
    start = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    assert certificate.not_valid_before_utc < start
