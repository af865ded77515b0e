"""A credit line 授信额度: granted once, drawn on at every centre, never beyond its limit (一地授信、异地使用).

Each state is a record of category `guarantee.line` in the issuer's own log: version n of the line, which names in
`previous` the log entry of version n - 1. An entry is SHA-256 over a tag, 32 random bytes and a payload that holds
salted digests of the fields, so the entries are a salted hash chain; among all entries of a padded batch nobody can
tell them, and with random bytes and fields deleted they are noise. Format: `docs/formats/line.md`.
"""

import enum
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Literal

import msgspec

from node.domain.encoding import Hex32
from node.domain.evidence import VerifiedRecord
from node.domain.guarantee import Amount, Currency
from node.domain.guarantee_table import TRANSITIONS, State
from node.domain.record import ENTRY_BYTES
from node.errors import ConflictError, InvalidError, LineError, LineHistoryError

LINE_CATEGORY = "guarantee.line"
NOTHING_BEFORE = "00" * ENTRY_BYTES
"""`previous` of the first state."""
_LINE_ID = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
_DIGITS = Annotated[str, msgspec.Meta(pattern=r"^(0|[1-9][0-9]{0,11})\Z")]


_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,6})?")


class LineStatus(enum.Enum):
    """Whether a line can be drawn on; the words are stable."""

    OPEN = "open"
    FROZEN = "frozen"
    ENDED = "ended"


class LineEvent(enum.Enum):
    """What moves a line; the words are stable."""

    GRANTED = "granted"
    """授信: also again, with another limit and term, after it has ended or while it is open."""
    DRAWN = "drawn"
    """占用: a guarantee was issued on it."""
    RETURNED = "returned"
    """释放: that guarantee is over."""
    LOWERED = "lowered"
    """调减: the limit, also below what is used; then nothing can be drawn until enough is returned."""
    FROZEN = "frozen"
    THAWED = "thawed"
    ENDED = "ended"


