"""What whoever hands evidence on says of how it was kept: the part of a proof that no log can give.

A log proves that a record has not changed since it was published. A court may also ask where it came from, how it
was made, how it was stored and by what clock (人民法院在线诉讼规则 art. 16-18). Origin and making stand in the
record's own header; the keeper signs the rest, with the digests of the content in both hash families.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal

import msgspec
from cryptography.hazmat.primitives import hashes

from node.domain.document import Document
from node.domain.encoding import Hex32, Seconds
from node.domain.evidence import VerifiedRecord
from node.errors import CustodyError

CLOCK_SKEW_SECONDS = 300
Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record's payload, as anybody can measure it."""

    size: Count
    """Bytes."""
    sha256: Hex32
    sm3: Hex32
    """GB/T 32905."""


class LedgerClock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest final block that the keeper knew when it signed: its own clock stands beside the ledger's."""

    block: Count
    hash: Hex32
    time: Seconds


class Custody(Document, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Signed by the keeper's identity key when it hands the evidence on; `iat` is what its clock said."""

    kind: ClassVar[str] = "custody"

    iss: str
    """The keeper: the home, or the member that read the records there."""
    bundle: Hex32
    """`bundle_digest` of the bundle that this goes into: the keeper stands for all of it."""
    records: tuple[Content, ...]
    """Of the records of the evidence, in their order."""
    storage: Literal["aes-256-gcm"]
    """How they were kept at rest."""
    software: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """Name and version of what kept them."""
    clock: LedgerClock
    obtained: Seconds = 0
    """When the keeper read them at the home; left out if it is the home."""


def content_of(payload: bytes) -> Content:
    """Measure a payload."""
    sm3 = hashes.Hash(hashes.SM3())
    sm3.update(payload)
    return Content(len(payload), hashlib.sha256(payload).hexdigest(), sm3.finalize().hex())


def check_custody(
    custody: Custody,
    records: Sequence[VerifiedRecord],
    *,
    bundle: str,
    before: Sequence[int],
) -> None:
    """Check a keeper's statement against what it is about.

    Args:
        custody: opened with the keeper's key.
        records: of the evidence, checked, in order.
        bundle: digest of the bundle, hex.
        before: when things happened that it must have come after, seconds since 1970 UTC.

    Raises:
        CustodyError: it does not fit.
    """
    if custody.bundle != bundle:
        raise CustodyError("the keeper signed for another bundle")
    if custody.records != tuple(content_of(record.payload) for record in records):
        raise CustodyError("the keeper measured other records: size, SHA-256 or SM3 differ")
    captured = (datetime.fromisoformat(record.header.captured).timestamp() for record in records)
    latest = max(*before, *captured, custody.clock.time, custody.obtained)
    if latest > custody.iat + CLOCK_SKEW_SECONDS:
        raise CustodyError("something that the statement covers happened after it was signed")
