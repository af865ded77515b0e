"""`RegistrationService`: a centre's existing registrations come in."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator

from heqi.v1 import registration_service_pb2 as pb
from heqi.v1 import registration_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.draft import RecordDraft
from node.errors import InvalidError
from node.services.loading import Existing, Loading
from node.services.preparing import Problem
from node.wire.messages import draft_from_record

_CLIENT_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_MAX_PROBLEM = 2_000


class RegistrationService(rpc.RegistrationServiceServicer):
    """Translates, calls `Loading`, translates back."""

    def __init__(self, loading: Loading) -> None:
        self._loading = loading

    async def LoadRegistrations(
        self, request_iterator: AsyncIterator[pb.LoadRegistrationsRequest], context: Context
    ) -> AsyncIterator[pb.LoadRegistrationsResponse]:
        """Answer each message when it is durable."""
        async for request in request_iterator:
            if not _CLIENT_ID.fullmatch(request.client_id):
                raise InvalidError("client_id must be [A-Za-z0-9._-]{1,64}")
            raw = request.SerializeToString(deterministic=True)
            digest = hashlib.sha256(raw).digest()
            items = [existing_from_item(item) for item in request.items]
            await asyncio.sleep(0)  # others have their turn between reading and writing
            loaded = self._loading.load(
                request.client_id, request.sequence, digest, request.source_system, items
            )
            response = pb.LoadRegistrationsResponse(
                sequence=request.sequence,
                record_count=loaded.accepted.count,
                added_count=loaded.added,
                changed_count=loaded.changed,
                unchanged_count=loaded.unchanged,
                parked_count=loaded.accepted.parked,
                repeated_message=loaded.is_repeated,
            )
            for one in loaded.parked:
                response.parked.add(place=one.place, reason=one.problem.reason, message=one.problem.message)
            yield response


def existing_from_item(item: pb.LoadItem) -> Existing | Problem:
    """A registration, or why there is none; never an error, so that one item stops no other."""
    if item.WhichOneof("kind") != "registration":
        return Problem(
            "RECORD_FORMAT", item.problem[:_MAX_PROBLEM] or "there is neither registration nor problem"
        )
    message = item.registration
    records: list[RecordDraft | Problem] = []
    for record in message.records:
        try:
            record.source_system = "-"  # the message's own counts
            records.append(draft_from_record(record))
        except InvalidError as error:
            records.append(Problem(error.reason, str(error)))
    content = hashlib.sha256(message.SerializeToString(deterministic=True)).digest()
    return Existing(message.source_id, message.credit_code, records, content)
