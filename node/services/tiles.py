"""The log as strangers read it: the newest checkpoint, and tiles of hashes and entries.

Everything here is public and says nothing: entries are salted hashes or random cover, and every batch has the same
size. A tile never changes once it can be read, so whoever has it may keep it for ever.

Source: C2SP tlog-tiles.
"""

from node.domain.merkle import leaf_hash
from node.errors import MissingError, StoreError
from node.ports import Store
from node.services import layout
from node.services.cosignatures import Cosignatures
from node.services.log import Log

TILE_WIDTH = 256
"""Hashes in a full tile: the leaves of a subtree of height 8."""
_TILE_HEIGHT = 8


class Tiles:
    """Reads only."""

    def __init__(self, store: Store, log: Log, cosignatures: Cosignatures) -> None:
        self._store, self._log, self._cosignatures = store, log, cosignatures

    def checkpoint(self) -> str:
        """The newest checkpoint, a signed note with the cosignatures that have come so far.

        Raises:
            MissingError: nothing was published yet.
            StoreError: the database fails.
        """
        return self._cosignatures.note(self._log.size())

    def hashes(self, level: int, index: int, width: int = TILE_WIDTH) -> bytes:
        """A tile of hashes, 32 bytes each.

        Args:
            level: of tiles; its hashes cover 256^level leaves each.
            index: of the tile at its level.
            width: how many hashes, 1 to 256.

        Raises:
            MissingError: the log has not as many.
            StoreError: the database fails.
        """
        values = self._read(level, index, width)
        return b"".join(values if level else map(leaf_hash, values))

    def entries(self, index: int, width: int = TILE_WIDTH) -> bytes:
        """A bundle of entries, each behind its length in 2 bytes, big endian.

        Raises:
            MissingError: the log has not as many.
            StoreError: the database fails.
        """
        return b"".join(len(entry).to_bytes(2, "big") + entry for entry in self._read(0, index, width))

    def _read(self, level: int, index: int, width: int) -> list[bytes]:
        complete = self._log.size() >> (_TILE_HEIGHT * level)
        first = index * TILE_WIDTH
        if not 0 < width <= TILE_WIDTH or first + width > complete:
            raise MissingError("the log is not as large as that tile")
        bounds = layout.number(first), layout.number(first + width)
        found = self._store.scan(layout.level(_TILE_HEIGHT * level), start=bounds[0], stop=bounds[1])
        values = [value for _, value in found]
        if len(values) != width:
            raise StoreError(
                f"the tree has a gap at level {_TILE_HEIGHT * level}, {first} to {first + width}"
            )
        return values
