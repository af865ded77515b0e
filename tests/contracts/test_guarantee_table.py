"""The generated table is the Python table, and the contract keeps whatever the table says."""

import itertools
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace

import pytest

from contracts import generate_table
from node.domain.guarantee_table import (
    GRACE_SECONDS,
    TRANSITIONS,
    Effect,
    Event,
    Mover,
    Period,
    Rule,
    State,
    Time,
    Transition,
)
from tests.contracts.guarantor import DOCUMENT, Guarantor, Signer, Terms
from tests.contracts.world import World
from tests.support.evm import Evm, Reverted

ROWS = {(int(row.state), int(row.event)): row.rule for row in TRANSITIONS}
STATES = [state for state in State if state not in {State.NONE, State.INTERRUPTED}]
EVENTS = [0, *Event, max(Event) + 1, 255]


def test_what_is_generated_is_what_the_table_gives() -> None:
    """By the command that `make check` runs."""
    command = [sys.executable, "contracts/generate_table.py", "--check"]
    done = subprocess.run(
        command, cwd=generate_table.ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def changed(place: int, **changes: object) -> tuple[Transition, ...]:
    """The table, but for one row."""
    row = TRANSITIONS[place]
    rule = replace(row.rule, **{name: value for name, value in changes.items() if name != "state"})
    other = Transition(changes.get("state", row.state), row.event, rule)
    return tuple(other if one is row else one for one in TRANSITIONS)


def place(state: State, event: Event) -> int:
    return next(number for number, row in enumerate(TRANSITIONS) if (row.state, row.event) == (state, event))


def test_a_changed_table_is_found_in_both_places() -> None:
    assert generate_table.drift(changed(place(State.CLAIMED, Event.FIND_DISCREPANT), time=Time.ANY)) == [
        "contracts/src/libraries/GuaranteeTable.sol",
        "docs/guarantees.md",
    ]


ASKING = place(State.ISSUED, Event.ASK_SURRENDER)
"""A row that nothing depends on."""


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ((*TRANSITIONS, TRANSITIONS[-1]), "two rows"),
        (changed(ASKING, next=State.NONE), "unknown again"),
        (changed(ASKING, state=State.INTERRUPTED), "stand nowhere"),
        (changed(ASKING, state=State.NONE), "begins with"),
        (changed(0, mover=Mover.APPLICANT), "begins with"),
        (changed(0, time=Time.ANY), "begins with"),
        (TRANSITIONS[1:], "begins with"),
        (changed(ASKING, next=State.INTERRUPTED), "resumes what was interrupted"),
        (changed(ASKING, effect=Effect.RESUME), "resumes what was interrupted"),
        (changed(ASKING, time=Time.AFTER_DUE), "does not run"),
        (changed(ASKING, next=State.SUED), "stands still"),
        (changed(place(State.COMPLYING, Event.STAY), effect=Effect.NOTHING), "stands still"),
        (changed(place(State.STAYED, Event.RECORD_SUIT), effect=Effect.INTERRUPT), "stands still"),
        (changed(place(State.ISSUED, Event.RELEASE), mover=Mover.GUARANTOR), "another's step"),
        (changed(place(State.AMENDMENT_PROPOSED, Event.ACCEPT), mover=Mover.GUARANTOR), "another's step"),
        (changed(place(State.ISSUED, Event.EXPIRE), state=State.COMPLYING), "open claim"),
        (changed(place(State.SURRENDER_ASKED, Event.AGREE_SURRENDER), next=State.ISSUED), "in circles"),
        (changed(place(State.ISSUED, Event.PROPOSE), next=State.ISSUED), "in circles"),
    ],
)
def test_a_table_that_breaks_a_promise_is_not_generated(table: tuple, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        generate_table.library(table)


def test_every_lookup_is_that_of_the_python_table() -> None:
    evm = Evm()
    reader = evm.deploy("TableReader", sender=evm.account())
    for state, event in itertools.product(State, EVENTS):
        rule = ROWS.get((state, event))
        expected = (State.NONE, 0, 0, 0, 0) if rule is None else parts(rule)
        assert evm.call(reader, "rule", state, event) == expected, (state, event)


def parts(rule: Rule) -> tuple[int, ...]:
    return rule.next, rule.mover, rule.time, rule.period, rule.effect


class Lives:
    """One guarantee in each state, all with one end, which is when every period is over too."""

    def __init__(self, world: World, states: Sequence[State] = STATES) -> None:
        self.world = world
        contract = world.evm.deploy("FreeGuarantees", world.alliance.address, sender=world.stranger)
        self.guarantor = Guarantor(world, contract)
        self.end = self.guarantor.end
        self.terms: dict[int, Terms] = {}
        for state in states:
            word = int(state).to_bytes(32, "big")
            terms = self.guarantor.other_terms(digest=word, application=word)
            self.guarantor.issue(terms)
            world.send("ningbo", contract, "put", terms.guarantee, state, self.end, State.CLAIMED)
            self.terms[state] = terms
        self.signers: dict[Mover | None, Signer] = {
            Mover.GUARANTOR: self.guarantor.identity,
            Mover.BENEFICIARY: self.guarantor.beneficiary,
            Mover.APPLICANT: self.guarantor.applicant,
            Mover.CENTRE: self.guarantor.centre,
            None: world.es256_signer(),
        }

    def said(self, state: int, event: int) -> dict[str, object]:
        terms = self.terms[state]
        return {
            "guarantee": terms.guarantee,
            "sequence": 2,
            "previous": terms.digest,
            "event": event,
            "document": DOCUMENT,
            "end": bytes(32),
            "expires": 0,
        }

    def attempt(self, mover: Mover | None, said: dict[str, object], evidence: tuple | None = None) -> str:
        """The error that a well-signed step by this mover would end in; empty if it would be taken."""
        arguments = self.guarantor.arguments(self.signers[mover], said, evidence=evidence)
        try:
            relay = self.world.members["ningbo"].address
            self.world.evm.call(self.guarantor.contract, "step", *arguments, sender=relay)
        except Reverted as error:
            return error.name
        return ""


@pytest.fixture(scope="module")
def lives(founded: World) -> Lives:
    return Lives(founded.fork())


MOMENTS = {
    "in time": (-1, {Time.AFTER_GRACE: "GuaranteesTooEarly", Time.AFTER_DUE: "GuaranteesTooEarly"}),
    "late": (
        0,
        {
            Time.IN_TIME: "GuaranteesExpired",
            Time.AFTER_GRACE: "GuaranteesTooEarly",
            Time.BEFORE_DUE: "GuaranteesTooLate",
        },
    ),
    "over": (
        GRACE_SECONDS,
        {Time.IN_TIME: "GuaranteesExpired", Time.BEFORE_DUE: "GuaranteesTooLate"},
    ),
}
"""Seconds after the end, and which steps are refused then for the time alone; none is for BEFORE_EXPIRY."""


WHOLE = bool(os.environ.get("HEQI_LIVES"))
"""Try every combination (`make lives`), and not only one wrong thing at a time."""


def refusal(rule: Rule | None, mover: Mover | None, moment: str) -> str:
    if rule is None:
        return "GuaranteesWrongStep"
    return MOMENTS[moment][1].get(rule.time) or ("" if rule.mover is mover else "GuaranteesWrongMover")


def movers_to_try(state: int, event: int, moment: str) -> list[Mover | None]:
    """Everybody, or a choice: one wrong thing at a time, and of what is the same rule or no rule not all."""
    rule = ROWS.get((state, event))
    if WHOLE:
        return [*Mover, None]
    if rule is None:
        return [None] if moment == "in time" and (state + event) % 4 == 0 else []
    if rule.time is Time.ANY and moment != "over":
        return []
    is_first = next(one for one in ROWS if ROWS[one] == rule) == (state, event)
    return [*Mover, None] if is_first and not refusal(rule, rule.mover, moment) else [rule.mover]


@pytest.mark.parametrize("moment", MOMENTS)
def test_each_state_takes_the_tables_steps_from_the_tables_movers_at_the_tables_times_only(
    lives: Lives, moment: str
) -> None:
    lives.world.evm.now = lives.end + MOMENTS[moment][0]
    for state, event in itertools.product(STATES, EVENTS):
        said, rule = lives.said(state, event), ROWS.get((state, event))
        for mover in movers_to_try(state, event, moment):
            assert lives.attempt(mover, said) == refusal(rule, mover, moment), (state, event, mover)


TIMED = [row for row in TRANSITIONS if row.rule.time in {Time.IN_TIME, Time.BEFORE_DUE}]
FEW = {
    (State.DISCREPANT, Event.CLAIM),
    (State.AMENDMENT_PROPOSED, Event.ACCEPT),
    (State.CLAIMED, Event.FIND_DISCREPANT),
}
RECEIVERS = (Mover.GUARANTOR, Mover.BENEFICIARY, Mover.CENTRE)


@pytest.mark.parametrize("moment", ["late", "over"])
def test_a_counterpartys_receipt_from_before_the_end_counts_through_the_grace_period(
    lives: Lives, moment: str
) -> None:
    lives.world.evm.now = lives.end + MOMENTS[moment][0]
    rows = [row for row in TIMED if WHOLE or (row.state, row.event) in FEW]
    for row, by in itertools.product(rows, lives.signers):
        said, is_counterparty = lives.said(row.state, row.event), by in RECEIVERS and by is not row.rule.mover
        for lodged in (lives.end - 1, lives.end):
            evidence = lives.guarantor.receipt(lives.signers[by], said, lodged)
            if not is_counterparty:
                expected = "GuaranteesWrongReceipt"
            elif moment == "late" and lodged < lives.end:
                expected = ""
            else:
                expected = MOMENTS[moment][1][row.rule.time]
            assert lives.attempt(row.rule.mover, said, evidence) == expected, (row, by, lodged)


def test_the_issue_is_no_step() -> None:
    assert [row.state for row in TRANSITIONS if row.event is Event.ISSUE] == [State.NONE]


def test_any_row_that_a_table_could_have_is_kept(world: World) -> None:
    lives = Lives(world, [State.CLOSED])
    times, periods = itertools.cycle(Time), itertools.cycle(Period)
    targets = itertools.product([State.VOID, State.SUED, State.INTERRUPTED], Mover)
    rules = [
        Rule(next=next_, mover=mover, time=next(times), period=next(periods)) for next_, mover in targets
    ]
    for event, rule in enumerate(rules, 100):
        world.send("ningbo", lives.guarantor.contract, "add", State.CLOSED, event, parts(rule))
    for moment, (seconds, _) in MOMENTS.items():
        world.evm.now = lives.end + seconds
        for event, rule in enumerate(rules, 100):
            for mover in [*Mover, None] if WHOLE else [rule.mover]:
                said = lives.said(State.CLOSED, event)
                assert lives.attempt(mover, said) == refusal(rule, mover, moment), (rule, mover)
