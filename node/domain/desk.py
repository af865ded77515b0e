"""From an application to an issue as one table: (stage, event) → (next stage, who may).

This is the guarantor's own desk; what happens to a guarantee once the ledger has it is in `guarantee_table.py`. The
table is the only source: services act by it, `docs/bank.md` shows it, and a test tries every stage with every event
by everybody. Source: 非融资性分离式投标保函接入手册 V1.0 (order states 暂存 … 完成; cancelling only
before the issue; a note with every refusal).
"""

import enum
from dataclasses import dataclass

from node.errors import ConflictError


class Stage(enum.Enum):
    """Where an application stands; the value is the stable word."""

    APPLIED = "received"
    """待审核: it waits for a decision."""
    NEED_INFO = "need-info"
    """待补充: the guarantor has said what is missing; the applicant applies anew with it."""
    REPLACED = "replaced"
    """已替换: the applicant has applied anew with what was missing."""
    REFUSED = "refused"
    """审核不通过."""
    OFFERED = "offered"
    """审核通过: the guarantor has signed terms and fee."""
    ACCEPTED = "accepted"
    """合同已签订, 待支付: the applicant has signed the same."""
    FEE_PAID = "fee-paid"
    """支付成功."""
    ISSUED = "issued"
    """已开立."""
    CANCELLED = "cancelled"
    """取消: by the applicant, before the issue."""
    LAPSED = "lapsed"
    """失效: the offer was not taken up, or not paid for, in time."""


class DeskEvent(enum.Enum):
    """What moves an application."""

    ASK = "ask"
    REPLACE = "replace"
    REFUSE = "refuse"
    OFFER = "offer"
    ACCEPT = "accept"
    CONFIRM_FEE = "confirm-fee"
    ISSUE = "issue"
    CANCEL = "cancel"
    LAPSE = "lapse"


class DeskMover(enum.Enum):
    """Who makes the step: the wallet by its signature, the guarantor by its own systems or rules."""

    APPLICANT = "applicant"
    GUARANTOR = "guarantor"


@dataclass(frozen=True, slots=True)
class DeskStep:
    """One row."""

    stage: Stage
    event: DeskEvent
    next: Stage
    mover: DeskMover


_A, _G = DeskMover.APPLICANT, DeskMover.GUARANTOR
DESK_STEPS = (
    DeskStep(Stage.APPLIED, DeskEvent.ASK, Stage.NEED_INFO, _G),
    DeskStep(Stage.APPLIED, DeskEvent.REFUSE, Stage.REFUSED, _G),
    DeskStep(Stage.APPLIED, DeskEvent.OFFER, Stage.OFFERED, _G),
    # Where contract and fee are settled once for all guarantees on a line, or outside of the node.
    DeskStep(Stage.APPLIED, DeskEvent.ISSUE, Stage.ISSUED, _G),
    DeskStep(Stage.APPLIED, DeskEvent.CANCEL, Stage.CANCELLED, _A),
    DeskStep(Stage.NEED_INFO, DeskEvent.REPLACE, Stage.REPLACED, _A),
    DeskStep(Stage.NEED_INFO, DeskEvent.REFUSE, Stage.REFUSED, _G),
    DeskStep(Stage.NEED_INFO, DeskEvent.CANCEL, Stage.CANCELLED, _A),
    DeskStep(Stage.OFFERED, DeskEvent.ACCEPT, Stage.ACCEPTED, _A),
    DeskStep(Stage.OFFERED, DeskEvent.CANCEL, Stage.CANCELLED, _A),
    DeskStep(Stage.OFFERED, DeskEvent.LAPSE, Stage.LAPSED, _G),
    DeskStep(Stage.ACCEPTED, DeskEvent.CONFIRM_FEE, Stage.FEE_PAID, _G),
    DeskStep(Stage.ACCEPTED, DeskEvent.CANCEL, Stage.CANCELLED, _A),
    DeskStep(Stage.ACCEPTED, DeskEvent.LAPSE, Stage.LAPSED, _G),
    # Who has paid has a contract: the guarantor can only perform it, the applicant still step back.
    DeskStep(Stage.FEE_PAID, DeskEvent.ISSUE, Stage.ISSUED, _G),
    DeskStep(Stage.FEE_PAID, DeskEvent.CANCEL, Stage.CANCELLED, _A),
)

FREES_CODE = frozenset({Stage.REPLACED, Stage.REFUSED, Stage.CANCELLED, Stage.LAPSED})
"""The application is over without an issue; its code may be applied under again."""

_STEPS = {(step.stage, step.event): step for step in DESK_STEPS}


def desk_step(stage: Stage, event: DeskEvent, mover: DeskMover) -> Stage:
    """The stage after a step.

    Raises:
        ConflictError: the step is not possible there, or not this mover's.
    """
    step = _STEPS.get((stage, event))
    if step is None:
        raise ConflictError(_refusal(stage, event))
    if step.mover is not mover:
        raise ConflictError(f"this step is the {step.mover.value}'s")
    return step.next


def _refusal(stage: Stage, event: DeskEvent) -> str:
    if any(step.stage is stage and step.mover is _G for step in DESK_STEPS) and event is not DeskEvent.ISSUE:
        return f"an application that is {stage.value} does not take the step {event.value}"
    if stage in {Stage.APPLIED, Stage.NEED_INFO, Stage.OFFERED, Stage.ACCEPTED}:
        return f"an application that is {stage.value} is not ready to be issued"
    return f"the application is decided already: {stage.value}"
