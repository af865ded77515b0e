"""Delegations: a bidder's certificate says, once and off the ledger, "this key acts for me in this alliance".

A delegation is the only thing that ties a wallet's key to a company, so everyone who relies on a grant checks it
for himself: a home centre cannot invent a bidder's key. The certificate signs it (`certified.py`). Whether it holds
at a moment, revocations included, is `node.domain.validity`.

Source: RFC 7515 4.1.6 (x5c); 电子签名法 art. 13.
"""

from collections.abc import Sequence
from typing import ClassVar

from node.domain.certificate import CertificateIdentity
from node.domain.certified import PrivateKey, open_certified, sign_certified
from node.domain.document import Document
from node.domain.encoding import Hex64, Seconds
from node.domain.trust import TrustList
from node.errors import CertificateError, DocumentFormatError

_CLOCK_SKEW_SECONDS = 300


class Delegation(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the certificate signs."""

    kind: ClassVar[str] = "delegation"

    key: Hex64
    """The wallet's P-256 public key, x ‖ y, 128 hex digits."""
    credit_code: str
    """The certificate's credit code, said again so that the signer sees whom it speaks for."""
    exp: Seconds
    """Not for grants signed later than this, seconds since 1970 UTC."""


def sign_delegation(delegation: Delegation, chain: Sequence[bytes], key: PrivateKey) -> str:
    """The compact JWS of a delegation; arguments and errors as `sign_certified`."""
    return sign_certified(delegation, chain, key)


def open_delegation(
    token: str, alliance: str, trust: TrustList, at: int
) -> tuple[Delegation, CertificateIdentity]:
    """Check a delegation: certificate path, signature, alliance, credit code and time.

    Args:
        token: the compact JWS.
        alliance: alliance id, 64 hex digits.
        trust: the recognised authorities.
        at: the moment whose validity matters, seconds since 1970 UTC.

    Raises:
        DocumentFormatError: malformed, or made for another alliance.
        CertificateError: the certificate is not acceptable at `at`.
        SignatureError: not signed by the certificate's key.
    """
    delegation, identity = open_certified(token, Delegation, trust, at)
    if delegation.alliance != alliance:
        raise DocumentFormatError("the delegation was made for another alliance")
    if delegation.credit_code != identity.credit_code:
        raise CertificateError("the delegation names another credit code than its certificate")
    if not delegation.iat <= at + _CLOCK_SKEW_SECONDS or at > delegation.exp:
        raise CertificateError("the delegation is not valid at this time")
    return delegation, identity
