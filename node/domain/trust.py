"""The trust list: which certificate authorities the alliance recognises, and on what terms.

Every authority puts the credit code somewhere else, has its own policies, and answers for revocations at its own
address, so there is one entry for each. The members vote on entries; the ledger keeps the order of changes
(`docs/formats/trust.md`). An entry is never deleted: an authority that is no longer trusted is suspended from a
moment on, and what was signed before stays what it was.

Source: RFC 5280 (policies, key usage); domain: `T_CA_ACCESS` and `T_CA_PLOY` of provincial CA onboarding records.
"""

import base64
import binascii
import math
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Annotated, Literal
from urllib.parse import urlsplit

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification

from node.domain.encoding import Seconds, canonical_json, decode_canonical
from node.errors import CertificateError, DocumentFormatError

MAX_ENTRY_BYTES = 8192
"""The same bound as in `TrustList.sol`."""
MAX_ADDRESSES = 4
MIN_RSA_BITS = 2048
# What `cryptography` raises on certificates that are malformed or of a kind it does not know.
UNREADABLE = (ValueError, TypeError, x509.InvalidVersion, x509.DuplicateExtension, x509.ExtensionNotFound)

AnchorId = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,30}\Z")]
Oid = Annotated[str, msgspec.Meta(pattern=r"^[0-2](\.(0|[1-9][0-9]{0,18})){1,30}\Z")]
Address = Annotated[str, msgspec.Meta(pattern=r"^https?://[!-~]{1,240}\Z")]
KeyUsage = Literal["content_commitment", "digital_signature"]


class CreditCodeField(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Where an authority puts the credit code."""

    oid: Oid
    """Subject attribute or extension."""
    source: Literal["subject", "extension", "extension-raw"] = "subject"
    """A subject attribute; an extension whose value is a DER string; one whose value is the bare characters."""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[!-~]{0,32}\Z")] = ""
    """What stands before the code and must be there, for example `NTRCN-`."""


class TrustAnchor(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One recognised authority: an entry of the list."""

    id: AnchorId
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=120)]
    """For people."""
    certificate: str
    """Base64 of the DER of its CA certificate; need not be self-signed."""
    serves: Literal["signatures", "timestamps"] = "signatures"
    """Bidders' signing certificates, or time stamps (RFC 3161)."""
    credit_code: CreditCodeField | None = None
    """Stands exactly where the authority serves signatures."""
    policies: tuple[Oid, ...] = ()
    """A bidder's certificate must have one of these policies; any if empty. Strictly ascending."""
    key_usages: tuple[KeyUsage, ...] = ("content_commitment", "digital_signature")
    """A bidder's certificate must have one of these usages. Strictly ascending."""
    ocsp: tuple[Address, ...] = ()
    crl: tuple[Address, ...] = ()
    nonces: bool = False
    """Its OCSP responder repeats nonces: an answer without the nonce is a replay."""
    timestamp: tuple[Address, ...] = ()
    """Where an authority for time stamps is asked."""
    suspended: Seconds | None = None
    """Nothing that it vouches for from this moment on is recognised; left out if it is not suspended."""

    @property
    def der(self) -> bytes:
        """The CA certificate."""
        return base64.b64decode(self.certificate)

    @property
    def has_status(self) -> bool:
        """Whether anybody can be asked about revocations."""
        return bool(self.ocsp or self.crl)

    def is_suspended(self, at: int) -> bool:
        """Whether it is suspended at a moment, seconds since 1970 UTC."""
        return self.suspended is not None and at >= self.suspended


def anchor_from_pem(anchor_id: str, name: str, pem: str, credit_code: CreditCodeField | str) -> TrustAnchor:
    """An entry on the plainest terms, for an authority given as PEM.

    Args:
        anchor_id: its name on the ledger.
        name: for people.
        pem: one CA certificate.
        credit_code: where the credit code stands; a dotted OID is a subject attribute.

    Raises:
        CertificateError: it is no PEM of a certificate, or the entry breaks a rule.
    """
    try:
        der = x509.load_pem_x509_certificate(pem.encode()).public_bytes(Encoding.DER)
    except UNREADABLE as error:
        raise CertificateError(f"{name}: not a certificate in PEM: {error}") from error
    field = CreditCodeField(credit_code) if isinstance(credit_code, str) else credit_code
    anchor = TrustAnchor(
        id=anchor_id, name=name, certificate=base64.b64encode(der).decode(), credit_code=field
    )
    return check_anchor(anchor)


