"""A wallet's connection to nodes: TLS that trusts exactly the node's pinned identity key."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc
from heqi.v1 import guarantee_pb2
from heqi.v1 import wallet_service_pb2 as pb
from heqi.v1 import wallet_service_pb2_grpc as rpc

from node.domain.member import Member
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, server_name

R = TypeVar("R")


class WalletClient:
    """Calls one node's wallet listener. All methods raise what the node refuses, or `PeerError`."""

    def __init__(self, member: Member, timeout_seconds: float = 10.0) -> None:
        """Args:
        member: the node's member, from the alliance descriptor or a checked card.
        timeout_seconds: for each call.
        """
        self.member, self._timeout = member, timeout_seconds
        credentials = grpc.ssl_channel_credentials(
            b"".join(anchor_pem(member.name, key) for key in member.identity_keys(time.time()))
        )
        options = [("grpc.ssl_target_name_override", server_name(member.name))]
        self._channel = grpc.secure_channel(member.wallet_endpoint, credentials, options)
        self._stub = rpc.WalletServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def register(self, signed: str) -> pb.RegisterResponse:
        """Register, or hand in further documents."""
        return self._call(self._stub.Register, pb.RegisterRequest(signed_request=signed))

    def check_package(self, signed: str) -> list[pb.PackageMistake]:
        """What is wrong with a package, warnings included."""
        request = pb.CheckPackageRequest(signed_request=signed)
        return list(self._call(self._stub.CheckPackage, request).mistakes)

    def confirm_branch(self, signed: str) -> None:
        """As a branch: have the parent's confirmation attested."""
        self._call(self._stub.ConfirmBranch, pb.ConfirmBranchRequest(signed_request=signed))

    def keep_joint_bid(self, signed: str) -> int:
        """At a member's home: all have signed; how many members have their home there."""
        return self._call(self._stub.KeepJointBid, pb.KeepJointBidRequest(signed_request=signed)).member_count

    def status(self, signed: str) -> pb.GetStatusResponse:
        """How things stand."""
        return self._call(self._stub.GetStatus, pb.GetStatusRequest(signed_request=signed))

    def export(self, signed: str) -> pb.ExportRegistrationResponse:
        """The own records as SD-JWTs."""
        return self._call(self._stub.ExportRegistration, pb.ExportRegistrationRequest(signed_request=signed))

    def give_grant(self, signed: str) -> str:
        """Bring a grant to the ledger; its id."""
        return self._call(self._stub.GiveGrant, pb.GiveGrantRequest(signed_request=signed)).grant_id

    def relay_grant(self, signed: str) -> str:
        """Bring a grant to the ledger through a member that does not see it; its id."""
        return self._call(self._stub.RelayGrant, pb.RelayGrantRequest(signed_request=signed)).grant_id

    def revoke_grant(self, signed: str) -> str:
        """Bring a revocation to the ledger; the grant's id."""
        return self._call(self._stub.RevokeGrant, pb.RevokeGrantRequest(signed_request=signed)).grant_id

    def reads(self, signed: str) -> pb.ListReadsResponse:
        """Who read what."""
        return self._call(self._stub.ListReads, pb.ListReadsRequest(signed_request=signed))

    def place(self, signed: str) -> pb.GetPlaceResponse:
        """Where the ledger has the subject."""
        return self._call(self._stub.GetPlace, pb.GetPlaceRequest(signed_request=signed))

    def change_controller(self, signed: str) -> None:
        """Bring a change of keys to the ledger."""
        self._call(self._stub.ChangeController, pb.ChangeControllerRequest(signed_request=signed))

    def veto(self, signed: str) -> None:
        """Bring a veto against recoveries to the ledger."""
        self._call(self._stub.VetoRecovery, pb.VetoRecoveryRequest(signed_request=signed))

    def recover(self, signed: str) -> pb.RecoverResponse:
        """Ask for a recovery, or where it stands."""
        request = pb.RecoverRequest(signed_request=signed)
        answer: pb.RecoverResponse = self._call(self._stub.Recover, request)
        return answer

    def finish(self, signed: str) -> None:
        """Carry a recovery out."""
        self._call(self._stub.FinishRecovery, pb.FinishRecoveryRequest(signed_request=signed))

    def copy(self, signed: str) -> bytes:
        """The subject's own documents, JSON."""
        return self._call(self._stub.GetCopy, pb.GetCopyRequest(signed_request=signed)).package_json

    def take_over(self, signed: str) -> int:
        """At the new home: move here; how many documents it took in."""
        return self._call(self._stub.TakeOver, pb.TakeOverRequest(signed_request=signed)).record_count

    def erase(self, signed: str) -> list[str]:
        """Erase; the receipts that there are by now. The very same request may be sent again."""
        return list(self._call(self._stub.Erase, pb.EraseRequest(signed_request=signed)).receipts)

    def give_consent(self, signed: str) -> str:
        """Hand in a person's consent; the home's receipt."""
        return self._call(self._stub.GiveConsent, pb.GiveConsentRequest(signed_request=signed)).receipt

    def withdraw_consent(self, signed: str) -> str:
        """Withdraw a consent; the home's receipt, empty while this member takes it there."""
        request = pb.WithdrawConsentRequest(signed_request=signed)
        return self._call(self._stub.WithdrawConsent, request).receipt

    def consents(self, signed: str) -> pb.ListConsentsResponse:
        """Consents, and what lacks one."""
        return self._call(self._stub.ListConsents, pb.ListConsentsRequest(signed_request=signed))

    def open_dispute(self, signed: str) -> str:
        """Dispute a record; the dispute's id."""
        return self._call(self._stub.OpenDispute, pb.OpenDisputeRequest(signed_request=signed)).dispute_id

    def disputes(self, signed: str) -> list[tuple[str, str]]:
        """Disputes with their answers, empty where there is none yet."""
        request = pb.ListOwnDisputesRequest(signed_request=signed)
        found = self._call(self._stub.ListOwnDisputes, request).disputes
        return [(one.dispute, one.answer) for one in found]

    def holders(self, signed: str) -> list[pb.HolderNotice]:
        """Who was told what of this subject, and answered what."""
        request = pb.ListHoldersRequest(signed_request=signed)
        return list(self._call(self._stub.ListHolders, request).notices)

    def prove_awards(self, signed: str) -> bytes:
        """At the tender's centre: the proof of the own awards, a case for `heqi verify`."""
        return self._call(self._stub.ProveAwards, pb.ProveAwardsRequest(signed_request=signed)).case

    def application_code(self, signed: str) -> str:
        """At the tender's centre: the application code, a signed document."""
        request = pb.GetApplicationCodeRequest(signed_request=signed)
        return self._call(self._stub.GetApplicationCode, request).application_code

    def apply(self, signed: str) -> str:
        """At a guarantor: apply; the application's id."""
        return self._call(self._stub.Apply, pb.ApplyRequest(signed_request=signed)).application_id

    def reserve(self, signed: str) -> str:
        """At any member: bring a reservation to the ledger; "waiting" or "reserved"."""
        return self._call(self._stub.Reserve, pb.ReserveRequest(signed_request=signed)).state

    def sealed_guarantee(self, signed: str) -> pb.GetSealedGuaranteeResponse:
        """At a guarantor: what it signed on a sealed application."""
        request = pb.GetSealedGuaranteeRequest(signed_request=signed)
        answer: pb.GetSealedGuaranteeResponse = self._call(self._stub.GetSealedGuarantee, request)
        return answer

    def applications(self, sign: Callable[[], str], page_size: int = 0) -> list[pb.OwnApplication]:
        """At a guarantor: what became of the applications, oldest first; `sign` writes the request for each page."""
        found: list[pb.OwnApplication] = []
        token = ""
        while True:
            request = pb.ListOwnApplicationsRequest(
                signed_request=sign(), page_size=page_size, page_token=token
            )
            page = self._call(self._stub.ListOwnApplications, request)
            found += page.applications
            if not (token := page.next_page_token):
                return found

    def guarantee_file(self, signed: str, application: str) -> bytes:
        """At a guarantor: the sealed file of the guarantee that came of an application."""
        request = pb.GetGuaranteeFileRequest(signed_request=signed, application_id=application)
        return self._call(self._stub.GetGuaranteeFile, request).file

    def releases(self, signed: str, page_token: str = "") -> pb.ListReleasesResponse:
        """As a beneficiary, at the tender's centre: one page of what waits for its signature."""
        request = pb.ListReleasesRequest(signed_request=signed, page_token=page_token)
        return self._call(self._stub.ListReleases, request)

    def accept_offer(self, signed: str) -> str:
        """At a guarantor: sign the contract; the application's state afterwards."""
        request = pb.AcceptOfferRequest(signed_request=signed)
        return self._call(self._stub.AcceptOffer, request).state

    def cancel_application(self, signed: str) -> None:
        """At a guarantor: take an application back."""
        self._call(self._stub.CancelApplication, pb.CancelApplicationRequest(signed_request=signed))

    def line(self, signed: str) -> str:
        """At a guarantor: the own credit line, a line-statement document; empty without one."""
        return self._call(self._stub.GetLine, pb.GetLineRequest(signed_request=signed)).statement

    def release_guarantee(self, signed: str) -> pb.ReleaseGuaranteeResponse:
        """As a beneficiary: bring a release to the ledger."""
        request = pb.ReleaseGuaranteeRequest(signed_request=signed)
        return self._call(self._stub.ReleaseGuarantee, request)

    def take_step(self, signed: str) -> pb.TakeGuaranteeStepResponse:
        """As beneficiary or applicant: bring a step of a guarantee to the ledger."""
        request = pb.TakeGuaranteeStepRequest(signed_request=signed)
        return self._call(self._stub.TakeGuaranteeStep, request)

    def own_guarantee(self, signed: str) -> guarantee_pb2.GuaranteeLife:
        """How a guarantee stands, as this member knows."""
        request = pb.GetOwnGuaranteeRequest(signed_request=signed)
        return self._call(self._stub.GetOwnGuarantee, request).life

    def answer_login(self, signed: str) -> None:
        """Log in at the centre that asks."""
        self._call(self._stub.AnswerLogin, pb.AnswerLoginRequest(signed_answer=signed))

    def _call(self, method: Callable[..., R], request: Any) -> R:
        try:
            return method(request, timeout=self._timeout)
        except grpc.RpcError as error:
            raise from_rpc_error(error, self.member.name) from error
