"""What a run of the crash harness has done, over all its rounds."""

from collections import Counter
from dataclasses import dataclass, field

from tests.support.crash_audit import Violation


@dataclass
class Tally:
    """Counters, and whatever was found wrong."""

    kills: Counter[str] = field(default_factory=Counter)
    """Processes killed, by `node` and `engine`; a blow may strike several at once."""
    moments: Counter[str] = field(default_factory=Counter)
    """Blows, by what the victims were doing."""
    figures: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def killed(self) -> int:
        return sum(self.kills.values())

    def add(self, other: "Tally") -> None:
        """Take another round in; its time is the caller's business."""
        self.kills += other.kills
        self.moments += other.moments
        self.figures += other.figures
        self.violations += other.violations
