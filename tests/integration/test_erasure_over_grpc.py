"""Erasure over real gRPC and TLS, with the wallet's and the operator's own commands, on real files."""

import asyncio
import json
import os
import time

import grpc
import pytest
from heqi.v1 import erasure_service_pb2 as pb
from heqi.v1 import erasure_service_pb2_grpc as rpc

from node.cli.main import main
from node.config import replace_file
from node.domain.document import peek_document
from node.domain.erasure import ErasureReceipt
from node.errors import MissingError, NodeError, ReplayError, UnknownCallerError
from node.wallet.folder import DELEGATION_FILE, create_wallet, open_wallet
from node.wire.status import from_rpc_error
from tests.support.network import until
from tests.support.network_bidder import FIELDS, Bidder, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")
PASSPHRASE = b"correct horse battery staple"


@pytest.fixture
def said(capsys):
    """What a command printed, as JSON; the command runs beside the network as another process would."""

    async def run(*arguments: str) -> object:
        code = await asyncio.to_thread(main, [*arguments, "--json"])
        printed = capsys.readouterr()
        assert code == 0, printed.err
        return json.loads(printed.out)

    return run


async def registered(network, number: int, centre: str = "centre-a") -> Bidder:
    bidder = Bidder(network, number)
    await bidder.register(centre)
    await settled(bidder)
    return bidder


async def test_a_wallet_has_its_data_erased_and_keeps_the_receipt(network, tmp_path, said):
    bidder, folder, home = Bidder(network, 301), tmp_path / "w", network["centre-a"]
    bidder.key = create_wallet(folder, network.alliance_file.read_bytes(), "centre-a", PASSPHRASE)
    replace_file(folder / DELEGATION_FILE, bidder.delegation().encode())
    (tmp_path / "p").write_bytes(PASSPHRASE)
    wallet = ("--wallet", str(folder), "--passphrase-file", str(tmp_path / "p"))
    fields = {"credit_code": bidder.code, **FIELDS}
    package = tmp_path / "package.json"
    package.write_text(json.dumps([{"category": "subject.base", "thing": "base", "fields": fields}]))
    subject = (await said("wallet", "register", *wallet, "--wait", str(package)))["subject"]
    assert home.services.registrations.is_registered(subject)
    answer = await said("wallet", "erase", *wallet, "--yes", "--wait")
    [receipt] = answer["receipts"]
    assert peek_document(receipt, ErasureReceipt).whole
    assert not home.services.registrations.is_registered(subject)
    assert home.services.vault.parts(subject) == []
    assert open_wallet(folder).state.subject == ""
    [row] = (await said("wallet", "erasures", *wallet))["receipts"]
    assert (row["home"], row["erased"]) == ("centre-a", "全部 all: subject.base")
    # The operator sees the same, and the wallet can begin anew as somebody else.
    listed = await said("erasure", "list", "--home", str(home.home))
    mine = next(one for one in listed if one["owner"] == subject)
    assert (mine["receipt"], mine["by_wallet"], mine["done"]) == (receipt, True, True)
    assert (await said("erasure", "show", "--home", str(home.home), str(mine["number"])))[
        "receipt"
    ] == receipt
    again = (await said("wallet", "register", *wallet, str(package)))["subject"]
    assert again != subject


async def test_the_operator_erases_for_who_has_lost_its_wallet(network, tmp_path, said):
    bidder, home = await registered(network, 302), network["centre-a"]
    (tmp_path / "code").write_text(bidder.code + "\n")
    done = await said(
        "erasure", "run", "--home", str(home.home), "--credit-code-file", str(tmp_path / "code"),
        "--reason", "钱包遗失",
    )  # fmt: skip
    assert (done["owner"], done["whole"], done["by_wallet"]) == (bidder.subject, True, False)
    with pytest.raises(UnknownCallerError):
        await bidder.status()
    acts = await said("access", "acts", "--home", str(home.home))
    assert "erasure.ordered" in json.dumps(acts)
    with pytest.raises(MissingError):
        home.services.registrations.load(bidder.subject)


