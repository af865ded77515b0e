"""`DeskService`: a guarantor's own systems decide about applications and credit lines."""

import itertools
from collections.abc import AsyncIterator

from heqi.v1 import desk_service_pb2 as pb
from heqi.v1 import desk_service_pb2_grpc as rpc

from node.api.caller import Context
from node.api.guarantee_service import state_of
from node.domain.credit_line import amount_of, plain
from node.domain.encoding import from_hex
from node.domain.issue_rules import Decision, parse_rules
from node.errors import InvalidError
from node.services.bank_orders import BankOrders, KeptOrder
from node.services.claim_payment_rows import KeptPayment
from node.services.claim_payments import ClaimPayments
from node.services.credit_lines import CreditLine
from node.services.desk import Desk
from node.services.guarantee_system import SystemDesk
from node.services.guarantor import Guarantor
from node.services.issue_rules import RulesInForce
from node.services.line_desk import LineDesk
from node.services.system_cases import SystemCase

_CHUNK_BYTES = 256 << 10
_MOST_ORDERS = 1_000
_Decision = pb.DecideBankOrderRequest.Decision
_SystemDecision = pb.DecideSystemOrderRequest.Decision
_Change = pb.ChangeLineRequest.Change


class DeskService(rpc.DeskServiceServicer):
    """Translates, calls the service concerned, translates back."""

    def __init__(  # noqa: PLR0917
        self,
        guarantor: Guarantor,
        desk: Desk,
        rules: RulesInForce,
        lines: LineDesk,
        orders: BankOrders,
        payments: ClaimPayments,
        system: SystemDesk,
    ) -> None:
        self._guarantor, self._desk, self._rules, self._lines = guarantor, desk, rules, lines
        self._orders, self._payments, self._system = orders, payments, system

    async def GetApplication(
        self, request: pb.GetApplicationRequest, context: Context
    ) -> pb.GetApplicationResponse:
        """See the proto."""
        application = _id(request.application_id)
        row, case = self._guarantor.load(application), self._system.case(application)
        return pb.GetApplicationResponse(
            state=state_of(row),
            decision=None if row.decision is None else _decision(row.decision),
            problem=row.problem,
            needs=row.needs,
            offer=row.offer,
            contract=row.contract,
            fee_reference=row.fee_paid,
            cancellation=row.cancelled,
            refusals=row.refusals,
            system_order=None if case is None else self._system_order(application, case),
        )

    async def AskApplicant(
        self, request: pb.AskApplicantRequest, context: Context
    ) -> pb.AskApplicantResponse:
        """See the proto."""
        self._desk.ask(_id(request.application_id), request.needs)
        return pb.AskApplicantResponse()

    async def OfferGuarantee(
        self, request: pb.OfferGuaranteeRequest, context: Context
    ) -> pb.OfferGuaranteeResponse:
        """See the proto."""
        fee, valid = amount_of(request.fee, "fee"), request.valid_seconds
        application = _id(request.application_id)
        offer = self._desk.offer(application, fee, request.currency, request.conditions, valid)
        return pb.OfferGuaranteeResponse(offer=offer)

    async def ConfirmFee(self, request: pb.ConfirmFeeRequest, context: Context) -> pb.ConfirmFeeResponse:
        """See the proto."""
        self._desk.confirm_fee(_id(request.application_id), request.reference)
        return pb.ConfirmFeeResponse()

    async def LapseOffer(self, request: pb.LapseOfferRequest, context: Context) -> pb.LapseOfferResponse:
        """See the proto."""
        self._desk.lapse(_id(request.application_id))
        return pb.LapseOfferResponse()

    async def GetRules(self, request: pb.GetRulesRequest, context: Context) -> pb.GetRulesResponse:
        """See the proto."""
        current = self._rules.current
        if current is None:
            return pb.GetRulesResponse(problem=self._rules.problem)
        return pb.GetRulesResponse(
            rules_digest=current.digest,
            name=current.rules.name,
            rule_count=len(current.rules.rules),
            problem=self._rules.problem,
        )

    async def LoadRules(self, request: pb.LoadRulesRequest, context: Context) -> pb.LoadRulesResponse:
        """See the proto."""
        return pb.LoadRulesResponse(rules_digest=self._rules.load().digest)

    async def CheckRules(self, request: pb.CheckRulesRequest, context: Context) -> pb.CheckRulesResponse:
        """See the proto."""
        approved = parse_rules(request.rules)
        if not request.application_id:
            return pb.CheckRulesResponse(rules_digest=approved.digest)
        decision = self._desk.check(_id(request.application_id), approved)
        return pb.CheckRulesResponse(rules_digest=approved.digest, decision=_decision(decision))

    async def GrantLine(self, request: pb.GrantLineRequest, context: Context) -> pb.GrantLineResponse:
        """See the proto."""
        limit = amount_of(request.limit, "limit")
        line = self._lines.grant(_id(request.basis), request.currency, limit, request.end_time_seconds)
        return pb.GrantLineResponse(line=_line(line))

    async def ChangeLine(self, request: pb.ChangeLineRequest, context: Context) -> pb.ChangeLineResponse:
        """See the proto."""
        lines, subject = self._lines.lines, _id(request.subject_id)
        match request.change:
            case _Change.CHANGE_LOWER:
                line = lines.lower(subject, amount_of(request.limit, "limit"))
            case _Change.CHANGE_FREEZE:
                line = lines.freeze(subject)
            case _Change.CHANGE_THAW:
                line = lines.thaw(subject)
            case _Change.CHANGE_END:
                line = lines.end(subject)
            case _:
                raise InvalidError("say what is to be done to the line")
        return pb.ChangeLineResponse(line=_line(line))

    async def GetCreditLine(
        self, request: pb.GetCreditLineRequest, context: Context
    ) -> pb.GetCreditLineResponse:
        """See the proto."""
        return pb.GetCreditLineResponse(line=_line(self._lines.lines.show(_id(request.subject_id))))

    async def ProveLine(
        self, request: pb.ProveLineRequest, context: Context
    ) -> AsyncIterator[pb.ProveLineResponse]:
        """See the proto."""
        for part in self._lines.prove(_id(request.subject_id), incomplete=request.incomplete):
            for start in range(0, len(part), _CHUNK_BYTES):
                yield pb.ProveLineResponse(chunk=part[start : start + _CHUNK_BYTES])

    async def ListBankOrders(
        self, request: pb.ListBankOrdersRequest, context: Context
    ) -> pb.ListBankOrdersResponse:
        """See the proto."""
        found = itertools.islice(self._orders.unsettled(), _MOST_ORDERS)
        return pb.ListBankOrdersResponse(orders=[_order(kept) for kept in found])

    async def DecideBankOrder(
        self, request: pb.DecideBankOrderRequest, context: Context
    ) -> pb.DecideBankOrderResponse:
        """See the proto."""
        order = _id(request.order_id)
        match request.decision:
            case _Decision.DECISION_RETRY:
                self._orders.retry(order)
            case _Decision.DECISION_DROP:
                self._orders.drop(order)
            case _:
                raise InvalidError("say what is decided about the order")
        return pb.DecideBankOrderResponse()

    async def ListSystemOrders(
        self, request: pb.ListSystemOrdersRequest, context: Context
    ) -> pb.ListSystemOrdersResponse:
        """See the proto."""
        found = itertools.islice(self._system.cases(), _MOST_ORDERS)
        return pb.ListSystemOrdersResponse(orders=[self._system_order(*one) for one in found])

    async def ReferApplication(
        self, request: pb.ReferApplicationRequest, context: Context
    ) -> pb.ReferApplicationResponse:
        """See the proto."""
        await self._desk.refer(_id(request.application_id))
        return pb.ReferApplicationResponse()

    async def DecideSystemOrder(
        self, request: pb.DecideSystemOrderRequest, context: Context
    ) -> pb.DecideSystemOrderResponse:
        """See the proto."""
        application = _id(request.application_id)
        match request.decision:
            case _SystemDecision.DECISION_RETRY:
                self._system.retry(application)
            case _SystemDecision.DECISION_DROP:
                self._system.calls.drop(application)
            case _:
                raise InvalidError("say what is decided about the order")
        return pb.DecideSystemOrderResponse()

    async def GetSystemFile(
        self, request: pb.GetSystemFileRequest, context: Context
    ) -> AsyncIterator[pb.GetSystemFileResponse]:
        """See the proto."""
        found = self._system.file(_id(request.application_id))
        yield pb.GetSystemFileResponse(media=found.media, file_digest=found.sha256)
        for start in range(0, len(found.content), _CHUNK_BYTES):
            yield pb.GetSystemFileResponse(chunk=found.content[start : start + _CHUNK_BYTES])

    def _system_order(self, application: str, case: SystemCase) -> pb.SystemOrder:
        calls = [
            pb.SystemCall(
                kind=kept.call.kind,
                state=kept.state,
                problem=kept.problem,
                queue_time_seconds=int(kept.queued),
            )
            for kept in self._system.calls.unsettled(application)
        ]
        return pb.SystemOrder(
            application_id=application,
            state=case.state,
            number="" if case.decided is None else case.decided.number,
            file_digest=case.sha256,
            problem=case.problem,
            surrender=case.answer,
            calls=calls,
        )

    async def ListClaimPayments(
        self, request: pb.ListClaimPaymentsRequest, context: Context
    ) -> pb.ListClaimPaymentsResponse:
        """See the proto."""
        found = itertools.islice(self._payments.list_(), _MOST_ORDERS)
        return pb.ListClaimPaymentsResponse(payments=[_payment(kept) for kept in found])

    async def GetClaimPayment(
        self, request: pb.GetClaimPaymentRequest, context: Context
    ) -> pb.GetClaimPaymentResponse:
        """See the proto."""
        kept, order = self._payments.show(_id(request.guarantee_id))
        response = pb.GetClaimPaymentResponse(payment=_payment(kept))
        if order is not None:
            response.order_state, response.order_problem = order.state, order.problem
        return response

    async def PayClaim(self, request: pb.PayClaimRequest, context: Context) -> pb.PayClaimResponse:
        """See the proto."""
        amount = amount_of(request.amount, "amount")
        released = self._payments.release(_id(request.guarantee_id), amount, request.account)
        return pb.PayClaimResponse(payment=_payment(released))

    async def CloseClaimPayment(
        self, request: pb.CloseClaimPaymentRequest, context: Context
    ) -> pb.CloseClaimPaymentResponse:
        """See the proto."""
        self._payments.close(_id(request.guarantee_id))
        return pb.CloseClaimPaymentResponse()