def encode_anchor(anchor: TrustAnchor) -> bytes:
    """The entry as it stands on the ledger: canonical JSON."""
    return canonical_json(msgspec.to_builtins(anchor))


def parse_anchor(raw: bytes, anchor_id: str | None = None) -> TrustAnchor:
    """Read an entry and check it.

    Args:
        raw: canonical JSON.
        anchor_id: under which name it stands on the ledger, if it does.

    Raises:
        CertificateError: it is no entry, or not of that authority.
    """
    try:
        anchor = decode_canonical(raw, TrustAnchor)
    except DocumentFormatError as error:
        raise CertificateError(f"not an entry of the trust list: {error}") from error
    if anchor_id not in (None, anchor.id):
        raise CertificateError(f"the entry of {anchor_id} names {anchor.id}")
    return check_anchor(anchor)


def check_anchor(anchor: TrustAnchor) -> TrustAnchor:
    """Check that an entry can serve as one, and return it.

    Raises:
        CertificateError: its certificate is malformed or no CA's, or its members contradict each other.
    """
    try:
        # Again through the types: who builds an entry in code must not get past their bounds.
        msgspec.convert(msgspec.to_builtins(anchor), type=TrustAnchor)
        certificate = x509.load_der_x509_certificate(base64.b64decode(anchor.certificate, validate=True))
        for oid in (*anchor.policies, *((anchor.credit_code.oid,) if anchor.credit_code else ())):
            x509.ObjectIdentifier(oid)
        is_authority = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (*UNREADABLE, binascii.Error, msgspec.ValidationError) as error:
        raise CertificateError(f"{anchor.name}: not a CA certificate with its terms: {error}") from error
    problem = _contradiction(anchor, certificate, is_authority=is_authority)
    if problem:
        raise CertificateError(f"{anchor.name}: {problem}")
    return anchor


def check_anchors(anchors: Sequence[TrustAnchor]) -> None:
    """Check a whole list.

    Raises:
        CertificateError: an entry is unusable, or a name stands twice.
    """
    for anchor in anchors:
        check_anchor(anchor)
    if len({anchor.id for anchor in anchors}) != len(anchors):
        raise CertificateError("an authority stands twice on the trust list")


class TrustList:
    """The list as it is in force: parsed once, good for many checks. Immutable."""

    def __init__(self, anchors: Iterable[TrustAnchor], version: int = 0) -> None:
        """Args:
        anchors: checked entries.
        version: number of changes that led here.
        """
        self.anchors = tuple(sorted(anchors, key=lambda anchor: anchor.id))
        self.version = version
        self._certificates = {
            anchor.id: x509.load_der_x509_certificate(anchor.der) for anchor in self.anchors
        }
        ended = {anchor.suspended for anchor in self.anchors if anchor.suspended is not None}
        self.moments = frozenset(ended | moments_of(self._certificates.values()))
        """Seconds since 1970 UTC at which something on the list begins or ends."""
        self._keys = {anchor.id: public_key_bytes(self._certificates[anchor.id]) for anchor in self.anchors}
        self._store = lru_cache(maxsize=8)(self._new_store)

    def anchor(self, anchor_id: str) -> TrustAnchor | None:
        """An entry by its name."""
        return next((anchor for anchor in self.anchors if anchor.id == anchor_id), None)

    def certificate(self, anchor: TrustAnchor) -> x509.Certificate:
        """An entry's CA certificate, parsed."""
        return self._certificates[anchor.id]

    def suspended_keys(self, at: int) -> frozenset[bytes]:
        """Public keys of the authorities that are suspended at a moment.

        Keys and not certificates: a cross-certificate gives the same key another issuer.
        """
        return frozenset(self._keys[anchor.id] for anchor in self.anchors if anchor.is_suspended(at))

    def store(self, at: int) -> verification.Store | None:
        """Where paths of signing certificates may end at a moment; None if nowhere."""
        barred = self.suspended_keys(at)
        return self._store(
            tuple(
                anchor.id
                for anchor in self.anchors
                if anchor.serves == "signatures" and self._keys[anchor.id] not in barred
            )
        )

    def stampers(self, at: int) -> tuple[bytes, ...]:
        """DER of the authorities whose time stamps on files count at a moment: all that are not suspended."""
        barred = self.suspended_keys(at)
        return tuple(anchor.der for anchor in self.anchors if self._keys[anchor.id] not in barred)

    def nearest(self, path: Sequence[x509.Certificate]) -> TrustAnchor | None:
        """The listed authority nearest to the end entity: its terms hold, whoever certified it besides."""
        by_key = {self._keys[one.id]: one for one in self.anchors if one.serves == "signatures"}
        found = (by_key.get(public_key_bytes(certificate)) for certificate in path[1:])
        return next((anchor for anchor in found if anchor is not None), None)

    def _new_store(self, ids: tuple[str, ...]) -> verification.Store | None:
        return verification.Store([self._certificates[one] for one in ids]) if ids else None


