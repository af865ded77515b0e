"""Logging in over real gRPC: the centre's system, the wallet, and who may call what."""

import asyncio
import json
import secrets

import pytest
from heqi.v1 import login_service_pb2 as pb
from heqi.v1 import login_service_pb2_grpc as rpc

from adapters.crypto.files import write_secret
from node.cli.main import main
from node.domain.document import open_document
from node.domain.login import LoginSession
from node.errors import LoginRefusedError, MissingError, NodeError, RoleMissingError
from node.wallet.client import WalletClient
from node.wallet.folder import DELEGATION_FILE, create_wallet, open_wallet
from node.wallet.logins import answer_with_certificate, answer_with_wallet, open_login
from node.wire.status import from_rpc_error
from tests.integration.test_sharing_over_grpc import Bidder, settled
from tests.support.network import channel

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT = "centre-b"


async def refusal(call) -> NodeError:
    with pytest.raises(Exception) as error:
        await call
    return from_rpc_error(error.value, "node")


async def registered(network, number) -> Bidder:
    bidder = Bidder(network, number)
    await bidder.register("centre-a")
    await settled(bidder)
    return bidder


def answer(bidder, payload, *, company=False) -> str:
    challenge = open_login(payload, bidder.network.descriptor)
    return answer_with_wallet(bidder.scribe, challenge, bidder.delegation() if company else "")


async def test_a_system_learns_by_asking_and_by_watching_who_has_logged_in(network):
    bidder = await registered(network, 91)
    async with network[AT].operator_channel() as connection:
        stub = rpc.LoginServiceStub(connection)
        made = await stub.CreateLogin(pb.CreateLoginRequest(wants=pb.LOGIN_WANTS_COMPANY, state="cookie"))
        assert not (await stub.GetLogin(pb.GetLoginRequest(login_id=made.login_id))).HasField("session")
        watching = stub.WatchLogin(pb.WatchLoginRequest(login_id=made.login_id))
        await bidder.at(AT, "answer_login", answer(bidder, made.payload, company=True))
        watched = [message.session async for message in watching]
        got = await stub.GetLogin(pb.GetLoginRequest(login_id=made.login_id))
    assert watched == [got.session]
    assert (got.session.subject_id, got.session.home, got.session.credit_code, got.session.state) == (
        bidder.subject,
        "centre-a",
        bidder.code,
        "cookie",
    )
    opened = open_document(got.session.session, LoginSession, network[AT].member.identity_key)
    assert (opened.subject, opened.login) == (bidder.subject, made.login_id)


async def test_of_many_answers_at_once_one_is_taken(network):
    bidder = await registered(network, 92)
    others = [Bidder(network, 93 + n) for n in range(4)]
    async with network[AT].operator_channel() as connection:
        stub = rpc.LoginServiceStub(connection)
        made = await stub.CreateLogin(pb.CreateLoginRequest(wants=pb.LOGIN_WANTS_COMPANY))
        challenge = open_login(made.payload, network.descriptor)
        answers = [answer(bidder, made.payload) for _ in range(4)] + [
            answer_with_certificate(challenge, [other.certificate.der], other.certificate.key)
            for other in others
        ]
        results = await asyncio.gather(
            *(bidder.at(AT, "answer_login", one) for one in answers), return_exceptions=True
        )
        session = (await stub.GetLogin(pb.GetLoginRequest(login_id=made.login_id))).session
    assert [type(result) for result in results if result] == [LoginRefusedError] * 7
    assert session.answer == answers[results.index(None)]


async def test_only_a_centres_own_systems_ask_for_logins(network):
    async with network["centre-a"].member_channel(network[AT]) as member:
        stub = rpc.LoginServiceStub(member)
        assert isinstance(await refusal(stub.CreateLogin(pb.CreateLoginRequest())), RoleMissingError)
    at_wallets = network[AT].member.moved_to(network[AT].member.wallet_endpoint, "")
    async with channel(at_wallets, None, None) as wallet:
        error = await refusal(rpc.LoginServiceStub(wallet).GetLogin(pb.GetLoginRequest(login_id="x")))
    assert error.reason in {"ROLE_MISSING", "PEER"}  # PEER: the listener does not even have the service


