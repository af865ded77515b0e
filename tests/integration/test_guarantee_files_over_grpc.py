"""Files of banks without a node over real gRPC: taken in parts, listed page by page, refused by reason."""

import pytest
from heqi.v1 import guarantee_file_service_pb2 as pb
from heqi.v1 import guarantee_file_service_pb2_grpc as rpc
from heqi.v1 import guarantee_service_pb2

from adapters.crypto import trial_ca
from adapters.systems.sample import credit_code
from node.errors import CodeFormatError, InvalidError, NodeError
from node.wire.status import from_rpc_error
from tests.support.signed_files import sign_pdf
from tests.vectors.authority import Issued

pytestmark = pytest.mark.asyncio(loop_scope="module")

BANK, BIDDER = credit_code(71), credit_code(72)


def signed(network) -> bytes:
    made = trial_ca.issue(network.root, "虚构银行股份有限公司", BANK)
    return sign_pdf(Issued(made.certificate, made.key))


def messages(raw: bytes, **changes: str):
    said = {"number": "2026-77", "guarantor_code": BANK, "section": "S-1", "bearer_code": BIDDER, **changes}
    yield pb.TakeGuaranteeFileRequest(presentation=pb.GuaranteePresentation(**said))
    for at in range(0, len(raw), 4096):
        yield pb.TakeGuaranteeFileRequest(content=raw[at : at + 4096])


async def refused(call) -> NodeError:
    with pytest.raises(Exception) as error:
        await call
    return from_rpc_error(error.value, "node")


async def test_a_banks_file_is_taken_in_parts_and_its_second_section_is_named(network):
    raw = signed(network)
    async with network["centre-a"].operator_channel() as connection:
        node = rpc.GuaranteeFileServiceStub(connection)
        first = await node.TakeGuaranteeFile(messages(raw))
        assert (first.taken.valid, first.taken.organisation) == (True, "虚构银行股份有限公司")
        assert list(first.other_sections) == []
        second = await node.TakeGuaranteeFile(messages(raw, section="S-2"))
        assert list(second.other_sections) == ["S-1"]
        page = await node.ListTakenGuaranteeFiles(pb.ListTakenGuaranteeFilesRequest(page_size=1))
        assert [row.presentation.section for row in page.taken] == ["S-1"]
        rest = pb.ListTakenGuaranteeFilesRequest(page_token=page.next_page_token)
        assert [row.sha256 for row in (await node.ListTakenGuaranteeFiles(rest)).taken] == [
            first.taken.sha256
        ]


async def test_what_cannot_be_taken_is_refused_by_its_reason(network):
    async with network["centre-a"].operator_channel() as connection:
        node = rpc.GuaranteeFileServiceStub(connection)
        silent = iter([pb.TakeGuaranteeFileRequest(content=b"%PDF-1.7")])
        for request, kind in (
            (iter(()), InvalidError),
            (silent, InvalidError),
            (messages(b"no PDF"), InvalidError),
            (messages(signed(network), number=""), InvalidError),
            (messages(signed(network), bearer_code="1"), CodeFormatError),
        ):
            assert isinstance(await refused(node.TakeGuaranteeFile(request)), kind)


async def test_a_pdf_that_is_no_members_file_is_false(network):
    async with network["centre-a"].operator_channel() as connection:
        node = rpc.GuaranteeFileServiceStub(connection)
        answer = await node.CheckGuaranteeFile(pb.CheckGuaranteeFileRequest(file=signed(network)))
    assert answer.checked.verdict == guarantee_service_pb2.CheckGuaranteeResponse.VERDICT_FALSE
    assert not answer.HasField("seal")
