"""A record: one fact in one category, version n of one thing, with its fields committed one by one.

The payload is what the log commits to: a header that says what the record is about, and the digests of its
fields. The log entry hides the payload behind 32 random bytes, so an entry that is no longer accompanied by
them is noise (`docs/formats/record.md`).
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import msgspec

from node.domain.category import Category, OwnerRule, category
from node.domain.disclosure import Commitments, commit_fields
from node.domain.draft import MAX_SOURCE_LENGTH, MAX_THING_LENGTH
from node.domain.encoding import Hex32, canonical_json, decode_canonical
from node.domain.values import is_time
from node.errors import DocumentFormatError, ProofFormatError, RecordFormatError

ENTRY_BYTES = 32
RECORD_TYPE = "heqi.record.v2"
EARLIER_RECORD_TYPE = "heqi.record.v1"
"""Of records that were made before there were definitions; they stay readable."""
_ENTRY_TAG = b"heqi.entry.v1\0"
_SUBJECT_ID = re.compile(r"[0-9a-f]{64}")

Digest = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]\Z")]
"""Base64url of 32 bytes: the last character has four bits to say and two that must be zero."""


class RecordHeader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a record is about; part of the payload, hidden from the public, shown with any of its fields."""

    alliance: Hex32
    """Alliance id, 64 hex digits: a record cannot be shown in another alliance."""
    member: str
    """The centre whose log holds the record."""
    category: str
    thing: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_THING_LENGTH)]
    """Identifier of the thing in its source system."""
    version: Annotated[int, msgspec.Meta(ge=1)]
    """Counts the versions of the thing at this centre, from 1."""
    owner: str
    """Subject id (64 hex digits), or the member's name for what belongs to the centre."""
    source_system: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SOURCE_LENGTH)]
    source_version: Annotated[str, msgspec.Meta(max_length=MAX_SOURCE_LENGTH)]
    captured: str
    """When this node took it in, RFC 3339 UTC."""
    clock: str
    """By what clock `captured` was read."""
    occurred: str = ""
    """When the fact happened according to the source, RFC 3339; empty if the source does not say."""
    definition: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Version of the category's definition that the fields were checked by; 0 in records of the earlier type."""


class _Digests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    sd: list[Digest] = msgspec.field(name="_sd")


class _Payload(RecordHeader, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    type: str
    # In an object of their own: RFC 9901 forbids disclosed names that stand beside `_sd` already, and a
    # field may well be called `version` or `owner`.
    fields: _Digests
    sd_alg: str = msgspec.field(name="_sd_alg")


@dataclass(frozen=True, slots=True)
class SealedRecord:
    """A record with everything that its log entry needs."""

    payload: bytes
    """Canonical JSON."""
    commitments: Commitments
    entry: bytes
    """32 bytes for the log."""


def seal_record(header: RecordHeader, fields: Mapping[str, object], seed: bytes) -> SealedRecord:
    """Make payload and entry of a record; the same arguments always give the same bytes.

    Args:
        header: checked header.
        fields: plain JSON values by name, checked, at most as many as the category has slots.
        seed: 32 random bytes of this record alone.

    Raises:
        RecordFormatError: unknown category.
    """
    beginning, commitments = begin_payload(header, fields, seed)
    payload = end_payload(beginning, header.version)
    return SealedRecord(payload, commitments, entry_of(payload, commitments.blind))


def begin_payload(
    header: RecordHeader, fields: Mapping[str, object], seed: bytes
) -> tuple[bytes, Commitments]:
    """All of a payload that can be made before the record's version is known: all that costs something.

    Args:
        header: as for `seal_record`; its version is not looked at.
        fields: see `seal_record`.
        seed: see `seal_record`.

    Raises:
        RecordFormatError: unknown category.
    """
    commitments = commit_fields(fields, seed, category(header.category).slots)
    members = msgspec.to_builtins(header)
    del members["version"]  # RFC 8785 sorts it behind all the others
    kind = RECORD_TYPE if header.definition else EARLIER_RECORD_TYPE
    members |= {"fields": {"_sd": commitments.digests}, "_sd_alg": "sha-256", "type": kind}
    return canonical_json(members)[:-1], commitments


def end_payload(beginning: bytes, version: int) -> bytes:
    """The payload that begins so, with its last member."""
    return b'%b,"version":%d}' % (beginning, version)


def entry_of(payload: bytes, blind: bytes) -> bytes:
    """SHA-256("heqi.entry.v1" ‖ 0x00 ‖ blind ‖ payload): 32 bytes that tell nothing without `blind`."""
    return hashlib.sha256(_ENTRY_TAG + blind + payload).digest()


def parse_payload(payload: bytes) -> tuple[RecordHeader, list[str]]:
    """Header and digests of a payload that came from elsewhere.

    Raises:
        ProofFormatError: it is not a payload in the one allowed encoding.
    """
    try:
        parsed = decode_canonical(payload, _Payload)
        kind = category(parsed.category)
    except (DocumentFormatError, RecordFormatError) as error:
        raise ProofFormatError(f"not a record payload: {error}") from error
    if (
        parsed.type != (RECORD_TYPE if parsed.definition else EARLIER_RECORD_TYPE)
        or parsed.sd_alg != "sha-256"
    ):
        raise ProofFormatError(f"unknown record type {parsed.type!r} or digest {parsed.sd_alg!r}")
    # Sorted and always as many: otherwise their order or number could tell what the shown fields do not.
    if len(parsed.fields.sd) != kind.slots or parsed.fields.sd != sorted(set(parsed.fields.sd)):
        raise ProofFormatError(f"a record of {parsed.category} has {kind.slots} different digests, sorted")
    header = RecordHeader(**{name: getattr(parsed, name) for name in RecordHeader.__struct_fields__})
    _check_header(header, kind)
    return header, parsed.fields.sd


def _check_header(header: RecordHeader, kind: Category) -> None:
    is_owned = (
        header.owner == header.member
        if kind.owner is OwnerRule.CENTRE
        else _SUBJECT_ID.fullmatch(header.owner) is not None
    )
    if not is_owned:
        raise ProofFormatError(f"a record of {header.category} belongs to the {kind.owner.value}")
    if not is_time(header.captured) or not (header.occurred == "" or is_time(header.occurred)):
        raise ProofFormatError("a record has its times in RFC 3339 with a zone")
