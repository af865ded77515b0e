"""What became of each piece of the source: accepted, or parked with its reason; and the counts of both."""

import enum
from collections import Counter
from dataclasses import dataclass, field
from typing import TypeAlias

from node.domain.draft import RecordDraft


class Reason(enum.Enum):
    """Why a piece was parked. The words are stable: people filter by them and repair the source."""

    UNREADABLE = "UNREADABLE"
    """The file cannot be opened or read, or is not a regular file."""
    NOT_JSON = "NOT_JSON"
    NOT_OCDS = "NOT_OCDS"
    """JSON, but neither release nor record nor package."""
    TOO_LARGE = "TOO_LARGE"
    TOO_DEEP = "TOO_DEEP"
    DUPLICATE_KEY = "DUPLICATE_KEY"
    """An object says one key twice: readers disagree about which one counts."""
    NOT_A_NUMBER = "NOT_A_NUMBER"
    """NaN or Infinity, which JSON does not have."""
    NUMBER_RANGE = "NUMBER_RANGE"
    """More digits than a record can hold exactly."""
    BAD_DATE = "BAD_DATE"
    """A date of the right form that does not exist."""
    BAD_TEXT = "BAD_TEXT"
    """A text without a UTF-8 form."""
    BAD_KEY = "BAD_KEY"
    """A key that a record's object cannot have."""
    BAD_IDENTIFIER = "BAD_IDENTIFIER"
    """An identifier that is too long or has unprintable characters."""
    MISSING_OCID = "MISSING_OCID"
    MISSING_ID = "MISSING_ID"
    """An award, contract, bid or party without an id: its next version could not be told from another one."""
    DUPLICATE_ID = "DUPLICATE_ID"
    """Two different things under one id in one release."""
    LINKED_RELEASE = "LINKED_RELEASE"
    """Only an address is given; nothing is fetched."""
    WRONG_SHAPE = "WRONG_SHAPE"
    """A list where an object belongs, or the other way round."""
    EMPTY = "EMPTY"
    """Nothing is stated."""
    RECORD_FORMAT = "RECORD_FORMAT"
    """The record as a whole breaks a rule of its form."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A draft, ready to become a record."""

    draft: RecordDraft
    source: str
    """`path#pointer`, for a line of a file `path:line#pointer`; the pointer is RFC 6901."""
    content: bytes
    """Digest of what the section itself states: with the same content it is the same version."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A piece that was not taken, or not with everything it holds."""

    reason: Reason
    message: str
    """For people: what is wrong."""
    source: str
    """As in `Accepted`."""
    excerpt: str
    """The beginning of the piece, at most 300 characters; of what was read as JSON without contact data."""
    part: bool = False
    """True: only this part is missing, the record that holds it was accepted."""


Outcome: TypeAlias = Accepted | Parked


@dataclass(slots=True)
class Summary:
    """Counts of one reading. Complete when the reading has come to its end."""

    accepted: Counter[str] = field(default_factory=Counter)
    """By category."""
    unchanged: Counter[str] = field(default_factory=Counter)
    """By category: the same content as the version before it, so no new version."""
    parked: Counter[Reason] = field(default_factory=Counter)
    """Whole pieces."""
    parked_parts: Counter[Reason] = field(default_factory=Counter)
    """Parts of accepted records."""
    left_out: Counter[str] = field(default_factory=Counter)
    """By key: left out on purpose, above all contact data of people."""
    noted: Counter[str] = field(default_factory=Counter)
    """By what was noticed: taken as it is, but worth a look at the source."""

    releases: int = 0
    """Releases that were read and wait to be handed on; complete when the first of them is."""
    releases_given: int = 0
    """Of those, how many were handed on: how far the reading is."""

    def count(self, outcome: Outcome) -> None:
        """Count what is handed on."""
        if isinstance(outcome, Accepted):
            self.accepted[outcome.draft.category] += 1
        elif outcome.part:
            self.parked_parts[outcome.reason] += 1
        else:
            self.parked[outcome.reason] += 1
