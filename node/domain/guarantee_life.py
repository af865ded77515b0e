"""What a guarantee says now: its document, and on it what every step that the ledger has states, one after the other.

The ledger decides that a step was made, and which document states it. A document that it does not have counts for
nothing; where it has a step whose document is not here, what is not known is said. And a document that breaks a rule
which the ledger cannot see, such as a payment beyond the amount, changes no terms: its signer could have known.

Source: URDG 758 art. 11 (an amendment binds when it is accepted as a whole), 13 (variation of the amount), 25 (end);
法释〔2016〕24号 art. 11; domain rule: what is paid never exceeds the amount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from node.domain.guarantee import (
    MAX_VALIDITY_SECONDS,
    Guarantee,
    GuaranteeRelease,
    LegalNature,
    end_on_ledger,
    end_salt,
)
from node.domain.guarantee_statement import (
    GROUNDS,
    Amendment,
    Claim,
    FailedTender,
    Notice,
    Payment,
    Reduction,
    Says,
    StepDocument,
    event_of,
)
from node.domain.guarantee_table import GRACE_SECONDS, HALTED, Effect, Event, Mover, State, Time, transition
from node.domain.ledger import GuaranteeStep
from node.domain.ledger_ids import end_commitment
from node.errors import ConflictError, DocumentFormatError

_CHANGING = frozenset(
    {
        Event.PROPOSE,
        Event.CLAIM,
        Event.CLAIM_EXTEND_OR_PAY,
        Event.REDUCE,
        Event.PAY_PART,
        Event.PAY,
    }
)
"""Whose documents the terms, or what is open, depend on."""

_OFFERED = frozenset({State.AMENDMENT_PROPOSED, State.EXTEND_OR_PAY, State.SUSPENDED, *HALTED})
"""Where an offer can still bind; a stay may have interrupted the last two."""
_CLAIMS = (Event.CLAIM, Event.CLAIM_EXTEND_OR_PAY)


@dataclass(frozen=True, slots=True)
class LedgerStep:
    """A step as the ledger has it, the issue left out."""

    sequence: int
    event: Event
    state: State
    """That it led to."""
    document: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A step with what it states."""

    step: LedgerStep
    document: StepDocument | None
    problem: str = ""
    """Why it changes nothing; empty if all is well."""


@dataclass(frozen=True, slots=True)
class Offer:
    """Terms that bind when they are accepted or granted."""

    amount: Decimal
    end: int
    sequence: int


@dataclass(frozen=True, slots=True)
class Life:
    """A guarantee's present terms."""

    amount: Decimal
    """In force: what can still be claimed."""
    end: int
    """Exact, seconds since 1970 UTC."""
    end_sequence: int
    """Number of the step that brought it; 1 for the guarantee itself. Opens the ledger's commitment."""
    section: str
    nature: LegalNature
    begins: int
    state: State = State.ISSUED
    paid: Decimal = Decimal(0)
    offer: Offer | None = None
    """The last one; whether it is still open the state tells."""
    claim: Claim | None = None
    """The last one; likewise."""
    entries: tuple[Entry, ...] = field(default=())
    is_complete: bool = True
    """Whether every document is here on which the terms depend."""


@dataclass(frozen=True, slots=True)
class Possible:
    """A step that somebody can make now, or will be able to."""

    event: Event
    mover: Mover
    opens: int = 0
    """From when on, seconds since 1970 UTC; 0 at once."""
    closes: int = 0
    """Until when; 0 without a limit."""


def begin(guarantee: Guarantee) -> Life:
    """As it is when it is issued."""
    return Life(
        Decimal(guarantee.amount),
        guarantee.exp,
        1,
        guarantee.section,
        guarantee.legal_nature,
        guarantee.nbf,
    )


def most(life: Life) -> Decimal:
    """What can come to be claimed at most: also under terms that are offered and not answered yet."""
    if life.offer is None or life.state not in _OFFERED:
        return life.amount
    return max(life.amount, life.offer.amount)


def payable(life: Life) -> Decimal | None:
    """What the last claim is owed if it complies: as much of it as is still in force; None if it is not known here.

    A claim that was refused can be found complying after the beneficiary has reduced the guarantee.
    """
    return None if life.claim is None else min(Decimal(life.claim.amount), life.amount)


def claim_sequence(life: Life) -> int:
    """Number of the step that made the last claim; 0 if there was none."""
    return max((entry.step.sequence for entry in life.entries if entry.step.event in _CLAIMS), default=0)


def replay(
    guarantee: Guarantee, steps: Sequence[LedgerStep], documents: Mapping[bytes, StepDocument]
) -> Life:
    """The present terms.

    Args:
        guarantee: a checked document.
        steps: that the ledger has, in order, without the issue.
        documents: that are here, by digest; each one is what its digest says and was checked by `peek_step`.
    """
    life = begin(guarantee)
    for step in steps:
        document = documents.get(step.document)
        problem = "" if document is not None else "document not here"
        after = life
        if document is not None:
            try:
                after = follow(life, step.event, document, step.sequence)
            except ConflictError as error:
                problem = str(error)
        if problem:
            after = _forgotten(life, step.event)
        is_known = document is not None or step.event not in _CHANGING
        life = replace(
            after,
            state=step.state,
            entries=(*life.entries, Entry(step, document, problem)),
            is_complete=life.is_complete and is_known,
        )
    return life


def _forgotten(life: Life, event: Event) -> Life:
    """After a step that changes no terms: an older offer or claim is not taken for the one that it made."""
    rule = transition(life.state, event)
    if rule is not None and rule.effect is Effect.PROPOSE:
        life = replace(life, offer=None)
    return replace(life, claim=None) if event in _CLAIMS else life


