"""`NoticeService`: operators see who was told what, answer disputes, and record withdrawals of consent."""

import re

from heqi.v1 import notice_service_pb2 as pb
from heqi.v1 import notice_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.domain.dispute import Outcome
from node.domain.encoding import parse_readable_json
from node.errors import InvalidError
from node.services.consents import Consents
from node.services.disputes import Disputes
from node.services.notice_rows import OutNotice
from node.services.notices import Notices
from node.services.remarks import Remarks

_ID = re.compile(r"[0-9a-f]{64}")
_OUTCOMES: dict[str, Outcome] = {"corrected": "corrected", "kept": "kept"}


class NoticeService(rpc.NoticeServiceServicer):
    """Translates, calls a service, translates back."""

    def __init__(self, notices: Notices, disputes: Disputes, consents: Consents, remarks: Remarks) -> None:
        self._notices, self._disputes, self._consents, self._remarks = notices, disputes, consents, remarks

    async def ListNotices(self, request: pb.ListNoticesRequest, context: Context) -> pb.ListNoticesResponse:
        """See the proto."""
        size, first = paging.size_of(request.page_size), paging.start_of(request.page_token)
        response = pb.ListNoticesResponse()
        for number, notice in self._notices.waiting(first) if request.waiting else self._notices.all(first):
            if len(response.notices) == size:
                response.next_page_token = str(number)
                break
            response.notices.append(_notice(number, notice))
        return response

    async def ListDisputes(
        self, request: pb.ListDisputesRequest, context: Context
    ) -> pb.ListDisputesResponse:
        """See the proto."""
        response = pb.ListDisputesResponse()
        for identity, kept in self._disputes.all(_id(request.subject_id) if request.subject_id else ""):
            response.disputes.add(
                dispute_id=identity, dispute=kept.token, by_person=kept.by_person, answer=kept.answer
            )
        return response

    async def SettleDispute(
        self, request: pb.SettleDisputeRequest, context: Context
    ) -> pb.SettleDisputeResponse:
        """See the proto."""
        outcome = _OUTCOMES.get(request.outcome)
        corrections = parse_readable_json(request.corrections_json) if request.corrections_json else {}
        if outcome is None or not isinstance(corrections, dict):
            raise InvalidError("the outcome is corrected or kept, and corrections are a JSON object")
        answer = self._disputes.settle(
            _id(request.subject_id), _id(request.dispute_id), outcome, request.statement, corrections
        )
        return pb.SettleDisputeResponse(answer=answer)

    async def WithdrawRecordedConsent(
        self, request: pb.WithdrawRecordedConsentRequest, context: Context
    ) -> pb.WithdrawRecordedConsentResponse:
        """See the proto."""
        receipt = self._consents.withdraw_on_record(
            _id(request.subject_id), _id(request.consent_id), request.reason
        )
        return pb.WithdrawRecordedConsentResponse(receipt=receipt)

    async def ListRemarks(self, request: pb.ListRemarksRequest, context: Context) -> pb.ListRemarksResponse:
        """See the proto."""
        response = pb.ListRemarksResponse()
        for one in self._remarks.of(_id(request.subject_id)):
            response.remarks.add(
                home=one.home,
                category=one.category,
                thing=one.thing,
                version=one.version,
                disputed_fields=one.disputed,
                settled=one.settled,
            )
        return response


def _id(text: str) -> str:
    if not _ID.fullmatch(text):
        raise InvalidError("an id has 64 lower-case hex digits")
    return text


def _notice(number: int, notice: OutNotice) -> pb.SentNotice:
    return pb.SentNotice(
        number=number,
        member=notice.to,
        subject_id=notice.subject,
        kind=notice.kind,
        time_seconds=notice.made,
        outcome=notice.outcome or "waiting",
        reason=notice.reason,
        receipt=notice.receipt,
    )
