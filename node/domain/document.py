"""Signed documents: JWS compact serialisation over canonical JSON, one explicit type for each purpose.

    header  {"alg": "ES256", "typ": "heqi-<kind>+jwt"}, for a delegation also "x5c";
            {"alg": "heqi-webauthn", ...} where a passkey signed
    payload canonical JSON (RFC 8785) of exactly the members that `docs/formats/documents.md` lists

The type keeps a signature for one purpose from passing for another; the alliance id in every payload keeps it
from passing in another alliance. A document's id is SHA-256 over its signing input (header and payload without
the signature), because an ECDSA signature can be altered into another valid one without the key.

Source: RFC 7515 (JWS), RFC 7519 claim names, RFC 8725 3.11 (explicit typing).
"""

import hashlib
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from functools import cache
from typing import Annotated, ClassVar, TypedDict, TypeVar

import msgspec

from node.domain.controller import ControllerSigner, is_passkey, verify_message
from node.domain.encoding import (
    Seconds,
    canonical_json,
    decode_canonical,
    from_base64url,
    parse_canonical_json,
    to_base64url,
)
from node.domain.signature import Sign, verify_p256
from node.errors import CodeFormatError, DocumentFormatError, SignatureError

MAX_DOCUMENT_CHARS = 256 * 1024
PASSKEY_ALGORITHM = "heqi-webauthn"
"""A private name (RFC 7515 4.1.1): no registered algorithm signs the hash of a hash of the input in JSON."""


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all signed payloads; `kind` becomes the JWS type `heqi-<kind>+jwt`."""

    kind: ClassVar[str]

    alliance: str
    """Alliance id, 64 hex digits."""
    iat: Seconds
    """Issued at, whole seconds since 1970 UTC."""
    jti: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{22,86}\Z")]
    """Base64url of 16 random bytes or more: makes the document unique and its hash unguessable."""


D = TypeVar("D", bound=Document)


class CommonMembers(TypedDict):
    """What every document has, as keyword arguments of its kind."""

    alliance: str
    iat: int
    jti: str


def common_members(alliance: str, now: float, unique: bytes) -> CommonMembers:
    """The members that every document has.

    Args:
        alliance: id, 64 hex digits; empty where the format says so.
        now: seconds since 1970 UTC.
        unique: 16 random bytes, or more.
    """
    return CommonMembers(alliance=alliance, iat=int(now), jti=to_base64url(unique))


def sign_document(document: Document, sign: Sign) -> str:
    """The compact JWS of a document, signed ES256."""
    return sign_jwt(canonical_json(msgspec.to_builtins(document)), typ(type(document)), sign)


def sign_jwt(payload: bytes, kind: str, sign: Sign) -> str:
    """The compact JWS of a payload under a type, signed ES256."""
    # There is one header for each type; a JWS library would write it anew, letter by letter, every time.
    signed = f"{_header(kind, 'ES256')}.{to_base64url(payload)}"
    return f"{signed}.{to_base64url(sign(signed.encode('ascii')))}"


def sign_by_controller(document: Document, signer: ControllerSigner) -> str:
    """The compact JWS of a document, signed by a controller of either kind.

    Raises:
        NodeError: whoever holds the key did not agree.
    """
    if not is_passkey(signer.name):
        return sign_document(document, signer.sign)
    payload = to_base64url(canonical_json(msgspec.to_builtins(document)))
    signed = f"{_header(typ(type(document)), PASSKEY_ALGORITHM)}.{payload}"
    return f"{signed}.{to_base64url(signer.sign(signed.encode('ascii')))}"


def open_by_controller(token: str, kind: type[D], key: str) -> D:
    """`open_document` for what a subject's controller of either kind signs.

    Args:
        token: compact JWS.
        kind: of document.
        key: `ControllerKey`.

    Raises:
        DocumentFormatError: as `open_document`.
        SignatureError: not signed by that key.
    """
    if not is_passkey(key):
        return open_document(token, kind, bytes.fromhex(key))
    document = _peek(token, kind, PASSKEY_ALGORITHM)
    signed, _, signature = token.rpartition(".")
    try:
        verify_message(key, signed.encode("ascii"), from_base64url(signature))
    except (SignatureError, CodeFormatError) as error:
        raise SignatureError(f"the {kind.kind} is not signed by the expected passkey: {error}") from error
    return document


def open_document(token: str, kind: type[D], raw_key: bytes) -> D:
    """Check signature, type and encoding of a document and return it.

    Raises:
        DocumentFormatError: not a document of this kind in the one allowed encoding.
        SignatureError: not signed by the P-256 key `raw_key` (64 bytes).
    """
    document = _peek(token, kind, "ES256")
    _check_signature(token, kind, raw_key)
    return document


def open_members_document(token: str, kind: type[D], keys_at: Callable[[float], Sequence[bytes]]) -> D:
    """`open_document` by whichever of a member's keys counted when it says that it was signed.

    That time is the signer's word, so whoever hands the document over in a call is authenticated by itself, under
    the keys of that moment.

    Args:
        token: compact JWS.
        kind: of document.
        keys_at: `Member.identity_keys`, one key at least.

    Raises:
        DocumentFormatError: as `open_document`.
        SignatureError: signed by none of those keys.
    """
    document = _peek(token, kind, "ES256")
    *others, last = keys_at(document.iat)
    for raw_key in others:
        try:
            _check_signature(token, kind, raw_key)
        except SignatureError:
            continue
        return document
    _check_signature(token, kind, last)
    return document


def _check_signature(token: str, kind: type[Document], raw_key: bytes) -> None:
    signed, _, signature = token.rpartition(".")
    try:
        # A JWS library would take header and payload apart once more, letter by letter, and come to this.
        verify_p256(raw_key, signed.encode("ascii"), from_base64url(signature))
    except (SignatureError, CodeFormatError) as error:
        raise SignatureError(f"the {kind.kind} is not signed by the expected key") from error


def peek_document(token: str, kind: type[D]) -> D:
    """Read a document *without* checking its signature, to learn whose key to check it with.

    Raises:
        DocumentFormatError: not a document of this kind in the one allowed encoding.
    """
    return _peek(token, kind, "ES256", PASSKEY_ALGORITHM)


def _peek(token: str, kind: type[D], *algorithms: str) -> D:
    header, payload, _ = _parts(token)
    if all(header != _header(typ(kind), one) for one in algorithms):  # there is one way to write it
        raise DocumentFormatError(f"not a signed {kind.kind} (wrong JWS header)")
    return decode_payload(from_base64url(payload), kind)


def reopen_document(token: str, kind: type[D]) -> D:
    """Read a document that was checked when it was kept, without checking it again."""
    # Its encoding was checked then, too: any decoder reads the same from it, and this one takes half the time.
    return msgspec.json.decode(urlsafe_b64decode(token.split(".", 2)[1] + "=="), type=kind)


def decode_payload(payload: bytes, kind: type[D]) -> D:
    """Decode and check the payload of a document.

    Raises:
        DocumentFormatError: not canonical, or not exactly the members of this kind.
    """
    try:
        return decode_canonical(payload, kind)
    except DocumentFormatError as error:
        raise DocumentFormatError(f"malformed {kind.kind}: {error}") from error


def split_document(token: str) -> tuple[object, bytes]:
    """Header and payload bytes of a compact JWS; nothing is checked but the encoding.

    Raises:
        DocumentFormatError: it is none, or too long.
    """
    header, payload, _ = _parts(token)
    return parse_canonical_json(from_base64url(header)), from_base64url(payload)


def _parts(token: str) -> tuple[str, str, str]:
    parts = token.split(".")
    if len(token) > MAX_DOCUMENT_CHARS or len(parts) != 3:
        raise DocumentFormatError("not a signed document in JWS compact serialisation")
    from_base64url(parts[2])
    return parts[0], parts[1], parts[2]


@cache
def _header(kind: str, algorithm: str) -> str:
    return to_base64url(canonical_json({"alg": algorithm, "typ": kind}))


def document_digest(token: str) -> bytes:
    """SHA-256 over the JWS signing input: the document's id, whatever valid signature it carries."""
    return hashlib.sha256(token.rpartition(".")[0].encode("ascii", "replace")).digest()


def unsigned_digest(document: Document, key: str) -> bytes:
    """The id that a document will have once the controller `key` has signed it, 32 bytes."""
    header = _header(typ(type(document)), PASSKEY_ALGORITHM if is_passkey(key) else "ES256")
    payload = to_base64url(canonical_json(msgspec.to_builtins(document)))
    return hashlib.sha256(f"{header}.{payload}".encode("ascii")).digest()


def typ(kind: type[Document]) -> str:
    """The JWS `typ` of a kind of document."""
    return f"heqi-{kind.kind}+jwt"
