"""What may happen to a guarantee, told as a lawyer would and not as a table; and random lives.

The model knows offers, claims, stays and who has asked for what. It shares no code with the table, the contract
or the twin: where all agree, they agree about the same life.
"""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from node.domain.guarantee_table import Event, Mover, State
from tests.support.guarantee_lives import DAY, SALT, Ledger, Life, proposed

GRACE, THIRTY_DAYS, WEEK = 15 * DAY, 30 * DAY, 7 * DAY
EXAMINATION_DAYS = 5

BANK, OWNER, BIDDER, CENTRE = Mover.GUARANTOR, Mover.BENEFICIARY, Mover.APPLICANT, Mover.CENTRE


def end_of_working_days(time: int, count: int) -> int:
    """The midnight in Beijing after so many days from Monday to Friday."""
    day = (datetime.fromtimestamp(time, UTC) + timedelta(hours=8)).replace(hour=0, minute=0, second=0)
    while count:
        day += timedelta(days=1)
        count -= day.isoweekday() < 6
    return int((day + timedelta(days=1, hours=-8)).timestamp())


@dataclass
class Claim:
    """One that is not settled."""

    made: int
    answer_by: int
    wish: int | None
    """The end that would settle it; 0 for one without a date; None for a plain claim."""
    waits_until: int | None = None
    """Since the guarantor said that payment waits for the longer term."""
    is_due: bool = False


@dataclass
class Stay:
    """An order of a court, since when, and until when a suit must be brought; None once there is one."""

    since: int
    suit_by: int | None


@dataclass
class Allowed:
    """Who may do something, and when."""

    by: Mover
    before: int | None = None
    since: int | None = None
    opens_end: bool = False


