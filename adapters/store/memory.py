"""An in-memory `Store`: the twin that tests use, and a node's throw-away store in rehearsals."""

from collections.abc import Collection, Iterator

from node.ports import Batch


class MemoryStore:
    """Keeps everything in a dictionary and nothing on disk."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """See `Store.get`."""
        return self._values.get(key)

    def scan(
        self, prefix: bytes, *, start: bytes = b"", stop: bytes | None = None, reverse: bool = False
    ) -> Iterator[tuple[bytes, bytes]]:
        """See `Store.scan`. Sorts what it finds: fine for tests, not for a million keys."""
        first, last = prefix + start, None if stop is None else prefix + stop
        found = [
            (key, value)
            for key, value in self._values.items()
            if key.startswith(prefix) and key >= first and (last is None or key < last)
        ]
        return iter(sorted(found, reverse=reverse))

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
