"""What docs/guarantees.md says of the table, written a second time: a slip in it is a slip in the contract."""

import itertools

import pytest

from node.domain.guarantee_table import (
    GRACE_SECONDS,
    OBJECTION_SECONDS,
    SUIT_SECONDS,
    SUSPENSION_SECONDS,
    TRANSITIONS,
    Effect,
    Event,
    Mover,
    Period,
    State,
    Time,
    transition,
)

IN_FORCE = "ISSUED AMENDMENT_PROPOSED DISCREPANT SURRENDER_ASKED SURRENDER_AGREED VOID_ATTESTED"
CLAIM_OPEN = "CLAIMED EXTEND_OR_PAY SUSPENDED COMPLYING"
STAYED = "STAYED SUED"
SAID = f"""
NONE                               | ISSUE               | GUARANTOR   | ISSUED             | BEFORE_EXPIRY
{IN_FORCE} {CLAIM_OPEN} {STAYED}   | RELEASE             | BENEFICIARY | RELEASED           |
{IN_FORCE}                         | EXPIRE              | GUARANTOR   | EXPIRED            | AFTER_GRACE
ISSUED DISCREPANT SURRENDER_ASKED  | PROPOSE             | GUARANTOR   | AMENDMENT_PROPOSED | propose
AMENDMENT_PROPOSED                 | ACCEPT              | BENEFICIARY | ISSUED             | IN_TIME adopt
AMENDMENT_PROPOSED                 | REFUSE              | BENEFICIARY | ISSUED             |
ISSUED                             | REDUCE              | BENEFICIARY | ISSUED             |
DISCREPANT                         | REDUCE              | BENEFICIARY | DISCREPANT         |
{IN_FORCE}                         | CLAIM               | BENEFICIARY | CLAIMED            | IN_TIME examination
{IN_FORCE}                   | CLAIM_EXTEND_OR_PAY | BENEFICIARY | EXTEND_OR_PAY      | IN_TIME examination propose
{CLAIM_OPEN.removesuffix(" COMPLYING")} DISCREPANT | FIND_COMPLYING | GUARANTOR | COMPLYING  |
CLAIMED EXTEND_OR_PAY              | FIND_DISCREPANT     | GUARANTOR   | DISCREPANT         | BEFORE_DUE
CLAIMED EXTEND_OR_PAY SUSPENDED    | PRECLUDE            | BENEFICIARY | COMPLYING          | AFTER_DUE
{CLAIM_OPEN} {STAYED}              | WITHDRAW            | BENEFICIARY | ISSUED             |
EXTEND_OR_PAY                      | SUSPEND             | GUARANTOR   | SUSPENDED          | BEFORE_DUE suspension
EXTEND_OR_PAY SUSPENDED            | EXTEND              | GUARANTOR   | ISSUED             | adopt
COMPLYING                          | PAY_PART            | GUARANTOR   | ISSUED             |
COMPLYING                          | PAY                 | GUARANTOR   | CLOSED             |
{CLAIM_OPEN}                       | STAY                | GUARANTOR   | STAYED             | suit interrupt
STAYED                             | RECORD_SUIT         | GUARANTOR   | SUED               |
{STAYED}                           | LIFT                | GUARANTOR   | INTERRUPTED        | resume
STAYED                             | LAPSE               | BENEFICIARY | INTERRUPTED        | AFTER_DUE resume
{STAYED}                           | LIFT_ON_ORDER       | BENEFICIARY | INTERRUPTED        | resume
SUED                               | PROHIBIT            | GUARANTOR   | DISCREPANT         |
ISSUED DISCREPANT                  | ASK_SURRENDER       | APPLICANT   | SURRENDER_ASKED    |
SURRENDER_ASKED                    | AGREE_SURRENDER     | GUARANTOR   | SURRENDER_AGREED   |
SURRENDER_AGREED                   | ACCEPT              | BENEFICIARY | SURRENDERED        |
SURRENDER_ASKED SURRENDER_AGREED VOID_ATTESTED | REFUSE  | BENEFICIARY | ISSUED             |
ISSUED AMENDMENT_PROPOSED SURRENDER_ASKED SURRENDER_AGREED | ATTEST_VOID | CENTRE | VOID_ATTESTED | objection
VOID_ATTESTED                      | CLOSE_VOID          | GUARANTOR   | VOID               | AFTER_DUE
"""


def said() -> dict[tuple[str, str], tuple[str, str, set[str]]]:
    found = {}
    for line in SAID.strip().splitlines():
        states, event, mover, following, rest = (part.strip() for part in line.split("|"))
        for state in states.split():
            found[state, event] = mover, following, set(rest.split())
    return found


BY_LAW = said()


@pytest.mark.parametrize("state", State)
def test_each_step_is_as_documented(state: State) -> None:
    for event in Event:
        rule, expected = transition(state, event), BY_LAW.get((state.name, event.name))
        if rule is None or expected is None:
            assert rule is expected, event
            continue
        rest = {rule.time.name} if rule.time else set()
        rest |= {one.name.lower() for one in (rule.period, rule.effect) if one}
        assert (rule.mover.name, rule.next.name, rest) == expected, event


def test_the_law_has_as_many_steps_as_the_table() -> None:
    assert len(BY_LAW) == len(TRANSITIONS) == len({(row.state, row.event) for row in TRANSITIONS})


