"""Signatures on files checked over real gRPC and on the command line, by the alliance's authorities."""

import asyncio
import json

import pytest
from heqi.v1 import signature_service_pb2 as pb
from heqi.v1 import signature_service_pb2_grpc as rpc

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from node.cli.main import main
from node.errors import InvalidError, NodeError, RoleMissingError
from node.wire.status import from_rpc_error
from tests.support.signed_files import CONTENT, blank_pdf, cms, jws, sign_pdf
from tests.vectors import authority
from tests.vectors.authority import Issued

pytestmark = pytest.mark.asyncio(loop_scope="module")


def company(network, number: int, root=None) -> Issued:
    made = trial_ca.issue(root or network.root, f"虚构公司{number}", credit_code(number))
    return Issued(made.certificate, made.key)


def messages(raw: bytes, **question):
    yield pb.VerifySignatureRequest(question=pb.SignatureQuestion(**question))
    for at in range(0, len(raw), 4096):
        yield pb.VerifySignatureRequest(content=raw[at : at + 4096])


async def verify(network, raw: bytes, **question) -> pb.VerifySignatureResponse:
    async with network["centre-a"].operator_channel() as connection:
        return await rpc.SignatureServiceStub(connection).VerifySignature(messages(raw, **question))


async def refusal(call) -> NodeError:
    with pytest.raises(Exception) as error:
        await call
    return from_rpc_error(error.value, "node")


async def test_a_signed_bid_names_its_company(network):
    answer = await verify(network, sign_pdf(company(network, 61)))
    assert answer.all_valid
    (found,) = answer.signatures
    assert (found.valid, found.problem, found.credit_code) == (True, "none", credit_code(61))
    assert (found.organisation, found.name, found.covers_whole) == ("虚构公司61", "Bid", True)
    assert (found.digest, found.mechanism, found.key, found.key_bits) == ("sha256", "ecdsa", "secp256r1", 256)
    assert found.claimed_time
    assert not found.stamped_time


async def test_detached_signatures_in_cms_and_jws(network):
    signer = company(network, 62)
    for signature in (cms(signer, detached=True), jws(signer, detached=True)):
        assert (await verify(network, CONTENT, signature=signature)).all_valid
        answer = await verify(network, CONTENT + b"0", signature=signature)
        assert not answer.all_valid
        assert answer.signatures[0].problem in {"altered", "false-signature"}
        assert not answer.signatures[0].credit_code


async def test_a_certificate_of_nobodys_authority_does_not_count(network):
    answer = await verify(network, cms(company(network, 63, trial_ca.make_root())))
    assert [found.problem for found in answer.signatures] == ["certificate"]
    assert answer.signatures[0].subject  # told, so that people can see whose it claims to be


async def test_certificates_are_judged_as_of_the_moment_asked_for(network):
    signed = cms(company(network, 64))
    answer = await verify(network, signed, at_time="2020-01-01T00:00:00Z")
    assert [found.problem for found in answer.signatures] == ["certificate"]
    for wrong in ("2999-01-01T00:00:00Z", "2026-01-01T00:00:00", "tomorrow"):
        assert isinstance(await refusal(verify(network, signed, at_time=wrong)), InvalidError)


async def test_an_unsigned_file_is_not_valid(network):
    answer = await verify(network, blank_pdf())
    assert not answer.signatures
    assert not answer.all_valid


async def test_nonsense_is_refused_with_a_reason(network):
    assert (await refusal(verify(network, b"nonsense"))).reason == "INVALID"
    assert (await refusal(verify(network, b"", format=9))).reason == "INVALID"
    assert (await refusal(verify(network, CONTENT, signature=bytes((1 << 20) + 1)))).reason == "INVALID"
    async with network["centre-a"].operator_channel() as connection:
        stub = rpc.SignatureServiceStub(connection)
        assert (await refusal(stub.VerifySignature(iter(())))).reason == "INVALID"
        twice = [*messages(b"x"), *messages(b"x")]
        assert (await refusal(stub.VerifySignature(iter(twice)))).reason == "INVALID"


async def test_only_a_centres_own_systems_have_files_checked(network):
    async with network["centre-b"].member_channel(network["centre-a"]) as connection:
        stub = rpc.SignatureServiceStub(connection)
        assert isinstance(await refusal(stub.VerifySignature(messages(b"x"))), RoleMissingError)


async def test_the_command_line_checks_without_a_node(network, tmp_path, capsys):
    alliance = ["--alliance", str(network.alliance_file)]
    signer, file, signature = company(network, 65), tmp_path / "bid.zip", tmp_path / "bid.p7s"
    file.write_bytes(CONTENT)
    signature.write_bytes(cms(signer, detached=True))
    command = ["verify-signature", str(file), "--signature", str(signature), *alliance]
    assert await asyncio.to_thread(main, [*command, "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["valid"], told["credit_code"]) == (True, credit_code(65))
    file.write_bytes(CONTENT + b"0")
    assert await asyncio.to_thread(main, command) == 1
    shown = capsys.readouterr().out
    assert "内容被改动" in shown
    assert credit_code(65) not in shown.replace(told["subject"], "")
    file.write_bytes(blank_pdf())
    assert await asyncio.to_thread(main, ["verify-signature", str(file), *alliance]) == 1
    assert "没有签名" in capsys.readouterr().out
    assert await asyncio.to_thread(main, [*command, "--at", "yesterday"]) == 2
    assert await asyncio.to_thread(main, ["verify-signature", str(tmp_path / "none"), *alliance]) == 2


async def test_who_signed_a_pdf_under_anothers_authority_is_not_named(network):
    (found,) = (await verify(network, sign_pdf(authority.bidder()))).signatures
    assert (found.problem, found.credit_code, found.organisation) == ("certificate", "", "")
