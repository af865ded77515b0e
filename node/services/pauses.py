"""When what has not worked is tried again: less and less often, until it has."""

from collections.abc import Container
from typing import Generic, TypeVar

from node.ports import Clock

K = TypeVar("K")


class Pauses(Generic[K]):
    """Counts in memory only: after a start everything is tried at once."""

    def __init__(self, clock: Clock, first_seconds: float, last_seconds: float) -> None:
        """Args:
        clock: tells when the next try is due.
        first_seconds: between the first try and the second; doubled from then on.
        last_seconds: never longer than this.
        """
        self._clock, self._first_seconds, self._last_seconds = clock, first_seconds, last_seconds
        self._next: dict[K, tuple[float, float]] = {}

    def is_due(self, key: K) -> bool:
        """Whether something is to be tried now."""
        return self._clock.now() >= self._next.get(key, (0.0, 0.0))[0]

    def put_off(self, key: K) -> None:
        """It is being tried: the next time after a pause."""
        pause = self._next.get(key, (0.0, self._first_seconds))[1]
        self._next[key] = (self._clock.now() + pause, min(2 * pause, self._last_seconds))

    def forget(self, key: K) -> None:
        """It has worked."""
        self._next.pop(key, None)

    def keep(self, keys: Container[K]) -> None:
        """Forget all but these: nothing else is left to be tried."""
        for key in [key for key in self._next if key not in keys]:
            del self._next[key]
