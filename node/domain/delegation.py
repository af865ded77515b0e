"""Delegations: a bidder's certificate says, once and off the ledger, "this key acts for me in this alliance".

A delegation is the only thing that ties a wallet's key to a company, so everyone who relies on a grant checks it
for himself: a home centre cannot invent a bidder's key. The certificate signs it (`certified.py`). Whether it holds
at a moment, revocations included, is `node.domain.validity`.

Source: RFC 7515 4.1.6 (x5c); 电子签名法 art. 13.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from node.domain.certificate import CertificateIdentity
from node.domain.certified import PrivateKey, open_certified, sign_certified
from node.domain.controller import ControllerKey
from node.domain.document import Document, document_digest, open_by_controller, peek_document
from node.domain.encoding import Hex32, Seconds
from node.domain.trust import TrustList
from node.errors import CertificateError, DocumentFormatError

_CLOCK_SKEW_SECONDS = 300
ReservedAct = Literal["controllers", "erase", "grant", "mandate", "move", "register"]
"""A value of `approval.Reserved`."""


class Delegation(Document, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What the certificate signs."""

    kind: ClassVar[str] = "delegation"

    key: ControllerKey
    """The wallet's key, or passkey; its kind is part of its name."""
    credit_code: str
    """The certificate's credit code, said again so that the signer sees whom it speaks for."""
    exp: Seconds
    """Not for grants signed later than this, seconds since 1970 UTC."""
    two_officers: tuple[ReservedAct, ...] = ()
    """What the company wants signed by two officers, strictly ascending; left out if nothing (`approval.py`)."""


class KeyAcceptance(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A wallet's key says which delegation is its own company's.

    A certificate can sign a delegation for anybody's key, for keys stand on the ledger; only with the key's own word
    is it the company's. Made while the key is there, for the day when it is lost.
    """

    kind: ClassVar[str] = "key-acceptance"

    key: ControllerKey
    """That signs."""
    delegation: Hex32
    """SHA-256 of the delegation's signing input."""


def open_acceptance(token: str, delegation: str) -> KeyAcceptance:
    """Check that a key accepts a delegation.

    Args:
        token: of the acceptance, a compact JWS.
        delegation: a compact JWS, whose content somebody else checks.

    Raises:
        DocumentFormatError: malformed, or of another delegation.
        SignatureError: not signed by the key that it names.
    """
    acceptance = open_by_controller(token, KeyAcceptance, peek_document(token, KeyAcceptance).key)
    if acceptance.delegation != document_digest(delegation).hex():
        raise DocumentFormatError("the key has accepted another delegation")
    return acceptance


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
    if list(delegation.two_officers) != sorted(set(delegation.two_officers)):
        raise DocumentFormatError("two_officers must be ascending, each once")
    if delegation.credit_code != identity.credit_code:
        raise CertificateError("the delegation names another credit code than its certificate")
    if not delegation.iat <= at + _CLOCK_SKEW_SECONDS or at > delegation.exp:
        raise CertificateError("the delegation is not valid at this time")
    return delegation, identity
