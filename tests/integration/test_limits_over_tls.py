"""Chatty, slow and greedy callers over real TLS: they are slowed down or refused, and the others are served."""

import asyncio

import grpc
import pytest
import pytest_asyncio
from google.rpc import error_details_pb2, status_pb2
from heqi.v1 import alliance_service_pb2, event_service_pb2, wallet_service_pb2, wallet_service_pb2_grpc
from heqi.v1 import record_service_pb2 as records_pb

from node.config import LimitsConfig
from node.domain.system import SystemRole
from node.errors import LimitError, RateLimitError
from node.wire.status import from_rpc_error
from node.wire.tls import anchor_pem, server_name
from tests.support.network import Stubs, open_network

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATUS = alliance_service_pb2.GetNodeStatusRequest()
WATCH = event_service_pb2.WatchRequest()
# Low enough that what a test sends at once is far above it, however slow the machine.
LIMITS = LimitsConfig(calls_per_second=30, wallet_calls_per_second=1, streams=3, all_streams=8)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def centre(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("limits"), ("centre-a",), limits=LIMITS) as network:
        yield network["centre-a"]


async def refusal(awaitable) -> LimitError | None:
    try:
        await awaitable
    except grpc.aio.AioRpcError as error:
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        refused = from_rpc_error(error, "node")
        assert isinstance(refused, LimitError)
        return refused
    return None


async def test_a_chatty_system_is_refused_and_the_others_are_not(centre):
    chatty, quiet = centre.let_in("chatty", SystemRole.READER), centre.let_in("quiet", SystemRole.READER)
    async with centre.system_channel(chatty) as noise, centre.system_channel(quiet) as calm:
        call = Stubs(noise).alliance.GetNodeStatus

        async def flood() -> list[LimitError | None]:
            return [await refusal(call(STATUS)) for _ in range(20)]

        flooding = asyncio.gather(*(flood() for _ in range(60)))
        answers = [await refusal(Stubs(calm).alliance.GetNodeStatus(STATUS)) for _ in range(20)]
        refused = [one for some in await flooding for one in some if one is not None]
    assert answers == [None] * 20
    assert len(refused) > 600
    assert all(one.retry_after > 0 for one in refused)
    assert any(isinstance(one, RateLimitError) for one in refused)


async def test_a_refusal_says_why_and_when_to_come_again(centre):
    held = centre.let_in("eager", SystemRole.READER)
    async with centre.system_channel(held) as connection:
        call = Stubs(connection).alliance.GetNodeStatus
        answers = await asyncio.gather(*(call(STATUS) for _ in range(150)), return_exceptions=True)
    error = next(one for one in answers if isinstance(one, grpc.aio.AioRpcError))
    status, info, retry = status_pb2.Status(), error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status.ParseFromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    assert any(detail.Unpack(info) for detail in status.details)
    assert any(detail.Unpack(retry) for detail in status.details)
    assert info.reason in {"RATE_LIMIT", "TOO_MANY_CALLS"}
    assert retry.retry_delay.ToTimedelta().total_seconds() > 0


async def test_a_system_that_hoards_streams_leaves_some_for_others(centre):
    slow, other = centre.let_in("slow", SystemRole.READER), centre.let_in("other", SystemRole.READER)
    async with centre.system_channel(slow) as hoarder, centre.system_channel(other) as calm:
        hoard = [Stubs(hoarder).events.Watch(WATCH) for _ in range(3)]
        for stream in hoard:
            await stream.read()  # and nothing more, ever
        refused = await refusal(Stubs(hoarder).events.Watch(WATCH).read())
        assert refused is not None
        assert refused.reason == "TOO_MANY_CALLS"
        assert (await Stubs(calm).events.Watch(WATCH).read()).kind
        hoard[0].cancel()
        while True:  # until the node has noticed
            stream = Stubs(hoarder).events.Watch(WATCH)
            if await refusal(stream.read()) is None:
                break
            await asyncio.sleep(0.1)


async def test_a_message_larger_than_its_method_takes_is_refused(centre):
    held = centre.let_in("large", SystemRole.WRITER)
    request = records_pb.GetLastSequenceRequest(client_id="x" * (65 << 10))
    async with centre.system_channel(held) as connection:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stubs(connection).records.GetLastSequence(request)
    assert from_rpc_error(refused.value, "node").reason == "TOO_LARGE"


async def test_wallets_of_one_address_are_slowed_down_together_and_systems_are_not(centre):
    member = centre.member
    credentials = grpc.ssl_channel_credentials(anchor_pem(member.name, member.identity_key))
    options = [("grpc.ssl_target_name_override", server_name(member.name))]
    reasons = []
    async with grpc.aio.secure_channel(member.wallet_endpoint, credentials, options) as connection:
        stub = wallet_service_pb2_grpc.WalletServiceStub(connection)
        for _ in range(30):
            with pytest.raises(grpc.aio.AioRpcError) as refused:
                await stub.GetStatus(wallet_service_pb2.GetStatusRequest(signed_request="no"))
            reasons.append(from_rpc_error(refused.value, "node").reason)
    assert set(reasons) == {"DOCUMENT_FORMAT", "RATE_LIMIT"}
    async with centre.operator_channel() as connection:
        assert await refusal(Stubs(connection).alliance.GetNodeStatus(STATUS)) is None
