"""The centre's own systems over real TLS: who is let in, for what, and how fast it is out again."""

import asyncio
import time
from dataclasses import replace

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from grpc_health.v1 import health_pb2, health_pb2_grpc
from heqi.v1 import alliance_service_pb2, event_service_pb2, exchange_service_pb2, record_pb2
from heqi.v1 import record_service_pb2 as records_pb
from heqi.v1 import system_service_pb2 as pb
from msgspec import msgpack, structs

from adapters.crypto.leaves import issue_leaf, new_request
from node.api.authority import PARTY_OF_ROLE, RULES, Party
from node.domain.bundle import parse_bundle
from node.domain.bundle_check import Verifier, verify_bundle
from node.domain.member import Standing
from node.domain.system import SystemRole
from node.services import layout
from node.services.feed import FeedEntry
from node.services.projection import MemberRow
from node.services.transaction import Transaction
from node.wire.status import from_rpc_error
from tests.support.network import Pass, Stubs, channel, complete, until

pytestmark = pytest.mark.asyncio(loop_scope="module")

STATUS = alliance_service_pb2.GetNodeStatusRequest()
WATCH = event_service_pb2.WatchRequest()
STREAMS = {
    "/heqi.v1.RecordService/AppendRecords": "stream_stream",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "stream_stream",
    "/heqi.v1.EventService/Watch": "unary_stream",
    "/grpc.health.v1.Health/Watch": "unary_stream",
}


async def reason(awaitable) -> str:
    """Why it was refused; "" if it was answered."""
    try:
        await awaitable
    except grpc.aio.AioRpcError as error:
        return from_rpc_error(error, "node").reason
    return ""


async def ended(stream) -> str:
    """Why a stream ended."""

    async def drain() -> None:
        while await stream.read() is not grpc.aio.EOF:
            pass

    return await asyncio.wait_for(reason(drain()), 10)


async def knock(connection, method: str) -> str:
    """Why an empty request to a method is refused; "" if the caller got past the door and was answered."""
    shape = STREAMS.get(method, "unary_unary")
    if shape == "stream_stream":
        return await ended(connection.stream_stream(method)(iter(()), timeout=10))
    if shape == "unary_stream":
        stream = connection.unary_stream(method)(b"", timeout=10)
        found = await reason(stream.read())
        stream.cancel()
        return found
    return await reason(connection.unary_unary(method)(b"", timeout=10))


def record(thing: str) -> record_pb2.Record:
    field = record_pb2.NamedValue(name="title", value=record_pb2.Value(text="x"))
    return record_pb2.Record(category="trade.tender", thing=thing, source_system="test", fields=[field])


@pytest.mark.parametrize("role", SystemRole)
async def test_a_role_opens_just_the_methods_of_the_table(network, role):
    a = network["centre-a"]
    held, party = a.let_in(f"all-{role.value}", role), PARTY_OF_ROLE[role.value]
    async with a.system_channel(held) as connection:
        for method, rule in RULES.items():
            if rule.who == Party.WALLET:
                continue  # on another listener
            is_refused = await knock(connection, method) == "ROLE_MISSING"
            assert is_refused == (party not in rule.who), method


async def test_a_member_reaches_just_what_is_for_members(network):
    async with network["centre-b"].member_channel(network["centre-a"]) as connection:
        for method, rule in RULES.items():
            if rule.who != Party.WALLET:
                is_refused = await knock(connection, method) == "ROLE_MISSING"
                assert is_refused == (Party.MEMBER not in rule.who), method


async def test_a_stolen_certificate_is_worth_nothing_after_its_revocation(network):
    a = network["centre-a"]
    held = a.let_in("stolen", SystemRole.OPERATOR)
    async with a.system_channel(held) as thief, a.operator_channel() as operator:
        assert await reason(Stubs(thief).alliance.GetNodeStatus(STATUS)) == ""
        revoke = pb.RevokeCertificateRequest(wanted="stolen", reason="key lost")
        await Stubs(operator).systems.RevokeCertificate(revoke)
        assert await reason(Stubs(thief).alliance.GetNodeStatus(STATUS)) == "ACCESS_REVOKED"
        again = pb.IssueCertificateRequest(
            signing_request=new_request()[1], name="stolen", role=pb.SYSTEM_ROLE_OPERATOR
        )
        assert await reason(Stubs(thief).systems.IssueCertificate(again)) == "ACCESS_REVOKED"
    async with a.system_channel(held) as new_connection:
        assert await reason(Stubs(new_connection).alliance.GetNodeStatus(STATUS)) == "ACCESS_REVOKED"


