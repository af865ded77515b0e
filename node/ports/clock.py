"""The time."""

from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> float:
        """Seconds since 1970 UTC. MUST NOT be used to measure durations."""
        ...
