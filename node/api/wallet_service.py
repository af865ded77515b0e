"""`WalletService`: what bidders' wallets call; the signed document in each request says who it is."""

import msgspec
from heqi.v1 import wallet_service_pb2 as pb
from heqi.v1 import wallet_service_pb2_grpc as rpc

from node.api import paging
from node.api.caller import Context
from node.api.guarantee_life import life_message
from node.api.guarantee_service import state_of
from node.api.silence import even_refusals
from node.domain.approval import Reserved
from node.domain.encoding import from_hex, to_rfc3339
from node.domain.mandate import Power
from node.domain.sealed_guarantee import is_sealed
from node.domain.wallet import HistoryCall, StatusCall
from node.errors import Mistake, UnknownCallerError
from node.ports import Clock
from node.services.agency import Agency
from node.services.alliance import Alliance
from node.services.application_codes import ApplicationCodes
from node.services.awards import Awards
from node.services.consents import Consents
from node.services.controllers import Controllers
from node.services.desk import Desk
from node.services.disputes import Disputes
from node.services.erasures import Erasures
from node.services.evaluations import Evaluations
from node.services.exporting import Exporting
from node.services.gate import Gate
from node.services.guarantee_files import GuaranteeFiles
from node.services.guarantee_steps import GuaranteeSteps
from node.services.guarantee_views import GuaranteeViews
from node.services.guarantor import Guarantor
from node.services.legal_history import LegalHistory
from node.services.line_desk import LineDesk
from node.services.logins import Logins
from node.services.moving import Moving
from node.services.notices import Notices
from node.services.packages import Packages
from node.services.projection import RecoveryRow
from node.services.proving import Proving
from node.services.records import Records
from node.services.recoveries import Recoveries
from node.services.registration import Registrations
from node.services.releases import MOST as MOST_RELEASES
from node.services.releases import Releases
from node.services.reserving import Reserving
from node.services.sealed_issuing import SealedIssuing
from node.services.serving import Serving
from node.services.sharing import Sharing
from node.wire.guarantees import receipt_message


