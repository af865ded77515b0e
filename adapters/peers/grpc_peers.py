"""Other members' nodes over gRPC: one channel per peer, trusting exactly the key that the ledger names for it."""

import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

import grpc
from heqi.v1 import exchange_service_pb2 as pb
from heqi.v1 import exchange_service_pb2_grpc as rpc

from adapters.crypto.leaves import IssuedLeaf
from node.domain.legal_read import LegalPapers
from node.domain.member import Member
from node.domain.wallet import StepReceipt
from node.ports import Answer, LogView
from node.wire.guarantees import receipt_from
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, server_name

_MESSAGE_BYTES = 16 << 20
_Wanted: TypeAlias = tuple[str, str, tuple[bytes, ...], bytes]
"""Name, endpoint, keys, own leaf: a change of one makes a new channel."""


class GrpcPeers:
    """The `Peers` port."""

    def __init__(
        self,
        leaf: Callable[[], IssuedLeaf],
        timeout_seconds: float = 10.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Args:
        leaf: this node's present leaf.
        timeout_seconds: for each call.
        clock: seconds since 1970 UTC; tells which of a peer's keys count.
        """
        self._leaf, self._timeout, self._clock = leaf, timeout_seconds, clock
        self._channels: dict[_Wanted, grpc.aio.Channel] = {}
        self._stubs: dict[_Wanted, Any] = {}

    async def submit_request(self, member: Member, request: str) -> None:
        """See `Peers.submit_request`."""
        message = pb.SubmitAccessRequestRequest(access_request=request)
        await self._call(member, lambda stub: stub.SubmitAccessRequest(message, timeout=self._timeout))

    async def collect_grant(self, member: Member, request: str) -> str | None:
        """See `Peers.collect_grant`."""
        message = pb.CollectGrantRequest(access_request=request)
        response = await self._call(member, lambda stub: stub.CollectGrant(message, timeout=self._timeout))
        return response.grant or None

    async def read(self, member: Member, request: str, grant: str) -> Answer:
        """See `Peers.read`."""
        message = pb.ReadRecordsRequest(read_request=request, grant=grant)
        response = await self._call(member, lambda stub: stub.ReadRecords(message, timeout=self._timeout))
        return Answer(
            response.evidence,
            response.answer,
            response.delegation,
            response.status_proof,
            response.consents,
            tuple(response.notices),
            response.approval_status_proof,
        )

    async def prove_awards(self, member: Member, grant: str, delegation: str) -> bytes:
        """See `Peers.prove_awards`."""
        message = pb.ReadAwardsRequest(award_grant=grant, delegation=delegation)
        response = await self._call(member, lambda stub: stub.ReadAwards(message, timeout=self._timeout))
        case: bytes = response.case
        return case

    async def submit_receipt(self, member: Member, receipt: str) -> None:
        """See `Peers.submit_receipt`."""
        message = pb.SubmitReceiptRequest(receipt=receipt)
        await self._call(member, lambda stub: stub.SubmitReceipt(message, timeout=self._timeout))

    async def submit_notice(self, member: Member, document: str) -> str:
        """See `Peers.submit_notice`."""
        message = pb.SubmitNoticeRequest(document=document)
        response = await self._call(member, lambda stub: stub.SubmitNotice(message, timeout=self._timeout))
        return str(response.receipt)

    async def lodge_step(
        self, member: Member, guarantee: str, step: str, signature: bytes
    ) -> StepReceipt | None:
        """See `Peers.lodge_step`."""
        message = pb.LodgeGuaranteeStepRequest(guarantee=guarantee, step=step, signature=signature)
        response = await self._call(
            member, lambda stub: stub.LodgeGuaranteeStep(message, timeout=self._timeout)
        )
        return receipt_from(response.receipt) if response.HasField("receipt") else None

    async def read_on_legal_basis(self, member: Member, papers: LegalPapers) -> Answer:
        """See `Peers.read_on_legal_basis`."""
        message = pb.ReadOnLegalBasisRequest(
            legal_read=papers.read, legal_request=papers.request, countersignature=papers.countersignature
        )
        response = await self._call(
            member, lambda stub: stub.ReadOnLegalBasis(message, timeout=self._timeout)
        )
        return Answer(response.evidence, response.answer, "")

    async def submit_legal_receipt(self, member: Member, receipt: str) -> None:
        """See `Peers.submit_legal_receipt`."""
        message = pb.SubmitLegalReceiptRequest(receipt=receipt)
        await self._call(member, lambda stub: stub.SubmitLegalReceipt(message, timeout=self._timeout))

    async def log_view(self, member: Member, sizes: Sequence[int]) -> LogView:
        """See `Peers.log_view`."""
        message = pb.GetLogViewRequest(sizes=sizes)
        response = await self._call(member, lambda stub: stub.GetLogView(message, timeout=self._timeout))
        return LogView(response.checkpoint, [list(proof.nodes) for proof in response.proofs])

    async def witnessed_view(self, member: Member, size: int) -> LogView:
        """See `Peers.witnessed_view`."""
        message = pb.GetWitnessedCheckpointRequest(size=size)
        response = await self._call(
            member, lambda stub: stub.GetWitnessedCheckpoint(message, timeout=self._timeout)
        )
        return LogView(response.checkpoint, [list(response.proof.nodes)])

    async def submit_cosignature(self, member: Member, size: int, line: str) -> None:
        """See `Peers.submit_cosignature`."""
        message = pb.SubmitCosignatureRequest(size=size, line=line)
        await self._call(member, lambda stub: stub.SubmitCosignature(message, timeout=self._timeout))

    async def definition(self, member: Member, digest: bytes) -> bytes:
        """See `Peers.definition`."""
        message = pb.GetDefinitionRequest(digest=digest)
        response = await self._call(member, lambda stub: stub.GetDefinition(message, timeout=self._timeout))
        return bytes(response.text)

    async def opening_key(self, member: Member, request: str) -> str:
        """See `Peers.opening_key`."""
        message = pb.MakeOpeningKeyRequest(opening_key_request=request)
        response = await self._call(member, lambda stub: stub.MakeOpeningKey(message, timeout=self._timeout))
        return str(response.opening_key)

    async def shares(self, member: Member, request: str) -> str:
        """See `Peers.shares`."""
        message = pb.ReleaseSharesRequest(share_request=request)
        response = await self._call(member, lambda stub: stub.ReleaseShares(message, timeout=self._timeout))
        return str(response.share_release)

    async def evaluation_state(self, member: Member, waiver: str) -> str:
        """See `Peers.evaluation_state`."""
        message = pb.GetEvaluationStateRequest(waiver=waiver)
        response = await self._call(
            member, lambda stub: stub.GetEvaluationState(message, timeout=self._timeout)
        )
        return str(response.evaluation_state)

    async def issue_signature(self, member: Member, guarantee: str) -> bytes:
        """See `Peers.issue_signature`."""
        message = pb.SignIssueRequest(guarantee=guarantee)
        response = await self._call(member, lambda stub: stub.SignIssue(message, timeout=self._timeout))
        return bytes(response.issue_signature)

    async def close(self) -> None:
        """Close all channels."""
        for channel in self._channels.values():
            await channel.close()
        self._channels.clear()
        self._stubs.clear()

    async def _call(self, member: Member, call: Callable[[Any], Awaitable[Any]]) -> Any:
        try:
            return await call(await self._stub(member))
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, member.name) from error

    async def _stub(self, member: Member) -> Any:
        leaf = self._leaf()
        keys = member.identity_keys(self._clock())
        wanted = (member.name, member.endpoint, keys, leaf.certificate_pem)
        if wanted not in self._stubs:
            credentials = grpc.ssl_channel_credentials(
                b"".join(anchor_pem(member.name, key) for key in keys), leaf.key_pem, leaf.certificate_pem
            )
            options = [
                ("grpc.ssl_target_name_override", server_name(member.name)),
                ("grpc.max_receive_message_length", _MESSAGE_BYTES),
                ("grpc.max_send_message_length", _MESSAGE_BYTES),
            ]
            # A new key, address or leaf makes a new channel; the old one would trust the wrong thing.
            outdated = [known for known in self._channels if known[0] == member.name]
            channel = grpc.aio.secure_channel(member.endpoint, credentials, options)
            self._channels[wanted], stub = channel, rpc.ExchangeServiceStub(channel)
            self._stubs[wanted] = stub
            for known in outdated:
                self._stubs.pop(known, None)
                if (old := self._channels.pop(known, None)) is not None:
                    await old.close()
            return stub
        return self._stubs[wanted]