class Model:
    """One guarantee."""

    def __init__(self, now: int, end: int) -> None:
        self.end, self.number, self.newest = end, 1, Event.ISSUE
        self.over = ""
        self.offer: int | None = None
        self.surrender = ""
        self.objection_until: int | None = None
        self.was_refused = False
        self.claim: Claim | None = None
        self.stay: Stay | None = None

    @property
    def state(self) -> str:
        """Its name in the table."""
        if self.over:
            return self.over
        if self.stay:
            return "STAYED" if self.stay.suit_by else "SUED"
        if self.claim:
            return self._claim_state(self.claim)
        if self.objection_until:
            return "VOID_ATTESTED"
        if self.surrender:
            return f"SURRENDER_{self.surrender}"
        if self.offer is not None:
            return "AMENDMENT_PROPOSED"
        return "DISCREPANT" if self.was_refused else "ISSUED"

    def adopted(self, event: Event) -> int | None:
        """The end that an event puts in force, 0 for the one that is; None if it is none of those events."""
        if event is Event.ACCEPT and self.state == "AMENDMENT_PROPOSED":
            return self.offer or 0
        is_granted = event is Event.EXTEND and self.state in {"EXTEND_OR_PAY", "SUSPENDED"}
        return (self.claim.wish or 0) if is_granted and self.claim else None

    @staticmethod
    def _claim_state(claim: Claim) -> str:
        if claim.is_due:
            return "COMPLYING"
        if claim.waits_until:
            return "SUSPENDED"
        return "CLAIMED" if claim.wish is None else "EXTEND_OR_PAY"

    @property
    def due(self) -> int:
        """When somebody's time runs out; 0 if nobody's does."""
        if self.over:
            return 0
        if self.stay:
            return self.stay.suit_by or 0
        if self.claim:
            return 0 if self.claim.is_due else self.claim.waits_until or self.claim.answer_by
        return self.objection_until or 0

    def allowed(self) -> dict[Event, Allowed]:
        """What may be done now."""
        if self.over:
            return {}
        found = {Event.RELEASE: Allowed(OWNER)}
        if self.stay:
            return found | self._while_stayed(self.stay)
        if self.claim:
            return found | self._while_claimed(self.claim)
        return found | self._while_quiet()

    def _while_stayed(self, stay: Stay) -> dict[Event, Allowed]:
        found = {
            Event.WITHDRAW: Allowed(OWNER),
            Event.LIFT: Allowed(BANK),
            Event.LIFT_ON_ORDER: Allowed(OWNER),
        }
        if stay.suit_by:
            return found | {Event.RECORD_SUIT: Allowed(BANK), Event.LAPSE: Allowed(OWNER, since=stay.suit_by)}
        return found | {Event.PROHIBIT: Allowed(BANK)}

    def _while_claimed(self, claim: Claim) -> dict[Event, Allowed]:
        found = {Event.WITHDRAW: Allowed(OWNER), Event.STAY: Allowed(BANK)}
        if claim.is_due:
            return found | {Event.PAY: Allowed(BANK), Event.PAY_PART: Allowed(BANK)}
        found |= {Event.FIND_COMPLYING: Allowed(BANK), Event.PRECLUDE: Allowed(OWNER, since=self.due)}
        if claim.wish is not None:
            found[Event.EXTEND] = Allowed(BANK)
        if not claim.waits_until:
            found[Event.FIND_DISCREPANT] = Allowed(BANK, before=claim.answer_by)
            if claim.wish is not None:
                found[Event.SUSPEND] = Allowed(BANK, before=claim.answer_by)
        return found

    def _while_quiet(self) -> dict[Event, Allowed]:
        found = {
            Event.CLAIM: Allowed(OWNER, before=self.end, opens_end=True),
            Event.CLAIM_EXTEND_OR_PAY: Allowed(OWNER, before=self.end, opens_end=True),
            Event.EXPIRE: Allowed(BANK, since=self.end + GRACE, opens_end=True),
        }
        if self.objection_until:
            closing = Allowed(BANK, since=self.objection_until)
            return found | {Event.REFUSE: Allowed(OWNER), Event.CLOSE_VOID: closing}
        if not self.was_refused:
            found[Event.ATTEST_VOID] = Allowed(CENTRE)
        if self.surrender == "AGREED":
            return found | {Event.ACCEPT: Allowed(OWNER), Event.REFUSE: Allowed(OWNER)}
        if self.surrender:
            further = {
                Event.REFUSE: Allowed(OWNER),
                Event.AGREE_SURRENDER: Allowed(BANK),
                Event.PROPOSE: Allowed(BANK),
            }
            return found | further
        if self.offer is not None:
            accepting = Allowed(OWNER, before=self.end, opens_end=True)
            return found | {Event.ACCEPT: accepting, Event.REFUSE: Allowed(OWNER)}
        if self.was_refused:
            found[Event.FIND_COMPLYING] = Allowed(BANK)
        return found | {
            Event.PROPOSE: Allowed(BANK),
            Event.REDUCE: Allowed(OWNER),
            Event.ASK_SURRENDER: Allowed(BIDDER),
        }

    def happen(self, event: Event, now: int, end: int | None) -> None:
        """An allowed step is made.

        Args:
            event: which.
            now: when.
            end: that comes with it, 0 or None if none does.
        """
        self.number, self.newest = self.number + 1, event
        match event:
            case Event.CLAIM | Event.CLAIM_EXTEND_OR_PAY:
                self._settle_nothing()
                wish = (end or 0) if event is Event.CLAIM_EXTEND_OR_PAY else None
                self.claim = Claim(now, end_of_working_days(now, EXAMINATION_DAYS), wish)
            case Event.PROPOSE:
                self._settle_nothing()
                self.offer = end or 0
            case Event.ACCEPT if self.surrender:
                self.over = "SURRENDERED"
            case Event.ACCEPT | Event.EXTEND:
                self.end = (self.claim.wish if self.claim else self.offer) or self.end
                self._settle_nothing()
            case Event.REFUSE | Event.WITHDRAW | Event.PAY_PART:
                self._settle_nothing()
            case Event.ASK_SURRENDER:
                self._settle_nothing()
                self.surrender = "ASKED"
            case Event.AGREE_SURRENDER:
                self.surrender = "AGREED"
            case Event.ATTEST_VOID:
                self._settle_nothing()
                self.objection_until = now + WEEK
            case Event.FIND_DISCREPANT | Event.PROHIBIT:
                self._settle_nothing()
                self.was_refused = True
            case Event.FIND_COMPLYING if self.claim is None:
                self._settle_nothing()
                self.claim = Claim(now, 0, None, is_due=True)
            case Event.REDUCE:
                pass
            case _:
                self._while_open(event, now)

    def _while_open(self, event: Event, now: int) -> None:
        claim, stay = self.claim, self.stay
        match event:
            case Event.FIND_COMPLYING | Event.PRECLUDE if claim:
                claim.is_due = True
            case Event.SUSPEND if claim:
                claim.waits_until = claim.made + THIRTY_DAYS
            case Event.STAY:
                self.stay = Stay(now, now + THIRTY_DAYS)
            case Event.RECORD_SUIT if stay:
                stay.suit_by = None
            case Event.LIFT | Event.LIFT_ON_ORDER | Event.LAPSE if claim and stay:
                self.stay = None
                self._go_on(claim, now - stay.since, stay.since, now)
            case _:
                ends = {
                    Event.RELEASE: "RELEASED",
                    Event.EXPIRE: "EXPIRED",
                    Event.PAY: "CLOSED",
                    Event.CLOSE_VOID: "VOID",
                }
                self.over = ends[event]

    @staticmethod
    def _go_on(claim: Claim, pause: int, stopped: int, now: int) -> None:
        """The time of a stay is nobody's; a time that was out before it is out a second after it."""
        claim.made += pause
        claim.answer_by = claim.answer_by + pause if claim.answer_by > stopped else now + 1
        if claim.waits_until:
            waits = claim.waits_until
            claim.waits_until = waits + pause if waits > stopped else now + 1

    def _settle_nothing(self) -> None:
        """Whatever was open is no more."""
        self.offer, self.surrender, self.objection_until = None, "", None
        self.claim, self.stay, self.was_refused = None, None, False