async def test_the_rules_are_shown_with_their_sources(network, said):
    rules = await said("erasure", "rules", "--home", str(network["centre-a"].home))
    reads = next(one for one in rules if one["category"] == "access.read")
    assert reads["minimum_days"] == 3 * 366
    assert "56" in reads["source"]


async def test_who_is_no_operator_erases_nothing(network):
    bidder = await registered(network, 303)
    order = pb.EraseSubjectRequest(subject_id=bidder.subject, reason="x")
    async with network["centre-b"].member_channel(network["centre-a"]) as connection:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await rpc.ErasureServiceStub(connection).EraseSubject(order)
    assert from_rpc_error(refused.value, "node").reason == "ROLE_MISSING"
    async with network["centre-a"].operator_channel() as connection:
        stub = rpc.ErasureServiceStub(connection)
        for bad in (
            pb.EraseSubjectRequest(reason="x"),
            pb.EraseSubjectRequest(subject_id=bidder.subject, credit_code="x", reason="x"),
            pb.EraseSubjectRequest(subject_id="00", reason="x"),
            pb.EraseSubjectRequest(subject_id=bidder.subject),
            pb.EraseSubjectRequest(subject_id="00" * 32, reason="x"),
            pb.EraseSubjectRequest(subject_id=bidder.subject, reason="x", categories=["trade.bid"]),
        ):
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.EraseSubject(bad)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.AcceptErasureList(pb.AcceptErasureListRequest(reason="x"))
        assert from_rpc_error(refused.value, "node").reason == "CONFLICT"
    assert (await bidder.status()).accepted_count == 1


async def test_a_request_is_for_one_node_by_its_controller_and_fresh(network):
    bidder, stranger = await registered(network, 304), await registered(network, 305)
    attempts = {
        ("centre-b", bidder.scribe.erase("centre-a")): "DOCUMENT_FORMAT",
        ("centre-b", bidder.scribe.erase("centre-b")): "NOT_FOUND",
    }
    stranger.subject, own = bidder.subject, stranger.subject
    attempts["centre-a", stranger.scribe.erase("centre-a")] = "UNKNOWN_CALLER"
    stranger.subject = own
    for (centre, token), reason in attempts.items():
        with pytest.raises(NodeError) as refused:
            await bidder.at(centre, "erase", token)
        assert refused.value.reason == reason
    old = bidder.scribe.erase("centre-a")
    clock = network["centre-a"].services.clock
    ahead, now = clock.now, time.time()
    network["centre-a"].services.gate._clock = type("Later", (), {"now": lambda _: now + 400})()
    try:
        with pytest.raises(ReplayError):
            await bidder.at("centre-a", "erase", old)
    finally:
        network["centre-a"].services.gate._clock = clock
    assert ahead
    assert (await bidder.status()).accepted_count == 1


async def test_erasing_while_reads_go_on_ends_them_and_breaks_nothing(network):
    bidder = await registered(network, 306)
    answers = []

    async def look() -> None:
        while True:
            try:
                answers.append((await bidder.status()).accepted_count)
            except UnknownCallerError:
                return

    looking = [asyncio.create_task(look()) for _ in range(4)]
    await until(lambda: len(answers) > 8)
    token = bidder.scribe.erase("centre-a")
    await bidder.at("centre-a", "erase", token)
    await asyncio.wait_for(asyncio.gather(*looking), 10)
    assert set(answers) == {1}

    async def receipts() -> list[str]:
        return await bidder.at("centre-a", "erase", token)

    deadline = time.monotonic() + 20
    while not await receipts():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)
    home = network["centre-a"].home
    content = b"".join(
        (folder_path / name).read_bytes()
        for folder in ("data", "keyring", "erasures", "keys")
        for folder_path in [home / folder]
        for name in os.listdir(folder_path)
    )
    assert bidder.code.encode() not in content
    assert FIELDS["legal_name"].encode() not in content
