"""Disputes: a subject, or a person in its records, says that a record is wrong, and the home answers.

Source: PIPL art. 46; docs/formats/dispute.md.
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import msgspec

from node.domain.category import OwnerRule, category
from node.domain.consent import KEY_FIELD
from node.domain.controller import ControllerKey
from node.domain.document import Document, open_by_controller, peek_document
from node.domain.encoding import Hex32
from node.domain.values import Value
from node.errors import DocumentFormatError, RecordFormatError

DISPUTE_CATEGORY = "subject.dispute"
MAX_FIELDS = 64
Statement = Annotated[str, msgspec.Meta(min_length=1, max_length=2_000)]
Outcome = Literal["corrected", "kept"]


class Dispute(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the subject's controller, or by the person's own key."""

    kind: ClassVar[str] = "dispute"

    subject: Hex32
    home: str
    key: ControllerKey
    """Signs this document, x ‖ y, 128 hex digits."""
    category: str
    thing: str
    version: Annotated[int, msgspec.Meta(ge=1)]
    fields: tuple[str, ...]
    """Strictly ascending."""
    statement: Statement


class DisputeAnswer(Document, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Signed by the home's identity key."""

    kind: ClassVar[str] = "dispute-answer"

    iss: str
    """Home."""
    dispute: Hex32
    """Id of the dispute, 64 hex digits."""
    outcome: Outcome
    statement: Statement
    version: Annotated[int, msgspec.Meta(ge=1)]
    """Of the record that stands now."""


def open_dispute(token: str) -> Dispute:
    """A well-formed dispute that is signed by the key it names itself. Whose key that is, the caller checks.

    Raises:
        DocumentFormatError: a member breaks a rule.
        SignatureError: not signed by that key.
    """
    claimed = peek_document(token, Dispute)
    try:
        kind = category(claimed.category)
    except RecordFormatError as error:
        raise DocumentFormatError(str(error)) from error
    if kind.owner is not OwnerRule.SUBJECT or kind.is_own:
        raise DocumentFormatError(f"records of {kind.name} are not a subject's to dispute")
    fields = list(claimed.fields)
    if not 1 <= len(fields) <= MAX_FIELDS or fields != sorted(set(fields)):
        raise DocumentFormatError("disputed fields must be named once each, sorted")
    return open_by_controller(token, Dispute, claimed.key)


def record_fields(dispute: Dispute, *, by_person: bool, answer: DisputeAnswer | None) -> Mapping[str, Value]:
    """The fields of the record about a dispute."""
    statement: dict[str, Value] = (
        {"person_statement": dispute.statement, KEY_FIELD: dispute.key}
        if by_person
        else {"statement": dispute.statement}
    )
    answered: dict[str, Value] = (
        {} if answer is None else {"answer": answer.statement, "standing_version": answer.version}
    )
    return {
        "disputed_category": dispute.category,
        "disputed_thing": dispute.thing,
        "disputed_version": dispute.version,
        "disputed_fields": dispute.fields,
        "by": "person" if by_person else "subject",
        "state": "open" if answer is None else answer.outcome,
        **statement,
        **answered,
    }
