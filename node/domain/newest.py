"""Whether a home lied when it stated that its log held nothing newer (`ReadAnswer.as_of`).

A log only grows, so a newer version that lies below the size under which an earlier answer was proven was there when
that answer was given. Two answers of a home are all it takes to show that; anybody can be shown them.
"""

from collections.abc import Iterator

from node.domain.checkpoint import parse_checkpoint
from node.domain.encoding import from_base64url
from node.domain.evidence import Evidence
from node.domain.record import RecordHeader, parse_payload


def withheld(before: Evidence, after: Evidence) -> Iterator[tuple[RecordHeader, RecordHeader]]:
    """What an answer kept back, as a later one shows: pairs of the version shown and the newer one that was there.

    Args:
        before: evidence of an answer that stated to be the newest; its signatures and proofs are checked.
        after: evidence of any later answer of the same home; checked likewise.
    """
    size = parse_checkpoint(before.checkpoint).size
    shown = {(header.category, header.thing): header for header, _ in _headers(before)}
    for header, index in _headers(after):
        earlier = shown.get((header.category, header.thing))
        if earlier is not None and earlier.version < header.version and index < size:
            yield earlier, header


def _headers(evidence: Evidence) -> Iterator[tuple[RecordHeader, int]]:
    for record in evidence.records:
        yield parse_payload(from_base64url(record.payload))[0], record.index
