"""The ledger in memory keeps rows that the table does not have yet: every mover, time, period and effect."""

import itertools

import pytest

from adapters.ledger.memory import guarantees
from node.domain.guarantee_table import (
    GRACE_SECONDS,
    SUIT_SECONDS,
    TRANSITIONS,
    Effect,
    Event,
    Mover,
    Period,
    Rule,
    State,
    Time,
)
from node.domain.ledger import NO_EVIDENCE, GuaranteeMoved
from node.errors import LedgerRefusedError
from tests.support.guarantee_lives import Life


@pytest.fixture
def life() -> Life:
    return Life()


def use(monkeypatch: pytest.MonkeyPatch, rule: Rule, state: State = State.ISSUED) -> None:
    """A table where a release in `state` follows this rule."""
    rows = {(row.state, row.event): row.rule for row in TRANSITIONS} | {(state, Event.RELEASE): rule}
    monkeypatch.setattr(guarantees, "transition", lambda state, event: rows.get((state, event)))


def stays(mover: Mover = Mover.BENEFICIARY, time: Time = Time.ANY) -> Rule:
    return Rule(next=State.ISSUED, mover=mover, time=time)


@pytest.mark.parametrize("mover", Mover)
def test_each_mover_moves_its_own_steps_only(
    monkeypatch: pytest.MonkeyPatch, life: Life, mover: Mover
) -> None:
    use(monkeypatch, stays(mover))
    for other in set(Mover) - {mover}:
        assert life.attempt(Event.RELEASE, other) == "GuaranteesWrongMover"
    for sequence in (2, 3):
        moved = GuaranteeMoved(
            life.guarantee,
            Event.RELEASE,
            State.ISSUED,
            sequence,
            sequence.to_bytes(32, "big"),
            life.terms.expires,
            since=life.now,
        )
        call = life.call(Event.RELEASE, mover)
        assert life.apply(call) == moved
        with pytest.raises(LedgerRefusedError, match="GuaranteesAlreadyMoved"):
            life.apply(call)


TIMES = {
    Time.ANY: ("", "", ""),
    Time.BEFORE_EXPIRY: ("", "", "GuaranteesExpired"),
    Time.IN_TIME: ("", "GuaranteesExpired", "GuaranteesExpired"),
    Time.AFTER_GRACE: ("GuaranteesTooEarly", "GuaranteesTooEarly", ""),
    Time.BEFORE_DUE: ("GuaranteesTooLate", "GuaranteesTooLate", "GuaranteesTooLate"),
    Time.AFTER_DUE: ("", "", ""),
}
"""In time, at the end, at the end as the ledger has it rounded; no period runs, which is over at once."""


@pytest.mark.parametrize(("time", "moment"), list(itertools.product(Time, range(3))))
def test_a_step_is_possible_at_its_time_only(
    monkeypatch: pytest.MonkeyPatch, life: Life, time: Time, moment: int
) -> None:
    use(monkeypatch, stays(time=time))
    life.now = (life.end - 1, life.end, life.terms.expires)[moment]
    assert life.attempt(Event.RELEASE, Mover.BENEFICIARY) == TIMES[time][moment]


@pytest.mark.parametrize("time", [Time.IN_TIME, Time.AFTER_GRACE])
def test_only_the_true_end_opens_the_commitment(
    monkeypatch: pytest.MonkeyPatch, life: Life, time: Time
) -> None:
    use(monkeypatch, stays(time=time))
    for evidence in (NO_EVIDENCE, life.opened(life.end + 1), life.opened(life.end - 2 * GRACE_SECONDS)):
        assert life.attempt(Event.RELEASE, Mover.BENEFICIARY, evidence=evidence) == "GuaranteesWrongEnd"


def test_a_stay_stops_the_clock_of_any_state(monkeypatch: pytest.MonkeyPatch, life: Life) -> None:
    started = life.now
    use(
        monkeypatch,
        Rule(next=State.STAYED, mover=Mover.GUARANTOR, period=Period.SUIT, effect=Effect.INTERRUPT),
    )
    life.now += 1_000
    stayed = life.step(Event.RELEASE, Mover.GUARANTOR)
    assert (stayed.state, stayed.since, stayed.due) == (State.STAYED, life.now, life.now + SUIT_SECONDS)
    life.now += 500
    lifted = life.step(Event.LIFT, Mover.GUARANTOR)
    assert (lifted.state, lifted.since, lifted.due) == (State.ISSUED, started + 500, 0)