async def test_streams_that_are_open_end_with_the_revocation(network):
    a = network["centre-a"]
    held, first = (
        a.let_in("streams", SystemRole.OPERATOR),
        records_pb.AppendRecordsRequest(client_id="streams", sequence=1, records=[record("s1")]),
    )
    async with a.system_channel(held) as connection:
        watch, append = Stubs(connection).events.Watch(WATCH), Stubs(connection).records.AppendRecords()
        await watch.read()
        await append.write(first)
        assert (await append.read()).sequence == 1
        a.services.systems.revoke(held.serial, "")
        assert await ended(watch) == "ACCESS_REVOKED"
        assert await ended(append) == "ACCESS_REVOKED"
        assert await ended(Stubs(connection).records.AppendRecords(iter([first]))) == "ACCESS_REVOKED"


async def test_a_stream_that_waits_for_its_reader_ends_too(network):
    """The node has more to say than the client has room for; its task does not stand where it could be told."""
    a = network["centre-a"]
    held = a.let_in("blocked", SystemRole.READER)
    transaction = Transaction(a.services.projection._store)
    for _ in range(3_000):
        about = {"x": "y" * 100}
        a.services.feed.add(transaction, FeedEntry("test", 0.0, about))
    transaction.commit()
    async with a.system_channel(held) as connection:
        watch = Stubs(connection).events.Watch(WATCH)
        await watch.read()
        await asyncio.sleep(0.2)
        a.services.systems.revoke(held.serial, "")
        assert await ended(watch) == "ACCESS_REVOKED"
    assert not a.node._streams._open


async def test_the_streams_of_others_go_on(network):
    a = network["centre-a"]
    out, stays = a.let_in("out", SystemRole.READER), a.let_in("stays", SystemRole.READER)
    async with a.system_channel(out) as first, a.system_channel(stays) as second:
        leaving, staying = Stubs(first).events.Watch(WATCH), Stubs(second).events.Watch(WATCH)
        await leaving.read()
        await staying.read()
        a.services.systems.revoke("out", "")
        assert await ended(leaving) == "ACCESS_REVOKED"
        assert (await staying.read()).kind


async def test_a_certificate_that_the_register_does_not_know_opens_nothing(network):
    """Issued with the right key, by somebody who has a copy of it or an old backup."""
    a = network["centre-a"]
    leaf = issue_leaf("centre-a", a.keys.identity.key, time.time(), role="operator")
    async with a.system_channel(Pass(leaf.key_pem, leaf.certificate_pem, "")) as connection:
        assert await reason(Stubs(connection).alliance.GetNodeStatus(STATUS)) == "UNKNOWN_CALLER"


async def test_a_system_of_one_centre_is_nobody_at_another(network):
    held = network["centre-b"].let_in("trading", SystemRole.OPERATOR)
    async with channel(network["centre-a"].member, held.key_pem, held.certificate_pem) as connection:
        assert await reason(Stubs(connection).alliance.GetNodeStatus(STATUS)) == "UNKNOWN_CALLER"


async def test_a_right_certificate_is_not_shown_to_a_server_with_the_wrong_key(network):
    a, b = network["centre-a"], network["centre-b"]
    held = a.let_in("careful", SystemRole.OPERATOR)
    elsewhere = a.member.moved_to(b.member.endpoint, "")
    async with channel(elsewhere, held.key_pem, held.certificate_pem) as connection:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await Stubs(connection).alliance.GetNodeStatus(STATUS, timeout=5)
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_a_connection_and_its_streams_end_with_the_certificates_time(network):
    systems = network["centre-a"].services.systems
    key_pem, request = new_request()
    now = time.time()
    issued = systems._certifier.certify(request, "brief", "reader", now, int(now) + 3)
    systems._register(issued, "brief", SystemRole.READER, now)
    async with network["centre-a"].system_channel(Pass(key_pem, issued.pem, issued.serial)) as connection:
        watch = Stubs(connection).events.Watch(WATCH)
        await watch.read()
        assert await ended(watch) == "UNKNOWN_CALLER"
        assert await reason(Stubs(connection).alliance.GetNodeStatus(STATUS)) == "UNKNOWN_CALLER"


