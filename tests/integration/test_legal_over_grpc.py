"""Reads on a legal basis over real gRPC: officers with certificates and keys of their own, through `heqi legal`."""

import asyncio
import json

import grpc
import pytest
import pytest_asyncio
from heqi.v1 import legal_service_pb2 as pb
from heqi.v1 import record_service_pb2 as record_pb

from node.cli.main import main
from node.domain.bundle import parse_bundle
from node.domain.document import peek_document
from node.domain.legal_read import LegalRequest
from node.domain.system import SystemRole
from node.wire.status import from_rpc_error
from tests.support.network import Stubs
from tests.support.network_bidder import FIELDS, Bidder, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")


def officer(centre, folder, name):
    """What `heqi access issue --role officer` leaves in a folder."""
    held = centre.let_in(name, SystemRole.OFFICER)
    folder.mkdir()
    (folder / "key.pem").write_bytes(held.key_pem)
    (folder / "cert.pem").write_bytes(held.certificate_pem)
    (folder / "card.jwt").write_bytes((centre.home / "card.jwt").read_bytes())
    return held


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def bidder(network):
    found = Bidder(network, 61)
    await found.register()
    await settled(found)
    return found


async def reason_of(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return from_rpc_error(refused.value, "node").reason


async def heqi(capsys, *arguments):
    code = await asyncio.to_thread(main, ["legal", *map(str, arguments), "--json"])
    told = capsys.readouterr()
    assert code == 0, told.err
    return json.loads(told.out)


async def test_two_officers_read_on_an_order_and_the_owner_sees_it(network, bidder, tmp_path, capsys):
    b = network["centre-b"]
    first, second = tmp_path / "zhang", tmp_path / "li"
    officer(b, first, "officer-zhang")
    held = officer(b, second, "officer-li")
    order = tmp_path / "order.pdf"
    order.write_bytes(b"an order")
    asked = await heqi(
        capsys, "request", "--as", first, "--second", "officer-li", "--from", "centre-a",
        "--credit-code", bidder.code, "--basis", "court", "--authority", "示例市中级人民法院", "--order", order,
        "--case", "（2026）示01民初1号", "--purpose", "litigation",
        "--want", "subject.base:credit_code,legal_name",
    )  # fmt: skip
    [listed] = await heqi(capsys, "list", "--as", second)
    assert listed["officers"] == "officer-zhang, officer-li"
    assert listed["state"] == "待复核 one signature"
    await heqi(capsys, "countersign", "--as", second, asked["request"], "--yes")
    out = tmp_path / "bundle.json"
    fetched = await heqi(capsys, "fetch", "--as", first, asked["request"], "--bundle", out, "--incomplete")
    assert parse_bundle(out.read_bytes()).legal is not None
    assert fetched["records"][0]["fields"] == {"credit_code": bidder.code, "legal_name": FIELDS["legal_name"]}
    seen = (await bidder.at("centre-a", "reads", bidder.scribe.history("centre-a"))).legal_reads
    assert [peek_document(one.legal_request, LegalRequest).case for one in seen] == ["（2026）示01民初1号"]
    assert seen[0].receipt
    async with b.system_channel(held) as connection:
        replay = pb.SubmitLegalRequestRequest(legal_request=seen[0].legal_request)
        assert await reason_of(Stubs(connection).legal.SubmitLegalRequest(replay)) == "LEGAL_BASIS"


async def test_the_operator_signs_for_no_officer(network):
    b = network["centre-b"]
    async with b.operator_channel() as connection:
        call = Stubs(connection).legal.ListLegalRequests(pb.ListLegalRequestsRequest())
        assert await reason_of(call) == "ROLE_MISSING"


async def test_the_centres_own_systems_prove_no_subjects_record(network, bidder):
    a = network["centre-a"]
    position = next(a.services.records.all_of(bidder.subject))
    async with a.operator_channel() as connection:
        call = Stubs(connection).records.ProveRecord(record_pb.ProveRecordRequest(position=position))
        assert await reason_of(call) == "LEGAL_BASIS"
