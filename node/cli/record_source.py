"""A centre's exported data as the messages of one append stream, always the same for the same data.

The client is named by the data, and the node takes each of its messages once: whatever was interrupted is begun again
and goes on behind what the node has.
"""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from heqi.v1 import record_service_pb2 as pb

from adapters.systems.ocds import Accepted, Outcome, Summary, read_ocds
from node.errors import ConfigError
from node.wire.messages import record_from_draft

MESSAGE_RECORDS = 500


def client_of(path: Path) -> str:
    """Who counts the messages of the data in a file or folder: its names and contents.

    Raises:
        ConfigError: there is nothing.
    """
    if not path.exists():
        raise ConfigError(f"{path} does not exist")
    digest = hashlib.sha256()
    files = [path] if path.is_file() else sorted(p for p in path.rglob("*.json*") if p.is_file())
    for file in files:
        with file.open("rb") as opened:
            content = hashlib.file_digest(opened, "sha256").digest()
        digest.update(str(file.relative_to(path)).encode("utf-8", "surrogateescape") + b"\0" + content)
    return f"ocds-{digest.hexdigest()[:32]}"


def append_messages(
    path: Path, system: str, summary: Summary, *, wait: bool, first: int = 1
) -> Iterator[pb.AppendRecordsRequest]:
    """OCDS data as the messages of one append stream.

    Args:
        path: file or folder.
        system: name of the source system.
        summary: counted up.
        wait: whether each message asks for FINAL.
        first: sequence of the first message that is wanted; those before it are only counted.

    Raises:
        ConfigError: there is nothing at that path.
    """
    client_id = client_of(path)
    for sequence, outcomes in enumerate(_batches(path, system, summary), 1):
        if sequence >= first:
            request = pb.AppendRecordsRequest(client_id=client_id, sequence=sequence, await_final=wait)
            for outcome in outcomes:
                _add(request, outcome)
            yield request


def _batches(path: Path, system: str, summary: Summary) -> Iterator[list[Outcome]]:
    batch: list[Outcome] = []
    for outcome in read_ocds(path, source_system=system, summary=summary):
        if isinstance(outcome, Accepted) or not outcome.part:
            batch.append(outcome)
        if len(batch) == MESSAGE_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def _add(request: pb.AppendRecordsRequest, outcome: Outcome) -> None:
    if isinstance(outcome, Accepted):
        request.records.append(record_from_draft(outcome.draft))
        return
    request.rejected_items.add(
        reason=outcome.reason.value,
        message=outcome.message,
        source=outcome.source,
        excerpt=outcome.excerpt,
    )
