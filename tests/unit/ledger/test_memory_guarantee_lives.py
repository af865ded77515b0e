"""Random lives: the ledger in memory is where a model says that was written without the table.

`make lives` runs as many as are asked for, and tells how many steps were taken and refused.
"""

import os
import secrets
from dataclasses import replace

import pytest

from adapters.ledger.memory import guarantees
from node.domain.guarantee_table import TRANSITIONS, Effect, Event, Mover, State, Time
from tests.support.guarantee_lives import NOW, MemoryLedger
from tests.support.guarantee_model import RandomLife

LIVES = int(os.environ.get("HEQI_LIVES", "150"))
STEPS = 14
ENOUGH = 20_000


@pytest.mark.timeout(7_200)
def test_every_life_is_as_the_model_says() -> None:
    first = int(os.environ.get("HEQI_LIVES_SEED", secrets.randbits(32)))
    taken, refused, rows = run_many(MemoryLedger(), range(first, first + LIVES))
    print(f"{LIVES} lives on the twin: {taken} steps taken, {refused} refused, seeds from {first}")
    assert taken > 2 * LIVES
    if LIVES >= ENOUGH:
        every = {(row.state.name, row.event.name) for row in TRANSITIONS if row.state is not State.NONE}
        assert rows == every, "so many lives come through every row of the table"


SLIPS = {
    (State.CLAIMED, Event.PRECLUDE): {"time": Time.ANY},
    (State.ISSUED, Event.CLAIM): {"mover": Mover.APPLICANT},
    (State.STAYED, Event.LAPSE): {"next": State.COMPLYING, "effect": Effect.NOTHING},
    (State.AMENDMENT_PROPOSED, Event.ACCEPT): {"effect": Effect.NOTHING},
    (State.DISCREPANT, Event.EXPIRE): {"time": Time.ANY},
}


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: f"{slip[0].name} {slip[1].name}")
def test_a_slip_in_the_table_is_found(monkeypatch: pytest.MonkeyPatch, slip: tuple[State, Event]) -> None:
    rules = {(row.state, row.event): row.rule for row in TRANSITIONS}
    rules[slip] = replace(rules[slip], **SLIPS[slip])
    monkeypatch.setattr(guarantees, "transition", lambda state, event: rules.get((state, event)))
    ledger = MemoryLedger()
    with pytest.raises(AssertionError):
        run_many(ledger, range(5_000))


def run_many(ledger: MemoryLedger, seeds: range) -> tuple[int, int, set[tuple[str, str]]]:
    """Steps taken and refused, and which of the table's rows were taken."""
    taken, refused, rows = 0, 0, set()
    for seed in seeds:
        life = RandomLife(ledger, seed, NOW)
        try:
            life.run(STEPS)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}: {error}") from error
        taken, refused, rows = taken + life.taken, refused + life.refused, rows | life.rows
    return taken, refused, rows
