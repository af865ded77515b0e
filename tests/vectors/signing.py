"""JWS by hand, for documents that our own code would not make."""

from typing import Any

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from node.domain.encoding import canonical_json, to_base64url
from tests.vectors.keys import P256TestKey
from tests.vectors.world import WALLET


def jws(header: object, payload: bytes, key: P256TestKey = WALLET) -> str:
    return jws_of(canonical_json(header), payload, key)


def jws_of(header: bytes, payload: bytes, key: P256TestKey = WALLET) -> str:
    signing_input = f"{to_base64url(header)}.{to_base64url(payload)}"
    return f"{signing_input}.{to_base64url(key.sign(signing_input.encode()))}"


def der_signature(signing_input: str, key: P256TestKey = WALLET) -> bytes:
    """The signature as X.509 has it, which JWS does not allow."""
    algorithm = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    return key.key.sign(signing_input.encode(), algorithm)


def members(document: msgspec.Struct) -> dict[str, Any]:
    """The payload as a dictionary, to be spoilt."""
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))
    return plain
