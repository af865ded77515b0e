"""The options of a command become what a step states, and the help and the docs know every event."""

import argparse
import hashlib
from pathlib import Path

import pytest

from node.cli.guarantee_says import EVENTS, add_options, event_named, says_of, word
from node.domain.guarantee_statement import (
    Amendment,
    Claim,
    Discrepancy,
    Enclosure,
    FailedTender,
    Notice,
    Order,
    Payment,
    Reason,
    Reduction,
)
from node.domain.guarantee_table import Event, Mover
from node.errors import ConfigError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "guarantees.md"
END = 1_767_196_800
"""The first second of 2026 in Beijing."""


def stated(*words: str):
    parser = argparse.ArgumentParser()
    add_options(parser, tuple(Mover))
    args = parser.parse_args(words)
    return says_of(event_named(args), args)


def test_every_event_states_its_own(tmp_path: Path) -> None:
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"a paper")
    digest = hashlib.sha256(b"a paper").hexdigest()
    claim = ["--amount", "1", "--breach", "b", "--payee", "p", "--enclose", str(paper)]
    order = ["--court", "c", "--order-number", "n", "--order-date", "2026-03-01"]
    proof = ["--amount", "1", "--proof", str(paper)]
    until = ["--until", "2025-12-31"]
    for words, says in (
        (["propose", "--amount", "1", *until, "--reason", "r"], Amendment("1", END, "r")),
        (["claim", *claim], Claim("1", "b", (Enclosure("paper.pdf", digest),), "p", 0)),
        (
            ["claim-extend-or-pay", *claim, *until],
            Claim("1", "b", (Enclosure("paper.pdf", digest),), "p", END),
        ),
        (
            ["find-discrepant", "--discrepancy", "no: date", "--discrepancy", "defence:paid"],
            Notice((Discrepancy("document", "no: date"), Discrepancy("defence", "paid"))),
        ),
        (["pay", *proof], Payment("1", digest)),
        (["reduce", *proof], Reduction("1", digest)),
        (["stay", *order], Order("c", "n", "2026-03-01")),
        (["attest-void", "--section", "s", "--reason", "r"], FailedTender("s", "r")),
        (["accept", "--reason", "r"], Reason("r")),
    ):
        assert stated(*words) == says


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (["claim", "--amount", "1", "--payee", "p"], "--breach"),
        (["find-discrepant"], "--discrepancy"),
        (["stay", "--court", "c", "--order-date", "2026-03-01"], "--order-number"),
        (["propose", "--amount", "1", "--until", "31.12.2025", "--reason", "r"], "YYYY-MM-DD"),
    ],
)
def test_what_is_missing_is_named(words: list[str], missing: str) -> None:
    with pytest.raises(ConfigError, match=missing):
        stated(*words)


def test_docs_and_commands_know_every_event() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert set(EVENTS) == set(Event) - {Event.ISSUE, Event.RELEASE}
    for event in EVENTS:
        assert f"| {event.name} | {EVENTS[event]} |" in text
        assert f" {word(event)} --" in text
