"""`SignatureService`: a centre's systems have signatures on files checked."""

from collections.abc import AsyncIterator
from datetime import datetime

from heqi.v1 import signature_service_pb2 as pb
from heqi.v1 import signature_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.encoding import to_rfc3339
from node.domain.signed_file import Format, Verdict
from node.errors import InvalidError
from node.services.verifying import Verifying

_FORMATS: dict[int, Format | None] = {
    pb.SIGNATURE_FORMAT_UNSPECIFIED: None,
    pb.SIGNATURE_FORMAT_PDF: Format.PDF,
    pb.SIGNATURE_FORMAT_CMS: Format.CMS,
    pb.SIGNATURE_FORMAT_JWS: Format.JWS,
}


class SignatureService(rpc.SignatureServiceServicer):
    """Translates, calls the service concerned, translates back."""

    def __init__(self, verifying: Verifying) -> None:
        self._verifying = verifying

    async def VerifySignature(
        self, request_iterator: AsyncIterator[pb.VerifySignatureRequest], context: Context
    ) -> pb.VerifySignatureResponse:
        """See the proto."""
        first = await anext(aiter(request_iterator), None)
        if first is None:
            raise InvalidError("there is no file to check")
        question = first.question
        if question.format not in _FORMATS:
            raise InvalidError("the format is PDF, CMS or JWS")
        verdicts = await self._verifying.verify(
            _content(first, request_iterator),
            form=_FORMATS[question.format],
            signature=question.signature,
            at=_seconds(question.at_time) if question.at_time else None,
        )
        return pb.VerifySignatureResponse(
            signatures=map(verified_message, verdicts),
            all_valid=bool(verdicts) and all(verdict.is_valid for verdict in verdicts),
        )


async def _content(
    first: pb.VerifySignatureRequest, rest: AsyncIterator[pb.VerifySignatureRequest]
) -> AsyncIterator[bytes]:
    yield first.content
    async for message in rest:
        if message.HasField("question"):
            raise InvalidError("only the first message may hold a question")
        yield message.content


def _seconds(text: str) -> int:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return int(at.timestamp())
    except (ValueError, OverflowError):
        pass
    raise InvalidError(f"{text[:40]!r} is not a time in RFC 3339 with a zone")


def verified_message(verdict: Verdict) -> pb.VerifiedSignature:
    """What one signature is worth."""
    found = verdict.finding
    return pb.VerifiedSignature(
        name=found.name,
        valid=verdict.is_valid,
        problem=verdict.problem,
        detail=verdict.detail,
        subject=found.subject,
        credit_code=verdict.credit_code,
        organisation=verdict.organisation,
        claimed_time="" if found.claimed is None else to_rfc3339(found.claimed),
        stamped_time="" if found.stamped is None else to_rfc3339(found.stamped),
        stamp_problem=found.stamp_problem,
        judged_time=to_rfc3339(verdict.judged_at),
        covers_whole=found.covers_whole,
        digest=found.digest,
        mechanism=found.mechanism,
        key=found.key,
        key_bits=found.key_bits,
    )