def test_numbers_are_those_that_the_contracts_have() -> None:
    """Numbers on a ledger never change their meaning."""
    states = [name for name in State.__members__ if name != "INTERRUPTED"]
    assert [State[name] for name in states] == list(range(18))
    assert states == [
        "NONE",
        "ISSUED",
        "RELEASED",
        "AMENDMENT_PROPOSED",
        "CLAIMED",
        "EXTEND_OR_PAY",
        "SUSPENDED",
        "COMPLYING",
        "DISCREPANT",
        "STAYED",
        "SUED",
        "SURRENDER_ASKED",
        "SURRENDER_AGREED",
        "VOID_ATTESTED",
        "CLOSED",
        "EXPIRED",
        "SURRENDERED",
        "VOID",
    ]
    assert State.INTERRUPTED == 255
    assert [event.name for event in Event] == [
        "ISSUE",
        "RELEASE",
        "PROPOSE",
        "ACCEPT",
        "REFUSE",
        "REDUCE",
        "CLAIM",
        "CLAIM_EXTEND_OR_PAY",
        "FIND_COMPLYING",
        "FIND_DISCREPANT",
        "PRECLUDE",
        "WITHDRAW",
        "SUSPEND",
        "EXTEND",
        "STAY",
        "RECORD_SUIT",
        "LIFT",
        "LAPSE",
        "LIFT_ON_ORDER",
        "PROHIBIT",
        "PAY_PART",
        "PAY",
        "EXPIRE",
        "ASK_SURRENDER",
        "AGREE_SURRENDER",
        "ATTEST_VOID",
        "CLOSE_VOID",
    ]
    assert list(Event) == list(range(1, 28))
    assert {mover.name: int(mover) for mover in Mover} == {
        "GUARANTOR": 0,
        "BENEFICIARY": 1,
        "APPLICANT": 2,
        "CENTRE": 3,
    }


def test_the_periods_are_those_of_the_law() -> None:
    day = 86_400
    assert (30 * day, 30 * day) == (SUSPENSION_SECONDS, SUIT_SECONDS)
    assert (15 * day, 7 * day) == (GRACE_SECONDS, OBJECTION_SECONDS)


def reachable(*, without: Mover | None = None, start: State = State.NONE) -> set[State]:
    reached = {start}
    while True:
        further = {
            following
            for row in TRANSITIONS
            if row.state in reached and row.rule.mover is not without
            for following in (
                [row.rule.next]
                if row.rule.next is not State.INTERRUPTED
                else [one.state for one in TRANSITIONS if one.rule.effect is Effect.INTERRUPT]
            )
        } - reached
        if not further:
            return reached
        reached |= further


def test_every_state_can_be_reached() -> None:
    assert reachable() == set(State) - {State.INTERRUPTED}


def test_without_the_beneficiary_nobody_claims_withdraws_accepts_reduces_or_gives_back() -> None:
    done = {row.event for row in TRANSITIONS if row.rule.mover is Mover.BENEFICIARY}
    assert done >= {Event.CLAIM, Event.WITHDRAW, Event.ACCEPT, Event.REDUCE, Event.RELEASE}
    assert reachable(without=Mover.BENEFICIARY) == {
        State.NONE,
        State.ISSUED,
        State.AMENDMENT_PROPOSED,
        State.SURRENDER_ASKED,
        State.SURRENDER_AGREED,
        State.VOID_ATTESTED,
        State.EXPIRED,
        State.VOID,
    }


def test_what_is_over_stays_over() -> None:
    over = {State.RELEASED, State.CLOSED, State.EXPIRED, State.SURRENDERED, State.VOID}
    assert {state for state in State if all(row.state is not state for row in TRANSITIONS)} == {
        *over,
        State.INTERRUPTED,
    }


def test_an_open_claim_keeps_a_guarantee_alive() -> None:
    for state in CLAIM_OPEN.split() + STAYED.split():
        assert transition(State[state], Event.EXPIRE) is None
        assert transition(State[state], Event.ASK_SURRENDER) is None
        assert transition(State[state], Event.CLOSE_VOID) is None


def test_a_claim_is_possible_wherever_none_is_open() -> None:
    live = [state for state in State if transition(state, Event.RELEASE)]
    claimable = [state for state in live if transition(state, Event.CLAIM)]
    assert [state.name for state in claimable] == [s.name for s in State if s.name in IN_FORCE.split()]
    open_claims = CLAIM_OPEN.split() + STAYED.split()
    assert {state.name for state in live} - {state.name for state in claimable} == set(open_claims)


def test_the_guarantor_has_its_time_and_not_more() -> None:
    """Whatever waits for the guarantor can be moved on by the beneficiary when the period is over."""
    for state in State:
        rules = [row.rule for row in TRANSITIONS if row.state is state]
        into = {row.rule.period for row in TRANSITIONS if row.rule.next is state}
        if into & {Period.EXAMINATION, Period.SUSPENSION, Period.SUIT}:
            assert Mover.BENEFICIARY in {rule.mover for rule in rules if rule.time is Time.AFTER_DUE}


def test_every_pair_of_state_and_event_is_decided() -> None:
    rows = {(row.state, row.event): row.rule for row in TRANSITIONS}
    assert all(transition(*pair) == rows.get(pair) for pair in itertools.product(State, Event))
