"""docs/threat-model.md names tests that exist, and a test for every claim."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def all_tests() -> set[str]:
    texts = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    return {
        name for text in texts for name in re.findall(r"^ *(?:async )?def (test_\w+)", text, re.MULTILINE)
    }


def claims() -> list[list[str]]:
    """The rows of the actors' tables, cell by cell."""
    actors = PAGE[PAGE.index("## A curious or malicious centre") : PAGE.index("## What remains")]
    rows = [
        [cell.strip() for cell in row.strip("|").split("|")]
        for row in actors.splitlines()
        if row.startswith("|")
    ]
    return [row for row in rows if row[0] != "it tries to" and set(row[0]) != {"-"}]


def test_every_test_that_the_page_names_exists():
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert len(named) > 100
    assert named - all_tests() == set()


def test_every_claim_names_a_test():
    assert len(claims()) > 40
    for row in claims():
        assert len(row) == 3, row
        assert re.fullmatch(r"`test_\w+`(, `test_\w+`)*", row[2]), row


def test_every_actor_is_there():
    for actor in ("centre", "bank", "bidder", "operator", "engine", "network", "stranger"):
        assert re.search(rf"^## .*{actor}", PAGE, re.MULTILINE | re.IGNORECASE), actor
