"""The generated table is the Python table, and the contract keeps whatever the table says."""

import itertools
import subprocess
import sys
from dataclasses import replace

import pytest

from contracts import generate_table
from node.domain.guarantee_table import TRANSITIONS, Event, Mover, State
from tests.contracts.guarantor import DOCUMENT, SALT, Guarantor
from tests.contracts.world import World
from tests.support.evm import Evm, Reverted

NUMBERS = range(9)
ROWS = {(int(row.state), int(row.event)): row for row in TRANSITIONS}
NEW = 16
"""Events of FreeGuarantees from here on spell out their own row."""


def test_what_is_generated_is_what_the_table_gives() -> None:
    """By the command that `make check` runs."""
    command = [sys.executable, "contracts/generate_table.py", "--check"]
    done = subprocess.run(
        command, cwd=generate_table.ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_changed_table_is_found_in_both_places() -> None:
    changed = (*TRANSITIONS[:-1], replace(TRANSITIONS[-1], mover=Mover.APPLICANT))
    assert generate_table.drift(changed) == [
        "contracts/src/libraries/GuaranteeTable.sol",
        "docs/guarantees.md",
    ]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((*TRANSITIONS, TRANSITIONS[-1]), "two rows"),
        ((*TRANSITIONS[:-1], replace(TRANSITIONS[-1], next=State.NONE)), "unknown again"),
        ((*TRANSITIONS, replace(TRANSITIONS[-1], state=State.NONE)), "begins with"),
        ((replace(TRANSITIONS[0], mover=Mover.APPLICANT), *TRANSITIONS[1:]), "begins with"),
        ((replace(TRANSITIONS[0], before_expiry=False), *TRANSITIONS[1:]), "begins with"),
        (TRANSITIONS[1:], "begins with"),
    ],
)
def test_a_table_that_the_contract_cannot_keep_is_not_generated(change: tuple, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        generate_table.library(change)


def test_every_lookup_is_that_of_the_python_table() -> None:
    evm = Evm()
    reader = evm.deploy("TableReader", sender=evm.account())
    for state, event in itertools.product([*NUMBERS, 255], repeat=2):
        row = ROWS.get((state, event))
        expected = (State.NONE, 0, False) if row is None else (row.next, row.mover, row.before_expiry)
        assert evm.call(reader, "transition", state, event) == expected, (state, event)


class Movers:
    """A guarantee under FreeGuarantees, and one signer for each mover and one for nobody."""

    def __init__(self, world: World) -> None:
        self.world = world
        contract = world.evm.deploy("FreeGuarantees", world.alliance.address, sender=world.stranger)
        self.guarantor = Guarantor(world, contract)
        self.guarantor.issue()
        self.sequence = 2
        self.signers = {
            Mover.GUARANTOR: self.guarantor.identity,
            Mover.BENEFICIARY: self.guarantor.beneficiary,
            Mover.APPLICANT: self.guarantor.applicant,
            None: world.es256_signer(),
        }

    def enter(self, state: int) -> None:
        event = state + NEW * (1 + Mover.BENEFICIARY)
        self.guarantor.step(self.guarantor.beneficiary, event, sequence=self.sequence)
        self.sequence += 1

    def attempt(self, mover: Mover | None, event: int) -> str:
        """The error that a well-signed step by this mover would end in; empty if it would be taken."""
        signer = self.signers[mover]
        signature = self.guarantor.sign_step(signer, event, sequence=self.sequence)
        arguments = (self.guarantor.terms.guarantee, event, DOCUMENT, signer.signer, SALT, signature)
        try:
            relay = self.world.members["ningbo"].address
            self.world.evm.call(self.guarantor.contract, "step", *arguments, sender=relay)
        except Reverted as error:
            return error.name
        return ""


@pytest.mark.parametrize("is_expired", [False, True])
@pytest.mark.parametrize("state", NUMBERS[1:])
def test_each_state_takes_the_tables_steps_from_the_tables_movers_only(
    world: World, state: int, is_expired: bool
) -> None:
    movers = Movers(world)
    movers.enter(state)
    if is_expired:
        world.evm.now = movers.guarantor.terms.expires
    for event, mover in itertools.product(NUMBERS, movers.signers):
        row = ROWS.get((state, event))
        if row is None:
            expected = "GuaranteesWrongStep"
        elif row.before_expiry and is_expired:
            expected = "GuaranteesExpired"
        else:
            expected = "" if row.mover is mover else "GuaranteesWrongMover"
        assert movers.attempt(mover, event) == expected, (event, mover)


@pytest.mark.parametrize("is_expired", [False, True])
def test_any_row_that_a_table_could_have_is_kept(world: World, is_expired: bool) -> None:
    movers = Movers(world)
    if is_expired:
        world.evm.now = movers.guarantor.terms.expires
    sample = range(NEW, 256, 5)  # has every next state, every mover and both halves
    for event, mover in itertools.product(sample, movers.signers):
        next_state, wanted, before_expiry = event % NEW, event // NEW % 8 - 1, event >= 128
        if wanted < 0:
            continue  # FreeGuarantees has no such event
        if next_state == State.NONE:
            expected = "GuaranteesWrongStep"
        elif before_expiry and is_expired:
            expected = "GuaranteesExpired"
        else:
            expected = "" if mover is not None and wanted == mover else "GuaranteesWrongMover"
        assert movers.attempt(mover, event) == expected, (event, mover)


def test_the_issue_is_no_step() -> None:
    assert [row.state for row in TRANSITIONS if row.event is Event.ISSUE] == [State.NONE]
