"""Callers that send what no client of ours would: refused with a reason, and the next caller is served."""

import grpc
import pytest
from heqi.v1 import record_pb2
from heqi.v1 import record_service_pb2 as pb

from node.wire.status import from_rpc_error
from tests.support.network import Stubs

pytestmark = pytest.mark.asyncio(loop_scope="module")

MALFORMED = [b"\xff\xff\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe"]
"""No field, a field cut off, a text that is not UTF-8."""


async def reason_of(awaitable) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await awaitable
    return refused.value.code(), from_rpc_error(refused.value, "node").reason


async def drained(stream) -> None:
    async for _ in stream:
        pass


async def append(centre, *requests) -> list[pb.AppendRecordsResponse]:
    async with centre.operator_channel() as connection:
        return [answer async for answer in Stubs(connection).records.AppendRecords(iter(requests))]


def record(thing: str, text: str = "x", category: str = "trade.tender") -> record_pb2.Record:
    field = record_pb2.NamedValue(name="title", value=record_pb2.Value(text=text))
    return record_pb2.Record(category=category, thing=thing, source_system="test", fields=[field])


@pytest.mark.parametrize("raw", MALFORMED)
async def test_bytes_that_are_no_message(network, raw, caplog):
    a = network["centre-a"]
    async with a.operator_channel() as connection:
        one = connection.unary_unary("/heqi.v1.RecordService/GetLastSequence")
        many = connection.stream_stream("/heqi.v1.RecordService/AppendRecords")
        watch = connection.unary_stream("/heqi.v1.EventService/Watch")
        expected = (grpc.StatusCode.INVALID_ARGUMENT, "INVALID")
        assert await reason_of(one(raw, timeout=5)) == expected
        assert await reason_of(drained(many(iter([raw]), timeout=5))) == expected
        assert await reason_of(drained(watch(b"\xff\xff", timeout=5))) == expected
    assert "Traceback" not in caplog.text
    assert not [entry for entry in caplog.records if entry.levelname == "ERROR"]


async def test_a_stranger_is_told_nothing_about_its_bytes(network):
    """Who calls is asked before what is said is looked at."""
    async with network["centre-b"].member_channel(network["centre-a"]) as connection:
        one = connection.unary_unary("/heqi.v1.RecordService/GetLastSequence")
        assert (await reason_of(one(MALFORMED[0], timeout=5)))[1] == "ROLE_MISSING"


async def test_a_message_behind_a_good_one_does_not_undo_it(network):
    a = network["centre-a"]
    good = pb.AppendRecordsRequest(client_id="half", sequence=1, records=[record("t")]).SerializeToString()
    async with a.operator_channel() as connection:
        stream = connection.stream_stream("/heqi.v1.RecordService/AppendRecords")(iter([good, b"\xff\xff"]))
        assert (await reason_of(drained(stream)))[1] == "INVALID"
        stub = Stubs(connection).records
        assert (await stub.GetLastSequence(pb.GetLastSequenceRequest(client_id="half"))).sequence == 1


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (record("t", category="trade.nothing"), "trade.nothing"),
        (record("t", text="x" * (64 * 1024 + 1)), "title"),
        (record("t" * 201), "thing"),
        (record("t\u202e"), "thing"),
    ],
    ids=["unknown category", "over-long field", "over-long name", "unprintable name"],
)
async def test_a_record_that_cannot_be_used_is_parked_with_its_reason(network, bad, says, request):
    a, client = network["centre-a"], f"parks-{abs(hash(request.node.name)) % 10**8}"
    message = pb.AppendRecordsRequest(client_id=client, sequence=1, records=[record("good"), bad])
    (answer,) = await append(a, message)
    assert (answer.accepted.record_count, answer.accepted.parked_count) == (1, 1)
    async with a.operator_channel() as connection:
        page = await Stubs(connection).records.ListParkedRecords(pb.ListParkedRecordsRequest(page_size=1000))
    (row,) = [row for row in page.parked_records if row.client_id == client]
    assert (row.reason, row.place) == ("RECORD_FORMAT", 1)
    assert says in row.message


async def test_more_records_in_a_message_than_are_allowed(network):
    message = pb.AppendRecordsRequest(client_id="many", sequence=1, records=[record("t")] * 5_001)
    assert (await reason_of(append(network["centre-a"], message)))[1] == "RECORD_FORMAT"


async def test_an_oversized_message_on_each_listener(network):
    a = network["centre-a"]
    async with a.operator_channel() as connection:
        one = connection.unary_unary("/heqi.v1.RecordService/GetLastSequence")
        code, _ = await reason_of(one(bytes((16 << 20) + 1), timeout=10))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        stub = Stubs(connection).records
        assert (await stub.GetLastSequence(pb.GetLastSequenceRequest(client_id="x"))).sequence == 0
