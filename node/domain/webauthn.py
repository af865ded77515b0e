"""Assertions of passkeys: what an authenticator signs in a browser, checked without one.

    signature  ABI encoding of (bytes32 r, bytes32 s, uint256 challengeIndex, uint256 typeIndex,
               bytes authenticatorData, string clientDataJSON): the bytes that the verifier on the ledger takes
    signed     SHA-256(authenticatorData ‖ SHA-256(clientDataJSON)), ECDSA on P-256

One encoding is accepted. The client data must begin as section 5.8.1.1 has every browser write them, so type,
challenge and origin stand where they are looked for, and nowhere else. The origin must be `https://` and the very
host whose hash is the relying party's: a page on a sub-domain, or on another port, could ask for signatures too.

Source: W3C Web Authentication Level 3, 5.8.1.1, 5.8.1.2, 6.1 and 7.2; OpenZeppelin `WebAuthn.sol`.
"""

import hashlib
import re
from dataclasses import dataclass

from node.domain.encoding import to_base64url
from node.domain.signature import verify_p256
from node.errors import SignatureError

MAX_ASSERTION_BYTES = 4096
_TYPES = ("bytes32", "bytes32", "uint256", "uint256", "bytes", "string")
_TYPE_INDEX, _CHALLENGE_INDEX = 1, 23
_HALF_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551 // 2
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Assertion:
    """What an authenticator answers."""

    authenticator_data: bytes
    client_data: bytes
    """JSON as the browser wrote it."""
    signature: bytes
    """r ‖ s, s in the lower half."""


def encode_assertion(assertion: Assertion) -> bytes:
    """The one encoding of an assertion."""
    # Loaded only where there are passkeys, as fido2 is below: each takes as long as all the rest of a command line.
    from eth_abi.abi import encode  # noqa: PLC0415

    return encode(
        _TYPES,
        (
            assertion.signature[:32],
            assertion.signature[32:],
            _CHALLENGE_INDEX,
            _TYPE_INDEX,
            assertion.authenticator_data,
            assertion.client_data.decode("utf-8"),
        ),
    )


def decode_assertion(raw: bytes) -> Assertion:
    """Strict inverse of `encode_assertion`.

    Raises:
        SignatureError: anything else.
    """
    from eth_abi.abi import decode  # noqa: PLC0415
    from eth_abi.exceptions import DecodingError  # noqa: PLC0415

    if len(raw) > MAX_ASSERTION_BYTES:
        raise SignatureError("a passkey's signature is too long")
    try:
        r, s, _, _, authenticator_data, client_data = decode(_TYPES, raw)
        found = Assertion(authenticator_data, client_data.encode("utf-8"), r + s)
        is_exact = encode_assertion(found) == raw
    except (DecodingError, ValueError, OverflowError) as error:
        raise SignatureError("a passkey's signature is not an assertion") from error
    if not is_exact or int.from_bytes(s, "big") > _HALF_ORDER:
        raise SignatureError("a passkey's signature is not in its one encoding")
    return found


def verify_assertion(raw_key: bytes, challenge: bytes, raw: bytes) -> None:
    """Check a passkey's signature.

    Args:
        raw_key: x ‖ y, 64 bytes.
        challenge: 32 bytes.
        raw: as `encode_assertion` writes it.

    Raises:
        SignatureError: it is not an assertion by this key over this challenge, with its user present and verified, at
            the origin that the key is for.
        CodeFormatError: the key is malformed.
    """
    from fido2.webauthn import AuthenticatorData, CollectedClientData  # noqa: PLC0415

    assertion = decode_assertion(raw)
    try:
        client = CollectedClientData(assertion.client_data)
        data = AuthenticatorData(assertion.authenticator_data)
        origin, is_framed = str(client.origin), bool(client.cross_origin)
    except Exception as error:
        raise SignatureError("a passkey's signature holds no client or authenticator data") from error
    start = f'{{"type":"webauthn.get","challenge":"{to_base64url(challenge)}","origin":"{origin}"'
    if not assertion.client_data.startswith((f"{start},".encode(), f"{start}}}".encode())) or is_framed:
        raise SignatureError("the passkey signed something else, or inside a frame of another page")
    host = origin.removeprefix("https://")
    if origin == host or not _HOST.fullmatch(host):
        raise SignatureError("the passkey was not used on a page that it is for")
    if data.rp_id_hash != hashlib.sha256(host.encode("ascii")).digest():
        raise SignatureError("the passkey was used on another page than the one that it is for")
    flags = data.flags
    is_odd = bool(flags & data.FLAG.BS) and not flags & data.FLAG.BE
    if not flags & data.FLAG.UP or not flags & data.FLAG.UV or is_odd:
        raise SignatureError("the authenticator did not verify its user")
    signed = assertion.authenticator_data + hashlib.sha256(assertion.client_data).digest()
    verify_p256(raw_key, signed, assertion.signature)
