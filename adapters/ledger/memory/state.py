"""What the contracts hold, with a journal: a call that fails, a dry run and a lost block are taken back."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any

from node.domain.ledger import Happening

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Frame:
    """The call at hand."""

    target: bytes = b""
    """20 bytes: the contract that it was sent to."""
    now: int = 0
    """Time of its block."""
    reported: list[Happening] = field(default_factory=list)
    """What it has reported before its own rule is done."""


class State:
    """Tables of immutable values. Whatever is put after a mark can be rolled back to it."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, Hashable], Any] = {}
        self._journal: list[tuple[tuple[str, Hashable], Any]] = []
        self.frame = Frame()

    def get(self, table: str, key: Hashable, default: Any = None) -> Any:
        """The value, or `default`."""
        return self._values.get((table, key), default)

    def put(self, table: str, key: Hashable, value: Any) -> None:
        """Set a value, remembering what was there."""
        self._journal.append(((table, key), self._values.get((table, key), _ABSENT)))
        self._values[table, key] = value

    def mark(self) -> int:
        """A point to roll back to."""
        return len(self._journal)

    def changed_since(self, mark: int) -> list[tuple[str, Hashable]]:
        """Table and key of what was put since the mark, in order, perhaps repeated."""
        return [place for place, _ in self._journal[mark:]]

    def rollback(self, mark: int) -> None:
        """Take back everything since the mark."""
        while len(self._journal) > mark:
            place, value = self._journal.pop()
            if value is _ABSENT:
                del self._values[place]
            else:
                self._values[place] = value