def moments_of(certificates: Iterable[x509.Certificate]) -> set[int]:
    """The first seconds since 1970 UTC in which each counts, and in which it does not any more.

    Source: RFC 5280 4.1.2.5: the period includes both its ends.
    """
    return {
        moment
        for one in certificates
        for moment in (
            math.ceil(one.not_valid_before_utc.timestamp()),
            math.floor(one.not_valid_after_utc.timestamp()) + 1,
        )
    }


def public_key_bytes(certificate: x509.Certificate) -> bytes:
    """DER of the SubjectPublicKeyInfo.

    Raises:
        CertificateError: the key is of a kind that nobody here knows.
    """
    try:
        return certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise CertificateError("a certificate's key is of an unknown kind") from error


def is_strong(certificate: x509.Certificate) -> bool:
    """Whether a certificate's key is of a kind and size that counts.

    The path checker looks at the keys between only: the last it trusts as it stands, the first it does not use.
    """
    try:
        key = certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size >= MIN_RSA_BITS
    curves = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, curves)


def _contradiction(anchor: TrustAnchor, certificate: x509.Certificate, *, is_authority: bool) -> str:
    """What is wrong with a well-formed entry; empty if nothing."""
    lists = (anchor.policies, anchor.key_usages)
    addresses = (anchor.ocsp, anchor.crl, anchor.timestamp)
    problems = (
        (not is_authority, "the certificate is not a CA's"),
        (
            not is_strong(certificate),
            "the CA's key is neither RSA with 2048 bits or more nor P-256, P-384 or P-521",
        ),
        (
            base64.b64encode(certificate.public_bytes(Encoding.DER)).decode() != anchor.certificate,
            "the certificate has stray bits",
        ),
        (
            (anchor.serves == "signatures") != (anchor.credit_code is not None),
            "where the credit code stands must be said for signatures, and only there",
        ),
        (
            (anchor.serves == "timestamps") != bool(anchor.timestamp),
            "an address for time stamps must be given where they are served, and only there",
        ),
        (
            any(list(one) != sorted(set(one)) for one in lists) or not anchor.key_usages,
            "policies and key usages are sorted, each once, and there is a key usage",
        ),
        (
            any(len(kind) > MAX_ADDRESSES or not all(map(_is_address, kind)) for kind in addresses),
            f"at most {MAX_ADDRESSES} addresses of a kind, each http(s)://host without a user",
        ),
        (len(encode_anchor(anchor)) > MAX_ENTRY_BYTES, f"the entry has more than {MAX_ENTRY_BYTES} bytes"),
    )
    return next((text for is_so, text in problems if is_so), "")


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.username is None and parts.port != 0 and not parts.fragment
    except ValueError:
        return False
