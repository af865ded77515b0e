"""Messages of an append stream to what services understand; one bad item does not stop its neighbours."""

import re

from google.protobuf.message import DecodeError
from heqi.v1 import record_pb2
from heqi.v1 import record_service_pb2 as pb

from node.domain.draft import RecordDraft
from node.errors import InvalidError, RecordFormatError
from node.services.preparing import Incoming, Problem
from node.wire.messages import draft_from_record

_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_MAX_MESSAGE = 2_000


def incoming_of(request: pb.AppendRecordsRequest) -> list[Incoming]:
    """The items of a message: its records, then what its sender could not turn into records."""
    records = [
        Incoming(record.SerializeToString(deterministic=True), _draft(record)) for record in request.records
    ]
    rejected = [
        Incoming(item.SerializeToString(deterministic=True), _rejection(item))
        for item in request.rejected_items
    ]
    return records + rejected


def draft_again(raw: bytes) -> RecordDraft | Problem:
    """What a parked item means now; what its sender rejected was never a record and cannot become one."""
    try:
        return _draft(record_pb2.Record.FromString(raw))
    except DecodeError:
        return Problem(RecordFormatError.reason, "its source could not make a record of it: correct it there")


def _draft(record: record_pb2.Record) -> RecordDraft | Problem:
    try:
        return draft_from_record(record)
    except InvalidError as error:
        return Problem(error.reason, str(error))


def _rejection(item: pb.RejectedItem) -> Problem:
    reason = item.reason if _REASON.fullmatch(item.reason) else RecordFormatError.reason
    return Problem(reason, f"{item.source}: {item.message}"[:_MAX_MESSAGE])