def follow(life: Life, event: Event, document: StepDocument, sequence: int) -> Life:
    """The terms after a step, apart from its state.

    Raises:
        ConflictError: the document breaks a rule.
    """
    if event_of(document) is not event:
        raise ConflictError(f"it states another event than {event.name}")
    if isinstance(document, GuaranteeRelease):
        return life
    match document.says:
        case Amendment() as offered:
            _check_end(life, offered.exp)
            return replace(life, offer=Offer(Decimal(offered.amount), offered.exp, sequence))
        case Claim() as claim:
            return _claimed(life, claim, sequence)
        case Notice() as notice:
            _check_grounds(life, notice)
        case Payment() as payment:
            return _paid(life, event, Decimal(payment.amount))
        case Reduction() as reduction:
            if Decimal(reduction.amount) >= life.amount:
                raise ConflictError(f"a reduction goes below the {life.amount} in force")
            return replace(life, amount=Decimal(reduction.amount))
        case FailedTender() as failed if failed.section != life.section:
            raise ConflictError("the guarantee is for another section")
    return _adopted(life, event)


def _claimed(life: Life, claim: Claim, sequence: int) -> Life:
    if Decimal(claim.amount) > life.amount:
        raise ConflictError(f"the claim is for more than the {life.amount} in force")
    offer = None
    if claim.extend_to:
        _check_end(life, claim.extend_to)
        if claim.extend_to <= life.end:
            raise ConflictError("the term that would settle the claim is not longer")
        offer = Offer(life.amount, claim.extend_to, sequence)
    return replace(life, claim=claim, offer=offer)


def _paid(life: Life, event: Event, amount: Decimal) -> Life:
    """A claim that complies is due as a whole: neither less is paid, nor more than was asked for."""
    due = payable(life)
    if due is None:
        raise ConflictError("what was claimed is not known here, so a payment cannot be compared with it")
    if amount != due:
        raise ConflictError(f"{due} was claimed and is in force, and is to be paid, not {amount}")
    if (event is Event.PAY) != (amount == life.amount):
        right = "PAY" if amount == life.amount else "PAY_PART"
        raise ConflictError(f"of the {life.amount} in force, a payment of {amount} is {right}")
    return replace(life, amount=life.amount - amount, paid=life.paid + amount)


def _adopted(life: Life, event: Event) -> Life:
    rule = transition(life.state, event)
    if rule is None or rule.effect is not Effect.ADOPT or life.offer is None:
        return life
    offer = life.offer
    return replace(life, amount=offer.amount, end=offer.end, end_sequence=offer.sequence)


def _check_end(life: Life, end: int) -> None:
    if not life.begins < end <= life.begins + MAX_VALIDITY_SECONDS:
        raise ConflictError("the guarantee must end after it begins, and within ten years")


def _check_grounds(life: Life, notice: Notice) -> None:
    allowed = GROUNDS[life.nature]
    for one in notice.discrepancies:
        if one.ground not in allowed:
            raise ConflictError(
                f"a guarantee that is {life.nature} is refused on {' or '.join(allowed)}, not on {one.ground}"
            )


def signed_step(  # noqa: PLR0917
    raw_id: bytes,
    code: str,
    sequence: int,
    previous: bytes,
    document: StepDocument,
    digest: bytes,
    life: Life,
) -> GuaranteeStep:
    """What the mover signs for the ledger; it follows from the document, and from the terms that it puts in force.

    Whoever proposed them may have told the ledger another end than the document says: then it refuses the step.

    Args:
        raw_id: of the guarantee, 32 bytes.
        code: its application code, which hides the ends.
        sequence: number of the step.
        previous: digest of the document before, 32 bytes.
        document: that states the step.
        digest: its `document_digest`.
        life: the terms before it.

    Raises:
        DocumentFormatError: the terms that it would put in force are not known here.
    """
    step = GuaranteeStep(raw_id, sequence, previous, event_of(document), digest)
    end, brought = 0 if isinstance(document, GuaranteeRelease) else _proposed_end(document.says), sequence
    rule = transition(life.state, Event(step.event))
    if rule is not None and rule.effect is Effect.ADOPT:
        if life.offer is None:
            raise DocumentFormatError("documents of earlier steps are not here: hand them in with the step")
        end, brought = life.offer.end, life.offer.sequence
    if not end:
        return step
    expires = end_on_ledger(end)
    commitment = end_commitment(end_salt(code, brought), end)
    return GuaranteeStep(raw_id, sequence, previous, step.event, digest, commitment, expires)


def _proposed_end(says: Says) -> int:
    match says:
        case Amendment(exp=end) | Claim(extend_to=end):
            return end
        case _:
            return 0


def possible_steps(state: State, end: int, due: int) -> list[Possible]:
    """Every step that the table has for a state, with its time.

    Args:
        state: where the guarantee stands.
        end: exact end in force.
        due: when the state's period is over; 0 if none runs.
    """
    found = []
    for event in Event:
        rule = transition(state, event)
        if rule is None:
            continue
        match rule.time:
            case Time.IN_TIME:
                times = (0, end)
            case Time.AFTER_GRACE:
                times = (end + GRACE_SECONDS, 0)
            case Time.BEFORE_DUE:
                times = (0, due)
            case Time.AFTER_DUE:
                times = (due, 0)
            case _:
                times = (0, 0)
        found.append(Possible(event, rule.mover, *times))
    return found
