"""A record as a standard SD-JWT, for whoever knows nothing of this network.

    <JWT>~<disclosure>~<disclosure>~…

The JWT's payload is the record's payload with `iss`, `iat` and, for a bidder's own record, `cnf`: the wallet's key,
by which a holder shows that the record is its own (key binding). Digests and disclosures are the record's, so
what is shown from it is also what the log commits to.

Source: RFC 9901 (SD-JWT), RFC 7800 (cnf), RFC 8725 3.11 (explicit typing).
"""

from collections.abc import Iterable

from node.domain.document import sign_jwt
from node.domain.encoding import canonical_json, parse_canonical_json, to_base64url
from node.domain.signature import Sign

SD_JWT_TYPE = "heqi-record+sd-jwt"


def issue_sd_jwt(  # noqa: PLR0917
    payload: bytes, disclosures: Iterable[str], issuer: str, now: int, sign: Sign, holder_key: bytes = b""
) -> str:
    """Sign a record's payload, with disclosures behind it.

    Args:
        payload: the record's, canonical JSON.
        disclosures: of this record, as they are to be shown.
        issuer: name of the member that signs.
        now: seconds since 1970 UTC.
        sign: by its identity key.
        holder_key: the wallet's P-256 key, x ‖ y, 64 bytes; none for what belongs to the centre.
    """
    record = parse_canonical_json(payload)
    assert isinstance(record, dict)
    claims = {**record, "iss": f"heqi:{record['alliance']}/{issuer}", "iat": now}
    if holder_key:
        claims["cnf"] = {"jwk": jwk(holder_key)}
    return "~".join([sign_jwt(canonical_json(claims), SD_JWT_TYPE, sign), *disclosures, ""])


def jwk(key: bytes) -> dict[str, str]:
    """A P-256 key as a JSON Web Key (RFC 7518 6.2.1)."""
    return {"kty": "EC", "crv": "P-256", "x": to_base64url(key[:32]), "y": to_base64url(key[32:])}
