"""TLS leaves: short certificates that a member issues with its identity key, to its node and to its systems."""

import datetime
import logging
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from node.errors import CertificateRequestError, KeyHolderError, UnknownCallerError
from node.ports import Clock, IssuedCertificate
from node.wire.tls import Leaf, is_issued_by, issuer_name, parse_leaf, role_uri, server_name

logger = logging.getLogger(__name__)

LEAF_SECONDS = 7 * 86_400
_LEAST_RSA_BITS = 2048
_RETRY_SECONDS = 30
_BACKDATE_SECONDS = 3_600  # so that a peer whose clock is a little late takes a new leaf


class Issuer(Protocol):
    """An identity key that signs X.509."""

    @property
    def key(self) -> ec.EllipticCurvePrivateKey:
        """The present one; perhaps elsewhere."""
        ...

    @property
    def public_key(self) -> bytes:
        """64 bytes."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class IssuedLeaf:
    """A private key and its certificate, PEM."""

    key_pem: bytes
    certificate_pem: bytes

    @property
    def pair(self) -> tuple[bytes, bytes]:
        """As gRPC wants it."""
        return self.key_pem, self.certificate_pem


def issue_leaf(
    member: str,
    identity: ec.EllipticCurvePrivateKey,
    now: float,
    *,
    role: str = "",
    seconds: int = LEAF_SECONDS,
) -> IssuedLeaf:
    """Issue a leaf with a fresh key, for the member's own node or for its operator.

    Args:
        member: whose identity key signs.
        identity: that key.
        now: seconds since 1970 UTC.
        role: empty for the node itself.
        seconds: how long the leaf is good.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _sign(member, identity, key.public_key(), role, role, now, now + seconds)
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return IssuedLeaf(key_pem, certificate.public_bytes(serialization.Encoding.PEM))


def new_request() -> tuple[bytes, bytes]:
    """A fresh key on P-256 and a PKCS #10 request for it, both PEM: what a system makes for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    # The name stays empty: the node takes nothing but the key from a request.
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return key_pem, request.public_bytes(serialization.Encoding.PEM)


class IdentityCertifier:
    """The `Certifier` port over the present identity key; it is asked for each time, because it changes."""

    def __init__(self, member: str, identity: Issuer) -> None:
        self._member, self._identity = member, identity

    def certify(
        self, request_pem: bytes, name: str, role: str, start: float, end: float
    ) -> IssuedCertificate:
        """See `Certifier.certify`."""
        key = _requested_key(request_pem)
        certificate = _sign(self._member, self._identity.key, key, role, f"{role} {name}", start, end)
        return _issued(parse_leaf(certificate.public_bytes(serialization.Encoding.PEM)))

    def recognise(self, certificate_pem: bytes, role: str) -> IssuedCertificate:
        """See `Certifier.recognise`."""
        leaf = parse_leaf(certificate_pem)
        if leaf.roles != {role} or leaf.names or leaf.issuer != self._member:
            raise UnknownCallerError("the certificate is for something else")
        if not is_issued_by(certificate_pem, self._identity.public_key):
            raise UnknownCallerError("the certificate was not issued by this node's identity key")
        return _issued(leaf)


def _issued(leaf: Leaf) -> IssuedCertificate:
    pem = leaf.certificate.public_bytes(serialization.Encoding.PEM)
    return IssuedCertificate(leaf.serial, leaf.fingerprint, leaf.end, pem)


def _requested_key(request_pem: bytes) -> CertificatePublicKeyTypes:
    """The key of a request, once it is known that who asks has it, and that it is strong enough."""
    try:
        request = x509.load_pem_x509_csr(request_pem)
        is_its_own = request.is_signature_valid
        key = request.public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion) as error:
        raise CertificateRequestError("this is no PKCS #10 request in PEM with a known key") from error
    if not is_its_own:
        raise CertificateRequestError("the request is not signed by the key that it is for")
    is_strong = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    )
    if not is_strong:
        raise CertificateRequestError("the key must be on P-256 or P-384, or RSA of 2048 bits or more")
    return key


def _sign(  # noqa: PLR0917
    member: str,
    identity: ec.EllipticCurvePrivateKey,
    key: CertificatePublicKeyTypes,
    role: str,
    label: str,
    start: float,
    end: float,
) -> x509.Certificate:
    name: x509.GeneralName = (
        x509.UniformResourceIdentifier(role_uri(role)) if role else x509.DNSName(server_name(member))
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{member} {label}".strip())])
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name(member))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime.fromtimestamp(start - _BACKDATE_SECONDS, datetime.UTC))
        .not_valid_after(datetime.datetime.fromtimestamp(end, datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(identity.public_key()), critical=False
        )
    )
    if role:
        # A system calls; with its certificate nobody can pass for a server.
        client = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
        builder = builder.add_extension(client, critical=False)
    return builder.sign(identity, hashes.SHA256())


class LeafSource:
    """The node's present leaf, renewed when half of its time is over or the identity key has changed; the leaf's key
    never touches the disk.
    """

    def __init__(self, member: str, identity: Issuer, clock: Clock) -> None:
        self._member, self._identity, self._clock = member, identity, clock
        self._renew_at = self.expires = 0.0
        """When the leaf is due for renewal, and when it runs out; seconds since 1970 UTC."""
        self._issue(clock.now())

    def leaf(self) -> IssuedLeaf:
        """A leaf by the present identity key.

        When the key's holder does not answer, the last leaf is shown as long as it is good.

        Raises:
            KeyHolderError: the key's holder does not answer, and the last leaf has run out.
        """
        now = self._clock.now()
        if now >= self._renew_at or self._identity.public_key != self._issuer:
            try:
                self._issue(now)
            except KeyHolderError:
                if now >= self.expires:
                    raise
                logger.warning("the leaf is not renewed: the identity key's holder does not answer")
                self._renew_at = now + _RETRY_SECONDS
        return self._leaf

    def _issue(self, now: float) -> None:
        self._leaf = issue_leaf(self._member, self._identity.key, now)
        self._issuer = self._identity.public_key
        self._renew_at, self.expires = now + LEAF_SECONDS / 2, now + LEAF_SECONDS
