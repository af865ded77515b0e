"""What is erased and said about it: parts of an owner's data, the node's list of erasures, the receipt.

The list is lines of canonical JSON, each closed by a newline and chained to the one before by SHA-256; a node
applies every line to its data and to its keyring, and keeps with each how far it came (`Mark`). So a copy of either
that is put back from a backup is behind the list, and the lines it lacks are applied again. docs/formats/erasure.md.
Source: PIPL art. 47.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar, TypeAlias

import msgspec

from node.domain.document import Document
from node.domain.encoding import Hex32, Seconds, canonical_json, decode_canonical
from node.domain.retention import RetentionRules, is_month
from node.errors import DocumentFormatError, ErasureListError

REGISTRATION_PART = "registration"
"""A subject's registration, its access requests and what else is neither a record nor about one read."""
OBTAINED_PART = "obtained"
"""What this node read about a subject at another home: under a key of its own, so that erasing what this node keeps
as a home leaves it to the rules of who reads."""
_READ, _APPLICATION = "read:", "application:"
READS = "access.read"
"""Category of the records, and of the history, of who read what."""
AGAIN = "~"
"""Closes the name of a part as often as its key was set aside before."""
NO_HEAD = "0" * 64

OptionalHex32 = Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class Held(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A category that a legal period still holds: stored and protected, shared with nobody."""

    category: str
    until: Seconds
    """When the last of it is erased."""


class ErasureReceipt(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the home's identity key once nothing of what was erased is in any of its files."""

    kind: ClassVar[str] = "erasure-receipt"

    iss: str
    """The home."""
    subject: str
    """Subject id, 64 hex digits; the member's name where the centre's own records were erased."""
    request: OptionalHex32
    """SHA-256 of the signing input of the wallet's request or of a home's notice; empty where none asked."""
    number: Annotated[int, msgspec.Meta(ge=1)]
    """Of the erasure at this home."""
    asked: Seconds
    """When it was asked for, or fell due."""
    whole: bool
    """Whether directory entry, delegation, access requests, grants and all went too."""
    erased: tuple[str, ...]
    """Categories of which something was erased, ascending."""
    held: tuple[Held, ...]
    """Categories of which something is held, ascending."""


class ErasedLine(
    msgspec.Struct,
    frozen=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    tag_field="kind",
    tag="erased",
):
    """One erasure, durable before anything is touched."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    """Of the line, from 1; also the erasure's."""
    previous: Hex32
    """SHA-256 of the line before, newline included; zeros before the first."""
    at: Seconds
    owner: str
    """Subject id, or the member's own name."""
    whole: bool
    parts: tuple[str, ...]
    """Erased, ascending."""
    held: dict[str, Seconds]
    """Blocked instead: until when, by part."""
    request: OptionalHex32
    """Id of the wallet's request, or of the notice that asked for it."""
    asked: bool = False
    """Whether the subject or the operator asked this home now: then every holder is told."""


class ReceiptLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="receipt"):
    """An erasure that is done."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    previous: Hex32
    erasure: Annotated[int, msgspec.Meta(ge=1)]
    receipt: str


class AcceptedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="accepted"):
    """The operator answers for it that no erasure is missing."""

    number: Annotated[int, msgspec.Meta(ge=1)]
    previous: Hex32
    at: Seconds
    size: Annotated[int, msgspec.Meta(ge=0)]
    """Of the node's own log on the ledger, as far as that is answered for."""
    reason: str


Line: TypeAlias = ErasedLine | ReceiptLine | AcceptedLine


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """How far a copy of the data or of the keyring has followed the list."""

    number: int = 0
    """Of the last line that was applied."""
    start: int = 0
    """Where that line begins in the list, in bytes."""
    end: int = 0
    head: str = NO_HEAD
    """SHA-256 of that line."""

    def after(self, raw: bytes) -> "Mark":
        """The mark behind one more line, newline included."""
        return Mark(self.number + 1, self.end, self.end + len(raw), hashlib.sha256(raw).hexdigest())