class RandomLife:
    """Steps right and wrong, at the moments at which something changes."""

    def __init__(self, ledger: Ledger, seed: int, now: int) -> None:
        self.random = random.Random(seed)
        end = now + self.random.choice([20, 40, 400]) * DAY
        self.life = Life(ledger, now, end)
        self.model = Model(self.life.now, end)
        self.taken = self.refused = 0
        self.rows: set[tuple[str, str]] = set()
        """States and events of the steps that were taken."""

    def run(self, steps: int) -> None:
        """Any difference between ledger and model is an AssertionError."""
        for _ in range(steps):
            if self.model.over and self.random.random() < 0.5:
                return
            self._pass_time()
            self._attempt()

    def _pass_time(self) -> None:
        moments = [self.life.end - 1, self.life.end, self.life.end + GRACE - 1, self.life.end + GRACE]
        if self.model.due:
            moments += 2 * [self.model.due - 1, self.model.due]
        ahead = [moment for moment in moments if moment > self.life.now]
        jump = self.random.choice([1, 1, 1, 3_600, DAY, 3 * DAY])
        to_moment = ahead and self.random.random() < 0.25
        self.life.now = self.random.choice(ahead) if to_moment else self.life.now + jump

    def _attempt(self) -> None:
        model, life, chance = self.model, self.life, self.random
        allowed = model.allowed()
        right = [one for one in allowed if one is not Event.RELEASE or chance.random() < 0.15]
        pool = right if right and chance.random() < 0.85 else list(Event)
        event = chance.choice(pool)
        rule = allowed.get(event)
        mover = rule.by if rule and chance.random() < 0.85 else chance.choice([*Mover, None])
        brings = event in {Event.PROPOSE, Event.CLAIM_EXTEND_OR_PAY} or chance.random() < 0.03
        end = life.now + chance.choice([-500, 1, 50, 500]) * DAY if brings and chance.random() < 0.7 else None
        if model.adopted(event) is not None and chance.random() < 0.9:
            end = model.adopted(event) or None
        changes: dict[str, object] = {} if end is None else proposed(end)
        if chance.random() < 0.05:
            changes["sequence"] = model.number + chance.choice([0, 2])
        if chance.random() < 0.03:
            changes["previous"] = SALT
        evidence, lodged, by = life.opened(), 0, None
        limit = rule and rule.before
        if limit and limit <= life.now and chance.random() < 0.7:
            lodged, by = limit - chance.choice([0, 1, 1]), chance.choice([*Mover, None])
            evidence = life.receipt(by, event, lodged, **changes)
        elif chance.random() < 0.05:
            evidence = life.opened(life.end + chance.choice([-1, 1]))
        expected = self._expected(event, rule, mover, end, changes, evidence.end, lodged, by)
        refusal = life.attempt(event, mover, evidence=evidence, **changes)
        assert refusal == expected, (model.state, event, mover)
        if refusal:
            self.refused += 1
            return
        self.taken += 1
        self.rows.add((model.state, event.name))
        model.happen(event, life.now, end)
        life.end = model.end
        assert (State(life.last.state).name, life.last.due) == (model.state, model.due)

    def _expected(
        self,
        event: Event,
        rule: Allowed | None,
        mover: Mover | None,
        end: int | None,
        changes: dict[str, object],
        told_end: int,
        lodged: int,
        by: Mover | None,
    ) -> str:
        """The first thing that is wrong, in the contract's order."""
        model, now = self.model, self.life.now
        if event is model.newest and changes.get("sequence") == model.number:
            return "GuaranteesAlreadyMoved"
        if rule is None:
            return "GuaranteesWrongStep"
        if changes.keys() & {"sequence", "previous"}:
            return "GuaranteesOtherStep"
        if model.adopted(event) is not None:
            if (end or 0) != model.adopted(event):
                return "GuaranteesMalformedEnd"
        elif end is not None and (
            event not in {Event.PROPOSE, Event.CLAIM_EXTEND_OR_PAY} or proposed(end)["expires"] <= now
        ):
            return "GuaranteesMalformedEnd"
        if rule.opens_end and told_end != model.end:
            return "GuaranteesWrongEnd"
        if rule.since is not None and now < rule.since:
            return "GuaranteesTooEarly"
        if rule.before is not None and now >= rule.before:
            late = "GuaranteesExpired" if rule.opens_end else "GuaranteesTooLate"
            if not lodged:
                return late
            if by not in {BANK, OWNER, CENTRE} - {rule.by} or by is mover:
                return "GuaranteesWrongReceipt"
            if lodged >= rule.before or now >= rule.before + GRACE:
                return late
        return "" if mover is rule.by else "GuaranteesWrongMover"
