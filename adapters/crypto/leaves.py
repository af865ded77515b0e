"""TLS leaves: short certificates that a member issues itself with its identity key."""

import datetime
import logging
from dataclasses import dataclass
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from node.errors import KeyHolderError
from node.ports import Clock
from node.wire.tls import issuer_name, role_uri, server_name

logger = logging.getLogger(__name__)

LEAF_SECONDS = 7 * 86_400
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
    """Issue a leaf for the member's own node, or for one of its systems in a role.

    Args:
        member: whose identity key signs.
        identity: that key.
        now: seconds since 1970 UTC.
        role: empty for the node itself.
        seconds: how long the leaf is good.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    name: x509.GeneralName = (
        x509.UniformResourceIdentifier(role_uri(role)) if role else x509.DNSName(server_name(member))
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{member} {role}".strip())])
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
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name(member))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - datetime.timedelta(seconds=_BACKDATE_SECONDS))
        .not_valid_after(at + datetime.timedelta(seconds=seconds))
        .add_extension(x509.SubjectAlternativeName([name]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(identity.public_key()), critical=False
        )
        .sign(identity, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return IssuedLeaf(key_pem, certificate.public_bytes(serialization.Encoding.PEM))


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
