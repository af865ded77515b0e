"""What a home tells members that hold a subject's data, and their receipts.

Source: PIPL art. 15 (withdrawal), 46 (correction), 47 (deletion); docs/formats/notice.md.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec

from node.domain.category import OwnerRule, category
from node.domain.document import Document, peek_document
from node.domain.encoding import Hex32
from node.errors import DocumentFormatError, RecordFormatError


class ConsentWithdrawn(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="consent-withdrawn"
):
    """A person has withdrawn a consent: what rested on it goes."""

    consent: Hex32
    """Id of the consent, 64 hex digits."""


class Erased(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="erased"):
    """The subject has had its data erased."""

    categories: tuple[str, ...]
    """Ascending; empty for everything."""


class NewerVersion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A record that the holder has in an older version."""

    category: str
    thing: str
    version: Annotated[int, msgspec.Meta(ge=2)]


class NewerVersions(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="newer-versions"
):
    """Records have newer versions; what is in them is for those who read them."""

    records: tuple[NewerVersion, ...]
    """Ascending by category and thing."""


class Disputed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="dispute"):
    """Fields of a record are disputed, or were."""

    category: str
    thing: str
    fields: tuple[str, ...]
    """Strictly ascending."""
    state: Literal["open", "settled"]
    dispute: Hex32
    """Id of the dispute, 64 hex digits."""


About: TypeAlias = ConsentWithdrawn | Erased | NewerVersions | Disputed


class Notice(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the home's identity key."""

    kind: ClassVar[str] = "notice"

    iss: str
    """Home."""
    aud: str
    """Holder."""
    subject: Hex32
    about: About


class NoticeReceipt(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The holder has done what a notice asks; signed by its identity key."""

    kind: ClassVar[str] = "notice-receipt"

    iss: str
    """Holder."""
    aud: str
    """Home."""
    notice: Hex32
    """Id of the notice, 64 hex digits."""
    outcome: Literal["noted", "deleted", "held"]
    reason: Annotated[str, msgspec.Meta(max_length=200)]
    """By which rule something is held; empty otherwise."""


def check_about(about: About) -> None:
    """Check what a notice says, apart from who says it.

    Raises:
        DocumentFormatError: it breaks a rule.
    """
    named: list[str] = []
    match about:
        case Erased(categories):
            if list(categories) != sorted(set(categories)):
                raise DocumentFormatError("categories must be ascending, each once")
            named = list(categories)
        case NewerVersions(records):
            places = [(one.category, one.thing) for one in records]
            if not places or places != sorted(set(places)):
                raise DocumentFormatError("newer versions must be ascending, each once")
            named = [one.category for one in records]
        case Disputed(name, _, fields):
            if not fields or list(fields) != sorted(set(fields)):
                raise DocumentFormatError("disputed fields must be ascending, each once")
            named = [name]
        case ConsentWithdrawn():
            pass
    for name in named:
        try:
            owner = category(name).owner
        except RecordFormatError as error:
            raise DocumentFormatError(str(error)) from error
        if owner is not OwnerRule.SUBJECT:
            raise DocumentFormatError(f"{name} belongs to the centre, not to a subject")


def kind_of(token: str) -> str:
    """Which kind of notice it claims to be, as in `about`.

    Raises:
        DocumentFormatError: it is none.
    """
    return str(msgspec.to_builtins(peek_document(token, Notice).about)["kind"])
