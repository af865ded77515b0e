import itertools

import pytest

from node.domain.guarantee_table import TRANSITIONS, Event, Mover, State, transition

RELEASE_BY_LAW = {
    (State.NONE, Event.ISSUE): (State.ISSUED, Mover.GUARANTOR, True),
    (State.ISSUED, Event.RELEASE): (State.RELEASED, Mover.BENEFICIARY, False),
}
"""What `docs/guarantees.md` says, written a second time: a slip in the table is a slip in the contract."""


@pytest.mark.parametrize(("state", "event"), list(itertools.product(State, Event)))
def test_each_step_is_as_documented(state, event):
    row = transition(state, event)
    expected = RELEASE_BY_LAW.get((state, event))
    assert (row and (row.next, row.mover, row.before_expiry)) == expected
    assert row is None or (row.state, row.event) == (state, event)


def test_numbers_are_those_that_the_contracts_have():
    """Numbers on a ledger never change their meaning."""
    assert {state.name: int(state) for state in State} == {"NONE": 0, "ISSUED": 1, "RELEASED": 2}
    assert {event.name: int(event) for event in Event} == {"ISSUE": 1, "RELEASE": 2}
    assert {mover.name: int(mover) for mover in Mover} == {"GUARANTOR": 0, "BENEFICIARY": 1, "APPLICANT": 2}


def test_no_step_has_two_rows():
    assert len({(row.state, row.event) for row in TRANSITIONS}) == len(TRANSITIONS)


def test_every_state_can_be_reached():
    reached = {State.NONE}
    while further := {row.next for row in TRANSITIONS if row.state in reached} - reached:
        reached |= further
    assert reached == set(State)


def test_a_guarantee_begins_with_its_issue_and_never_comes_to_nothing():
    assert [row.event for row in TRANSITIONS if row.state is State.NONE] == [Event.ISSUE]
    assert all(row.next is not State.NONE for row in TRANSITIONS)
