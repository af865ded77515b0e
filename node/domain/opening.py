"""The papers of an opening: what holders and centre sign, and the file that travels in a bid.

    opening-key        a holder: my key for shares of this one opening
    opening-terms      the centre: section, moment, threshold and the holders' keys; part of the tender's papers
    opening-notice     the centre: the opening is put off
    share-request      the centre: the opening has begun, give these shares
    share-release      the holder: here they are

A holder is neither the tender's centre nor a guarantor. Before the opening nothing here is about a bid: the papers
are the same whoever bids, and however many do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

import msgspec

from node.domain.document import Document, document_digest, open_members_document, peek_document
from node.domain.encoding import Hex32, Seconds, decode_canonical
from node.domain.guarantee import Text
from node.domain.member import Member, Role
from node.errors import DocumentFormatError

MOST_HOLDERS = 16
LONGEST_OPENING_SECONDS = 365 * 86_400
"""From the making of its keys to its moment, also when it is put off; whoever needs longer announces anew."""
KEY_KEPT_SECONDS = 30 * 86_400
"""So long after an opening its holders can give shares; then their keys are gone for good."""
KEY_SECONDS = LONGEST_OPENING_SECONDS + KEY_KEPT_SECONDS
"""A key that was never asked for goes after so long."""
MOST_SHARES = 256
"""In one request."""
SEALED_TYPE: Final = "heqi.sealed.v1"
MAX_SEALED_BYTES = 512 * 1024
SealedBytes = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,200}\Z")]
ShareText = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9_-]{22}[AEIMQUYcgkosw048])?\Z")]
"""Base64url of a share, without stray bits; empty for one that the holder cannot open."""


class OpeningKeyRequest(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the centre: make a key for an opening."""

    kind: ClassVar[str] = "opening-key-request"

    iss: str
    aud: str
    label: Hex32
    """Random: stands for the opening until its terms are signed."""


class OpeningKey(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the holder: shares sealed to this key are given up only once that opening has begun."""

    kind: ClassVar[str] = "opening-key"

    iss: str
    """Holder."""
    aud: str
    """Centre."""
    label: Hex32
    key: Hex32
    """X25519."""


class OpeningTerms(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the centre; its id is the opening's."""

    kind: ClassVar[str] = "opening-terms"

    iss: str
    label: Hex32
    section: Text
    opens: Seconds
    """The moment that bids must be in by."""
    threshold: int
    """So many shares open a bid."""
    keys: tuple[str, ...]
    """`OpeningKey` documents by holder, strictly ascending."""


class OpeningNotice(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the centre: the opening is put off."""

    kind: ClassVar[str] = "opening-notice"

    iss: str
    opening: Hex32
    opens: Seconds
    reason: Text


class ShareRequest(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the centre, to one holder."""

    kind: ClassVar[str] = "share-request"

    iss: str
    aud: str
    terms: str
    """`OpeningTerms`, a compact JWS."""
    shares: Annotated[tuple[SealedBytes, ...], msgspec.Meta(min_length=1, max_length=MOST_SHARES)]
    """Sealed to the holder, base64url."""


class ShareRelease(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the holder."""

    kind: ClassVar[str] = "share-release"

    iss: str
    aud: str
    request: Hex32
    """Id of the request."""
    shares: tuple[ShareText, ...]
    """In the request's order."""


class DealtShare(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A share as it travels in a bid."""

    holder: str
    commitment: Hex32
    sealed: SealedBytes


class SealedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a bidder puts into its encrypted bid, `*.sealed`: canonical JSON."""

    type: Literal["heqi.sealed.v1"]
    opening: Hex32
    shares: Annotated[tuple[DealtShare, ...], msgspec.Meta(max_length=MOST_HOLDERS)]
    """By place, from 1."""
    ciphertext: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]+\Z")]
    """Base64url."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who keeps shares of an opening."""

    name: str
    key: bytes
    """X25519, 32 bytes."""


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening whose papers were checked."""

    id: bytes
    terms: OpeningTerms
    holders: Sequence[Holder]
    """By place, from 1."""


def check_threshold(threshold: int, count: int) -> None:
    """A majority of the holders, and two at least, so that no single one opens anything.

    Raises:
        DocumentFormatError: it is another number.
    """
    if count > MOST_HOLDERS or not max(2, count // 2 + 1) <= threshold <= count:
        raise DocumentFormatError(
            f"of {count} holders {threshold} are to open: it takes more than half of them, two at least, and there "
            f"may be {MOST_HOLDERS}"
        )


def check_moment(made: int, opens: int) -> None:
    """That the holders' keys outlast an opening.

    Args:
        made: `iat` of a holder's key, or of the terms.
        opens: the moment, or that to which it is put off.

    Raises:
        DocumentFormatError: they may be gone by then.
    """
    if opens > made + LONGEST_OPENING_SECONDS:
        raise DocumentFormatError(
            "holders keep their keys for 365 days from the announcement: a later moment needs another announcement"
        )


def open_terms(token: str, member: Callable[[str], Member]) -> Opening:
    """Check an opening's papers: all signatures, and who may hold shares.

    Args:
        token: `OpeningTerms`, a compact JWS.
        member: by name, in whatever standing; raises a NodeError if there is none.

    Raises:
        NodeError: a signature is false, or the terms break a rule.
    """
    centre = member(peek_document(token, OpeningTerms).iss)
    terms = open_members_document(token, OpeningTerms, centre.identity_keys)
    if not centre.roles & Role.CENTRE:
        raise DocumentFormatError(f"{centre.name} runs no tenders")
    holders = tuple(_open_key(key, terms, member) for key in terms.keys)
    names = [holder.name for holder in holders]
    if names != sorted(set(names)):
        raise DocumentFormatError("the holders must be different, and in the order of their names")
    check_threshold(terms.threshold, len(names))
    return Opening(document_digest(token), terms, holders)


def may_hold(member: Member, centre: str) -> bool:
    """Whether a member may hold shares for a centre's tender: not that centre, and nobody who also issues."""
    return member.name != centre and not member.roles & Role.GUARANTOR


def parse_sealed_file(raw: bytes) -> SealedFile:
    """Read a sealed file; nothing in it is believed.

    Raises:
        DocumentFormatError: it is none, or too long.
    """
    if len(raw) > MAX_SEALED_BYTES:
        raise DocumentFormatError(f"a sealed file has at most {MAX_SEALED_BYTES} bytes")
    return decode_canonical(raw, SealedFile)


def _open_key(token: str, terms: OpeningTerms, member: Callable[[str], Member]) -> Holder:
    holder = member(peek_document(token, OpeningKey).iss)
    key = open_members_document(token, OpeningKey, holder.identity_keys)
    if (key.alliance, key.aud, key.label) != (terms.alliance, terms.iss, terms.label):
        raise DocumentFormatError(f"the key of {holder.name} is for another opening")
    check_moment(key.iat, terms.opens)
    if not may_hold(holder, terms.iss):
        raise DocumentFormatError(f"{holder.name} may not hold shares of this opening")
    return Holder(holder.name, bytes.fromhex(key.key))
