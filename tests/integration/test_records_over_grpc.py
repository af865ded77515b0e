"""Appending, proving and watching over real gRPC."""

import asyncio

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from heqi.v1 import event_service_pb2, record_pb2
from heqi.v1 import record_service_pb2 as pb

from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.case import read_case
from node.domain.system import SystemRole
from node.wire.status import from_rpc_error
from tests.support.network import Stubs, complete, until

pytestmark = pytest.mark.asyncio(loop_scope="module")


def record(thing: str, **fields: str) -> record_pb2.Record:
    named = [record_pb2.NamedValue(name=k, value=record_pb2.Value(text=v)) for k, v in fields.items()]
    return record_pb2.Record(category="trade.tender", thing=thing, source_system="test", fields=named)


def message(client: str, sequence: int, *records, final: bool = False) -> pb.AppendRecordsRequest:
    return pb.AppendRecordsRequest(client_id=client, sequence=sequence, records=records, await_final=final)


async def append(centre, *messages) -> list[pb.AppendRecordsResponse]:
    async with centre.operator_channel() as connection:
        return [answer async for answer in Stubs(connection).records.AppendRecords(iter(messages))]


async def reason_of(awaitable) -> str:
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await awaitable
    return from_rpc_error(refused.value, "node").reason


async def test_every_message_is_accepted_then_final(network):
    messages = [message("finals", n, record(f"t-{n}", title="道路"), final=True) for n in (1, 2, 3)]
    answers = await append(network["centre-a"], *messages)
    kinds = [(a.WhichOneof("outcome"), a.sequence) for a in answers]
    assert sorted(kinds) == sorted([(kind, n) for kind in ("accepted", "final") for n in (1, 2, 3)])
    for n in (1, 2, 3):
        assert kinds.index(("accepted", n)) < kinds.index(("final", n))


async def test_final_means_that_the_ledger_holds_an_anchor_over_it(network):
    a = network["centre-a"]
    answers = await append(a, message("anchored", 1, record("t"), record("u", title="x"), final=True))
    assert answers[-1].HasField("final")
    assert a.services.projection.anchored_size("centre-a") >= answers[-1].final.log_size > 0


async def test_a_repeated_message_is_answered_again_and_stored_once(network):
    a = network["centre-a"]
    first = await append(a, message("again", 1, record("t", title="x")))
    count = a.services.status.now().records
    second = await append(a, message("again", 1, record("t", title="x")))
    assert first[0].accepted == second[0].accepted
    assert a.services.status.now().records == count


async def test_a_gap_in_the_sequence_is_refused(network):
    assert await reason_of(append(network["centre-a"], message("gap", 2, record("t", a="b")))) == "SEQUENCE"


async def test_one_sequence_cannot_mean_two_messages(network):
    await append(network["centre-a"], message("twice", 1, record("t", title="x")))
    again = append(network["centre-a"], message("twice", 1, record("t", title="y")))
    assert await reason_of(again) == "SEQUENCE"


async def test_records_are_listed_page_by_page_to_operator_and_readers_alone(network):
    a = network["centre-a"]
    records = [record(f"l-{n}", title=f"道路 {n}") for n in range(5)]
    for one in records:
        one.project = "E3502001"
    await append(a, message("listed", 1, *records, final=True))
    request = pb.ListRecordsRequest(project="E3502001", with_fields=True, page_size=2)
    reader, writer = a.let_in("archive", SystemRole.READER), a.let_in("feeder", SystemRole.WRITER)
    async with a.system_channel(reader) as connection:
        pages = []
        while not pages or pages[-1].next_page_token:
            request.page_token = pages[-1].next_page_token if pages else ""
            pages.append(await Stubs(connection).records.ListRecords(request))
        listed = [one for page in pages for one in page.records]
        assert [one.thing for one in listed] == [f"l-{n}" for n in range(5)]
        assert all(one.final and one.project == "E3502001" and one.owner == a.name for one in listed)
        assert listed[4].fields_json == '{"title":"道路 4"}'
        since = pb.ListRecordsRequest(since=listed[0].captured, project="E3502001")
        assert len((await Stubs(connection).records.ListRecords(since)).records) == 5
        wrong = pb.ListRecordsRequest(since="2026-01-01")
        assert await reason_of(Stubs(connection).records.ListRecords(wrong)) == "CODE_FORMAT"
    async with a.operator_channel() as connection:
        request.page_token = pages[0].next_page_token  # a reader's
        assert await reason_of(Stubs(connection).records.ListRecords(request)) == "INVALID"
    async with a.system_channel(writer) as connection:
        refused = Stubs(connection).records.ListRecords(pb.ListRecordsRequest())
        assert await reason_of(refused) == "ROLE_MISSING"


async def test_a_bad_record_is_parked_and_the_rest_of_its_message_is_taken(network):
    a = network["centre-a"]
    floats = record("t")
    floats.fields.add(name="price", value=record_pb2.Value(decimal="1e5"))
    unknown = record("t", title="x")
    unknown.category = "trade.nothing"
    twice = record("t")
    for _ in range(2):
        twice.fields.add(name="title", value=record_pb2.Value(text="x"))
    rejected = pb.RejectedItem(reason="NOT_JSON", message="no", source="file", excerpt="{")
    request = message("parks", 1, floats, record("good", title="x"), unknown, twice)
    request.rejected_items.append(rejected)
    answers = await append(a, request)
    assert (answers[0].accepted.record_count, answers[0].accepted.parked_count) == (1, 4)
    async with a.operator_channel() as connection:
        page = await Stubs(connection).records.ListParkedRecords(pb.ListParkedRecordsRequest(page_size=1000))
    reasons = [row.reason for row in page.parked_records if row.client_id == "parks"]
    assert reasons == ["RECORD_FORMAT", "RECORD_FORMAT", "RECORD_FORMAT", "NOT_JSON"]