def encode_line(line: Line) -> bytes:
    """The bytes of a line, newline included."""
    return canonical_json(msgspec.to_builtins(line)) + b"\n"


def read_lines(raw: bytes, mark: Mark) -> Iterator[tuple[Line, Mark]]:
    """The lines that come after a mark, each with the mark behind it.

    Args:
        raw: the list from `mark.start` on.
        mark: what was followed so far; its own line must stand there unchanged.

    Raises:
        ErasureListError: the list is older than the mark, or was altered.
    """
    known = mark.end - mark.start
    own, rest = raw[:known], raw[known:]
    if mark.number and (len(own) < known or hashlib.sha256(own).hexdigest() != mark.head):
        raise ErasureListError(
            f"the list of erasures does not hold line {mark.number}, which this node's data has followed: it is an "
            "older copy, or was altered"
        )
    for line_raw in rest.splitlines(keepends=True):
        try:
            line: Line = decode_canonical(line_raw.removesuffix(b"\n"), Line)  # type: ignore[arg-type]
        except DocumentFormatError as error:
            raise ErasureListError(f"line {mark.number + 1} of the list of erasures: {error}") from error
        if (line.number, line.previous) != (mark.number + 1, mark.head):
            raise ErasureListError(
                f"line {mark.number + 1} of the list of erasures does not follow the one before"
            )
        mark = mark.after(line_raw)
        yield line, mark


def part_of_read(request: str, number: int) -> str:
    """What one read at another home brought: under no key of its own, so its rows are what is erased."""
    return f"{_READ}{request}:{number}"


def as_read(part: str) -> tuple[bytes, int] | None:
    """Digest of the own request and number of the read that a part is; None if it is none."""
    if not part.startswith(_READ):
        return None
    request, _, number = part.removeprefix(_READ).partition(":")
    return bytes.fromhex(request), int(number)


def part_of_application(identity: str) -> str:
    """An application for a guarantee, by its id."""
    return _APPLICATION + identity


def as_application(part: str) -> bytes | None:
    """Id of the application that a part is; None if it is none."""
    return bytes.fromhex(part.removeprefix(_APPLICATION)) if part.startswith(_APPLICATION) else None


def record_part(category: str, month: str) -> str:
    """Where records of a category lie that were captured in a month."""
    return f"{category}/{month}"


def category_of(part: str) -> str:
    """Category of a part; empty for one that is no category's."""
    return _category_and_month(part)[0]


def held_until(part: str, rules: RetentionRules) -> int:
    """Until when the law holds a part, seconds since 1970 UTC; 0 where no period is set."""
    category, month = _category_and_month(part)
    return rules.held_until(category, month) if category else 0


def due_at(part: str, rules: RetentionRules) -> int | None:
    """When the node erases a part by itself; None for never."""
    category, month = _category_and_month(part)
    return rules.due_at(category, month) if category else None


def divide(parts: Iterable[str], rules: RetentionRules, at: float) -> tuple[tuple[str, ...], dict[str, int]]:
    """Which parts are erased now, and until when the law holds the others; both ascending."""
    erased: list[str] = []
    held: dict[str, int] = {}
    for part in sorted(set(parts)):
        until = held_until(part, rules)
        if until > at:
            held[part] = until
        else:
            erased.append(part)
    return tuple(erased), held


def by_category(parts: Iterable[str]) -> tuple[str, ...]:
    """The categories of parts, ascending, each once."""
    return tuple(sorted({category for part in parts if (category := category_of(part))}))


def latest(held: Mapping[str, int]) -> tuple[Held, ...]:
    """When the last of each held category is erased, ascending."""
    found: dict[str, int] = {}
    for part, until in held.items():
        category = category_of(part)
        found[category] = max(until, found.get(category, 0))
    return tuple(Held(category, until) for category, until in sorted(found.items()))


def _category_and_month(part: str) -> tuple[str, str]:
    category, _, month = part.rstrip(AGAIN).rpartition("/")
    return (category, month) if is_month(month) else ("", "")
