"""The life of a guarantee as one table: (state, event) → (next state, who may).

The table is the only source: the contract's constants and the diagram in the docs are generated from it, the
services and commands read it. Numbers are those of the contract and never change their meaning; states and
events of the whole life cycle get theirs as they come. Source: 最高人民法院 独立保函规定 法释〔2016〕24号;
招标投标法实施条例 art. 26, 35, 57 for the release of bid guarantees.
"""

import enum
from dataclasses import dataclass

EXPIRY_UNIT_SECONDS = 366 * 86_400
"""The ledger knows the end of a guarantee rounded up to a multiple of this. Guarantees of one section end at the
same moment, so the exact end would tell the sections apart; it stands in the document alone."""


class State(enum.IntEnum):
    """Where a guarantee stands on the ledger."""

    NONE = 0
    """There is no such guarantee."""
    ISSUED = 1
    """明文开立: in force until it expires."""
    RELEASED = 2
    """解保: the beneficiary gave it back."""


class Event(enum.IntEnum):
    """What moves a guarantee."""

    ISSUE = 1
    """开立."""
    RELEASE = 2
    """解保/退函."""


class Mover(enum.IntEnum):
    """Whose signature a step needs."""

    GUARANTOR = 0
    BENEFICIARY = 1
    APPLICANT = 2


@dataclass(frozen=True, slots=True)
class Transition:
    """One row."""

    state: State
    event: Event
    next: State
    mover: Mover
    before_expiry: bool
    """Whether the step is possible only while the guarantee has not expired, as far as the ledger knows its end."""


TRANSITIONS = (
    Transition(State.NONE, Event.ISSUE, State.ISSUED, Mover.GUARANTOR, before_expiry=True),
    Transition(State.ISSUED, Event.RELEASE, State.RELEASED, Mover.BENEFICIARY, before_expiry=False),
)

_BY_STEP = {(row.state, row.event): row for row in TRANSITIONS}


def transition(state: State, event: Event) -> Transition | None:
    """The row for a step, or None if the event is not possible in this state."""
    return _BY_STEP.get((state, event))