class LineFields(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A state as its record has it; plain decimals, times in seconds since 1970 UTC as digits."""

    subject: Hex32
    event: Literal["granted", "drawn", "returned", "lowered", "frozen", "thawed", "ended"]
    currency: Currency
    limit: Amount
    used: Amount
    status: Literal["open", "frozen", "ended"]
    until: _DIGITS
    amount: Amount
    """Drawn or returned by this step; 0 for other events."""
    guarantee: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    """Id on the ledger of the guarantee drawn for or returned; empty for other events."""
    previous: Hex32
    """Log entry of the state before; zeros in the first."""


@dataclass(frozen=True, slots=True)
class LineState:
    """A line after a step."""

    subject: str
    currency: str
    limit: Decimal
    used: Decimal
    status: LineStatus
    until: int
    """No draws from then on, seconds since 1970 UTC."""

    @property
    def free(self) -> Decimal:
        """What can still be drawn, if the line is open; never negative."""
        return max(self.limit - self.used, Decimal(0))


def is_live(state: State) -> bool:
    """Whether a guarantee in that state still binds its guarantor: some step leads out of it."""
    return state is not State.NONE and any(row.state is state for row in TRANSITIONS)


def granted(before: LineState | None, subject: str, currency: str, limit: Decimal, until: int) -> LineState:
    """The line after a grant; what is drawn stays drawn.

    Raises:
        ConflictError: another currency than what is drawn in.
    """
    if before is not None and before.used and before.currency != currency:
        raise ConflictError("the line is drawn on in another currency; it ends when that is returned")
    used = Decimal(0) if before is None else before.used
    return LineState(subject, currency, limit, used, LineStatus.OPEN, until)


def drawn(before: LineState, amount: Decimal, currency: str, now: int) -> LineState:
    """The line after a draw.

    Raises:
        LineError: it is not open now, is in another currency, or has too little free.
    """
    if before.status is not LineStatus.OPEN:
        raise LineError(f"the credit line is {before.status.value}")
    if now >= before.until:
        raise LineError("the term of the credit line is over")
    if before.currency != currency:
        raise LineError("the credit line is in another currency")
    if amount <= 0 or before.used + amount > before.limit:
        raise LineError("the credit line has too little free")
    return replace(before, used=before.used + amount)


def returned(before: LineState, amount: Decimal) -> LineState:
    """The line after a guarantee on it, or a part of it, is over; in whatever status.

    Raises:
        ConflictError: more than is drawn.
    """
    if not 0 < amount <= before.used:
        raise ConflictError("more would be returned than is drawn")
    return replace(before, used=before.used - amount)


def lowered(before: LineState, limit: Decimal) -> LineState:
    """The line with a lower limit, also below what is used.

    Raises:
        ConflictError: the limit would not fall, or the line has ended.
    """
    if before.status is LineStatus.ENDED or limit >= before.limit:
        raise ConflictError("a line is raised by a new grant; lowering needs a lower limit")
    return replace(before, limit=limit)


def set_status(before: LineState, status: LineStatus) -> LineState:
    """The line frozen, thawed or ended.

    Raises:
        ConflictError: it is that already, or has ended.
    """
    if before.status is status or before.status is LineStatus.ENDED:
        raise ConflictError(f"the credit line is {before.status.value}")
    return replace(before, status=status)


def fields_of(
    state: LineState, event: LineEvent, amount: Decimal, guarantee: str, previous: str
) -> dict[str, str]:
    """The fields of a state's record."""
    fields = LineFields(
        subject=state.subject,
        event=event.value,
        currency=state.currency,
        limit=plain(state.limit),
        used=plain(state.used),
        status=state.status.value,
        until=str(state.until),
        amount=plain(amount),
        guarantee=guarantee,
        previous=previous,
    )
    return {name: str(value) for name, value in msgspec.to_builtins(fields).items()}


def amount_of(text: str, name: str) -> Decimal:
    """An amount that somebody entered.

    Args:
        text: plain decimal.
        name: for messages.

    Raises:
        InvalidError: it is none.
    """
    if not _AMOUNT.fullmatch(text):
        raise InvalidError(f"{name} is a plain decimal with at most six decimals, not {text[:40]!r}")
    return Decimal(text)


def plain(amount: Decimal) -> str:
    """A decimal as amounts are written: no exponent, no needless zeros."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class LineHistory:
    """A line's whole history, checked."""

    line: str
    issuer: str
    state: LineState
    number: int
    """Of the newest state, from 1."""
    entry: bytes
    """Its log entry, 32 bytes."""
    last: LineEvent


def check_history(states: Iterable[VerifiedRecord]) -> LineHistory:
    """Check that verified records are one line's history, complete from its first state and by the line's rules.

    Args:
        states: out of evidence that was verified, oldest first.

    Raises:
        LineHistoryError: a state is missing, comes twice, follows another one than it says, or could not follow it.
    """
    history: LineHistory | None = None
    open_draws: dict[str, Decimal] = {}
    for record in states:
        history = _followed(history, record, open_draws)
    if history is None:
        raise LineHistoryError("there is no state of a line")
    return history


def _followed(
    before: LineHistory | None, record: VerifiedRecord, open_draws: dict[str, Decimal]
) -> LineHistory:
    header = record.header
    fields = _fields(header.category, record.fields)
    number, line, issuer = (1, header.thing, header.member) if before is None else (
        before.number + 1, before.line, before.issuer,
    )  # fmt: skip
    if (header.version, header.thing, header.member) != (number, line, issuer):
        raise LineHistoryError(
            f"state {header.version} of {header.thing} stands where {number} of {line} belongs"
        )
    if fields.previous != (NOTHING_BEFORE if before is None else before.entry.hex()):
        raise LineHistoryError(f"state {number} follows another state than the one shown before it")
    state = LineState(
        fields.subject,
        fields.currency,
        Decimal(fields.limit),
        Decimal(fields.used),
        LineStatus(fields.status),
        int(fields.until),
    )
    event, last = LineEvent(fields.event), None if before is None else before.state
    try:
        possible = _after(last, event, fields, state, open_draws)
    except (ConflictError, InvalidError) as error:
        raise LineHistoryError(f"state {number} cannot be: {error}") from error
    if possible != state:
        raise LineHistoryError(f"state {number} does not follow from {event.value}")
    return LineHistory(line, issuer, state, number, record.entry, event)


def _fields(category: str, fields: Mapping[str, object]) -> LineFields:
    if category != LINE_CATEGORY:
        raise LineHistoryError(f"a record of {category} is no state of a line")
    try:
        return msgspec.convert(dict(fields), LineFields)
    except msgspec.ValidationError as error:
        raise LineHistoryError(f"a state does not show all its fields: {error}") from error


def _after(
    before: LineState | None,
    event: LineEvent,
    fields: LineFields,
    stated: LineState,
    draws: dict[str, Decimal],
) -> LineState:
    """What must stand after an event; also keeps which guarantee has drawn what."""
    amount = Decimal(fields.amount)
    if event is LineEvent.GRANTED:
        return granted(
            before, before.subject if before else stated.subject, stated.currency, stated.limit, stated.until
        )
    if before is None:
        raise ConflictError("the first state of a line is its grant")
    match event:
        case LineEvent.DRAWN:
            if not fields.guarantee:
                raise ConflictError("a draw names its guarantee")
            draws[fields.guarantee] = draws.get(fields.guarantee, Decimal(0)) + amount
            # When it was drawn only the issuer's clock says; that the term was not over then is its word.
            return drawn(before, amount, before.currency, before.until - 1)
        case LineEvent.RETURNED:
            if draws.get(fields.guarantee, Decimal(0)) < amount:
                raise ConflictError("more is returned than was drawn for that guarantee")
            draws[fields.guarantee] -= amount
            return returned(before, amount)
        case LineEvent.LOWERED:
            return lowered(before, stated.limit)
        case LineEvent.FROZEN:
            return set_status(before, LineStatus.FROZEN)
        case LineEvent.THAWED if before.status is LineStatus.FROZEN:
            return replace(before, status=LineStatus.OPEN)
        case LineEvent.ENDED:
            return set_status(before, LineStatus.ENDED)
        case _:
            raise ConflictError("only a frozen line is thawed")
