"""Evidence: records that anybody can check against a log without asking anyone.

`Evidence` is one checkpoint and the records shown under it; it is what a home centre answers to a reader and the
heart of a bundle. Its bytes are canonical JSON, so that its SHA-256 can be signed.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from node.domain.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint
from node.domain.disclosure import BLIND_BYTES, open_disclosures
from node.domain.encoding import canonical_json, decode_canonical, from_base64url, to_base64url
from node.domain.grant import Scope
from node.domain.merkle import leaf_hash, verify_inclusion
from node.domain.record import RecordHeader, entry_of, parse_payload
from node.errors import (
    AnchorError,
    CertificateError,
    DisclosureError,
    DocumentFormatError,
    ProofFormatError,
    StaleVersionError,
)

_BASE = "subject.base"


class ShownRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One record with the fields that may be seen. Byte strings are base64url."""

    payload: str
    blind: str
    """32 bytes that open the log entry."""
    disclosures: tuple[str, ...]
    index: int
    """Place of the entry in the log."""
    inclusion: tuple[str, ...]
    """RFC 6962 audit path to the checkpoint's root."""


class Evidence(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Records under one checkpoint."""

    checkpoint: str
    """The signed note."""
    records: tuple[ShownRecord, ...]


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """A record that was checked, with the fields that were shown."""

    header: RecordHeader
    fields: Mapping[str, object]
    index: int
    payload: bytes
    entry: bytes = b""
    """Of the log, 32 bytes; empty where a record did not come out of one."""


@dataclass(frozen=True, slots=True)
class VerifiedEvidence:
    """What checked evidence says."""

    checkpoint: Checkpoint
    records: Sequence[VerifiedRecord]


def encode_evidence(evidence: Evidence) -> bytes:
    """Canonical JSON."""
    return canonical_json(msgspec.to_builtins(evidence))


def show_record(
    payload: bytes, blind: bytes, disclosures: Sequence[str], index: int, inclusion: Sequence[bytes]
) -> ShownRecord:
    """Pack one record for evidence."""
    return ShownRecord(
        payload=to_base64url(payload),
        blind=to_base64url(blind),
        disclosures=tuple(disclosures),
        index=index,
        inclusion=tuple(to_base64url(node) for node in inclusion),
    )


def evidence_digest(raw: bytes) -> str:
    """SHA-256 of evidence bytes, 64 hex digits: what an answer signs."""
    return hashlib.sha256(raw).hexdigest()


def parse_evidence(raw: bytes) -> Evidence:
    """Read evidence without believing it.

    Raises:
        ProofFormatError: it is not evidence in the one allowed encoding.
    """
    try:
        return decode_canonical(raw, Evidence)
    except DocumentFormatError as error:
        raise ProofFormatError(f"not evidence: {error}") from error


def things_of(raw: bytes) -> set[tuple[str, str]]:
    """Category and thing of every record in evidence that was verified before."""
    headers = [parse_payload(from_base64url(one.payload))[0] for one in parse_evidence(raw).records]
    return {(header.category, header.thing) for header in headers}


def verify_evidence(
    evidence: Evidence, *, alliance: str, member: str, log_key: Callable[[int], bytes]
) -> VerifiedEvidence:
    """Check every record of the evidence against its checkpoint, and the checkpoint against the log key.

    The caller still has to compare the checkpoint with the ledger.

    Args:
        evidence: what somebody showed.
        alliance: id of the alliance, 64 hex digits.
        member: whose log it must be.
        log_key: size → that member's Ed25519 public key for checkpoints of this size, 32 bytes.

    Raises:
        ProofFormatError: something is malformed.
        SignatureError: the checkpoint is not signed by the log key.
        AnchorError: the checkpoint is of another log.
        InclusionError: a record is not in the tree.
        DisclosureError: a field does not belong to its record.
    """
    claimed = parse_checkpoint(evidence.checkpoint)
    checkpoint = open_checkpoint(evidence.checkpoint, log_key(claimed.size))
    if (checkpoint.alliance, checkpoint.member) != (alliance, member):
        raise AnchorError(
            f"the checkpoint is of the log {checkpoint.origin}, not of {member} in this alliance"
        )
    return VerifiedEvidence(checkpoint, [_verify_record(shown, checkpoint) for shown in evidence.records])


def check_answers_scope(records: Sequence[VerifiedRecord], wanted: Sequence[Scope], *, subject: str) -> None:
    """Check that records are exactly what was asked for: no field less, none more, none of another subject.

    A field that the subject never stated is absent; that shows as a record without it, so every asked-for
    category must be there, and what is there must hold no other field.

    Raises:
        DisclosureError: another subject's record, an extra field, a thing twice, or a category without any
            record.
        StaleVersionError: a record is older than asked for.
    """
    by_category = {part.category: part for part in wanted}
    seen: set[tuple[str, str]] = set()
    for record in records:
        part = by_category.get(record.header.category)
        if part is None or record.header.owner != subject:
            raise DisclosureError("the answer holds a record of another category or subject")
        if not set(record.fields) <= set(part.fields):
            raise DisclosureError(f"the answer shows fields of {part.category} that were not asked for")
        if record.header.version < part.least_version:
            raise StaleVersionError(f"the answer holds an older version of {part.category} than asked for")
        if (part.category, record.header.thing) in seen:
            raise DisclosureError(f"the answer holds two versions of one thing of {part.category}")
        seen.add((part.category, record.header.thing))
    lacking = set(by_category) - {name for name, _ in seen}
    if lacking:
        raise DisclosureError(f"the answer lacks {', '.join(sorted(lacking))}")


def check_answers_identity(records: Sequence[VerifiedRecord], credit_code: str) -> None:
    """Check that a record which shows the subject's credit code shows the certificate's.

    Raises:
        CertificateError: it shows another one.
    """
    for record in records:
        shown = record.fields.get("credit_code", credit_code)
        if record.header.category == _BASE and shown != credit_code:
            raise CertificateError("the record shows another credit code than the bidder's certificate")


def _verify_record(shown: ShownRecord, checkpoint: Checkpoint) -> VerifiedRecord:
    try:
        payload, blind = from_base64url(shown.payload), from_base64url(shown.blind)
        path = [from_base64url(node) for node in shown.inclusion]
    except DocumentFormatError as error:
        raise ProofFormatError(f"a shown record is malformed: {error}") from error
    if len(blind) != BLIND_BYTES:
        raise ProofFormatError(f"the blind of a record has {BLIND_BYTES} bytes")
    header, digests = parse_payload(payload)
    if (header.alliance, header.member) != (checkpoint.alliance, checkpoint.member):
        raise AnchorError("a shown record belongs to another log")
    entry = entry_of(payload, blind)
    verify_inclusion(shown.index, checkpoint.size, leaf_hash(entry), path, checkpoint.root)
    fields = {field.name: field.value for field in open_disclosures(shown.disclosures, digests)}
    return VerifiedRecord(header, fields, shown.index, payload, entry)
