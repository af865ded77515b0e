"""Tiles: how a log lies in files of 256 hashes or entries each. Source: C2SP tlog-tiles."""

from collections.abc import Callable, Iterator

from node.domain.merkle import node_hash
from node.domain.record import ENTRY_BYTES
from node.errors import ProofFormatError

TILE_WIDTH = 256
TILE_HEIGHT = 8
_LENGTH = ENTRY_BYTES.to_bytes(2, "big")

ReadFile = Callable[[str], bytes]
"""Path → content."""


def tile_path(level: int | None, index: int, width: int = TILE_WIDTH) -> str:
    """Path of a tile of hashes, or of a bundle of entries if `level` is None."""
    parts = [f"{index % 1000:03d}"]
    while index := index // 1000:
        parts.insert(0, f"x{index % 1000:03d}")
    partial = "" if width == TILE_WIDTH else f".p/{width}"
    return f"tile/{'entries' if level is None else level}/{'/'.join(parts)}{partial}"


def tiles_of(count: int) -> Iterator[tuple[int, int]]:
    """Index and width of the tiles that hold so many values."""
    for index in range(count // TILE_WIDTH):
        yield index, TILE_WIDTH
    if count % TILE_WIDTH:
        yield count // TILE_WIDTH, count % TILE_WIDTH


def levels_of(size: int) -> Iterator[tuple[int, int]]:
    """The levels of tiles of hashes in a log of this size, and how many hashes each holds."""
    level = 0
    while count := size >> (TILE_HEIGHT * level):
        yield level, count
        level += 1


def split_entries(raw: bytes, width: int) -> list[bytes]:
    """The entries of a bundle.

    Raises:
        ProofFormatError: they are not `width` entries of this log's form.
    """
    step = ENTRY_BYTES + 2
    if len(raw) != width * step or any(raw[at : at + 2] != _LENGTH for at in range(0, len(raw), step)):
        raise ProofFormatError(f"not a bundle of {width} entries")
    return [raw[at + 2 : at + step] for at in range(0, len(raw), step)]


def read_node(size: int, read: ReadFile) -> Callable[[int, int], bytes]:
    """Reads nodes of the tree (`merkle.ReadNode`) from the tiles of a log of this size."""

    def node(level: int, index: int) -> bytes:
        height = level % TILE_HEIGHT
        first, count = index << height, 1 << height
        complete = size >> (level - height)
        tile, offset = divmod(first, TILE_WIDTH)
        width = min(TILE_WIDTH, complete - tile * TILE_WIDTH)
        raw = read(tile_path(level // TILE_HEIGHT, tile, width))
        hashes = [raw[at * 32 : at * 32 + 32] for at in range(offset, offset + count)]
        while len(hashes) > 1:
            hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
        return hashes[0]

    return node
