"""`RecordService`: a centre's own systems append records and get them proven."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import Any

from heqi.v1 import record_service_pb2 as pb
from heqi.v1 import record_service_pb2_grpc as rpc

from node.api import paging
from node.api.authority import OPERATOR
from node.api.caller import Check, Context
from node.api.preparing import Preparing
from node.domain.case import MAX_CASE_BUNDLES, MAX_TITLE_CHARS
from node.domain.encoding import canonical_json, from_hex, from_rfc3339, to_rfc3339
from node.errors import InvalidError, ProofFormatError, TooLargeError
from node.services.decisions import Decisions
from node.services.exporting import Exporting
from node.services.feed import Feed
from node.services.listing import MAX_TIME, Listed, Listing, Query
from node.services.parking import Parking
from node.services.predecessors import Predecessors
from node.services.preparing import Prepared
from node.services.proving import Proving
from node.services.records import Records
from node.wire.incoming import draft_again

_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LARGE_BYTES = 1 << 20
"""A message larger than this is prepared before the next one of its stream is read."""
_LIST_RECORDS = "/heqi.v1.RecordService/ListRecords"
MAX_CASE_BYTES = 128 << 20
_CHUNK_BYTES = 1 << 18

Awaited = deque[tuple[int, int]]
"""(sequence, position behind its last record) of messages whose FINAL was asked for."""
Coming = asyncio.Future[tuple[pb.AppendRecordsRequest, Prepared] | None]


class RecordService(rpc.RecordServiceServicer):
    """Translates, calls a service, translates back."""

    def __init__(  # noqa: PLR0917
        self,
        records: Records,
        parking: Parking,
        decisions: Decisions,
        proving: Proving,
        exporting: Exporting,
        listing: Listing,
        predecessors: Predecessors,
        feed: Feed,
        preparing: Preparing,
        check: Check,
    ) -> None:
        self._records, self._parking, self._decisions = records, parking, decisions
        self._proving, self._exporting, self._listing = proving, exporting, listing
        self._feed, self._preparing, self._check = feed, preparing, check
        self._predecessors = predecessors

    async def AppendRecords(
        self, request_iterator: AsyncIterator[pb.AppendRecordsRequest], context: Context
    ) -> AsyncIterator[pb.AppendRecordsResponse]:
        """Answer each message ACCEPTED as it comes, and FINAL whenever an anchor has covered it."""
        awaited: Awaited = deque()
        messages, turn = aiter(request_iterator), asyncio.Lock()

        def following() -> Coming:
            return asyncio.ensure_future(self._prepare_next(messages, turn))

        with self._feed.bell() as bell:
            coming = deque(following() for _ in range(self._preparing.ahead))
            rung = asyncio.ensure_future(bell.wait())
            try:
                while coming or awaited:
                    watched: list[asyncio.Future[Any]] = [rung, *list(coming)[:1]]
                    await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
                    if coming and coming[0].done():
                        message = coming.popleft().result()
                        if message is not None:
                            coming.append(following())
                            yield self._accept(*message, awaited)
                    if rung.done():
                        bell.clear()
                        rung = asyncio.ensure_future(bell.wait())
                    for final in self._finals(awaited):
                        yield final
            finally:
                left: list[asyncio.Future[Any]] = [rung, *coming]
                for future in left:
                    future.cancel()

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
            self._records.check_centres(request.position)
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
            self._records.check_centres(item.position)
            return self._proving.own_bundle(item.position, incomplete=incomplete)
        digest = from_hex(item.read.request_id, 32).hex()
        return self._proving.obtained_bundle(digest, item.read.read, incomplete=incomplete)

    async def ExportRecord(
        self, request: pb.ExportRecordRequest, context: Context
    ) -> pb.ExportRecordResponse:
        """See the proto."""
        return pb.ExportRecordResponse(sd_jwt=self._exporting.own(request.position))

    async def ListRecords(self, request: pb.ListRecordsRequest, context: Context) -> pb.ListRecordsResponse:
        """See the proto."""
        visitor, _ = self._check(_LIST_RECORDS, context)
        query = Query(
            is_operator=visitor.party is OPERATOR,
            category=request.category,
            owner=request.owner,
            project=request.project,
            since=from_rfc3339(request.since) if request.since else 0,
            until=from_rfc3339(request.until) if request.until else MAX_TIME,
            has_content=request.with_fields,
        )
        page = self._listing.page(query, paging.size_of(request.page_size), request.page_token)
        through = self._proving.final_through()
        return pb.ListRecordsResponse(
            records=[_listed(item, through, with_fields=query.has_content) for item in page.items],
            next_page_token=page.next_token,
        )

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
        position = self._decisions.release_record(request.number, draft_again(raw))
        return pb.ReleaseParkedRecordResponse(position=position)

    async def DropParkedRecord(
        self, request: pb.DropParkedRecordRequest, context: Context
    ) -> pb.DropParkedRecordResponse:
        """See the proto."""
        self._decisions.drop_record(request.number)
        return pb.DropParkedRecordResponse()

    async def _prepare_next(
        self, messages: AsyncIterator[pb.AppendRecordsRequest], turn: asyncio.Lock
    ) -> tuple[pb.AppendRecordsRequest, Prepared] | None:
        """Read a stream's next message when it is its turn, and prepare it; None at the end."""
        async with turn:
            request = await anext(messages, None)
            if request is None:
                return None
            _client(request.client_id)
            if request.ByteSize() > _LARGE_BYTES:
                return request, await self._preparing.prepare(request)
        return request, await self._preparing.prepare(request)

    def _accept(
        self, request: pb.AppendRecordsRequest, message: Prepared, awaited: Awaited
    ) -> pb.AppendRecordsResponse:
        accepted = self._records.accept(request.client_id, request.sequence, message)
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


def _listed(item: Listed, through: int, *, with_fields: bool) -> pb.ListedRecord:
    message = pb.ListedRecord(
        position=item.position,
        category=item.category,
        owner=item.owner,
        captured=to_rfc3339(item.captured / 1000),
        final=item.position < through,
    )
    if item.record is not None:
        header = item.record.header
        message.thing, message.version, message.project = header.thing, header.version, item.record.project
        message.source_system, message.source_version = header.source_system, header.source_version
        message.occurred = header.occurred
        if with_fields:
            message.fields_json = canonical_json(item.record.fields).decode()
    return message


def _client(client_id: str) -> str:
    if not _CLIENT_ID.fullmatch(client_id):
        raise InvalidError("client_id must have 1 to 64 of A-Z a-z 0-9 . _ -")
    return client_id
