import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.systems.ocds import Accepted, Outcome, Parked, Summary, read_ocds
from node.domain.catalogue.rules import shipped_rules
from node.services.preparing import plain_fields


class Reading:
    """Everything that one call of `read_ocds` gave."""

    def __init__(self, outcomes: list[Outcome], summary: Summary) -> None:
        self.outcomes = outcomes
        self.summary = summary
        self.accepted = [o for o in outcomes if isinstance(o, Accepted)]
        self.parked = [o for o in outcomes if isinstance(o, Parked)]
        for one in self.accepted:  # whatever a test reads: the definitions take what the adapter makes
            assert shipped_rules().mistakes(one.draft.category, plain_fields(one.draft)) == []

    @property
    def drafts(self) -> list[Any]:
        return [o.draft for o in self.accepted]

    @property
    def reasons(self) -> list[str]:
        return [o.reason.value for o in self.parked]

    @property
    def things(self) -> list[str]:
        return [draft.thing for draft in self.drafts]

    def of(self, category: str) -> list[Any]:
        return [draft for draft in self.drafts if draft.category == category]


def read(path: Path) -> Reading:
    summary = Summary()
    return Reading(list(read_ocds(path, source_system="test", summary=summary)), summary)


@pytest.fixture
def read_path() -> Callable[[Path], Reading]:
    return read


@pytest.fixture
def read_text(tmp_path: Path) -> Callable[..., Reading]:
    """Reads one file with the given text."""

    def run(text: str, name: str = "a.json") -> Reading:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return read(tmp_path / name)

    return run


@pytest.fixture
def read_json(read_text: Callable[..., Reading]) -> Callable[..., Reading]:
    """Reads one file with the given document."""
    return lambda document: read_text(json.dumps(document))


@pytest.fixture
def read_release(read_json: Callable[..., Reading]) -> Callable[..., Reading]:
    """Reads a bare release with the given sections."""

    def run(**sections: object) -> Reading:
        head = {"ocid": "ocds-1", "id": "r1", "date": "2026-01-01T00:00:00Z", "tag": ["x"]}
        return read_json(head | sections)

    return run
