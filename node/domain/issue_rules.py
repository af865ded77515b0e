"""A guarantor's rules for deciding at once 秒出函: a closed vocabulary, read from a reviewed file, never code.

Every check sees named facts and says HOLDS, FAILS or UNKNOWN. What is not known is never guessed: one UNKNOWN leads
to a person. A definite FAILS of a rule that says so refuses, with the file's reason; otherwise it leads to a person
too. Only if all hold the guarantee is issued, or offered. Format: `docs/formats/issue-rules.md`.
"""

import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

import msgspec

from node.domain.guarantee import Amount, Currency
from node.domain.issue_facts import Facts
from node.errors import RulesFormatError

RULES_TYPE = "heqi.issue-rules.v1"
MAX_RULES = 64
MAX_RULES_BYTES = 16 * 1024
MICRO = Decimal("0.000001")

_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
_Words = Annotated[tuple[_Word, ...], msgspec.Meta(min_length=1, max_length=64)]
_Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
_Days = Annotated[int, msgspec.Meta(ge=1, le=36_600)]
_Rate = Annotated[str, msgspec.Meta(pattern=r"^0(\.[0-9]{1,8})?\Z")]


class Verdict(enum.Enum):
    """What one rule says; the words are stable."""

    HOLDS = "HOLDS"
    FAILS = "FAILS"
    UNKNOWN = "UNKNOWN"


class Outcome(enum.Enum):
    """What comes of all rules; the words are stable."""

    ISSUE = "issue"
    OFFER = "offer"
    REFUSE = "refuse"
    MANUAL = "manual"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="check"):
    """What all rules say."""

    id: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,62}\Z")]
    otherwise: Literal["manual", "refuse"] = "manual"
    """What a definite failure leads to; what is unknown always leads to a person."""
    zh: _Text
    """The reason, as the applicant reads it if this rule refuses."""
    en: _Text


class Kind(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="kind"):
    """The guarantee is of one of these kinds."""

    any_of: _Words


class Size(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="amount"):
    """The amount lies in these bounds, in this currency."""

    at_least: Amount = "0"
    at_most: Amount
    currency: Currency = "CNY"


class Validity(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="validity"):
    """It runs for at most so many days."""

    at_most_days: _Days


class Centres(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="centre"):
    """The tender is run by one of these members."""

    any_of: _Words


class Line(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="line"):
    """The applicant has an open credit line here with at least the amount free."""


class Qualification(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="qualification"):
    """The applicant holds a qualification of one of these levels, and names if given, that is in force today."""

    levels: _Words
    names: tuple[_Word, ...] = ()


class CreditRating(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="credit-rating"):
    """The applicant's rating is one of these."""

    any_of: _Words


class RegisteredCapital(
    Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="registered-capital"
):
    """The applicant's registered capital is at least so much, in this currency."""

    at_least: Amount
    currency: Currency = "CNY"


class NoEntries(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="no-entries"):
    """No entry of these kinds in the credit records within so many days, but for revoked ones."""

    kinds: _Words = ("violation", "blacklist")
    within_days: _Days = 1_096


class LicenceInForce(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="licence"):
    """The business licence outlasts the guarantee."""


class RecordAge(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="record-age"):
    """All that is shown of a category was taken in at most so many days ago."""

    category: _Word
    at_most_days: _Days


class OfApplicant(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="applicant-total"):
    """This guarantor's live guarantees for the applicant, with this one, are at most so many and so much."""

    at_most_count: _Count
    at_most: Amount


class OfDay(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="day-total"):
    """What the rules have let through on this day (of Beijing), with this one, is at most so many and so much."""

    at_most_count: _Count
    at_most: Amount


class Refusals(Rule, frozen=True, forbid_unknown_fields=True, kw_only=True, tag="refusals"):
    """Applications under the same code were refused at most so often before."""

    at_most: _Count


