"""A centre's existing registrations, JSON lines, as the messages of one load; always the same for the same file."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from heqi.v1 import registration_service_pb2 as pb

from node.domain.draft import RecordDraft
from node.domain.encoding import parse_readable_json
from node.domain.values import from_json_value
from node.errors import ConfigError, InvalidError
from node.wire.messages import record_from_draft

MESSAGE_ITEMS = 200
_MESSAGE_BYTES = 4 << 20
MAX_LINE_BYTES = 8 << 20


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    category: str
    thing: str
    fields: dict[str, Any]
    occurred: str = ""
    source_version: str = ""


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    credit_code: str
    records: list[_Document]


@dataclass(frozen=True, slots=True)
class Message:
    """One message, and where it comes from."""

    request: pb.LoadRegistrationsRequest
    lines: tuple[int, ...]
    """Number of the line of each item, from 1."""
    end: int
    """How many bytes of the file are read with it."""


def client_of(path: Path, system: str) -> str:
    """Who counts the messages of a file: its content and its source.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        with path.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").digest()
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from error
    return f"load-{hashlib.sha256(system.encode() + bytes(1) + content).hexdigest()[:32]}"


def messages_of(path: Path, system: str, first: int = 1) -> Iterator[Message]:
    """The messages of a file; at no time more than one of them is in memory.

    Args:
        path: JSON lines, UTF-8: `{"id", "credit_code", "records": [{"category", "thing", "fields"}, …]}`.
        system: name of the source system.
        first: sequence of the first message that is wanted.

    Raises:
        ConfigError: it cannot be read.
    """
    client, sequence = client_of(path, system), 1
    items: list[pb.LoadItem] = []
    lines: list[int] = []
    size = end = 0

    def message() -> Message:
        request = pb.LoadRegistrationsRequest(
            client_id=client, sequence=sequence, source_system=system, items=items
        )
        return Message(request, tuple(lines), end)

    with path.open("rb") as opened:
        for number, raw in enumerate(iter(lambda: opened.readline(MAX_LINE_BYTES + 1), b""), 1):
            if items and (len(items) == MESSAGE_ITEMS or size + len(raw) > _MESSAGE_BYTES):
                if sequence >= first:
                    yield message()
                sequence, size = sequence + 1, 0
                items.clear()
                lines.clear()
            end += len(raw)
            if raw.strip():
                items.append(read_line(raw))
                lines.append(number)
                size += len(raw)
        if items and sequence >= first:
            yield message()


def read_line(raw: bytes) -> pb.LoadItem:
    """One registration, or everything that keeps it from being one."""
    if len(raw) > MAX_LINE_BYTES:
        return pb.LoadItem(problem=f"the line has more than {MAX_LINE_BYTES} bytes")
    try:
        line = msgspec.convert(parse_readable_json(raw), _Line)
    except (InvalidError, msgspec.ValidationError) as error:
        return pb.LoadItem(problem=str(error))
    registration = pb.ExistingRegistration(source_id=line.id, credit_code=line.credit_code)
    problems: list[str] = []
    for place, document in enumerate(line.records):
        try:
            fields = {name: from_json_value(value, name) for name, value in document.fields.items()}
        except InvalidError as error:
            problems.append(f"record {place} ({document.category}): {error}")
            continue
        draft = RecordDraft(
            category=document.category,
            thing=document.thing,
            owner=None,
            source_system="-",
            source_version=document.source_version,
            occurred=document.occurred or None,
            fields=fields,
        )
        registration.records.append(record_from_draft(draft))
    if problems:
        return pb.LoadItem(problem=f"{line.id}: {'; '.join(problems)}")
    return pb.LoadItem(registration=registration)
