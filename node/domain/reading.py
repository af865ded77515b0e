"""The three signatures around a read: the reader's request, the home's answer, the reader's receipt.

The home node stores the request before anything leaves, signs what it answered, and keeps the receipt that the
reader signs after checking; a missing receipt is an alarm. Source: design invariant 2.
"""

import hashlib
from typing import Annotated, ClassVar

import msgspec

from node.domain.document import Document, document_digest
from node.domain.encoding import Hex32, Seconds, canonical_json, to_base64url
from node.domain.grant import Scope


class ReadRequest(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the reader's identity key; the same `jti` and scope again are the same use (`jti_of_use`)."""

    kind: ClassVar[str] = "read-request"

    iss: str
    """Reader."""
    aud: str
    """Home centre."""
    grant: Hex32
    """Id of the grant on the ledger, 64 hex digits."""
    scope: tuple[Scope, ...]
    """What is read now: the grant's scope or less."""
    purpose: str


def jti_of_use(request: bytes, grant: str, number: int, refused: int) -> str:
    """The `jti` of a read request: a repetition after a crash has it again, without anything kept for that.

    As hard to guess as the grant, whose own `jti` is random and on no ledger.

    Args:
        request: digest of the reader's access request, 32 bytes.
        grant: the grant's token.
        number: how many reads under the access request were answered before.
        refused: how many were refused, or answered falsely.
    """
    counts = number.to_bytes(8, "big") + refused.to_bytes(8, "big")
    material = b"heqi.read-jti.v1\0" + request + document_digest(grant) + counts
    return to_base64url(hashlib.sha256(material).digest()[:16])


def id_of_use(request: ReadRequest) -> bytes:
    """What is one use of a grant, 32 bytes: the same fields under the same grant and `jti`, whenever asked."""
    scope = canonical_json(msgspec.to_builtins(request.scope))
    return hashlib.sha256(bytes.fromhex(request.grant) + request.jti.encode() + b"\0" + scope).digest()


class ReadAnswer(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the home's identity key: this request was answered with exactly this evidence."""

    kind: ClassVar[str] = "read-answer"

    iss: str
    """Home centre."""
    aud: str
    """Reader."""
    request: Hex32
    """SHA-256 of the read request's signing input, 64 hex digits."""
    evidence: Hex32
    """SHA-256 of the evidence bytes, 64 hex digits."""
    use: Annotated[int, msgspec.Meta(ge=1)]
    """Which use of the grant this was, from 1."""
    as_of: Seconds
    """The home states: at this time its log held nothing newer of the same things. Not after `iat`; earlier where a
    use is repeated. A newer record in its log under an anchor from before this time proves the statement false."""


class ReadReceipt(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the reader's identity key after it verified the answer: the countersignature."""

    kind: ClassVar[str] = "read-receipt"

    iss: str
    """Reader."""
    aud: str
    """Home centre."""
    answer: Hex32
    """SHA-256 of the read answer's signing input, 64 hex digits."""
