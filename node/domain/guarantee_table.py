"""The life of a guarantee as one table: (state, event) → (next state, who may, when, what it does besides).

The table is the only source: the contract's constants and the diagram in the docs are generated from it, the
services and commands read it. Numbers are those of the contract and never change their meaning. What comes before the
issue (draft, application, offer, contract, fee) is the business of applicant and guarantor, and not on the ledger.

Three things hold throughout, and `contracts/generate_table.py` checks them: no step that gives up a right of the
beneficiary is another's; while it may claim, nobody else can move the guarantee in circles, so that a claim that was
signed for the next step is overtaken a few times at most; and a claim that is open keeps the guarantee alive.

Source: 最高人民法院 独立保函规定 法释〔2016〕24号 art. 4, 7, 11 (irrevocable; how it ends), 13 to 20 (止付); URDG 758
art. 11 (amendments), 17, 20 (five business days), 23 (extend or pay), 24 (one refusal with every reason, preclusion),
25 (end); 招标投标法实施条例 art. 26, 35, 57 for the release of bid guarantees.
"""

import enum
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

DAY_SECONDS = 86_400
EXPIRY_UNIT_SECONDS = 366 * DAY_SECONDS
"""The ledger knows the end of a guarantee rounded up to a multiple of this. Guarantees of one section end at the
same moment, so the exact end would tell the sections apart: the ledger has a commitment to it, which steps open."""
GRACE_SECONDS = 15 * DAY_SECONDS
"""How long after the end a step that was lodged in time, as a counterparty's receipt shows, can still be brought."""
SUSPENSION_SECONDS = 30 * DAY_SECONDS
"""展期或付款: payment may be suspended for so long from the demand on. Source: URDG 758 art. 23 a."""
SUIT_SECONDS = 30 * DAY_SECONDS
"""A stay lapses where no suit is brought within it. Source: 法释〔2016〕24号 art. 16 with 民事诉讼法 art. 104."""
OBJECTION_SECONDS = 7 * DAY_SECONDS
"""How long a beneficiary can object before a guarantee is closed because its tender failed."""
MAX_EXAMINATION_DAYS = 30
"""Working days that the terms may give a guarantor for examining a claim, at most."""


class State(enum.IntEnum):
    """Where a guarantee stands on the ledger."""

    NONE = 0
    """There is no such guarantee."""
    ISSUED = 1
    """明文开立: in force until it expires, and nothing is open."""
    RELEASED = 2
    """解保: the beneficiary gave it back."""
    AMENDMENT_PROPOSED = 3
    """批改/展期待答复: the guarantor offers other terms; they bind nobody until the beneficiary accepts."""
    CLAIMED = 4
    """索赔: the guarantor examines a claim."""
    EXTEND_OR_PAY = 5
    """索赔或展期: the guarantor examines a claim that a longer term would settle."""
    SUSPENDED = 6
    """暂缓付款: payment waits for the longer term to be agreed."""
    COMPLYING = 7
    """相符: payment is due."""
    DISCREPANT = 8
    """不符: the last claim was refused with all reasons, or forbidden by a court; in force otherwise."""
    STAYED = 9
    """止付: a court stays payment."""
    SUED = 10
    """止付且已起诉: the stay holds on, a suit being recorded."""
    SURRENDER_ASKED = 11
    """退保申请: the applicant does not want it any more."""
    SURRENDER_AGREED = 12
    """退保同意: the guarantor agrees; the beneficiary has the last word."""
    VOID_ATTESTED = 13
    """流标: the tender's centre says that the tender failed; the beneficiary can object."""
    CLOSED = 14
    """结清: paid in full."""
    EXPIRED = 15
    """到期: its end has passed, and no claim is open."""
    SURRENDERED = 16
    """退保: given up by all three."""
    VOID = 17
    """流标注销: the tender failed."""
    INTERRUPTED = 255
    """The state that a stay interrupted; a next state only, and never where a guarantee stands."""


class Event(enum.IntEnum):
    """What moves a guarantee."""

    ISSUE = 1
    """开立."""
    RELEASE = 2
    """解保/退函."""
    PROPOSE = 3
    """提出批改/展期: other terms, and another end if one comes with it."""
    ACCEPT = 4
    """接受: all of it; whoever accepts a part refuses."""
    REFUSE = 5
    """拒绝: an amendment, a surrender, or that the tender failed."""
    REDUCE = 6
    """减额: by the beneficiary's document, which says to what."""
    CLAIM = 7
    """索赔: demand, statement of breach, and the documents that the guarantee asks for."""
    CLAIM_EXTEND_OR_PAY = 8
    """索赔，可展期代之: a claim that names the longer term that would settle it."""
    FIND_COMPLYING = 9
    """认定相符: also after a refusal, where the guarantor waives it."""
    FIND_DISCREPANT = 10
    """认定不符: one notice with every discrepancy."""
    PRECLUDE = 11
    """逾期视为相符: the guarantor let its time pass, and can object to nothing any more."""
    WITHDRAW = 12
    """撤回索赔."""
    SUSPEND = 13
    """暂缓付款, while the longer term is agreed."""
    EXTEND = 14
    """展期: the longer term that the claim named is granted, which settles the claim."""
    STAY = 15
    """止付: an order of a court, entered by the guarantor."""
    RECORD_SUIT = 16
    """起诉或申请仲裁: the stay has its suit."""
    LIFT = 17
    """解除止付: entered by the guarantor."""
    LAPSE = 18
    """止付期满未起诉: the stay ends by itself."""
    LIFT_ON_ORDER = 19
    """法院解除止付: a court's decision, entered by the beneficiary."""
    PROHIBIT = 20
    """判决终止支付: a court's judgment ends the claim."""
    PAY_PART = 21
    """部分付款: the claim is paid, the rest of the amount stays in force."""
    PAY = 22
    """付清."""
    EXPIRE = 23
    """到期."""
    ASK_SURRENDER = 24
    """申请退保."""
    AGREE_SURRENDER = 25
    """同意退保."""
    ATTEST_VOID = 26
    """证明流标: attested by the tender's centre."""
    CLOSE_VOID = 27
    """流标注销."""


