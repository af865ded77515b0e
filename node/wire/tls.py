"""Mutual TLS on pinned public keys: who stands behind a certificate.

Each member's identity key is on the ledger, not a certificate. Both sides make the trust anchor themselves from
that key: a CA certificate signed by a throw-away key, whose own signature TLS never checks. Members issue their
short-lived leaves with the identity key, so leaves and their keys change freely and nothing changes on the
ledger. The centre's own systems hold leaves of the same issuer that name a role; which of them still counts, the
node's register says (`node/services/systems.py`).

    leaf of a member's node     DNS name  <member>.heqi
    leaf of an own system       URI       heqi:<role>
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from node.domain.member import check_member_name
from node.domain.signature import p256_key
from node.domain.system import SystemRole
from node.errors import CodeFormatError, UnknownCallerError

ROLES = frozenset(role.value for role in SystemRole)
_ROLE_SCHEME = "heqi:"
_ANCHOR_DAYS = 3650
_ISSUER_SUFFIX = " identity"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: a member's node, or a system of this centre in a role."""

    member: str
    role: str = ""
    """Empty for a member's node."""
    serial: str = ""
    """Of the certificate, lower-case hexadecimal digits."""
    fingerprint: bytes = b""
    """SHA-256 of the certificate in DER."""


def server_name(member: str) -> str:
    """The DNS name in the leaf of a member's node."""
    return f"{member}.heqi"


def role_uri(role: str) -> str:
    """The URI in the leaf of an own system."""
    return f"{_ROLE_SCHEME}{role}"


def issuer_name(member: str) -> x509.Name:
    """Issuer of a member's leaves, and subject of its anchor."""
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, member + _ISSUER_SUFFIX)])


@lru_cache(maxsize=1024)
def anchor_pem(member: str, identity_key: bytes) -> bytes:
    """The trust anchor for a member's leaves, as PEM, synthesised from its public key (64 bytes).

    Raises:
        CodeFormatError: the key is malformed.
    """
    throw_away = ec.generate_private_key(ec.SECP256R1())
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    anchor = (
        x509.CertificateBuilder()
        .subject_name(issuer_name(member))
        .issuer_name(issuer_name(member))
        .public_key(p256_key(identity_key))
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=_ANCHOR_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        # While two keys of one member count, their anchors have the same name: this tells them apart.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(p256_key(identity_key)), critical=False)
        .sign(throw_away, hashes.SHA256())
    )
    return anchor.public_bytes(serialization.Encoding.PEM)


@dataclass(frozen=True, slots=True)
class Leaf:
    """A certificate taken apart; nothing about it is believed yet."""

    certificate: x509.Certificate
    issuer: str
    names: frozenset[str]
    roles: frozenset[str]
    serial: str
    fingerprint: bytes
    start: float
    end: float
    """Seconds since 1970 UTC, both."""


@lru_cache(maxsize=1024)
def parse_leaf(pem: bytes) -> Leaf:
    """Take a leaf apart.

    Raises:
        UnknownCallerError: it is not a leaf of the form drawn above.
    """
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        issuer = certificate.issuer.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value
        alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        member = check_member_name(str(issuer).removesuffix(_ISSUER_SUFFIX))
    except (ValueError, IndexError, x509.ExtensionNotFound, CodeFormatError) as error:
        raise UnknownCallerError("the caller's certificate is not one of this network") from error
    uris = alternative.get_values_for_type(x509.UniformResourceIdentifier)
    return Leaf(
        certificate,
        member,
        frozenset(alternative.get_values_for_type(x509.DNSName)),
        frozenset(uri.removeprefix(_ROLE_SCHEME) for uri in uris if uri.startswith(_ROLE_SCHEME)),
        f"{certificate.serial_number:x}",
        certificate.fingerprint(hashes.SHA256()),
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
    )


@lru_cache(maxsize=4096)
def is_issued_by(pem: bytes, identity_key: bytes) -> bool:
    """Whether the leaf's signature is by this identity key (64 bytes): the pin. Cached by certificate and key."""
    certificate = parse_leaf(pem).certificate
    algorithm = certificate.signature_hash_algorithm
    if algorithm is None:
        return False
    try:
        p256_key(identity_key).verify(
            certificate.signature, certificate.tbs_certificate_bytes, ec.ECDSA(algorithm)
        )
    except InvalidSignature:
        return False
    return True


def identify(pem: bytes, identity_keys: Sequence[bytes], me: str, now: float) -> Caller:
    """Who holds this leaf, if the member that it names as issuer really issued it.

    TLS has checked that the caller holds the leaf's key, and the dates when the connection was made; they are
    checked here again, because a connection may be older than its leaf's time.

    Args:
        pem: the leaf.
        identity_keys: 64 bytes each, the pinned keys of the member that the leaf names as issuer.
        me: name of this node's member, the only one whose systems may call here.
        now: seconds since 1970 UTC.

    Raises:
        UnknownCallerError: another key issued it, its time is over, or it claims a role or name that its issuer
            cannot give.
    """
    leaf = parse_leaf(pem)
    if not any(is_issued_by(pem, key) for key in identity_keys):
        raise UnknownCallerError("the caller's certificate was not issued by the identity key on the ledger")
    if not leaf.start <= now < leaf.end:
        raise UnknownCallerError("the time of the caller's certificate is over, or has not begun")
    if not leaf.roles and leaf.names == {server_name(leaf.issuer)}:
        return Caller(leaf.issuer, "", leaf.serial, leaf.fingerprint)
    if len(leaf.roles) == 1 and leaf.roles <= ROLES and not leaf.names and leaf.issuer == me:
        return Caller(me, next(iter(leaf.roles)), leaf.serial, leaf.fingerprint)
    raise UnknownCallerError("the caller's certificate names somebody whom its issuer cannot vouch for")
