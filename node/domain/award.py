"""Which of a centre's records prove an award 中标证明, to whom, and with which fields.

A result is the winner's to show once it is public: as long as the source calls it anything but active, or dates it in
the future, it is as if there were none.

Source: 招标投标法实施条例 art. 54 (candidates are published before the award); OCDS 1.1, codelist awardStatus.
"""

from collections.abc import Iterator, Mapping

from node.domain.encoding import from_rfc3339
from node.domain.values import is_day
from node.errors import CodeFormatError

AWARD, CONTRACT = "trade.award", "trade.contract"
SCHEME = "CN-USCC"
"""Of credit codes as identifiers of organisations."""
_PUBLIC = "active"
_SHARED = frozenset({"id", "status", "value_amount", "value_currency", "suppliers"})
_PLACE = frozenset({"tender_project_code", "section_code", "transaction_code"})
FIELDS = {
    AWARD: _SHARED | _PLACE | {"date"},
    CONTRACT: _SHARED | _PLACE | {"award_id", "date_signed"},
}
"""What a lender needs: section, amount, date, winner; nothing about the other bidders."""
_DATE = {AWARD: "date", CONTRACT: "date_signed"}


def shown_fields(category: str, fields: Mapping[str, object]) -> frozenset[str]:
    """Which fields of a record an award proof shows."""
    return FIELDS[category] & fields.keys()


def is_public(category: str, fields: Mapping[str, object], now: int) -> bool:
    """Whether the result is published.

    Args:
        category: `AWARD` or `CONTRACT`.
        fields: of the newest version of the record.
        now: seconds since 1970 UTC.
    """
    if fields.get("status") != _PUBLIC:
        return False
    date = str(fields.get(_DATE[category], ""))
    try:
        # A day begins in China. A text that no calendar knows says nothing against the source's own word.
        return from_rfc3339(f"{date}T00:00:00+08:00" if is_day(date) else date) <= now * 1_000
    except CodeFormatError:
        return True


def winners(fields: Mapping[str, object]) -> frozenset[str]:
    """Credit codes of the organisations that a record names as suppliers; joint bidders are several."""
    return frozenset(_codes(fields.get("suppliers")))


def _codes(suppliers: object) -> Iterator[str]:
    for one in suppliers if isinstance(suppliers, list | tuple) else ():
        identifier = one.get("identifier") if isinstance(one, Mapping) else None
        if isinstance(identifier, Mapping) and identifier.get("scheme") == SCHEME:
            yield str(identifier.get("id"))
