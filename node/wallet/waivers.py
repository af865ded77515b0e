"""A bidder's waiver of bid security by its credit grade: made from what was exported long before, asking nobody."""

from dataclasses import dataclass

from node.domain.checkpoint import parse_checkpoint
from node.domain.disclosure import open_disclosures
from node.domain.document import sign_by_controller
from node.domain.encoding import from_base64url
from node.domain.evidence import Evidence, ShownRecord, VerifiedRecord, parse_evidence
from node.domain.record import parse_payload
from node.domain.section import day_at
from node.domain.waiver import (
    EVALUATION_CATEGORY,
    SHOWN_FIELDS,
    BidWaiver,
    Evaluation,
    open_waiver,
    read_evaluation,
)
from node.errors import DisclosureError, DocumentFormatError
from node.wallet.documents import Scribe


@dataclass(frozen=True, slots=True)
class Tender:
    """For which section a waiver is."""

    centre: str
    section: str
    opening: int
    """When bids are opened, seconds since 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Waived:
    """A signed waiver, and what it shows."""

    token: str
    evaluation: Evaluation


def sign_waiver(scribe: Scribe, tender: Tender, delegation: str, exported: bytes, ends: int) -> Waived:
    """The signed waiver, a compact JWS.

    Args:
        scribe: of the bidder's wallet.
        tender: for which section.
        delegation: of the wallet's key.
        exported: evidence of the evaluation with all its fields, as `heqi wallet export` writes it.
        ends: until when the centre may ask about it, seconds since 1970 UTC.

    Raises:
        DisclosureError: it is no evaluation, or lacks a field that a waiver shows.
        DocumentFormatError: the evaluation does not count on the day of the opening, or the times make no sense.
        ProofFormatError: malformed.
        RecordFormatError: malformed.
    """
    evidence, evaluation = show_grade(exported)
    day = day_at(tender.opening)
    if evaluation.is_withdrawn or not evaluation.first <= day <= evaluation.last:
        raise DocumentFormatError(
            f"the evaluation does not count on {day}: it is withdrawn"
            if evaluation.is_withdrawn
            else f"the evaluation does not count on {day}, only from {evaluation.first} until {evaluation.last}"
        )
    waiver = BidWaiver(
        **scribe.common(),
        centre=tender.centre,
        section=tender.section,
        key=scribe.signer.name,
        delegation=delegation,
        home=parse_checkpoint(evidence.checkpoint).member,
        evidence=evidence,
        opening=tender.opening,
        exp=ends,
    )
    signed = sign_by_controller(waiver, scribe.signer)
    open_waiver(signed)
    return Waived(signed, evaluation)


def show_grade(exported: bytes) -> tuple[Evidence, Evaluation]:
    """Evidence of an evaluation with all but the fields of the grade left out, and what it says.

    Raises:
        DisclosureError: it is no evaluation, or lacks a field that a waiver shows.
        ProofFormatError: malformed.
        RecordFormatError: malformed.
    """
    whole = parse_evidence(exported)
    if len(whole.records) != 1:
        raise DisclosureError("the file holds more than one record")
    record = whole.records[0]
    payload = from_base64url(record.payload)
    header, digests = parse_payload(payload)
    if header.category != EVALUATION_CATEGORY:
        raise DisclosureError(f"the file holds a record of {header.category}, not of {EVALUATION_CATEGORY}")
    fields = open_disclosures(record.disclosures, digests)
    kept = [
        (disclosure, field)
        for disclosure, field in zip(record.disclosures, fields, strict=True)
        if field.name in SHOWN_FIELDS
    ]
    shown = ShownRecord(
        record.payload, record.blind, tuple(text for text, _ in kept), record.index, record.inclusion
    )
    said = VerifiedRecord(header, {field.name: field.value for _, field in kept}, record.index, payload)
    return Evidence(whole.checkpoint, (shown,)), read_evaluation(said)
