"""What a signature on a file is worth (验签): PDF, CMS and JWS, attached or detached.

A `SignatureReader` says what is written in a file and whether the mathematics holds; this module decides what that is
worth: which algorithms count, as of which moment the certificate is judged, and by whom it must be recognised.

Source: 电子签名法 art. 13 (who, intact signature, intact content); RFC 5652; RFC 7515; ISO 32000-2, 12.8.
"""

import enum
from collections.abc import Callable, Sequence
from typing import TypeAlias

import msgspec

from node.domain.certificate import CertificateIdentity
from node.errors import CertificateError

_PDF_HEADER_WITHIN = 1024  # ISO 32000-1, annex H.3.4.1
_DIGESTS = frozenset({"sha256", "sha384", "sha512", "sha3_256", "sha3_384", "sha3_512"})
_MECHANISMS = frozenset({"rsassa_pkcs1v15", "rsassa_pss", "ecdsa"})
_CURVES = frozenset({"secp256r1", "secp384r1", "secp521r1"})
_RSA_BITS = range(2048, 8193)
"""Below, it can be broken; above, it is there to keep a verifier busy."""
_CLOCK_SKEW_SECONDS = 300

Recognise: TypeAlias = Callable[[Sequence[bytes], int], CertificateIdentity]
"""(DER chain, the signer's first; seconds since 1970 UTC) → whom it is about by the alliance's recognised authorities
as of that moment; raises `CertificateError`."""


class Format(enum.StrEnum):
    """How a file is signed."""

    PDF = "pdf"
    CMS = "cms"
    """PKCS #7, DER or PEM."""
    JWS = "jws"
    """Compact, with `x5c`."""


class Problem(enum.StrEnum):
    """Why a signature does not count. Stable words."""

    NONE = "none"
    UNREADABLE = "unreadable"
    """The signature breaks its format."""
    UNSUPPORTED = "unsupported"
    """A kind of signature that is not checked here."""
    NO_CERTIFICATE = "no-certificate"
    """The signer's certificate is not with the signature."""
    WEAK_ALGORITHM = "weak-algorithm"
    """SHA-1, RSA below 2048 bits, or anything else that is not known to be strong."""
    ALTERED = "altered"
    """The content is not what was signed."""
    FALSE_SIGNATURE = "false-signature"
    """The signature is not by the certificate's key."""
    PARTLY_COVERED = "partly-covered"
    """The signature leaves out a part of the document as it was when it was signed."""
    CHANGED_AFTER_SIGNING = "changed-after-signing"
    """The PDF was changed afterwards, by more than further signatures."""
    FALSE_TIMESTAMP = "false-timestamp"
    """It carries a timestamp that is not valid."""
    CERTIFICATE = "certificate"
    """Not by a recognised authority, not in date, not meant for signing, or without a credit code."""


class Finding(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One signature as a reader has found it; nothing is said yet about who signed."""

    name: str = ""
    """Name of the PDF field, otherwise the signature's place, from 0."""
    problem: Problem = Problem.NONE
    detail: str = ""
    """About the problem, for people, in English."""
    digest: str = ""
    """Such as `sha256`."""
    mechanism: str = ""
    """Such as `ecdsa`."""
    key: str = ""
    """`rsa` or the name of a curve."""
    key_bits: int = 0
    subject: str = ""
    """Of the signer's certificate, RFC 4514."""
    chain: tuple[bytes, ...] = ()
    """DER, the signer's first, then those that may lead to a root."""
    claimed: int | None = None
    """When the signer says it signed, seconds since 1970 UTC."""
    stamped: int | None = None
    """By a valid timestamp of a recognised authority."""
    stamp_problem: str = ""
    """Why a timestamp that it carries does not count; for people, in English."""
    covers_whole: bool = False
    """Nothing was added to the file after this signature."""
    imprint: str = ""
    """Digest of what was signed, hex; the same however the file is wrapped or signed again."""


class Verdict(msgspec.Struct, frozen=True):
    """What one signature is worth."""

    finding: Finding
    problem: Problem
    detail: str
    judged_at: int
    """As of when its certificate was judged: its timestamp, or the moment that was asked for."""
    credit_code: str = ""
    organisation: str = ""

    @property
    def is_valid(self) -> bool:
        """Whether it counts."""
        return self.problem is Problem.NONE


def format_of(beginning: bytes) -> Format:
    """The format, by the first kilobyte of a file or of a detached signature."""
    if b"%PDF-" in beginning[:_PDF_HEADER_WITHIN]:
        return Format.PDF
    return Format.JWS if beginning.lstrip()[:3] == b"eyJ" else Format.CMS


def weakness_of(digest: str, mechanism: str, key: str, key_bits: int) -> str:
    """Why algorithms are too weak to count, or an empty text."""
    if digest not in _DIGESTS:
        return f"{digest or 'no'} digest"
    if mechanism not in _MECHANISMS:
        return f"{mechanism or 'unknown'} signature"
    if key == "rsa":
        return "" if key_bits in _RSA_BITS else f"RSA key of {key_bits} bits"
    return "" if key in _CURVES else f"{key or 'unknown'} key"


def judge(finding: Finding, recognise: Recognise, at: int) -> Verdict:
    """Decide what a signature is worth.

    Args:
        finding: what a reader has found.
        recognise: the alliance's authorities.
        at: as of when to judge a signature without a timestamp, seconds since 1970 UTC. The signer's own word for
            when it signed is told, and never relied on.
    """
    if finding.stamped is not None and finding.stamped <= at + _CLOCK_SKEW_SECONDS:
        at = finding.stamped
    if finding.problem is not Problem.NONE:
        return Verdict(finding, finding.problem, finding.detail, at)
    weakness = weakness_of(finding.digest, finding.mechanism, finding.key, finding.key_bits)
    if weakness:
        return Verdict(finding, Problem.WEAK_ALGORITHM, weakness, at)
    try:
        identity = recognise(finding.chain, at)
    except CertificateError as error:
        return Verdict(finding, Problem.CERTIFICATE, str(error), at)
    return Verdict(finding, Problem.NONE, "", at, identity.credit_code, identity.organisation)
