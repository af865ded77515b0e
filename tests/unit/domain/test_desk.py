"""The guarantor's desk: every stage with every event by everybody, against the specification written out again."""

import itertools
from pathlib import Path

import pytest

from node.domain.desk import DESK_STEPS, FREES_CODE, DeskEvent, DeskMover, Stage, desk_step
from node.errors import ConflictError

SPECIFIED = {
    "applicant": "received:cancel:cancelled need-info:replace:replaced need-info:cancel:cancelled "
    "offered:accept:accepted offered:cancel:cancelled accepted:cancel:cancelled fee-paid:cancel:cancelled",
    "guarantor": "received:ask:need-info received:refuse:refused received:offer:offered received:issue:issued "
    "need-info:refuse:refused offered:lapse:lapsed accepted:confirm-fee:fee-paid accepted:lapse:lapsed "
    "fee-paid:issue:issued",
}
ALLOWED = {
    (stage, event, mover): after
    for mover, rows in SPECIFIED.items()
    for stage, event, after in (row.split(":") for row in rows.split())
}


@pytest.mark.parametrize("mover", DeskMover)
def test_every_stage_with_every_event_by_everybody(mover: DeskMover) -> None:
    for stage, event in itertools.product(Stage, DeskEvent):
        after = ALLOWED.get((stage.value, event.value, mover.value))
        if after is None:
            with pytest.raises(ConflictError):
                desk_step(stage, event, mover)
        else:
            assert desk_step(stage, event, mover) is Stage(after)
    assert len(DESK_STEPS) == len(ALLOWED)


def test_nothing_leads_out_of_what_is_over() -> None:
    assert {step.stage for step in DESK_STEPS}.isdisjoint(FREES_CODE | {Stage.ISSUED})


def test_an_applicant_cancels_before_the_issue_and_never_after() -> None:
    cancels = {step.stage for step in DESK_STEPS if step.event is DeskEvent.CANCEL}
    issues = {step.stage for step in DESK_STEPS if step.event is DeskEvent.ISSUE}
    assert issues <= cancels
    assert Stage.ISSUED not in cancels


def test_a_guarantor_ends_nothing_that_is_paid_for() -> None:
    paid = [step for step in DESK_STEPS if step.stage is Stage.FEE_PAID and step.mover is DeskMover.GUARANTOR]
    assert [step.event for step in paid] == [DeskEvent.ISSUE]


def test_the_page_shows_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs/bank.md").read_text(encoding="utf-8")
    rows = [
        [cell.split()[0] for cell in line.strip("| ").split(" | ")]
        for line in page.splitlines()
        if "|" in line
    ]
    told = {tuple(row) for row in rows if len(row) == 4 and row[-1] in {"applicant", "guarantor"}}
    assert told == {(s.stage.value, s.event.value, s.next.value, s.mover.value) for s in DESK_STEPS}
