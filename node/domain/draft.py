"""A record on its way in: what an adapter or a client hands over, before it has a version and a commitment.

A draft says what the source system said, nothing more. Who captured it, when, and its place in the log are
the node's to add.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from node.domain.values import Value, check_fields, is_time
from node.errors import RecordFormatError

NOBODY = "0" * 64
"""A subject id that no subject has: ids are drawn at random."""
MAX_FIELDS = 64
MAX_DRAFT_BYTES = 1 << 20
"""Weight of all fields together, as `check_value` counts it."""
MAX_THING_LENGTH = 200
MAX_SOURCE_LENGTH = 200
MAX_PROJECT_LENGTH = 200

_CATEGORY = re.compile(r"[a-z][a-z0-9_.]{0,62}")
_SUBJECT_ID = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """One fact about one thing, as its source system states it."""

    category: str
    """Catalogue name such as `trade.tender`, `[a-z][a-z0-9_.]{0,62}`."""
    thing: str
    """Identifier of the thing in its source system, 1 to 200 printable characters. The same thing again is
    its next version."""
    owner: str | None
    """Subject id, 64 lower-case hexadecimal digits; None: this centre."""
    source_system: str
    """Name of the system that states the fact, 1 to 200 printable characters."""
    source_version: str
    """That system's own version or release id, 0 to 200 printable characters; empty where it has none."""
    occurred: str | None
    """When the fact happened, RFC 3339 with a zone; None where the source does not say."""
    fields: Mapping[str, Value]
    """1 to 64 fields by name."""
    project: str = ""
    """The trading project 项目 under which the source files it (招标项目编号, OCDS ocid), 0 to 200 printable
    characters; for finding it again, and no part of what is committed to."""
    sealed_with: str = ""
    """Category whose data it is erased together with; its own if empty."""


def check_draft(draft: RecordDraft) -> None:
    """Refuse a draft that cannot become a record.

    Raises:
        RecordFormatError: names the attribute or field and the rule it breaks.
    """
    if not _CATEGORY.fullmatch(draft.category):
        raise RecordFormatError("category: a small letter, then at most 62 of a-z 0-9 _ .")
    _check_name("thing", draft.thing, shortest=1, longest=MAX_THING_LENGTH)
    _check_name("source_system", draft.source_system, shortest=1, longest=MAX_SOURCE_LENGTH)
    _check_name("source_version", draft.source_version, shortest=0, longest=MAX_SOURCE_LENGTH)
    _check_name("project", draft.project, shortest=0, longest=MAX_PROJECT_LENGTH)
    if draft.owner is not None and not _SUBJECT_ID.fullmatch(draft.owner):
        raise RecordFormatError("owner: a subject id has 64 lower-case hexadecimal digits")
    if draft.occurred is not None and not is_time(draft.occurred):
        raise RecordFormatError("occurred: must be RFC 3339 with a zone, such as 2026-02-28T09:30:00+08:00")
    _check_fields(draft.fields)


def _check_name(attribute: str, text: str, *, shortest: int, longest: int) -> None:
    # isprintable is false for control characters, line breaks, direction overrides and lone surrogates:
    # these names are shown in lists and logs.
    if not shortest <= len(text) <= longest or not text.isprintable():
        raise RecordFormatError(f"{attribute}: must have {shortest} to {longest} printable characters")


def _check_fields(fields: Mapping[str, Value]) -> None:
    if not 1 <= len(fields) <= MAX_FIELDS:
        raise RecordFormatError(f"fields: {len(fields)}, but a record has 1 to {MAX_FIELDS}")
    weight = check_fields(fields)
    if weight > MAX_DRAFT_BYTES:
        raise RecordFormatError(f"fields: {weight} bytes together, more than {MAX_DRAFT_BYTES}")
