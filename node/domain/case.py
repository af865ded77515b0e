"""A case: many bundles in one file, with a signed list of them, so that none can be added, changed or left out.

    line 1   `CaseList`, a compact JWS by the member that put the case together
    others   one bundle each, in the order of the list

Lines end with a line feed. A reader needs memory for one bundle at a time.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import msgspec

from node.domain.bundle import MAX_BUNDLE_BYTES, parse_bundle
from node.domain.bundle_check import VerifiedBundle, Verifier, verify_bundle
from node.domain.custody import Content, content_of
from node.domain.descriptor import alliance_domain, member_of
from node.domain.document import MAX_DOCUMENT_CHARS, Document, open_members_document, peek_document
from node.domain.succession import ShownSuccession, follow_all, read_succession
from node.errors import DocumentFormatError, ProofFormatError, VerificationError

MAX_CASE_BUNDLES = 1_000
MAX_TITLE_CHARS = 200


class CaseList(Document, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What a case consists of."""

    kind: ClassVar[str] = "case"

    iss: str
    """The member that put it together."""
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_TITLE_CHARS)]
    """What the case is about, for people: a court's case number, for instance."""
    bundles: Annotated[tuple[Content, ...], msgspec.Meta(min_length=1, max_length=MAX_CASE_BUNDLES)]
    """Measures of the bundles, in order."""
    successions: tuple[ShownSuccession, ...] = ()
    """Changes of that member's keys since the descriptor, oldest first."""


@dataclass(frozen=True, slots=True)
class ReadCase:
    """A case whose list is right; its bundles are checked one by one as they are taken."""

    about: CaseList
    bundles: Iterator[VerifiedBundle]
    """Raises `NodeError` where one is false, and `ProofFormatError` where the file ends too early or too late."""


def write_case(signed: str, bundles: Iterable[bytes]) -> Iterator[bytes]:
    """The lines of the file."""
    yield signed.encode("ascii") + b"\n"
    for bundle in bundles:
        yield bundle + b"\n"


def is_case(beginning: bytes) -> bool:
    """Whether a file that begins so is a case and not a single bundle, which is a JSON object."""
    return not beginning.startswith(b"{")


def read_case(lines: Iterable[bytes], verifier: Verifier) -> ReadCase:
    """Check the list of a case, and get ready to check its bundles.

    Args:
        lines: of the file, each with its line feed.
        verifier: as for a single bundle.

    Raises:
        ProofFormatError: it is no case.
        NodeError: the list is not signed by a member that the verifier trusts, for this alliance.
    """
    rest = iter(lines)
    signed = _line(next(rest, b""), MAX_DOCUMENT_CHARS)
    try:
        token = signed.decode("ascii")
        claimed = peek_document(token, CaseList)
    except (DocumentFormatError, UnicodeDecodeError) as error:
        raise ProofFormatError(f"not a case: {error}") from error
    domain = alliance_domain(verifier.descriptor)
    members = follow_all(verifier.known, map(read_succession, claimed.successions), domain)
    about = open_members_document(token, CaseList, member_of(members, claimed.iss).identity_keys)
    if about.alliance != verifier.descriptor.alliance:
        raise VerificationError("the case belongs to another alliance than the descriptor")
    return ReadCase(about, _bundles(rest, about.bundles, verifier))


def _bundles(
    lines: Iterator[bytes], measures: Sequence[Content], verifier: Verifier
) -> Iterator[VerifiedBundle]:
    for number, measure in enumerate(measures, 1):
        raw = _line(next(lines, b""), MAX_BUNDLE_BYTES)
        if content_of(raw) != measure:
            raise VerificationError(f"bundle {number} is not the one that the list of the case names")
        yield verify_bundle(parse_bundle(raw), verifier)
    if next(lines, None) is not None:
        raise ProofFormatError("the file goes on behind the last bundle of the case")


def _line(line: bytes, limit: int) -> bytes:
    if not line.endswith(b"\n"):
        raise ProofFormatError("the case ends too early")
    if len(line) > limit + 1:
        raise ProofFormatError(f"a line of a case has at most {limit} bytes")
    return line[:-1]
