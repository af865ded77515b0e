"""Real processes that are away: what can be done goes on, what cannot says so, and everything is caught up."""

import asyncio
import os
import random
import signal
import time

import grpc
import pytest
import pytest_asyncio
from heqi.v1 import access_service_pb2 as access
from heqi.v1 import alliance_service_pb2 as alliance
from heqi.v1 import record_service_pb2 as pb

from adapters.systems.sample import credit_code
from node.errors import GrantMissingError, GrantUsedUpError, NodeError, PeerError, UnavailableError
from node.wallet.client import WalletClient
from node.wallet.documents import Scribe
from node.wire.status import from_rpc_error
from tests.faults.test_bidders import Papers
from tests.support.crash_kills import _spin_until_written
from tests.support.crash_network import ENGINE, CrashNetwork, Settings
from tests.support.crash_nursery import Nursery
from tests.support.crash_plan import planned
from tests.support.network import Stubs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
A, B = "centre-a", "centre-b"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def network(tmp_path_factory):
    """One engine and two nodes, not started but the engine."""
    nursery = Nursery()
    running = CrashNetwork(tmp_path_factory.mktemp("outages"), nursery, Settings(0.2, 32, 0.1))
    try:
        await running.found("watched")
        yield running
    finally:
        nursery.close()


async def up(network, *names: str) -> None:
    for name in names:
        if not network.processes[name].pid:
            network.start(name)
        assert await network.ready(name), network.processes[name].log.read_text()


def told(network, name: str) -> str:
    text = network.processes[name].log.read_text()
    assert "Traceback" not in text, text
    return text


async def append(network, sequence: int, *, final: bool) -> list[str]:
    """Send one message; what was answered, in order."""
    message = pb.AppendRecordsRequest()
    message.CopyFrom(planned("outages", "client", sequence).request)
    message.await_final = final
    async with network.operator_channel(A) as connection:
        stream = Stubs(connection).records.AppendRecords(iter([message]), timeout=30)
        return [answer.WhichOneof("outcome") async for answer in stream]


async def status(network, name: str) -> alliance.GetNodeStatusResponse:
    async with network.operator_channel(name) as connection:
        return await Stubs(connection).alliance.GetNodeStatus(alliance.GetNodeStatusRequest(), timeout=10)


async def test_a_node_starts_works_and_catches_up_without_an_engine(network):
    network.kill(ENGINE)
    await up(network, A)
    assert await append(network, 1, final=False) == ["accepted"]
    before = await status(network, A)
    assert (before.block_number, before.log_size) == (-1, 0)
    assert before.record_count > 0
    assert "no answer from unix://" in told(network, A)
    network.start(ENGINE)
    assert await append(network, 1, final=True) == ["accepted", "final"]
    network.kill(ENGINE)
    assert await append(network, 2, final=False) == ["accepted"]
    waiting = asyncio.create_task(append(network, 2, final=True))
    await asyncio.sleep(1)
    assert not waiting.done()
    network.start(ENGINE)
    assert await waiting == ["accepted", "final"]
    assert "works again" in told(network, A)


@pytest.mark.parametrize("moment", ["before it saw the request", "while it stored the answer"])
async def test_a_home_that_vanishes_in_the_middle_of_a_read(network, moment):
    """The reader is told, repeats, and pays one use for one read."""
    await up(network, ENGINE, A, B)
    papers, scribe = await registered(network)
    request = await granted(network, papers, scribe, uses=2)
    read = [await fetched(network, request)]
    home, is_deaf = network.processes[A], moment.startswith("before")
    if is_deaf:
        os.kill(home.pid, signal.SIGSTOP)
    reading = asyncio.create_task(fetch(network, request))
    if is_deaf:
        await asyncio.sleep(0.3)
    else:
        await asyncio.to_thread(_spin_until_written, home.folders[0], random.random() * 0.002)
    network.kill(A)
    try:
        read.append(await reading)
    except NodeError as error:
        assert isinstance(error, PeerError), repr(error)
        assert A in str(error)
        assert "repeated safely" in error.advice
        await up(network, A)
        read.append(await fetched(network, request))
    await up(network, A)
    assert read == [0, 1]
    with pytest.raises(GrantUsedUpError):
        await fetched(network, request)
    with WalletClient(network.members[A]) as client:
        reads = (await asyncio.to_thread(client.reads, scribe.history(A))).reads
    assert len(reads) == 2
    told(network, B)


async def registered(network) -> tuple[Papers, Scribe]:
    papers = Papers(network.root, code=credit_code(random.randrange(10**7)))
    signed = Scribe(papers.key, network.descriptor, "").register(
        A, papers.delegation(network), papers.package()
    )
    with WalletClient(network.members[A]) as client:
        subject = (await asyncio.to_thread(client.register, signed)).subject_id
        scribe = Scribe(papers.key, network.descriptor, subject)
        while True:
            now = await asyncio.to_thread(client.status, scribe.status(A))
            if now.subject_final and now.final_count == now.accepted_count:
                return papers, scribe
            await asyncio.sleep(0.1)


async def granted(network, papers: Papers, scribe: Scribe, *, uses: int) -> str:
    """Let the reader ask and the bidder grant; the request's id."""
    async with network.operator_channel(B) as connection:
        wish = access.RequestAccessRequest(
            subject_id=scribe.subject,
            home=A,
            scopes=[access.Scope(category="subject.base", fields=["credit_code"])],
            purpose="qualification-review",
            uses=uses,
        )
        request = (await Stubs(connection).access.RequestAccess(wish, timeout=10)).request_id
    with WalletClient(network.members[A]) as client:
        while not (found := (await asyncio.to_thread(client.status, scribe.status(A))).requests):
            await asyncio.sleep(0.1)
        token = scribe.grant(scribe.check_request(found[0].access_request, network.members[B]))
        await asyncio.to_thread(client.give_grant, scribe.give(A, token))
    return request


async def fetch(network, request: str) -> int:
    """Number of the read."""
    async with network.operator_channel(B) as connection:
        try:
            wanted = access.FetchRecordsRequest(request_id=request)
            return (await Stubs(connection).access.FetchRecords(wanted, timeout=30)).read
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error, B) from error


async def fetched(network, request: str) -> int:
    """The same, once the grant is known everywhere and the home answers."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return await fetch(network, request)
        except (GrantMissingError, UnavailableError):
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
