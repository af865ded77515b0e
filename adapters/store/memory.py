"""An in-memory `Store`: the twin that tests use, and a node's throw-away store in rehearsals."""

from collections.abc import Collection, Iterator
from itertools import takewhile

from sortedcontainers import SortedDict

from node.ports import Batch


class MemoryStore:
    """Keeps everything in a dictionary in the order of its keys, and nothing on disk."""

    def __init__(self) -> None:
        self._values: SortedDict[bytes, bytes] = SortedDict()

    def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        value: bytes | None = self._values.get(key)
        return value

    def scan(
        self, prefix: bytes, *, start: bytes = b"", stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """See `Store.scan`."""
        first = prefix + start
        keys = self._values.irange(first, None if stop is None else prefix + stop, (True, False))
        inside = takewhile(lambda key: key.startswith(prefix), keys)
        found = [(key, self._values[key]) for key in inside]
        return iter(reversed(found) if reverse else found)

    def write(self, batch: Batch) -> None:
        """See `Store.write`."""
        for key, value in batch.changes.items():
            if value is None:
                self._values.pop(key, None)
            else:
                self._values[key] = value

    def purge(self, keys: Collection[bytes] | None) -> bool:  # noqa: ARG002
        """See `Store.purge`: nothing lies about."""
        return True

    def close(self) -> None:
        """See `Store.close`."""