def _payment(kept: KeptPayment) -> pb.ClaimPayment:
    return pb.ClaimPayment(
        guarantee_id=kept.guarantee,
        claim_sequence=kept.claim,
        amount=kept.amount,
        currency=kept.currency,
        beneficiary_name=kept.beneficiary,
        account=kept.account,
        state=kept.state,
        released_by=kept.released_by,
        order_id=kept.order,
        problem=kept.problem,
        reference=kept.reference,
        proof=kept.proof,
    )


def _order(kept: KeptOrder) -> pb.BankOrder:
    return pb.BankOrder(
        order_id=kept.order.id,
        kind=kept.order.kind,
        about=kept.order.about,
        amount=kept.order.amount,
        currency=kept.order.currency,
        state=kept.state,
        problem=kept.problem,
        queue_time_seconds=int(kept.queued),
    )


def _id(text: str) -> str:
    return from_hex(text, 32).hex()


def _decision(decision: Decision) -> pb.RuleDecision:
    findings = [
        pb.RuleFinding(rule=one.rule, check=one.check, verdict=one.verdict, saw=one.saw)
        for one in decision.findings
    ]
    return pb.RuleDecision(
        outcome=decision.outcome, findings=findings, rules_digest=decision.rules, reason=decision.reason
    )


def _line(line: CreditLine) -> pb.CreditLine:
    return pb.CreditLine(
        line_id=line.line,
        subject_id=line.subject,
        currency=line.currency,
        limit=line.limit,
        used=line.used,
        free=plain(line.state.free),
        status=line.status,
        end_time_seconds=line.until,
        number=line.number,
        entry=line.entry,
    )
