"""Signatures in JWS compact serialisation with `x5c`, attached or detached.

Source: RFC 7515, 4.1.6 and appendix F; RFC 7518 for the algorithms.
"""

import base64

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt import PyJWS, PyJWTError
from msgspec.structs import replace

from node.domain.certificate import MAX_CERTIFICATE_BYTES, MAX_CHAIN_LENGTH
from node.domain.encoding import from_base64url, parse_readable_json, to_base64url
from node.domain.signed_file import Finding, Problem, weakness_of
from node.errors import DocumentFormatError, InvalidError

_MECHANISMS = {"RS": "rsassa_pkcs1v15", "PS": "rsassa_pss", "ES": "ecdsa"}
_ALGORITHMS = [prefix + bits for prefix in _MECHANISMS for bits in ("256", "384", "512")]
_JWS = PyJWS(algorithms=_ALGORITHMS)
_REFUSED = frozenset({"crit", "b64", "zip"})  # they change what is signed


def read_jws(content: bytes, signature: bytes) -> list[Finding]:
    """The signature of a JWS.

    Args:
        content: what was signed if `signature` is detached; otherwise the JWS itself.
        signature: a JWS with or without its payload, or empty.

    Raises:
        InvalidError: it is no JWS in compact serialisation.
    """
    try:
        token = (signature or content).strip().decode("ascii")
        header, payload, _ = token.split(".")
        parsed = parse_readable_json(from_base64url(header))
    except (ValueError, DocumentFormatError) as error:
        raise InvalidError("this is no JWS in compact serialisation") from error
    if not isinstance(parsed, dict):
        raise InvalidError("this is no JWS in compact serialisation")
    if signature and payload not in {"", to_base64url(content)}:
        raise InvalidError("the signature carries content of its own, which is not the content given")
    if not payload and not signature:
        raise InvalidError("the signature is detached: give the signed content too")
    if not payload:
        token = token.replace("..", f".{to_base64url(content)}.", 1)
    return [_read(token, parsed, Finding(name="0", covers_whole=True))]


def _read(token: str, header: dict[str, object], known: Finding) -> Finding:
    algorithm, certificates = header.get("alg"), header.get("x5c")
    if _REFUSED & header.keys():
        return replace(known, problem=Problem.UNSUPPORTED, detail="the header has crit, b64 or zip")
    if algorithm not in _ALGORITHMS:
        return replace(known, problem=Problem.WEAK_ALGORITHM, detail=f"algorithm {str(algorithm)[:20]}")
    mechanism, digest = _MECHANISMS[str(algorithm)[:2]], "sha" + str(algorithm)[2:]
    known = replace(known, mechanism=mechanism, digest=digest)
    if not isinstance(certificates, list) or not 1 <= len(certificates) <= MAX_CHAIN_LENGTH:
        return replace(known, problem=Problem.NO_CERTIFICATE, detail="x5c holds no certificate chain")
    try:
        chain = tuple(base64.b64decode(str(one), validate=True) for one in certificates)
        leaf = x509.load_der_x509_certificate(chain[0][: MAX_CERTIFICATE_BYTES + 1])
        key = leaf.public_key()
        known = replace(known, chain=chain, subject=leaf.subject.rfc4514_string(), **_about(key))
    except (ValueError, x509.InvalidVersion) as error:
        return replace(known, problem=Problem.UNREADABLE, detail=str(error)[:200])
    weak = weakness_of(digest, mechanism, known.key, known.key_bits)
    if weak:
        return replace(known, problem=Problem.WEAK_ALGORITHM, detail=weak)
    try:
        _JWS.decode(token, key, algorithms=[str(algorithm)])  # type: ignore[arg-type]  # EC or RSA: not weak
    except PyJWTError:
        return replace(
            known, problem=Problem.FALSE_SIGNATURE, detail="the signature is not by its certificate"
        )
    return replace(known, claimed=_claimed(token))


def _about(key: object) -> dict[str, object]:
    if isinstance(key, rsa.RSAPublicKey):
        return {"key": "rsa", "key_bits": key.key_size}
    if isinstance(key, ec.EllipticCurvePublicKey):
        return {"key": key.curve.name, "key_bits": key.key_size}
    return {"key": type(key).__name__}


def _claimed(token: str) -> int | None:
    """The payload's `iat`, RFC 7519, where the payload is such a thing."""
    try:
        payload = parse_readable_json(from_base64url(token.split(".")[1]))
    except DocumentFormatError:
        return None
    said = payload.get("iat") if isinstance(payload, dict) else None
    return said if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < 2**40 else None
