"""`ErasureService`: operators see what was erased, and erase for subjects that have no wallet any more."""

import re

from heqi.v1 import erasure_service_pb2 as pb
from heqi.v1 import erasure_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.domain.erasure import by_category, latest
from node.errors import InvalidError
from node.services.erasure_rows import Erasure
from node.services.erasures import Erasures

_SUBJECT = re.compile(r"[0-9a-f]{64}")


class ErasureService(rpc.ErasureServiceServicer):
    """Translates, calls `Erasures`, translates back."""

    def __init__(self, erasures: Erasures) -> None:
        self._erasures = erasures

    async def ListErasures(
        self, request: pb.ListErasuresRequest, context: Context
    ) -> pb.ListErasuresResponse:
        """See the proto."""
        size, first = paging.size_of(request.page_size), paging.start_of(request.page_token)
        response = pb.ListErasuresResponse()
        for erasure in self._erasures.all(first):
            if len(response.erasures) == size:
                response.next_page_token = str(erasure.line.number)
                break
            response.erasures.append(self._message(erasure))
        return response

    async def GetErasure(self, request: pb.GetErasureRequest, context: Context) -> pb.GetErasureResponse:
        """See the proto."""
        return pb.GetErasureResponse(erasure=self._message(self._erasures.load(request.number)))

    async def EraseSubject(
        self, request: pb.EraseSubjectRequest, context: Context
    ) -> pb.EraseSubjectResponse:
        """See the proto."""
        if bool(request.subject_id) == bool(request.credit_code):
            raise InvalidError("name the subject by its id or by its credit code, one of them")
        if request.subject_id and not _SUBJECT.fullmatch(request.subject_id):
            raise InvalidError("a subject id has 64 lower-case hex digits")
        erasure = self._erasures.by_operator(
            request.subject_id, request.credit_code, tuple(request.categories), request.reason
        )
        return pb.EraseSubjectResponse(erasure=self._message(erasure))

    async def AcceptErasureList(
        self, request: pb.AcceptErasureListRequest, context: Context
    ) -> pb.AcceptErasureListResponse:
        """See the proto."""
        self._erasures.accept(request.reason)
        return pb.AcceptErasureListResponse()

    def _message(self, erasure: Erasure) -> pb.Erasure:
        line = erasure.line
        held = [
            pb.HeldCategory(category=one.category, until_time_seconds=one.until) for one in latest(line.held)
        ]
        return pb.Erasure(
            number=line.number,
            owner=line.owner,
            ask_time_seconds=line.at,
            whole=line.whole,
            erased=by_category(line.parts),
            held=held,
            by_wallet=bool(line.request),
            done=bool(erasure.receipt),
            receipt=self._erasures.receipt(erasure),
        )
