"""What a guarantor's rules may look at: the application, verified records, its own books; nothing else.

A fact that the applicant did not grant, that no record states or that is not in the expected form is None, and no
rule takes None for an answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from node.domain.package import BASE
from node.domain.section import day_at

DAY_SECONDS = 86_400
QUALIFICATION, CREDIT = "subject.qualification", "subject.credit"
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,6})?")


@dataclass(frozen=True, slots=True)
class Total:
    """Guarantees so far, without the one applied for."""

    count: int
    amount: Decimal

    def fits(self, amount: Decimal, count_limit: int, limit: Decimal) -> bool:
        """Whether one more of that amount stays within both limits."""
        return self.count + 1 <= count_limit and self.amount + amount <= limit


@dataclass(frozen=True, slots=True)
class FactRecord:
    """A verified record of the applicant."""

    fields: Mapping[str, object]
    captured: float
    """When its centre took it in, seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Of one application at one moment."""

    kind: str
    amount: Decimal
    currency: str
    nbf: int
    exp: int
    centre: str | None
    """Member that runs the tender; None where the application does not show it."""
    now: int
    """Seconds since 1970 UTC."""
    granted: Mapping[str, frozenset[str]]
    """Fields that the applicant let be read, by category: only there does no record mean that there is none."""
    records: Mapping[str, Sequence[FactRecord]]
    """The newest record of every thing, by category."""
    line_free: Decimal | None
    """Of the applicant's line in the currency applied for; None without a line that can be drawn on."""
    applicant: Total
    day: Total
    refusals: int
    """How often an application under the same code was refused before."""

    @property
    def days(self) -> int:
        """Begun days of validity."""
        return -(-(self.exp - self.nbf) // DAY_SECONDS)

    @property
    def today(self) -> date:
        """In Beijing, as certificates and licences have their days."""
        return day_at(self.now)

    def base(self, name: str) -> object | None:
        """A field of the applicant's own record, or None."""
        found = self.records.get(BASE, ())
        return found[0].fields.get(name) if len(found) == 1 else None

    def has_capital(self, least: Decimal, currency: str) -> bool | None:
        """Whether the registered capital is at least so much."""
        amount, stated = self.base("registered_capital"), self.base("registered_capital_currency")
        if stated is None or not isinstance(amount, str) or not _AMOUNT.fullmatch(amount):
            return None
        return Decimal(amount) >= least if stated == currency else None

    def licence_outlasts(self) -> bool | None:
        """Whether the business licence is in force until the guarantee ends."""
        end = _date(self.base("licence_end_date"))
        return None if end is None else end >= day_at(self.exp - 1)

    def is_qualified(self, levels: Sequence[str], names: Sequence[str]) -> bool | None:
        """Whether a qualification of such a level, and name, is in force today."""
        needed = {"level", "end_date", *(("qualification_name",) if names else ())}
        if not needed <= self.granted.get(QUALIFICATION, frozenset()):
            return None
        is_unclear = False
        for record in self.records.get(QUALIFICATION, ()):
            level, end = record.fields.get("level"), _date(record.fields.get("end_date"))
            name = record.fields.get("qualification_name")
            if level is None or end is None or (names and name is None):
                is_unclear = True
            elif level in levels and end >= self.today and (not names or name in names):
                return True
        return None if is_unclear else False

    def has_entries(self, kinds: Sequence[str], within_days: int) -> bool | None:
        """Whether there is an entry of such a kind that is recent or still confines, and was not revoked."""
        needed = {"kind", "entry_code", "occurred_date", "confined_end", "revoked_entry"}
        if not needed <= self.granted.get(CREDIT, frozenset()):
            return None
        entries = [record.fields for record in self.records.get(CREDIT, ())]
        revoked = {entry["revoked_entry"] for entry in entries if entry.get("revoked_entry")}
        is_unclear = False
        for entry in entries:
            if entry.get("kind") is None:
                is_unclear = True
            if entry.get("kind") not in kinds or entry.get("entry_code") in revoked:
                continue
            occurred, end = _date(entry.get("occurred_date")), _date(entry.get("confined_end"))
            if occurred is None or (entry.get("confined_end") is not None and end is None):
                is_unclear = True
            elif (self.today - occurred).days <= within_days or (end is not None and end >= self.today):
                return True
        return None if is_unclear else False

    def age_days(self, category: str) -> int | None:
        """Days since the oldest of what is shown of a category was taken in."""
        found = self.records.get(category, ())
        if not found:
            return None
        return int(self.now - min(record.captured for record in found)) // DAY_SECONDS


def _date(value: object) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
