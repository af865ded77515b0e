"""The one clock of a world in which time passes only when a test says so."""


class WorldClock:
    """The `Clock` port; also stands in for the `time` module where a wallet asks it."""

    def __init__(self, start: float) -> None:
        self._now = float(start)

    def now(self) -> float:
        return self._now

    def time(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now += seconds
