"""Files to JSON documents, one at a time: `*.json` as a whole, `*.jsonl` line by line."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from adapters.systems.ocds.outcome import Parked, Reason
from adapters.systems.ocds.tree import EXCERPT_LENGTH, Tree, parse, printable

MAX_DOCUMENT_BYTES = 256 << 20
"""One document is held in memory as a whole; a larger export comes as JSON lines."""


@dataclass(frozen=True, slots=True)
class Document:
    """One JSON document and where it stands."""

    tree: Tree
    source: str
    """`path#`, or `path:line#`."""


def read_documents(path: Path) -> Iterator[Document | Parked]:
    """All documents of a file, or of the `*.json` and `*.jsonl` below a folder in order of their paths."""
    for entry in _list_files(path):
        if isinstance(entry, Parked):
            yield entry
            continue
        try:
            yield from _read_file(entry)
        except OSError as error:
            yield _unreadable(entry, error)


def _list_files(path: Path) -> Iterator[Path | Parked]:
    try:
        is_folder = path.is_dir()
    except OSError as error:
        yield _unreadable(path, error)
        return
    if not is_folder:
        yield path
        return
    problems: list[OSError] = []
    # Links to folders are not followed: they can lead round in a circle.
    for folder, inner, names in os.walk(path, onerror=problems.append):
        inner.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.endswith((".json", ".jsonl")))
    for problem in problems:
        yield _unreadable(Path(problem.filename), problem)


def _read_file(path: Path) -> Iterator[Document | Parked]:
    # Opening a pipe or a device by mistake would wait for ever.
    if path.exists() and not path.is_file():
        yield Parked(Reason.UNREADABLE, "not a regular file", _source(path), "")
        return
    with path.open("rb") as file:
        if path.suffix == ".jsonl":
            yield from _read_lines(file, path)
            return
        raw = file.read(MAX_DOCUMENT_BYTES + 1)
        document = _to_document(raw, _source(path))
        # JSON lines often come under the name .json; such a file fails at its second line.
        if isinstance(document, Parked) and document.message.startswith("Extra data"):
            file.seek(0)
            yield from _read_lines(file, path)
        else:
            yield document


def _read_lines(file: BinaryIO, path: Path) -> Iterator[Document | Parked]:
    number = 0
    while raw := file.readline(MAX_DOCUMENT_BYTES + 1):
        number += 1
        if raw.strip():
            yield _to_document(raw, _source(path, number))
        while raw and not raw.endswith(b"\n") and len(raw) > MAX_DOCUMENT_BYTES:
            raw = file.readline(MAX_DOCUMENT_BYTES + 1)


def _to_document(raw: bytes, source: str) -> Document | Parked:
    if len(raw) > MAX_DOCUMENT_BYTES:
        return _parked(
            Reason.TOO_LARGE, f"the document has more than {MAX_DOCUMENT_BYTES} bytes", source, raw
        )
    try:
        text = raw.decode(json.detect_encoding(raw))
        return Document(parse(text.removeprefix("\ufeff")), source)
    except UnicodeDecodeError as error:
        return _parked(Reason.NOT_JSON, f"neither UTF-8 nor UTF-16 nor UTF-32: {error.reason}", source, raw)
    except ValueError as error:
        return _parked(Reason.NOT_JSON, str(error), source, raw)
    except RecursionError:
        return _parked(Reason.TOO_DEEP, "nested deeper than can be read", source, raw)


def _parked(reason: Reason, message: str, source: str, raw: bytes) -> Parked:
    return Parked(reason, printable(message), source, raw[:EXCERPT_LENGTH].decode(errors="replace"))


def _unreadable(path: Path, error: OSError) -> Parked:
    return Parked(Reason.UNREADABLE, error.strerror or type(error).__name__, _source(path), "")


def _source(path: Path, line: int | None = None) -> str:
    return printable(path.as_posix()) + (f":{line}" if line else "") + "#"
