"""`RecordService`: a centre's own systems append records and get them proven."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator

from google.protobuf.message import DecodeError
from heqi.v1 import record_pb2
from heqi.v1 import record_service_pb2 as pb
from heqi.v1 import record_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.domain.case import MAX_CASE_BUNDLES, MAX_TITLE_CHARS
from node.domain.draft import RecordDraft
from node.domain.encoding import from_hex
from node.errors import InvalidError, ProofFormatError, RecordFormatError, TooLargeError
from node.services.decisions import Decisions
from node.services.exporting import Exporting
from node.services.feed import Feed
from node.services.parking import Parking
from node.services.predecessors import Predecessors
from node.services.proving import Proving
from node.services.records import Incoming, Problem, Records
from node.wire.messages import draft_from_record

_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_REASON = re.compile(r"[A-Z][A-Z0-9_]{0,62}")
_MAX_MESSAGE = 2_000
MAX_CASE_BYTES = 128 << 20
_CHUNK_BYTES = 1 << 18

Awaited = deque[tuple[int, int]]
"""(sequence, position behind its last record) of messages whose FINAL was asked for."""


class RecordService(rpc.RecordServiceServicer):
    """Translates, calls a service, translates back."""

    def __init__(  # noqa: PLR0917
        self,
        records: Records,
        parking: Parking,
        decisions: Decisions,
        proving: Proving,
        exporting: Exporting,
        predecessors: Predecessors,
        feed: Feed,
    ) -> None:
        self._records, self._parking, self._decisions = records, parking, decisions
        self._proving, self._exporting, self._feed = proving, exporting, feed
        self._predecessors = predecessors

    async def AppendRecords(
        self, request_iterator: AsyncIterator[pb.AppendRecordsRequest], context: Context
    ) -> AsyncIterator[pb.AppendRecordsResponse]:
        """Answer each message ACCEPTED as it comes, and FINAL whenever an anchor has covered it."""
        awaited: Awaited = deque()
        messages = aiter(request_iterator)
        with self._feed.bell() as bell:
            incoming: asyncio.Future[pb.AppendRecordsRequest | None] | None
            incoming = asyncio.ensure_future(anext(messages, None))
            rung = asyncio.ensure_future(bell.wait())
            try:
                while incoming is not None or awaited:
                    waiters = {rung} if incoming is None else {incoming, rung}
                    await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
                    if incoming is not None and incoming.done():
                        request = incoming.result()
                        incoming = None if request is None else asyncio.ensure_future(anext(messages, None))
                        if request is not None:
                            yield self._accept(request, awaited)
                    if rung.done():
                        bell.clear()
                        rung = asyncio.ensure_future(bell.wait())
                    for final in self._finals(awaited):
                        yield final
            finally:
                rung.cancel()
                if incoming is not None:
                    incoming.cancel()

    async def GetLastSequence(
        self, request: pb.GetLastSequenceRequest, context: Context
    ) -> pb.GetLastSequenceResponse:
        """See the proto."""
        return pb.GetLastSequenceResponse(sequence=self._records.last_sequence(_client(request.client_id)))

    async def ProveRecord(self, request: pb.ProveRecordRequest, context: Context) -> pb.ProveRecordResponse:
        """See the proto."""
        if request.log:
            bundle = self._predecessors.bundle(request.log, request.position, request.fields)
        else:
            bundle = self._proving.own_bundle(request.position, request.fields, incomplete=request.incomplete)
        return pb.ProveRecordResponse(bundle=bundle)

    async def ProveCase(
        self, request: pb.ProveCaseRequest, context: Context
    ) -> AsyncIterator[pb.ProveCaseResponse]:
        """See the proto."""
        if not 1 <= len(request.items) <= MAX_CASE_BUNDLES or not 1 <= len(request.title) <= MAX_TITLE_CHARS:
            raise ProofFormatError(
                f"a case has 1 to {MAX_CASE_BUNDLES} bundles and a title of 1 to {MAX_TITLE_CHARS} characters"
            )
        bundles: list[bytes] = []
        for item in request.items:
            bundles.append(self._prove(item, incomplete=request.incomplete))
            if sum(map(len, bundles)) > MAX_CASE_BYTES:
                raise TooLargeError(f"a case has at most {MAX_CASE_BYTES >> 20} MiB: split it")
            await asyncio.sleep(0)  # others have their turn between two bundles
        for part in self._proving.case(request.title, bundles):
            for start in range(0, len(part), _CHUNK_BYTES):
                yield pb.ProveCaseResponse(chunk=part[start : start + _CHUNK_BYTES])

    def _prove(self, item: pb.CaseItem, *, incomplete: bool) -> bytes:
        if item.HasField("position"):
            return self._proving.own_bundle(item.position, incomplete=incomplete)
        digest = from_hex(item.read.request_id, 32).hex()
        return self._proving.obtained_bundle(digest, item.read.read, incomplete=incomplete)

    async def ExportRecord(
        self, request: pb.ExportRecordRequest, context: Context
    ) -> pb.ExportRecordResponse:
        """See the proto."""
        return pb.ExportRecordResponse(sd_jwt=self._exporting.own(request.position))

    async def ListParkedRecords(
        self, request: pb.ListParkedRecordsRequest, context: Context
    ) -> pb.ListParkedRecordsResponse:
        """See the proto."""
        size = paging.size_of(request.page_size)
        response = pb.ListParkedRecordsResponse()
        for number, row in self._parking.rows(paging.start_of(request.page_token)):
            if len(response.parked_records) == size:
                response.next_page_token = str(number)
                break
            response.parked_records.add(
                number=number,
                client_id=row.client,
                sequence=row.sequence,
                place=row.place,
                reason=row.reason,
                message=row.message,
            )
        return response

    async def ReleaseParkedRecord(
        self, request: pb.ReleaseParkedRecordRequest, context: Context
    ) -> pb.ReleaseParkedRecordResponse:
        """See the proto."""
        raw = self._parking.row(request.number).raw
        position = self._decisions.release_record(request.number, _again(raw))
        return pb.ReleaseParkedRecordResponse(position=position)

    async def DropParkedRecord(
        self, request: pb.DropParkedRecordRequest, context: Context
    ) -> pb.DropParkedRecordResponse:
        """See the proto."""
        self._decisions.drop_record(request.number)
        return pb.DropParkedRecordResponse()

    def _accept(self, request: pb.AppendRecordsRequest, awaited: Awaited) -> pb.AppendRecordsResponse:
        accepted = self._records.append(_client(request.client_id), request.sequence, incoming_of(request))
        if request.await_final:
            awaited.append((request.sequence, accepted.first + accepted.count))
        answer = pb.Accepted(
            first_position=accepted.first, record_count=accepted.count, parked_count=accepted.parked
        )
        return pb.AppendRecordsResponse(sequence=request.sequence, accepted=answer)

    def _finals(self, awaited: Awaited) -> Iterator[pb.AppendRecordsResponse]:
        if not awaited:
            return
        through, size = self._proving.final_through(), self._proving.anchored_size()
        while awaited and awaited[0][1] <= through:
            sequence, _ = awaited.popleft()
            yield pb.AppendRecordsResponse(sequence=sequence, final=pb.Final(log_size=size))


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


def _draft(record: record_pb2.Record) -> RecordDraft | Problem:
    try:
        return draft_from_record(record)
    except InvalidError as error:
        # A bad record does not stop its neighbours.
        return Problem(error.reason, str(error))


def _again(raw: bytes) -> RecordDraft | Problem:
    """What a parked item means now; what its sender rejected was never a record and cannot become one."""
    try:
        return _draft(record_pb2.Record.FromString(raw))
    except DecodeError:
        return Problem(RecordFormatError.reason, "its source could not make a record of it: correct it there")


def _rejection(item: pb.RejectedItem) -> Problem:
    reason = item.reason if _REASON.fullmatch(item.reason) else RecordFormatError.reason
    return Problem(reason, f"{item.source}: {item.message}"[:_MAX_MESSAGE])


def _client(client_id: str) -> str:
    if not _CLIENT_ID.fullmatch(client_id):
        raise InvalidError("client_id must have 1 to 64 of A-Z a-z 0-9 . _ -")
    return client_id
