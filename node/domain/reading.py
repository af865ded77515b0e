"""The three signatures around a read: the reader's request, the home's answer, the reader's receipt.

The home node stores the request before anything leaves, signs what it answered, and keeps the receipt that the
reader signs after checking; a missing receipt is an alarm. Source: design invariant 2.
"""

from typing import Annotated, ClassVar

import msgspec

from node.domain.document import Document
from node.domain.encoding import Hex32
from node.domain.grant import Scope


class ReadRequest(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the reader's identity key; its `jti` makes a repetition the same read."""

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


class ReadReceipt(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the reader's identity key after it verified the answer: the countersignature."""

    kind: ClassVar[str] = "read-receipt"

    iss: str
    """Reader."""
    aud: str
    """Home centre."""
    answer: Hex32
    """SHA-256 of the read answer's signing input, 64 hex digits."""
