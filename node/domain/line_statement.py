"""What a guarantor tells a subject of its credit line: signed, numbered, and naming the log entry of the state.

Two statements of one line with the same number and different entries prove a forked history by the guarantor's own
signature; so does a lower number after a higher one. The wallet keeps the newest it was given.
"""

from typing import Annotated, ClassVar, Literal

import msgspec

from node.domain.document import Document
from node.domain.encoding import Hex32, Seconds
from node.domain.guarantee import Amount, Currency
from node.errors import LineHistoryError


class LineStatement(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the guarantor's identity key."""

    kind: ClassVar[str] = "line-statement"

    iss: str
    """Guarantor."""
    subject: Hex32
    line: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    number: Annotated[int, msgspec.Meta(ge=1)]
    """Of the state, from 1."""
    entry: Hex32
    """Log entry of the state's record."""
    currency: Currency
    limit: Amount
    used: Amount
    status: Literal["open", "frozen", "ended"]
    until: Seconds
    """End of the term."""


def check_newer(before: LineStatement, after: LineStatement) -> None:
    """That a statement goes on from an earlier one of the same guarantor.

    Raises:
        LineHistoryError: it is an old state again, or another history.
    """
    if before.line != after.line:
        raise LineHistoryError(
            "the guarantor tells of another line than before; a line is granted again, never anew"
        )
    if after.number < before.number:
        raise LineHistoryError(
            f"the guarantor shows state {after.number}, after it has shown {before.number}"
        )
    if after.number == before.number and after.entry != before.entry:
        raise LineHistoryError(f"the guarantor has signed two different states {after.number} of the line")
