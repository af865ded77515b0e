"""Documents signed by a certificate itself: JWS with the chain in `x5c`.

    header  {"alg": "ES256" | "ES384" | "RS256", "typ": "heqi-<kind>+jwt", "x5c": [certificate, …]}

The algorithm follows from the certificate's key, so nobody can choose a weaker one. Source: RFC 7515 4.1.6;
RFC 7518 3.3 and 3.4; 电子签名法 art. 13.
"""

import base64
from bisect import bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias, TypeVar

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWS

from node.domain.certificate import CertificateIdentity, check_certificate, load_chain
from node.domain.document import Document, decode_payload, split_document, typ
from node.domain.encoding import canonical_json, from_base64url
from node.domain.trust import MIN_RSA_BITS, TrustList, moments_of
from node.errors import CertificateError, DocumentFormatError, SignatureError

PrivateKey: TypeAlias = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
D = TypeVar("D", bound=Document)
_ALGORITHMS = ("ES256", "ES384", "RS256")
_JWS = PyJWS(algorithms=list(_ALGORITHMS))
_REMEMBERED = 1_024


def sign_certified(document: Document, chain: Sequence[bytes], key: PrivateKey) -> str:
    """The compact JWS of a document.

    Args:
        document: what is said.
        chain: DER certificates, the signer's first, without the trust anchor.
        key: the private key of the first certificate.

    Raises:
        CertificateError: the key is of a kind that no verifier takes.
    """
    return _JWS.encode(
        canonical_json(msgspec.to_builtins(document)),
        key,
        algorithm=_algorithm_of(key.public_key()),
        headers={"typ": typ(type(document)), "x5c": [base64.b64encode(der).decode() for der in chain]},
        sort_headers=True,
    )


def open_certified(token: str, kind: type[D], trust: TrustList, at: int) -> tuple[D, CertificateIdentity]:
    """Check the certificate path, the signature and the encoding of a document.

    Args:
        token: the compact JWS.
        kind: what it must be.
        trust: the trust list in force.
        at: the moment whose validity matters, seconds since 1970 UTC.

    Raises:
        DocumentFormatError: not a document of this kind in the one allowed encoding.
        CertificateError: the certificate is not acceptable at `at`.
        SignatureError: not signed by the certificate's key.
    """
    document, _, chain = _read(token, kind)
    identity = _chain_under(chain, trust).identity(at)
    _check_signature(token, kind)
    return document, identity


# A delegation is judged at every read that rests on it. What follows from its bytes and the list is worked out once
# for all the time in which it is the same; refusals are not remembered.


@lru_cache(maxsize=_REMEMBERED)
def _read(token: str, kind: type[D]) -> tuple[D, str, tuple[bytes, ...]]:
    """The document, the algorithm of its signature, and the chain."""
    header, payload = split_document(token)
    algorithm, chain = _read_header(header, kind)
    return decode_payload(payload, kind), algorithm, tuple(chain)


class _Chain:
    """A chain of certificates under one trust list."""

    def __init__(self, chain: tuple[bytes, ...], trust: TrustList) -> None:
        """Raises:
        CertificateError: a certificate cannot be read.
        """
        self._chain, self._trust = chain, trust
        # Between two of these moments nothing begins or ends on which the check depends.
        self._moments = sorted({*trust.moments, *moments_of(load_chain(chain))})
        self._found: dict[int, CertificateIdentity] = {}

    def identity(self, at: int) -> CertificateIdentity:
        """As `check_certificate`."""
        place = bisect_right(self._moments, at)
        found = self._found.get(place)
        if found is None:
            found = self._found[place] = check_certificate(self._chain, self._trust, at)
        return found


@lru_cache(maxsize=_REMEMBERED)
def _chain_under(chain: tuple[bytes, ...], trust: TrustList) -> _Chain:
    return _Chain(chain, trust)


@lru_cache(maxsize=_REMEMBERED)
def _check_signature(token: str, kind: type[Document]) -> None:
    """That the first certificate of the chain signed the document."""
    _, algorithm, chain = _read(token, kind)
    key = x509.load_der_x509_certificate(chain[0]).public_key()
    if algorithm != _algorithm_of(key):
        raise SignatureError(f"the {kind.kind} is not signed by the algorithm of its certificate's key")
    signed, _, signature = token.rpartition(".")
    check = _JWS.get_algorithm_by_name(algorithm).verify  # the token was taken apart and checked above
    if not check(signed.encode("ascii"), key, from_base64url(signature)):
        raise SignatureError(f"the {kind.kind} is not signed by its certificate")


def peek_certified(token: str, kind: type[D]) -> D:
    """Read a document *without* checking its signature, to learn as of when to check it.

    Raises:
        DocumentFormatError: it is no such document.
    """
    header, payload = split_document(token)
    _read_header(header, kind)
    return decode_payload(payload, kind)


def chain_of(token: str, kind: type[Document]) -> list[bytes]:
    """The DER certificates that a document brings with it; nothing is checked but the encoding.

    Raises:
        DocumentFormatError: it is no such document.
    """
    return list(_read(token, kind)[2])


def _algorithm_of(key: object) -> str:
    if isinstance(key, rsa.RSAPublicKey):
        if key.key_size < MIN_RSA_BITS:
            raise CertificateError(f"the certificate's RSA key has fewer than {MIN_RSA_BITS} bits")
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey):
        if isinstance(key.curve, ec.SECP256R1):
            return "ES256"
        if isinstance(key.curve, ec.SECP384R1):
            return "ES384"
    raise CertificateError("the certificate's key is neither RSA nor P-256 nor P-384")


def _read_header(header: object, kind: type[Document]) -> tuple[str, list[bytes]]:
    match header:
        case {"alg": str(algorithm), "typ": str(found), "x5c": [*certificates], **rest}:
            if algorithm in _ALGORITHMS and found == typ(kind) and not rest:
                return algorithm, [_der(certificate) for certificate in certificates]
    raise DocumentFormatError(f"not a signed {kind.kind} (wrong JWS header)")


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
