"""What a check of a section's guarantees can find: stable words, and what was expected beside what was found."""

import enum
from dataclasses import dataclass

from node.domain.section import Party


class Fault(enum.Enum):
    """What a finding is about; the words are stable."""

    NOT_VALID = "NOT_VALID"
    """The check of this one guarantee did not say VALID."""
    UNREADABLE = "UNREADABLE"
    """The item is no guarantee, or the node could not check it now."""
    NO_TERMS = "NO_TERMS"
    """Shown by its id alone, and its document is not here: nothing but its state can be said."""
    OTHER_SECTION = "OTHER_SECTION"
    """For another section or another centre's tender."""
    OTHER_KIND = "OTHER_KIND"
    """Of another kind than is checked."""
    OTHER_BENEFICIARY = "OTHER_BENEFICIARY"
    """In favour of another name or key than the section's."""
    OTHER_APPLICANT = "OTHER_APPLICANT"
    """Shown by a bidder for whom it was not issued."""
    NOT_A_BIDDER = "NOT_A_BIDDER"
    """For somebody who is not on the list of bidders."""
    OTHER_GUARANTOR = "OTHER_GUARANTOR"
    """From another guarantor, or under another number, than the bidder has named."""
    OTHER_CURRENCY = "OTHER_CURRENCY"
    """Its amount cannot be compared."""
    TOO_SMALL = "TOO_SMALL"
    """Less than the section demands."""
    OVER_LEGAL_LIMIT = "OVER_LEGAL_LIMIT"
    """More than may be demanded by law."""
    TOO_SHORT = "TOO_SHORT"
    """Ends before the bid does, or begins after the opening."""
    SAME_CODE = "SAME_CODE"
    """Two guarantees under one application code."""
    TWO_BIDDERS = "TWO_BIDDERS"
    """One guarantee shown for two bidders."""
    SHOWN_TWICE = "SHOWN_TWICE"
    """One guarantee shown twice for the same bidder."""
    PLEDGE_NOT_TAKEN = "PLEDGE_NOT_TAKEN"
    """A pledge, and the tender takes none."""
    OTHER_TEXT = "OTHER_TEXT"
    """A pledge of another text than the tender's."""
    WAIVER_NOT_TAKEN = "WAIVER_NOT_TAKEN"
    """A waiver, and the tender waives nothing."""
    OTHER_SCALE = "OTHER_SCALE"
    """A grade by another evaluator, or on another scale, than the tender counts."""
    LOW_GRADE = "LOW_GRADE"
    """A grade for which the tender waives nothing."""
    NOT_ENTITLED = "NOT_ENTITLED"
    """An evaluation in the log of a member whose record of it does not count for the tender."""
    EVALUATION_ENDED = "EVALUATION_ENDED"
    """An evaluation that did not count on the day of the opening: ended, or not begun."""
    EVALUATION_WITHDRAWN = "EVALUATION_WITHDRAWN"
    """The evaluator has withdrawn it, or its record is erased."""
    EVALUATION_SUPERSEDED = "EVALUATION_SUPERSEDED"
    """There is a newer version of it."""
    EVALUATION_DISPUTED = "EVALUATION_DISPUTED"
    """Somebody who may says that it is wrong, and that is not settled; or a check found that it differs."""
    EVALUATION_UNKNOWN = "EVALUATION_UNKNOWN"
    """Its home does not say now how it stands: ask again later."""
    NOT_COMPARED = "NOT_COMPARED"
    """What was not compared, because neither who asks has given it nor a record says it: of the whole batch."""
    WITHOUT_SECURITY = "WITHOUT_SECURITY"
    """A bidder that has shown no valid guarantee, pledge or waiver, and has given no other security by the list."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it should be."""

    fault: Fault
    expected: str = ""
    found: str = ""
    item: int = -1
    """Number of the item from 0; -1 if it is about a bidder that has shown none."""
    other: int = -1
    """Number of the item that it collides with."""
    bidder: Party | None = None