class WalletService(rpc.WalletServiceServicer):
    """Translates, calls the service concerned, translates back."""

    def __init__(  # noqa: PLR0917
        self,
        alliance: Alliance,
        gate: Gate,
        registrations: Registrations,
        sharing: Sharing,
        serving: Serving,
        legal_history: LegalHistory,
        clock: Clock,
        records: Records,
        proving: Proving,
        codes: ApplicationCodes,
        guarantee_steps: GuaranteeSteps,
        guarantee_views: GuaranteeViews,
        guarantor: Guarantor,
        desk: Desk,
        lines: LineDesk,
        moving: Moving,
        exporting: Exporting,
        logins: Logins,
        erasures: Erasures,
        packages: Packages,
        agency: Agency,
        consents: Consents,
        notices: Notices,
        disputes: Disputes,
        controllers: Controllers,
        recoveries: Recoveries,
        awards: Awards,
        evaluations: Evaluations,
        guarantee_files: GuaranteeFiles,
        releases: Releases,
        reserving: Reserving,
        sealed_issuing: SealedIssuing,
    ) -> None:
        self._awards, self._guarantee_files = awards, guarantee_files
        self._evaluations = evaluations
        self._alliance, self._gate, self._registrations = alliance, gate, registrations
        self._sharing, self._serving, self._records, self._proving = sharing, serving, records, proving
        self._codes, self._guarantor = codes, guarantor
        self._guarantee_steps, self._guarantee_views = guarantee_steps, guarantee_views
        self._desk, self._lines = desk, lines
        self._moving, self._exporting, self._logins = moving, exporting, logins
        self._erasures, self._consents, self._notices = erasures, consents, notices
        self._disputes = disputes
        self._legal_history, self._clock = legal_history, clock
        self._packages, self._agency = packages, agency
        self._controllers, self._recoveries, self._releases = controllers, recoveries, releases
        self._reserving, self._sealed_issuing = reserving, sealed_issuing

    async def Register(self, request: pb.RegisterRequest, context: Context) -> pb.RegisterResponse:
        """See the proto."""
        status = await self._registrations.prepare(request.signed_request)
        registered = self._registrations.register(request.signed_request, status)
        return pb.RegisterResponse(
            subject_id=registered.subject,
            record_count=registered.count,
            package_version=registered.package,
            warnings=map(_mistake, registered.warnings),
        )

    async def CheckPackage(
        self, request: pb.CheckPackageRequest, context: Context
    ) -> pb.CheckPackageResponse:
        """See the proto."""
        return pb.CheckPackageResponse(mistakes=map(_mistake, self._packages.check(request.signed_request)))

    async def ConfirmBranch(
        self, request: pb.ConfirmBranchRequest, context: Context
    ) -> pb.ConfirmBranchResponse:
        """See the proto."""
        await self._agency.prepare(request.signed_request)
        self._agency.confirm_branch(request.signed_request)
        return pb.ConfirmBranchResponse()

    async def KeepJointBid(
        self, request: pb.KeepJointBidRequest, context: Context
    ) -> pb.KeepJointBidResponse:
        """See the proto."""
        return pb.KeepJointBidResponse(member_count=self._agency.keep_joint_bid(request.signed_request))

    async def GetStatus(self, request: pb.GetStatusRequest, context: Context) -> pb.GetStatusResponse:
        """See the proto."""
        call = self._gate.open(request.signed_request, StatusCall)
        subject = self._registrations.owned_by(call.subject, self._gate.principal(call, Power.LOOK))
        if call.mandate:
            self._registrations.check_call(call, Reserved.MANDATE)
        positions = list(self._records.all_of(subject))
        through = self._proving.final_through()
        projection = self._alliance.projection
        response = pb.GetStatusResponse(
            subject_final=projection.subject(bytes.fromhex(subject)) is not None,
            accepted_count=len(positions),
            final_count=sum(position < through for position in positions),
        )
        registration = self._registrations.load(subject)
        response.two_officers.extend(registration.reserved)
        response.officers.extend(() if call.mandate else registration.officers)
        for pending in self._sharing.requests(subject):
            response.requests.add(access_request=pending.token, answered=bool(pending.grant))
        for grant_id, kept in self._sharing.grants(subject):
            state = projection.grant(bytes.fromhex(grant_id))
            response.grants.add(
                grant_id=grant_id,
                grant=kept.token,
                registered=state.registered,
                revoked=state.revoked or kept.revoked,
                uses=kept.uses,
            )
        return response

    async def GiveGrant(self, request: pb.GiveGrantRequest, context: Context) -> pb.GiveGrantResponse:
        """See the proto."""
        await self._sharing.prepare_grant(request.signed_request)
        return pb.GiveGrantResponse(grant_id=self._sharing.give_grant(request.signed_request))

    async def RelayGrant(self, request: pb.RelayGrantRequest, context: Context) -> pb.RelayGrantResponse:
        """See the proto."""
        return pb.RelayGrantResponse(grant_id=self._sharing.relay(request.signed_request))

    async def RevokeGrant(self, request: pb.RevokeGrantRequest, context: Context) -> pb.RevokeGrantResponse:
        """See the proto."""
        return pb.RevokeGrantResponse(grant_id=self._sharing.revoke(request.signed_request))

    async def ListReads(self, request: pb.ListReadsRequest, context: Context) -> pb.ListReadsResponse:
        """See the proto."""
        call = self._gate.open(request.signed_request, HistoryCall)
        try:
            subject = self._registrations.owned_by(call.subject, call.key)
        except UnknownCallerError:
            # Erased here: what was read on a legal basis before is still told to whom the ledger names.
            subject = self._gate.check_controller(call).hex()
        response = pb.ListReadsResponse()
        for entry in self._serving.history(subject):
            response.reads.add(
                time=to_rfc3339(entry.time),
                grant_id=entry.grant,
                read_request=entry.request,
                answer=entry.answer,
                receipt=entry.receipt,
            )
        for legal in self._legal_history.seen_by(subject, self._clock.now()):
            response.legal_reads.add(
                time=to_rfc3339(legal.time),
                legal_read=legal.read,
                legal_request=legal.request,
                countersignature=legal.countersignature,
                answer=legal.answer,
                receipt=legal.receipt,
            )
        for fetched in self._awards.reads_of(subject):
            response.award_reads.add(
                time=to_rfc3339(fetched.time),
                reader=fetched.reader,
                grant_id=fetched.grant,
                project=fetched.project,
            )
        for asked in self._evaluations.reads_of(subject):
            response.evaluation_reads.add(time=asked.time, reader=asked.reader, waiver_id=asked.waiver)
        return response

    async def ExportRegistration(
        self, request: pb.ExportRegistrationRequest, context: Context
    ) -> pb.ExportRegistrationResponse:
        """See the proto."""
        response = pb.ExportRegistrationResponse()
        for one in self._exporting.registration(request.signed_request):
            response.records.add(
                category=one.header.category,
                thing=one.header.thing,
                sd_jwt=one.sd_jwt,
                evidence=one.evidence,
            )
        return response

    async def GetPlace(self, request: pb.GetPlaceRequest, context: Context) -> pb.GetPlaceResponse:
        """See the proto."""
        place = self._moving.place(request.signed_request)
        recoveries = map(self._recovery, place.recoveries)
        return pb.GetPlaceResponse(
            home=place.home,
            version=place.version,
            contract=place.contract,
            keys=place.keys,
            recoveries=recoveries,
        )

    async def ChangeController(
        self, request: pb.ChangeControllerRequest, context: Context
    ) -> pb.ChangeControllerResponse:
        """See the proto."""
        await self._controllers.prepare(request.signed_request)
        self._controllers.change(request.signed_request)
        return pb.ChangeControllerResponse()

    async def VetoRecovery(
        self, request: pb.VetoRecoveryRequest, context: Context
    ) -> pb.VetoRecoveryResponse:
        """See the proto."""
        self._controllers.veto(request.signed_request)
        return pb.VetoRecoveryResponse()

    async def Recover(self, request: pb.RecoverRequest, context: Context) -> pb.RecoverResponse:
        """See the proto."""
        await self._recoveries.prepare(request.signed_request)
        standing = self._recoveries.recover(request.signed_request)
        found = self._recovery(standing.recovery) if standing.recovery else None
        return pb.RecoverResponse(drawn=standing.drawn, recovery=found)

    async def FinishRecovery(
        self, request: pb.FinishRecoveryRequest, context: Context
    ) -> pb.FinishRecoveryResponse:
        """See the proto."""
        self._recoveries.finish(request.signed_request)
        return pb.FinishRecoveryResponse()

    def _recovery(self, row: RecoveryRow) -> pb.Recovery:
        return pb.Recovery(
            key=self._recoveries.key_of(row.controller),
            proposer=row.proposer,
            confirmers=row.confirmers,
            until_seconds=row.until,
        )

    async def GetCopy(self, request: pb.GetCopyRequest, context: Context) -> pb.GetCopyResponse:
        """See the proto."""
        package = list(self._moving.copy(request.signed_request))
        return pb.GetCopyResponse(package_json=msgspec.json.encode(package))

    async def TakeOver(self, request: pb.TakeOverRequest, context: Context) -> pb.TakeOverResponse:
        """See the proto."""
        status = await self._moving.prepare(request.signed_request)
        taken = self._moving.take_over(request.signed_request, status)
        return pb.TakeOverResponse(record_count=taken.count)

    async def Erase(self, request: pb.EraseRequest, context: Context) -> pb.EraseResponse:
        """See the proto."""
        await self._erasures.prepare(request.signed_request)
        found = self._erasures.by_wallet(request.signed_request)
        return pb.EraseResponse(receipts=filter(None, map(self._erasures.receipt, found)))

    async def GiveConsent(self, request: pb.GiveConsentRequest, context: Context) -> pb.GiveConsentResponse:
        """See the proto."""
        return pb.GiveConsentResponse(receipt=self._consents.give(request.signed_request))

    async def WithdrawConsent(
        self, request: pb.WithdrawConsentRequest, context: Context
    ) -> pb.WithdrawConsentResponse:
        """See the proto."""
        receipt, number = self._consents.withdraw(request.signed_request)
        if not receipt:
            receipt = (await self._notices.deliver(number)).receipt
        return pb.WithdrawConsentResponse(receipt=receipt)

    async def ListConsents(
        self, request: pb.ListConsentsRequest, context: Context
    ) -> pb.ListConsentsResponse:
        """See the proto."""
        found, lacks = self._consents.of_wallet(request.signed_request)
        response = pb.ListConsentsResponse()
        for kept in found:
            response.consents.add(
                consent=kept.token,
                receipt=kept.receipt,
                withdrawal=kept.withdrawal,
                holder=self._consents.holder_state(kept),
            )
        for lack in lacks:
            response.lacks.add(
                receiver=lack.receiver,
                purpose=lack.purpose,
                category=lack.category,
                thing=lack.thing,
                fields=lack.fields,
            )
        return response

    async def OpenDispute(self, request: pb.OpenDisputeRequest, context: Context) -> pb.OpenDisputeResponse:
        """See the proto."""
        return pb.OpenDisputeResponse(dispute_id=self._disputes.open(request.signed_request))

    async def ListOwnDisputes(
        self, request: pb.ListOwnDisputesRequest, context: Context
    ) -> pb.ListOwnDisputesResponse:
        """See the proto."""
        found = self._disputes.of_wallet(request.signed_request)
        return pb.ListOwnDisputesResponse(
            disputes=[pb.OwnDispute(dispute=one.token, answer=one.answer) for one in found]
        )

    async def ListHolders(self, request: pb.ListHoldersRequest, context: Context) -> pb.ListHoldersResponse:
        """See the proto."""
        response = pb.ListHoldersResponse()
        for one in self._notices.of_wallet(request.signed_request):
            response.notices.add(
                member=one.to,
                kind=one.kind,
                time_seconds=one.made,
                outcome=one.outcome or "waiting",
                notice=one.token,
                receipt=one.receipt,
            )
        return response

    async def GetApplicationCode(
        self, request: pb.GetApplicationCodeRequest, context: Context
    ) -> pb.GetApplicationCodeResponse:
        """See the proto."""
        await self._codes.prepare(request.signed_request)
        code = self._codes.give(request.signed_request)
        return pb.GetApplicationCodeResponse(application_code=code)

    async def ProveAwards(self, request: pb.ProveAwardsRequest, context: Context) -> pb.ProveAwardsResponse:
        """See the proto."""
        await self._awards.prepare(request.signed_request)
        async with even_refusals():
            return pb.ProveAwardsResponse(case=self._awards.prove(request.signed_request))

    async def Apply(self, request: pb.ApplyRequest, context: Context) -> pb.ApplyResponse:
        """See the proto."""
        return pb.ApplyResponse(application_id=self._guarantor.apply(request.signed_request))

    async def GetGuaranteeFile(
        self, request: pb.GetGuaranteeFileRequest, context: Context
    ) -> pb.GetGuaranteeFileResponse:
        """See the proto."""
        application = from_hex(request.application_id, 32).hex()
        file = await self._guarantee_files.make_for_wallet(request.signed_request, application)
        return pb.GetGuaranteeFileResponse(file=file)

    async def Reserve(self, request: pb.ReserveRequest, context: Context) -> pb.ReserveResponse:
        """See the proto."""
        return pb.ReserveResponse(state=self._reserving.reserve(request.signed_request).value)

    async def GetSealedGuarantee(
        self, request: pb.GetSealedGuaranteeRequest, context: Context
    ) -> pb.GetSealedGuaranteeResponse:
        """See the proto."""
        collected = self._sealed_issuing.collect(request.signed_request)
        return pb.GetSealedGuaranteeResponse(
            sealed_guarantee=collected.document,
            issue_signature=collected.signature,
            proof=collected.proof,
            refusal=collected.refusal,
            contract=collected.contract,
        )

    async def ListOwnApplications(
        self, request: pb.ListOwnApplicationsRequest, context: Context
    ) -> pb.ListOwnApplicationsResponse:
        """See the proto."""
        size, first = paging.size_of(request.page_size), paging.start_of(request.page_token)
        response = pb.ListOwnApplicationsResponse()
        for found in self._guarantor.of_wallet(request.signed_request, first):
            if len(response.applications) == size:
                response.next_page_token = str(found.number)
                break
            row = found.row
            # How far the guarantor's own look at the data is, is its business.
            state = "received" if state_of(row) == "assessed" else state_of(row)
            response.applications.add(
                application_id=found.id,
                state=state,
                refusal_reason=row.refused,
                # a sealed one is no file for anybody yet: GetSealedGuarantee hands it over
                guarantee="" if is_sealed(row.guarantee) else row.guarantee,
                offer=row.offer,
                needs=row.needs,
            )
        return response

    async def ListReleases(
        self, request: pb.ListReleasesRequest, context: Context
    ) -> pb.ListReleasesResponse:
        """See the proto."""
        found = self._releases.waiting(request.signed_request, request.page_token)
        response = pb.ListReleasesResponse()
        for one in found:
            response.releases.add(
                guarantee=one.file,
                guarantee_id=one.guarantee,
                step=one.step,
                contract=one.contract.hex(),
                reason=one.reason,
                obligation_kind=one.obligation.kind,
                due_date="" if one.obligation.due is None else one.obligation.due.isoformat(),
                record_positions=one.obligation.because,
            )
        if len(found) == MOST_RELEASES:
            response.next_page_token = found[-1].guarantee
        return response

    async def AcceptOffer(self, request: pb.AcceptOfferRequest, context: Context) -> pb.AcceptOfferResponse:
        """See the proto."""
        return pb.AcceptOfferResponse(state=self._desk.accept(request.signed_request).stage.value)

    async def CancelApplication(
        self, request: pb.CancelApplicationRequest, context: Context
    ) -> pb.CancelApplicationResponse:
        """See the proto."""
        self._desk.cancel(request.signed_request)
        return pb.CancelApplicationResponse()

    async def GetLine(self, request: pb.GetLineRequest, context: Context) -> pb.GetLineResponse:
        """See the proto."""
        return pb.GetLineResponse(statement=self._lines.statement(request.signed_request))

    async def ReleaseGuarantee(
        self, request: pb.ReleaseGuaranteeRequest, context: Context
    ) -> pb.ReleaseGuaranteeResponse:
        """See the proto."""
        taken = self._guarantee_steps.release(request.signed_request)
        return pb.ReleaseGuaranteeResponse(guarantee_id=taken.guarantee, was_under_way=taken.was_under_way)

    async def TakeGuaranteeStep(
        self, request: pb.TakeGuaranteeStepRequest, context: Context
    ) -> pb.TakeGuaranteeStepResponse:
        """See the proto."""
        taken = await self._guarantee_steps.take(request.signed_request)
        return pb.TakeGuaranteeStepResponse(
            guarantee_id=taken.guarantee,
            was_under_way=taken.was_under_way,
            receipt=receipt_message(taken.receipt),
        )

    async def GetOwnGuarantee(
        self, request: pb.GetOwnGuaranteeRequest, context: Context
    ) -> pb.GetOwnGuaranteeResponse:
        """See the proto."""
        shown = self._guarantee_views.of_wallet(request.signed_request)
        return pb.GetOwnGuaranteeResponse(life=life_message(shown))

    async def AnswerLogin(self, request: pb.AnswerLoginRequest, context: Context) -> pb.AnswerLoginResponse:
        """See the proto."""
        await self._logins.prepare(request.signed_answer)
        self._logins.answer(request.signed_answer)
        return pb.AnswerLoginResponse()


def _mistake(one: Mistake) -> pb.PackageMistake:
    return pb.PackageMistake(
        document=one.document,
        category=one.category,
        thing=one.thing,
        field=one.field,
        chinese=one.chinese,
        english=one.english,
        warning=one.is_warning,
    )