async def test_unknown_logins_end_a_watch_at_once(network):
    async with network[AT].operator_channel() as connection:
        stub = rpc.LoginServiceStub(connection)
        watching = stub.WatchLogin(pb.WatchLoginRequest(login_id=secrets.token_urlsafe(16)))
        assert isinstance(await refusal(anext(aiter(watching))), MissingError)


async def test_nonsense_is_refused_with_a_reason(network):
    bidder = Bidder(network, 99)
    for nonsense, reason in {
        "": "DOCUMENT_FORMAT",
        "a.b.c": "DOCUMENT_FORMAT",
        "x" * 30_000: "DOCUMENT_FORMAT",
        "x" * 300_000: "TOO_LARGE",
    }.items():
        with pytest.raises(NodeError) as refused:
            await bidder.at(AT, "answer_login", nonsense)
        assert refused.value.reason == reason


async def test_the_command_lines_of_centre_and_wallet(network, tmp_path, capsys):
    bidder = await registered(network, 98)
    folder, passphrase = tmp_path / "wallet", tmp_path / "passphrase"
    passphrase.write_text("correct horse")
    create_wallet(folder, network.alliance_file.read_bytes(), "centre-a", b"correct horse")
    (folder / "key.pem").unlink()
    bidder.key.save(folder / "key.pem", b"correct horse")
    (folder / DELEGATION_FILE).write_text(bidder.delegation())
    open_wallet(folder).remember_subject(bidder.subject)

    home = ["--home", str(network[AT].home)]
    assert await asyncio.to_thread(main, ["login", "create", *home, "--company", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)
    wallet = ["--wallet", str(folder), "--passphrase-file", str(passphrase)]
    assert await asyncio.to_thread(main, ["wallet", "login", *wallet, "--yes", made["payload"]]) == 0
    told = capsys.readouterr().out
    assert f"的成员 {AT} 请您登录" in told
    assert f"{AT} asks you to log in" in told
    assert "name and credit code" in told
    assert await asyncio.to_thread(main, ["login", "watch", *home, "--json", made["login"]]) == 0
    assert json.loads(capsys.readouterr().out)["credit_code"] == bidder.code
    assert await asyncio.to_thread(main, ["wallet", "login", *wallet, "--yes", made["payload"]]) == 1
    assert "LOGIN_REFUSED" in capsys.readouterr().err

    assert await asyncio.to_thread(main, ["login", "create", *home]) == 0
    shown = capsys.readouterr().out
    assert any(block in shown for block in "█▀▄")
    payload = next(line for line in shown.splitlines() if line.startswith("heqi:login/1/"))
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(bidder.certificate.certificate_pem)
    write_secret(key, bidder.certificate.key_pem)
    signer = ["--certificate", str(certificate), "--certificate-key", str(key)]
    assert await asyncio.to_thread(main, ["wallet", "login", *wallet, *signer, "--yes", payload]) == 0


async def test_a_wallet_does_not_answer_a_member_that_it_does_not_know(network, tmp_path, capsys):
    create_wallet(tmp_path / "w", network.alliance_file.read_bytes(), "centre-a", b"correct horse")
    alliance = network.descriptor.alliance
    payload = f"heqi:login/1/{alliance}/centre-z/{'A' * 22}/{2**33}/subject/login"
    assert await asyncio.to_thread(main, ["wallet", "login", "--wallet", str(tmp_path / "w"), payload]) == 1
    assert "LOGIN_REFUSED" in capsys.readouterr().err
    with WalletClient(network[AT].member) as client, pytest.raises(NodeError):
        await asyncio.to_thread(client.answer_login, payload)