async def test_parked_items_come_in_pages(network):
    a = network["centre-a"]
    bad = [record(f"t{n}") for n in range(5)]
    await append(a, message("pages", 1, *bad))
    seen, token = [], ""
    async with a.operator_channel() as connection:
        while True:
            request = pb.ListParkedRecordsRequest(page_size=2, page_token=token)
            page = await Stubs(connection).records.ListParkedRecords(request)
            assert len(page.parked_records) <= 2
            seen += [row.number for row in page.parked_records]
            token = page.next_page_token
            if not token:
                break
    assert seen == sorted(set(seen))
    assert len(seen) >= 5


async def test_a_foreign_page_token_is_refused(network):
    async with network["centre-a"].operator_channel() as connection:
        call = Stubs(connection).records.ListParkedRecords(pb.ListParkedRecordsRequest(page_token="; drop"))
        assert await reason_of(call) == "INVALID"


async def test_a_malformed_client_id_is_refused(network):
    bad = append(network["centre-a"], message("no spaces please", 1, record("t", title="x")))
    assert await reason_of(bad) == "INVALID"


async def test_the_last_sequence_is_told_after_a_break(network):
    a = network["centre-a"]
    await append(a, message("breaks", 1, record("t", a="b")), message("breaks", 2, record("t", a="c")))
    async with a.operator_channel() as connection:
        stub = Stubs(connection).records
        assert (await stub.GetLastSequence(pb.GetLastSequenceRequest(client_id="breaks"))).sequence == 2
        assert (await stub.GetLastSequence(pb.GetLastSequenceRequest(client_id="nobody"))).sequence == 0


async def test_a_record_is_proven_to_anybody_with_the_descriptor(network):
    a = network["centre-a"]
    answers = await append(a, message("proven", 1, record("p", title="桥", description="7"), final=True))
    position = answers[0].accepted.first_position
    async with a.operator_channel() as connection:
        request = pb.ProveRecordRequest(position=position, fields=["title"])
        bundle = (await complete(lambda: Stubs(connection).records.ProveRecord(request))).bundle
    verified = verify_bundle(parse_bundle(bundle), Verifier(network.descriptor))
    assert [dict(r.fields) for r in verified.evidence.records] == [{"title": "桥"}]
    assert not any(step.is_gap for step in verified.steps)


async def test_a_case_holds_many_records_under_one_signed_list(network):
    a = network["centre-a"]
    records = [record(f"case-{number}", title=str(number)) for number in range(3)]
    answers = await append(a, message("case", 1, *records, final=True))
    first = answers[0].accepted.first_position
    items = [pb.CaseItem(position=first + number) for number in (2, 0, 1)]
    request = pb.ProveCaseRequest(title="（2026）试1号", items=items)

    async def fetch() -> bytes:
        return b"".join([part.chunk async for part in Stubs(connection).records.ProveCase(request)])

    async with a.operator_channel() as connection:
        raw = await complete(fetch)
        nothing = pb.ProveCaseRequest(title="t")
        assert await reason_of(anext(aiter(Stubs(connection).records.ProveCase(nothing)))) == "PROOF_FORMAT"
        gone = pb.ProveCaseRequest(title="t", items=[pb.CaseItem(position=10**6)])
        assert await reason_of(anext(aiter(Stubs(connection).records.ProveCase(gone)))) == "NOT_FOUND"
    case = read_case(raw.splitlines(keepends=True), Verifier(network.descriptor))
    shown = [one.evidence.records[0].fields["title"] for one in case.bundles]
    assert (case.about.title, case.about.iss, shown) == ("（2026）试1号", "centre-a", ["2", "0", "1"])


async def test_a_field_that_the_record_does_not_have_cannot_be_shown(network):
    answers = await append(network["centre-a"], message("fieldless", 1, record("p", title="x"), final=True))
    async with network["centre-a"].operator_channel() as connection:
        request = pb.ProveRecordRequest(position=answers[0].accepted.first_position, fields=["price"])
        assert await reason_of(Stubs(connection).records.ProveRecord(request)) == "NOT_FOUND"


async def test_watch_tells_what_was_and_what_comes(network):
    a = network["centre-a"]
    async with a.operator_channel() as connection:
        stream = Stubs(connection).events.Watch(event_service_pb2.WatchRequest(first=0))
        seen = []

        async def collect() -> None:
            async for event in stream:
                seen.append(event)

        watching = asyncio.create_task(collect())
        await append(a, message("watched", 1, record("w", title="x"), final=True))

        def is_told() -> bool:
            return any(e.kind == "record.accepted" and e.about["client"] == "watched" for e in seen)

        await until(is_told)
        watching.cancel()
    assert [event.number for event in seen] == list(range(len(seen)))
    assert {"member.admitted", "record.final"} <= {event.kind for event in seen}


async def test_health_and_reflection_answer(network):
    async with network["centre-a"].operator_channel() as connection:
        health = health_pb2_grpc.HealthStub(connection)
        answer = await health.Check(health_pb2.HealthCheckRequest(service="heqi.v1.RecordService"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(connection)
        requests = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        async for response in reflection.ServerReflectionInfo(requests):
            names = {service.name for service in response.list_services_response.service}
    assert {"heqi.v1.RecordService", "heqi.v1.ExchangeService", "grpc.health.v1.Health"} <= names


async def test_an_oversized_message_is_refused_and_the_node_goes_on(network):
    a = network["centre-a"]
    huge = message("huge", 1, *[record(f"t{n}", text="x" * 60_000) for n in range(300)])
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await append(a, huge)
    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    answers = await append(a, message("huge", 1, record("t", title="small")))
    assert answers[0].accepted.record_count == 1