async def test_a_members_open_stream_ends_when_another_key_is_pinned(network):
    a, b = network["centre-a"], network["centre-b"]
    key = layout.LEDGER_MEMBER + b"centre-b"
    row = msgpack.decode(a.services.projection._store.get(key), type=MemberRow)
    other = ec.generate_private_key(ec.SECP256R1()).public_key().public_numbers()
    changed = other.x.to_bytes(32, "big") + other.y.to_bytes(32, "big")
    async with b.member_channel(a) as connection:
        stream = health_pb2_grpc.HealthStub(connection).Watch(health_pb2.HealthCheckRequest())
        await stream.read()
        try:
            pin(a, key, structs.replace(row, member=replace(row.member, identity_key=changed)))
            assert await ended(stream) == "UNKNOWN_CALLER"
            collect = exchange_service_pb2.CollectGrantRequest(access_request="x")
            assert await reason(Stubs(connection).exchange.CollectGrant(collect)) == "UNKNOWN_CALLER"
        finally:
            pin(a, key, row)


async def test_a_members_open_stream_ends_when_it_is_suspended(network):
    a, c = network["centre-a"], network["centre-c"]
    key = layout.LEDGER_MEMBER + b"centre-c"
    row = msgpack.decode(a.services.projection._store.get(key), type=MemberRow)
    async with c.member_channel(a) as connection:
        stream = health_pb2_grpc.HealthStub(connection).Watch(health_pb2.HealthCheckRequest())
        await stream.read()
        try:
            a.services.projection.first_sight.suspended.add("centre-c")
            pin(a, key, structs.replace(row, standing=Standing.SUSPENDED))
            assert await ended(stream) == "UNKNOWN_CALLER"
        finally:
            a.services.projection.first_sight.suspended.discard("centre-c")
            pin(a, key, row)


def pin(centre, key: bytes, row: MemberRow) -> None:
    """What the follower writes when a block says so."""
    transaction = Transaction(centre.services.projection._store)
    transaction.put(key, msgpack.encode(row))
    transaction.commit()


async def test_an_operator_who_shuts_itself_out_finds_a_new_certificate_in_the_nodes_folder(network):
    b = network["centre-b"]
    async with b.operator_channel() as connection:
        await Stubs(connection).systems.RevokeCertificate(pb.RevokeCertificateRequest(wanted="operator"))
        assert await reason(Stubs(connection).alliance.GetNodeStatus(STATUS)) == "ACCESS_REVOKED"
    await until(lambda: sum(one.row.name == "operator" for one in b.services.systems.all()) == 2)
    async with b.operator_channel() as connection:
        assert await reason(Stubs(connection).alliance.GetNodeStatus(STATUS)) == ""


async def test_a_supervisor_sees_and_proves_who_did_what(network):
    a = network["centre-a"]
    key_pem, request = new_request()
    async with a.operator_channel() as connection:
        issue = pb.IssueCertificateRequest(
            signing_request=request, name="inspector", role=pb.SYSTEM_ROLE_SUPERVISOR, days=1
        )
        issued = await Stubs(connection).systems.IssueCertificate(issue)
    async with a.system_channel(Pass(key_pem, issued.certificate, issued.serial)) as connection:
        systems = Stubs(connection).systems
        listed = await systems.ListActs(pb.ListActsRequest(page_size=1))
        [act] = listed.acts
        assert (act.actor, act.act, act.about["system"]) == ("operator", "access.issued", "inspector")
        older = await systems.ListActs(pb.ListActsRequest(page_size=1, page_token=listed.next_page_token))
        assert older.acts[0].number == act.number - 1
        while not (await systems.ListActs(pb.ListActsRequest(page_size=1))).acts[0].is_final:
            await asyncio.sleep(0.05)
        wanted = pb.ProveActRequest(number=act.number)
        bundle = (await complete(lambda: systems.ProveAct(wanted))).bundle
        assert await reason(systems.ListActs(pb.ListActsRequest(page_token="x"))) == "INVALID"
        assert await reason(systems.ProveAct(pb.ProveActRequest(number=10**6))) == "NOT_FOUND"
    [shown] = verify_bundle(parse_bundle(bundle), Verifier(network.descriptor)).evidence.records
    assert shown.header.category == "node.act"
    assert (shown.fields["actor"], shown.fields["serial"]) == ("operator", issued.serial)
