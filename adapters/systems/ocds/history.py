"""Puts releases into the order of their dates, and drops what repeats the version before.

Releases of one process are scattered over files in any order, so nothing can be handed on before everything
was read. They wait in a private temporary database, which SQLite keeps in memory while it is small and on
disk, already unlinked, when it grows: an import of millions of releases does not need memory for them.
"""

import pickle
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from adapters.systems.ocds.outcome import Accepted, Outcome, Summary
from adapters.systems.ocds.release import MappedRelease
from adapters.systems.ocds.sections import CONTEXT_FIELDS
from node.domain.values import Value


class History:
    """Collects mapped releases, then gives back their outcomes in order. A context manager."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        # The empty name: a temporary database of its own for this connection, deleted when it closes.
        # Whoever takes the outcomes may do so in another thread than it began in, one after the other.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._database.execute(
            "CREATE TABLE release (ocid TEXT, moment TEXT, number INTEGER PRIMARY KEY, body BLOB)"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def add(self, release: MappedRelease) -> None:
        """Keep a release until all are there."""
        self._summary.releases += 1
        body = pickle.dumps(release.outcomes, pickle.HIGHEST_PROTOCOL)
        self._database.execute(
            "INSERT INTO release (ocid, moment, body) VALUES (?, ?, ?)", (release.ocid, release.order, body)
        )

    def outcomes(self) -> Iterator[Outcome]:
        """All outcomes, process by process; within one by date, where dates agree by place in the source."""
        known: dict[tuple[str, str], _Known] = {}
        process = None
        rows = self._database.execute("SELECT ocid, body FROM release ORDER BY ocid, moment, number")
        for ocid, body in rows:
            if ocid != process:
                process = ocid
                known.clear()
            outcomes: list[Outcome] = pickle.loads(body)  # noqa: S301  # written above, by this very process
            for outcome in outcomes:
                if not isinstance(outcome, Accepted) or self._is_new(outcome, known):
                    yield outcome
            self._summary.releases_given += 1

    def _is_new(self, accepted: Accepted, known: dict[tuple[str, str], "_Known"]) -> bool:
        draft = accepted.draft
        context = {name: draft.fields[name] for name in CONTEXT_FIELDS if name in draft.fields}
        last = known.setdefault((draft.category, draft.thing), _Known())
        # The surroundings count where they say something new. Saying less is no change: a release of one
        # award does not repeat who the buyer is.
        same = last.content == accepted.content and context.items() <= last.context.items()
        last.content = accepted.content
        last.context |= context
        if same:
            self._summary.unchanged[draft.category] += 1
        return not same


@dataclass(slots=True)
class _Known:
    """The newest version of a thing."""

    content: bytes = b""
    context: dict[str, Value] = field(default_factory=dict)
