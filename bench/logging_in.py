"""A login at a centre that is not the bidder's home, against the calls that it cannot do without."""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from heqi.v1 import login_service_pb2 as pb
from heqi.v1 import login_service_pb2_grpc as rpc
from heqi.v1 import wallet_service_pb2, wallet_service_pb2_grpc

from bench.empty import EMPTY_METHOD, serve_empty
from node.domain.signature import verify_p256
from node.wallet.logins import answer_with_wallet, open_login
from tests.integration.test_sharing_over_grpc import Bidder, settled
from tests.support.network import Network, channel, open_network, operator_pair

LOGINS = 200


def measure() -> dict[str, float]:
    """Median milliseconds: of making a challenge, of what follows it, and of three empty calls and a check."""

    async def run(folder: Path) -> dict[str, float]:
        async with open_network(folder, ("centre-a", "centre-b")) as network:
            return await _time(network)

    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(run(Path(folder)))


async def _time(network: Network) -> dict[str, float]:
    bidder, centre = Bidder(network, 78), network["centre-b"]
    await bidder.register("centre-a")
    await settled(bidder)
    empty, port = await serve_empty(centre)
    pair = operator_pair(centre.home)
    at_wallets = centre.member.moved_to(centre.member.wallet_endpoint, "")
    creating, answering, parts = [], [], []
    async with (
        channel(centre.member, *pair) as system,
        channel(at_wallets, None, None) as wallet,
        channel(centre.member.moved_to(f"127.0.0.1:{port}", ""), *pair) as bare,
    ):
        logins = rpc.LoginServiceStub(system)
        wallets = wallet_service_pb2_grpc.WalletServiceStub(wallet)
        call = bare.unary_unary(EMPTY_METHOD)
        await call(b"")
        message, signature = b"x" * 400, bidder.key.sign(b"x" * 400)
        for _ in range(LOGINS):
            start = time.perf_counter()
            made = await logins.CreateLogin(pb.CreateLoginRequest())
            creating.append(time.perf_counter() - start)
            watching = logins.WatchLogin(pb.WatchLoginRequest(login_id=made.login_id))
            asked = asyncio.ensure_future(anext(aiter(watching)))
            await asyncio.sleep(0.002)  # the browser's page is open before anybody scans it
            signed = answer_with_wallet(bidder.scribe, open_login(made.payload, network.descriptor))
            start = time.perf_counter()
            await wallets.AnswerLogin(wallet_service_pb2.AnswerLoginRequest(signed_answer=signed))
            assert (await asked).session.subject_id == bidder.subject
            answering.append(time.perf_counter() - start)
            start = time.perf_counter()
            for _ in range(3):
                await call(b"")
            verify_p256(bidder.key.public_key, message, signature)
            parts.append(time.perf_counter() - start)
    await empty.stop(0)
    create, answer, least = (statistics.median(times) * 1000 for times in (creating, answering, parts))
    return {"challenge": create, "answer to session": answer, "parts": least}