class Mover(enum.IntEnum):
    """Whose signature a step needs."""

    GUARANTOR = 0
    BENEFICIARY = 1
    APPLICANT = 2
    CENTRE = 3
    """The centre that runs the tender."""


class Time(enum.IntEnum):
    """When a step is possible."""

    ANY = 0
    """At any time."""
    BEFORE_EXPIRY = 1
    """Before the rounded end."""
    IN_TIME = 2
    """Before the end, which the step opens; or within the grace period with a receipt from before the end."""
    AFTER_GRACE = 3
    """From the end of the grace period on; the step opens the end."""
    BEFORE_DUE = 4
    """Before the state's period is over; or within the grace period with a receipt from before that."""
    AFTER_DUE = 5
    """From the end of the state's period on."""


class Period(enum.IntEnum):
    """What begins to run with a step."""

    NONE = 0
    """Nothing."""
    EXAMINATION = 1
    """The working days that the terms give the guarantor, from the next day on."""
    SUSPENSION = 2
    """30 days from when the state before began."""
    SUIT = 3
    """30 days."""
    OBJECTION = 4
    """7 days."""


class Effect(enum.IntEnum):
    """What a step does besides."""

    NOTHING = 0
    """Nothing."""
    PROPOSE = 1
    """The end that comes with the step, if one does, is kept beside the end in force."""
    ADOPT = 2
    """The end that was proposed last takes the place of the end in force."""
    INTERRUPT = 3
    """The state and its period stand still."""
    RESUME = 4
    """They go on, the time between not counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What the table says of one step; see Transition."""

    next: State
    mover: Mover
    time: Time = Time.ANY
    period: Period = Period.NONE
    """That begins to run in the next state."""
    effect: Effect = Effect.NOTHING


@dataclass(frozen=True, slots=True)
class Transition:
    """One row."""

    state: State
    event: Event
    rule: Rule


QUIET = (
    State.ISSUED,
    State.AMENDMENT_PROPOSED,
    State.DISCREPANT,
    State.SURRENDER_ASKED,
    State.SURRENDER_AGREED,
    State.VOID_ATTESTED,
)
"""In force, and no claim is open: the beneficiary may claim, and the guarantee ends with its end."""
PAYABLE = (State.CLAIMED, State.EXTEND_OR_PAY, State.SUSPENDED, State.COMPLYING)
"""A claim is open."""
HALTED = (State.STAYED, State.SUED)
"""A claim is open, and a court stays its payment."""
LAPSING = tuple(state for state in QUIET if state is not State.DISCREPANT)
"""Nothing of what is open can become a payment: from the end of the grace period on nothing can be claimed any more,
whether or not the guarantor enters the end. A claim that was refused can still be paid, by the guarantor's own waiver
or a court's word: that one is over when the guarantor says so."""
LIVE = (*QUIET, *PAYABLE, *HALTED)
"""It is not over."""


def _each(states: tuple[State, ...], event: Event, rule: Rule) -> tuple[Transition, ...]:
    return tuple(Transition(state, event, rule) for state in states)


def _by(mover: Mover) -> Callable[..., Rule]:
    return partial(Rule, mover=mover)


_guarantor, _beneficiary = _by(Mover.GUARANTOR), _by(Mover.BENEFICIARY)
_applicant, _centre = _by(Mover.APPLICANT), _by(Mover.CENTRE)

_BEGINNING = (
    *_each((State.NONE,), Event.ISSUE, _guarantor(next=State.ISSUED, time=Time.BEFORE_EXPIRY)),
    *_each(LIVE, Event.RELEASE, _beneficiary(next=State.RELEASED)),
    *_each(QUIET, Event.EXPIRE, _guarantor(next=State.EXPIRED, time=Time.AFTER_GRACE)),
)

