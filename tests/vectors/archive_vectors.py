"""An archive of the home's log: its lines, its paths, its statement."""

import hashlib

from node.domain.archive import (
    ArchivedAnchor,
    ArchivedRecord,
    ArchivedRow,
    ArchiveStatement,
    archived_record,
    encode_line,
    file_entry,
    sm3,
)
from node.domain.document import sign_document
from node.domain.tile import tile_path
from tests.vectors import story, world
from tests.vectors.keys import p256
from tests.vectors.world import HOME

_NAME = next(iter(story.PLACES))


def lines() -> dict[str, str]:
    """One line of each kind of file."""
    made = {
        "manifest": file_entry("checkpoint", story.note().encode()),
        "anchor": ArchivedAnchor(story.LOG_SIZE, story.root(story.LOG_SIZE).hex(), 7),
        "record": archived_record(0, story.PLACES[_NAME], story.record(_NAME)),
        "unpublished": archived_record(1, None, story.record(_NAME)),
        "erased": ArchivedRecord(2, 3, erased=True),
        "erased-row": ArchivedRow("ab" * 32, erased=True),
    }
    return {name: encode_line(line).decode() for name, line in made.items()}


def paths() -> list[dict[str, object]]:
    """Tiles; `entries` has no level."""
    tiles = [(0, 0, 256), (0, 0, 21), (1, 1234, 256), (None, 1_234_067, 17), (None, 999, 256)]
    return [
        {"level": level, "index": index, "width": width, "path": tile_path(level, index, width)}
        for level, index, width in tiles
    ]


def statement() -> str:
    """Signed by the home; a manifest of one line."""
    manifest = lines()["manifest"].encode()
    document = ArchiveStatement(
        **world.common("archive"),
        iss=HOME,
        recipient=p256("archive recipient").public.hex(),
        basis="档案移交 2030-7",
        size=story.LOG_SIZE,
        root=story.root(story.LOG_SIZE).hex(),
        records=3,
        files=1,
        manifest=hashlib.sha256(manifest).hexdigest(),
        manifest_sm3=sm3(manifest),
    )
    return sign_document(document, world.identity(HOME).sign)
