"""`GuaranteeFileService`: sealed guarantee files, and those of banks that run no node."""

from collections.abc import AsyncIterator

import msgspec
from heqi.v1 import guarantee_file_service_pb2 as pb
from heqi.v1 import guarantee_file_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.api.guarantee_service import checked_message
from node.api.signature_service import verified_message
from node.domain.encoding import from_hex, to_rfc3339
from node.errors import InvalidError
from node.services.guarantee_files import GuaranteeFiles
from node.services.taken_guarantees import Presentation, TakenGuarantee, TakenGuarantees


class GuaranteeFileService(rpc.GuaranteeFileServiceServicer):
    """Translates, calls `GuaranteeFiles` and `TakenGuarantees`, translates back."""

    def __init__(self, files: GuaranteeFiles, taken: TakenGuarantees) -> None:
        self._files, self._taken = files, taken

    async def MakeGuaranteeFile(
        self, request: pb.MakeGuaranteeFileRequest, context: Context
    ) -> pb.MakeGuaranteeFileResponse:
        """See the proto."""
        guarantee = from_hex(request.guarantee_id, 32).hex()
        return pb.MakeGuaranteeFileResponse(file=await self._files.make(guarantee))

    async def CheckGuaranteeFile(
        self, request: pb.CheckGuaranteeFileRequest, context: Context
    ) -> pb.CheckGuaranteeFileResponse:
        """See the proto."""
        found = await self._files.check(request.file)
        return pb.CheckGuaranteeFileResponse(
            checked=checked_message(found.checked),
            seal=None if found.seal is None else verified_message(found.seal),
        )

    async def TakeGuaranteeFile(
        self, request_iterator: AsyncIterator[pb.TakeGuaranteeFileRequest], context: Context
    ) -> pb.TakeGuaranteeFileResponse:
        """See the proto."""
        first = await anext(aiter(request_iterator), None)
        if first is None or not first.HasField("presentation"):
            raise InvalidError("say first what is brought: number, guarantor, section, bearer")
        said = first.presentation
        try:
            presentation = msgspec.convert(
                {
                    "number": said.number,
                    "guarantor_code": said.guarantor_code,
                    "section": said.section,
                    "bearer": said.bearer_code,
                },
                Presentation,
            )
        except msgspec.ValidationError as error:
            raise InvalidError(f"what is said of the file is malformed: {error}") from error
        taking = await self._taken.take(_content(request_iterator), presentation)
        return pb.TakeGuaranteeFileResponse(
            taken=_taken(taking.number, taking.taken), other_sections=taking.elsewhere
        )

    async def ListTakenGuaranteeFiles(
        self, request: pb.ListTakenGuaranteeFilesRequest, context: Context
    ) -> pb.ListTakenGuaranteeFilesResponse:
        """See the proto."""
        size, response = paging.size_of(request.page_size), pb.ListTakenGuaranteeFilesResponse()
        for number, row in self._taken.rows(paging.start_of(request.page_token)):
            if len(response.taken) == size:
                response.next_page_token = str(number)
                break
            response.taken.append(_taken(number, row))
        return response


async def _content(rest: AsyncIterator[pb.TakeGuaranteeFileRequest]) -> AsyncIterator[bytes]:
    async for message in rest:
        if message.HasField("presentation"):
            raise InvalidError("only the first message says what is brought")
        yield message.content


def _taken(number: int, row: TakenGuarantee) -> pb.TakenGuaranteeFile:
    said = row.presentation
    return pb.TakenGuaranteeFile(
        taken_number=number,
        presentation=pb.GuaranteePresentation(
            number=said.number,
            guarantor_code=said.guarantor_code,
            section=said.section,
            bearer_code=said.bearer,
        ),
        sha256=row.sha256,
        take_time=to_rfc3339(row.time),
        valid=row.valid,
        reason=row.reason,
        organisation=row.organisation,
        judged_time=to_rfc3339(row.judged_at) if row.judged_at else "",
        stamped=row.stamped,
    )