_AMENDING = (
    *_each(
        (State.ISSUED, State.DISCREPANT, State.SURRENDER_ASKED),
        Event.PROPOSE,
        _guarantor(next=State.AMENDMENT_PROPOSED, effect=Effect.PROPOSE),
    ),
    *_each(
        (State.AMENDMENT_PROPOSED,),
        Event.ACCEPT,
        _beneficiary(next=State.ISSUED, time=Time.IN_TIME, effect=Effect.ADOPT),
    ),
    *_each((State.AMENDMENT_PROPOSED,), Event.REFUSE, _beneficiary(next=State.ISSUED)),
    *_each((State.ISSUED,), Event.REDUCE, _beneficiary(next=State.ISSUED)),
    *_each((State.DISCREPANT,), Event.REDUCE, _beneficiary(next=State.DISCREPANT)),
)

_EXAMINED = (State.CLAIMED, State.EXTEND_OR_PAY)
_CLAIMING = (
    # A claim answers an open proposal with no: who wants what was offered accepts it first.
    *_each(
        QUIET,
        Event.CLAIM,
        _beneficiary(next=State.CLAIMED, time=Time.IN_TIME, period=Period.EXAMINATION),
    ),
    *_each(
        QUIET,
        Event.CLAIM_EXTEND_OR_PAY,
        _beneficiary(
            next=State.EXTEND_OR_PAY, time=Time.IN_TIME, period=Period.EXAMINATION, effect=Effect.PROPOSE
        ),
    ),
    *_each(
        (*_EXAMINED, State.SUSPENDED, State.DISCREPANT),
        Event.FIND_COMPLYING,
        _guarantor(next=State.COMPLYING),
    ),
    *_each(_EXAMINED, Event.FIND_DISCREPANT, _guarantor(next=State.DISCREPANT, time=Time.BEFORE_DUE)),
    *_each(
        (*_EXAMINED, State.SUSPENDED),
        Event.PRECLUDE,
        _beneficiary(next=State.COMPLYING, time=Time.AFTER_DUE),
    ),
    *_each((*PAYABLE, *HALTED), Event.WITHDRAW, _beneficiary(next=State.ISSUED)),
    *_each(
        (State.EXTEND_OR_PAY,),
        Event.SUSPEND,
        _guarantor(next=State.SUSPENDED, time=Time.BEFORE_DUE, period=Period.SUSPENSION),
    ),
    *_each(
        (State.EXTEND_OR_PAY, State.SUSPENDED),
        Event.EXTEND,
        _guarantor(next=State.ISSUED, effect=Effect.ADOPT),
    ),
    *_each((State.COMPLYING,), Event.PAY_PART, _guarantor(next=State.ISSUED)),
    *_each((State.COMPLYING,), Event.PAY, _guarantor(next=State.CLOSED)),
)

_HALTING = (
    *_each(
        PAYABLE,
        Event.STAY,
        _guarantor(next=State.STAYED, period=Period.SUIT, effect=Effect.INTERRUPT),
    ),
    *_each((State.STAYED,), Event.RECORD_SUIT, _guarantor(next=State.SUED)),
    *_each(HALTED, Event.LIFT, _guarantor(next=State.INTERRUPTED, effect=Effect.RESUME)),
    *_each(
        (State.STAYED,),
        Event.LAPSE,
        _beneficiary(next=State.INTERRUPTED, time=Time.AFTER_DUE, effect=Effect.RESUME),
    ),
    *_each(HALTED, Event.LIFT_ON_ORDER, _beneficiary(next=State.INTERRUPTED, effect=Effect.RESUME)),
    *_each((State.SUED,), Event.PROHIBIT, _guarantor(next=State.DISCREPANT)),
)

_GIVING_UP = (
    *_each((State.ISSUED, State.DISCREPANT), Event.ASK_SURRENDER, _applicant(next=State.SURRENDER_ASKED)),
    *_each((State.SURRENDER_ASKED,), Event.AGREE_SURRENDER, _guarantor(next=State.SURRENDER_AGREED)),
    *_each((State.SURRENDER_AGREED,), Event.ACCEPT, _beneficiary(next=State.SURRENDERED)),
    *_each(
        (State.SURRENDER_ASKED, State.SURRENDER_AGREED, State.VOID_ATTESTED),
        Event.REFUSE,
        _beneficiary(next=State.ISSUED),
    ),
    # After a claim the bids were opened, whatever became of it.
    *_each(
        (State.ISSUED, State.AMENDMENT_PROPOSED, State.SURRENDER_ASKED, State.SURRENDER_AGREED),
        Event.ATTEST_VOID,
        _centre(next=State.VOID_ATTESTED, period=Period.OBJECTION),
    ),
    *_each((State.VOID_ATTESTED,), Event.CLOSE_VOID, _guarantor(next=State.VOID, time=Time.AFTER_DUE)),
)

TRANSITIONS = (*_BEGINNING, *_AMENDING, *_CLAIMING, *_HALTING, *_GIVING_UP)

_BY_STEP = {(row.state, row.event): row.rule for row in TRANSITIONS}

_MOVERS = {row.event: row.rule.mover for row in TRANSITIONS}


def mover_of(event: Event) -> Mover:
    """Whose step an event is, wherever the table has it."""
    return _MOVERS[event]


def transition(state: State, event: Event) -> Rule | None:
    """The rule for a step, or None if the event is not possible in this state."""
    return _BY_STEP.get((state, event))
