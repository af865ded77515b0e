"""Delegations: a bidder's certificate says, once and off the ledger, "this key acts for me in this alliance".

A delegation is the only thing that ties a wallet's key to a company, so everyone who relies on a grant checks it
for himself: a home centre cannot invent a bidder's key. It is a JWS with the certificate chain in `x5c`, signed
ES256, ES384 or RS256 by the certificate's key, because that is what bidders' certificates hold. Whether it holds
at a moment, revocations included, is `node.domain.validity`.

Source: RFC 7515 4.1.6 (x5c); 电子签名法 art. 13.
"""

import base64
from collections.abc import Sequence
from typing import ClassVar

import msgspec
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWS, PyJWTError

from node.domain.certificate import CertificateIdentity, check_certificate
from node.domain.document import Document, decode_payload, split_document, typ
from node.domain.encoding import Hex64, Seconds, canonical_json
from node.domain.trust import MIN_RSA_BITS, TrustList
from node.errors import CertificateError, DocumentFormatError, SignatureError

_ALGORITHMS = ("ES256", "ES384", "RS256")
_CURVES: dict[type[ec.EllipticCurve], str] = {ec.SECP256R1: "ES256", ec.SECP384R1: "ES384"}
_CLOCK_SKEW_SECONDS = 300
_JWS = PyJWS(algorithms=list(_ALGORITHMS))


class Delegation(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the certificate signs."""

    kind: ClassVar[str] = "delegation"

    key: Hex64
    """The wallet's P-256 public key, x ‖ y, 128 hex digits."""
    credit_code: str
    """The certificate's credit code, said again so that the signer sees whom it speaks for."""
    exp: Seconds
    """Not for grants signed later than this, seconds since 1970 UTC."""


def sign_delegation(
    delegation: Delegation,
    chain: Sequence[bytes],
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
) -> str:
    """The compact JWS of a delegation.

    Args:
        delegation: what is said.
        chain: DER certificates, the signer's first, without the trust anchor.
        key: the private key of the first certificate: RSA, P-256 or P-384.

    Raises:
        CertificateError: the key is of another kind.
    """
    algorithm, _ = _checking_key(key.public_key())
    return _JWS.encode(
        canonical_json(msgspec.to_builtins(delegation)),
        key,
        algorithm=algorithm,
        headers={"typ": typ(Delegation), "x5c": [base64.b64encode(der).decode() for der in chain]},
        sort_headers=True,
    )


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
    header, payload = split_document(token)
    chain = _read_chain(header)
    delegation = decode_payload(payload, Delegation)
    identity = check_certificate(chain, trust, at)
    algorithm, key = _checking_key(identity.leaf.public_key())
    try:
        _JWS.decode(token, key, algorithms=[algorithm])
    except PyJWTError as error:
        raise SignatureError("the delegation is not signed by its certificate") from error
    if delegation.alliance != alliance:
        raise DocumentFormatError("the delegation was made for another alliance")
    if delegation.credit_code != identity.credit_code:
        raise CertificateError("the delegation names another credit code than its certificate")
    if not delegation.iat <= at + _CLOCK_SKEW_SECONDS or at > delegation.exp:
        raise CertificateError("the delegation is not valid at this time")
    return delegation, identity


def chain_of(token: str) -> list[bytes]:
    """The DER certificates that a delegation brings with it; nothing is checked but the encoding.

    Raises:
        DocumentFormatError: it is no delegation.
    """
    return _read_chain(split_document(token)[0])


def _checking_key(key: object) -> tuple[str, rsa.RSAPublicKey | ec.EllipticCurvePublicKey]:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise CertificateError(f"the certificate's RSA key has fewer than {MIN_RSA_BITS} bits")
        return "RS256", key
    if isinstance(key, ec.EllipticCurvePublicKey) and type(key.curve) in _CURVES:
        return _CURVES[type(key.curve)], key
    raise CertificateError("the certificate's key is neither RSA nor P-256 nor P-384")


def _read_chain(header: object) -> list[bytes]:
    match header:
        case {"alg": "ES256" | "ES384" | "RS256", "typ": str(kind), "x5c": [*certificates], **rest}:
            if kind == typ(Delegation) and not rest:
                return [_der(certificate) for certificate in certificates]
    raise DocumentFormatError("not a signed delegation (wrong JWS header)")


def _der(encoded: object) -> bytes:
    if not isinstance(encoded, str):
        raise DocumentFormatError("x5c is not a list of texts")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError as error:
        raise DocumentFormatError("x5c is not base64") from error
    if base64.b64encode(raw).decode() != encoded:
        raise DocumentFormatError("x5c has stray bits")
    return raw