AnyRule = (
    Kind
    | Size
    | Validity
    | Centres
    | Line
    | Qualification
    | CreditRating
    | RegisteredCapital
    | NoEntries
    | LicenceInForce
    | RecordAge
    | OfApplicant
    | OfDay
    | Refusals
)


class Fee(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a guarantee costs 保费: a part of the amount, and a least sum."""

    rate: _Rate = "0"
    least: Amount = "0"
    currency: Currency = "CNY"


class Payments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which claims are paid without a person's release 自动放款: never one that nobody has found complying."""

    at_most: Amount
    """On one claim."""
    day_at_most: Amount
    """On one day (of Beijing), with this one."""
    currency: Currency = "CNY"


class IssueRules(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole file."""

    type: Literal["heqi.issue-rules.v1"]
    name: _Text
    """For people: which edition this is."""
    when_all_hold: Literal["issue", "offer"]
    number_prefix: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9-]{1,40}\Z")]
    """Guarantees by rules are numbered with this, the year and a serial number."""
    offer_days: Annotated[int, msgspec.Meta(ge=1, le=90)] = 7
    """How long an offer stands."""
    conditions: Annotated[str, msgspec.Meta(max_length=4_000)] = ""
    """What stands in offers by rules beside the fee: title and edition of the standard contract, for instance."""
    fee: Fee = Fee()
    payments: Payments | None = None
    """None: a person releases every payment."""
    rules: Annotated[tuple[AnyRule, ...], msgspec.Meta(min_length=1, max_length=MAX_RULES)]


@dataclass(frozen=True, slots=True)
class Approved:
    """Rules with the hash of their file, by which a second person approved them."""

    rules: IssueRules
    digest: str
    """SHA-256 of the file, 64 hex digits."""


class Finding(msgspec.Struct, frozen=True):
    """What one rule saw and said."""

    rule: str
    check: str
    verdict: str
    """Word of a `Verdict`."""
    saw: tuple[str, ...]
    """Names of the facts, never their values."""


class Decision(msgspec.Struct, frozen=True):
    """What the rules say of one application, explained."""

    outcome: str
    """Word of an `Outcome`."""
    findings: tuple[Finding, ...]
    rules: str
    """Hash of the rules file, 64 hex digits."""
    reason: str = ""
    """For the applicant, if the outcome is a refusal: texts of the file, nothing of what was seen."""


def parse_rules(raw: bytes) -> Approved:
    """Read a rules file.

    Args:
        raw: TOML.

    Raises:
        RulesFormatError: it breaks the schema; the message says where.
    """
    if len(raw) > MAX_RULES_BYTES:  # tomllib takes time by the square of a dotted key's length
        raise RulesFormatError(f"a rules file has at most {MAX_RULES_BYTES} bytes")
    try:
        rules = msgspec.toml.decode(raw, type=IssueRules)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RulesFormatError(str(error)) from error
    ids = [rule.id for rule in rules.rules]
    if len(set(ids)) != len(ids):
        raise RulesFormatError("two rules have the same id")
    for rule in rules.rules:
        if isinstance(rule, Size) and Decimal(rule.at_least) > Decimal(rule.at_most):
            raise RulesFormatError(f"{rule.id}: at_least is above at_most")
    return Approved(rules, hashlib.sha256(raw).hexdigest())


def decide(approved: Approved, facts: Facts) -> Decision:
    """What the rules say of an application; the same facts always lead to the same."""
    findings = tuple(_finding(rule, facts) for rule in approved.rules.rules)
    by_rule = list(zip(approved.rules.rules, findings, strict=True))
    refusing = [rule for rule, found in by_rule if found.verdict == "FAILS" and rule.otherwise == "refuse"]
    if refusing:
        reason = "；".join(rule.zh for rule in refusing) + " | " + "; ".join(rule.en for rule in refusing)
        return Decision(Outcome.REFUSE.value, findings, approved.digest, reason)
    if any(found.verdict != "HOLDS" for found in findings):
        return Decision(Outcome.MANUAL.value, findings, approved.digest)
    return Decision(approved.rules.when_all_hold, findings, approved.digest)


def fee_of(fee: Fee, amount: str, currency: str) -> Decimal | None:
    """The fee for a guarantee, to the millionth and never rounded down; None in a currency that has no fee here."""
    if currency != fee.currency:
        return None
    exact = max(Decimal(amount) * Decimal(fee.rate), Decimal(fee.least))
    return exact.quantize(MICRO, rounding="ROUND_UP").normalize() + 0


def may_pay(payments: Payments | None, amount: Decimal, currency: str, paid_today: Decimal) -> bool:
    """Whether the rules release the payment of a claim that a person has found complying.

    Args:
        payments: of the rules in force.
        amount: that is to be paid.
        currency: of it.
        paid_today: what the rules have released on this day before.
    """
    if payments is None or currency != payments.currency:
        return False
    return amount <= Decimal(payments.at_most) and paid_today + amount <= Decimal(payments.day_at_most)


def _finding(rule: AnyRule, facts: Facts) -> Finding:
    verdict, saw = _judge(rule, facts)
    check: Any = rule.__struct_config__.tag
    return Finding(rule.id, str(check), verdict.value, tuple(saw))


def _known(holds: bool | None) -> Verdict:  # noqa: FBT001  # the value itself
    return Verdict.UNKNOWN if holds is None else Verdict.HOLDS if holds else Verdict.FAILS


def _judge(rule: AnyRule, facts: Facts) -> tuple[Verdict, Sequence[str]]:  # noqa: C901, PLR0911, PLR0912
    """One case for each check; each is one line that can be read beside the page."""
    match rule:
        case Kind():
            return _known(facts.kind in rule.any_of), ("guarantee_kind",)
        case Size():
            in_bounds = Decimal(rule.at_least) <= facts.amount <= Decimal(rule.at_most)
            return _known(facts.currency == rule.currency and in_bounds), ("amount", "currency")
        case Validity():
            return _known(facts.days <= rule.at_most_days), ("nbf", "exp")
        case Centres():
            return _known(None if facts.centre is None else facts.centre in rule.any_of), ("centre",)
        case Line():
            free = facts.line_free
            return _known(None if free is None else free >= facts.amount), ("line.free", "amount")
        case Qualification():
            return _known(facts.is_qualified(rule.levels, rule.names)), (
                "subject.qualification.level",
                "subject.qualification.qualification_name",
                "subject.qualification.end_date",
            )
        case CreditRating():
            rating = facts.base("credit_rating")
            return _known(None if rating is None else rating in rule.any_of), ("subject.base.credit_rating",)
        case RegisteredCapital():
            return _known(facts.has_capital(Decimal(rule.at_least), rule.currency)), (
                "subject.base.registered_capital",
                "subject.base.registered_capital_currency",
            )
        case NoEntries():
            entries = facts.has_entries(rule.kinds, rule.within_days)
            return _known(None if entries is None else not entries), (
                "subject.credit.kind",
                "subject.credit.entry_code",
                "subject.credit.occurred_date",
                "subject.credit.confined_end",
                "subject.credit.revoked_entry",
            )
        case LicenceInForce():
            return _known(facts.licence_outlasts()), ("subject.base.licence_end_date", "exp")
        case RecordAge():
            age = facts.age_days(rule.category)
            return _known(None if age is None else age <= rule.at_most_days), (f"{rule.category}.captured",)
        case OfApplicant():
            return _known(facts.applicant.fits(facts.amount, rule.at_most_count, Decimal(rule.at_most))), (
                "applicant.live_count",
                "applicant.live_amount",
                "amount",
            )
        case OfDay():
            return _known(facts.day.fits(facts.amount, rule.at_most_count, Decimal(rule.at_most))), (
                "day.count",
                "day.amount",
                "amount",
            )
        case Refusals():
            return _known(facts.refusals <= rule.at_most), ("code.refusals",)
