"""The main job over real gRPC: register, request, grant, read, relay, revoke."""

import asyncio
import json
import time

import grpc
import pytest
from heqi.v1 import access_service_pb2 as pb

from node.domain.document import peek_document
from node.domain.grant import AccessRequest
from node.domain.reading import ReadRequest
from node.errors import DuplicateError, GrantMissingError, GrantRevokedError, NodeError
from node.wallet.keyfile import new_wallet_key
from node.wire.status import from_rpc_error
from tests.support.network import Stubs, until
from tests.support.network_bidder import FIELDS, Bidder, settled

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(network, bidder, reader="centre-b", fields=("legal_name",), uses=1) -> str:
    async with network[reader].operator_channel() as connection:
        request = pb.RequestAccessRequest(
            subject_id=bidder.subject,
            home="centre-a",
            scopes=[pb.Scope(category="subject.base", fields=fields)],
            purpose="qualification-review",
            uses=uses,
        )
        return (await Stubs(connection).access.RequestAccess(request)).request_id


async def waiting_request(bidder) -> AccessRequest:
    while True:
        for entry in (await bidder.status()).requests:
            if not entry.answered:
                reader = peek_document(entry.access_request, AccessRequest).iss
                return bidder.scribe.check_request(entry.access_request, bidder.network[reader].member)
        await asyncio.sleep(0.05)


async def sign(bidder, relay="centre-a") -> str:
    token = bidder.scribe.grant(await waiting_request(bidder))
    await bidder.at("centre-a", "give_grant", bidder.scribe.give("centre-a", token))
    if relay != "centre-a":
        await bidder.at(relay, "give_grant", bidder.scribe.give(relay, token))
    return token


async def fetch(network, request, reader="centre-b"):
    async with network[reader].operator_channel() as connection:
        stub = Stubs(connection).access
        deadline = time.monotonic() + 10
        while True:
            try:
                return await stub.FetchRecords(pb.FetchRecordsRequest(request_id=request))
            except Exception as error:
                reason = from_rpc_error(error, "node")
                if not isinstance(reason, GrantMissingError) or time.monotonic() > deadline:
                    raise reason from error
                await asyncio.sleep(0.05)


async def shared(network, number, **wanted):
    bidder = Bidder(network, number)
    await bidder.register()
    await settled(bidder)
    request = await ask(network, bidder, **wanted)
    token = await sign(bidder)
    return bidder, request, token


async def test_the_reader_receives_exactly_the_granted_fields(network):
    bidder, request, _ = await shared(network, 11, fields=("legal_name", "credit_code"))
    answer = await fetch(network, request)
    assert [json.loads(r.fields_json) for r in answer.records] == [
        {"credit_code": bidder.code, "legal_name": FIELDS["legal_name"]}
    ]
    assert (answer.credit_code, answer.organisation) == (bidder.code, "虚构公司11")


async def test_a_bidder_with_an_rsa_certificate_registers(network):
    bidder = Bidder(network, 12, rsa=True)
    await bidder.register()
    assert len(bidder.subject) == 64


async def test_registering_again_with_the_same_key_is_the_same_subject(network):
    bidder = Bidder(network, 13)
    await bidder.register()
    first, bidder.subject = bidder.subject, ""
    await bidder.register()
    assert bidder.subject == first


async def test_another_key_cannot_register_the_same_company(network):
    bidder = Bidder(network, 14)
    await bidder.register()
    bidder.key, bidder.subject = new_wallet_key(), ""
    with pytest.raises(DuplicateError):
        await bidder.register()


async def test_a_grant_is_good_for_its_number_of_uses(network):
    _, request, _ = await shared(network, 15, uses=2)
    for expected in (0, 1):
        assert (await fetch(network, request)).read == expected
    with pytest.raises(NodeError) as refused:
        await fetch(network, request)
    assert refused.value.reason == "GRANT_USED_UP"


async def test_read_after_revocation_is_denied(network):
    bidder, request, token = await shared(network, 16, uses=5)
    await fetch(network, request)
    await bidder.at("centre-a", "revoke_grant", bidder.scribe.revoke("centre-a", token))
    with pytest.raises(GrantRevokedError):
        await fetch(network, request)


async def test_a_revocation_through_a_third_member_stops_the_home_too(network):
    bidder, request, token = await shared(network, 17, uses=5)
    await fetch(network, request)
    await bidder.at("centre-c", "revoke_grant", bidder.scribe.revoke("centre-c", token))
    raw = bytes.fromhex(bidder.scribe.grant_id(token))
    await until(lambda: network["centre-a"].services.projection.grant(raw).revoked)
    with pytest.raises(GrantRevokedError):
        await fetch(network, request)


async def test_what_was_fetched_is_shown_again_with_its_age_until_the_revocation(network):
    bidder, request, token = await shared(network, 21)
    fetched = await fetch(network, request)
    async with network["centre-b"].operator_channel() as connection:
        stub, wanted = Stubs(connection).access, pb.GetKeptRecordsRequest(request_id=request)
        kept = await stub.GetKeptRecords(wanted)
        assert list(kept.records) == list(fetched.records)
        assert (kept.read, kept.organisation) == (fetched.read, fetched.organisation)
        assert kept.as_of_time
        assert kept.as_of_time < kept.expire_time
        await bidder.at("centre-c", "revoke_grant", bidder.scribe.revoke("centre-c", token))
        raw = bytes.fromhex(bidder.scribe.grant_id(token))
        await until(lambda: network["centre-b"].services.projection.grant(raw).revoked)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetKeptRecords(wanted)
    assert from_rpc_error(refused.value, "node").reason == "GRANT_REVOKED"


async def test_the_bidder_sees_every_read_with_its_receipt(network):
    bidder, request, _ = await shared(network, 18, uses=2)
    await fetch(network, request)
    await fetch(network, request)
    found = (await bidder.at("centre-a", "reads", bidder.scribe.history("centre-a"))).reads
    assert [peek_document(entry.read_request, ReadRequest).iss for entry in found] == ["centre-b"] * 2
    assert all(entry.receipt for entry in found)


async def test_a_receiver_does_not_relay_its_own_grant(network):
    bidder = Bidder(network, 19)
    await bidder.register()
    await settled(bidder)
    await ask(network, bidder)
    token = bidder.scribe.grant(await waiting_request(bidder))
    with pytest.raises(NodeError) as refused:
        await bidder.at("centre-b", "give_grant", bidder.scribe.give("centre-b", token))
    assert refused.value.reason == "ROLE_MISSING"


async def test_a_request_for_nobody_is_taken_without_a_word(network):
    bidder = Bidder(network, 20)
    bidder.subject = "ab" * 32
    request = await ask(network, bidder)
    b = network["centre-b"]
    await until(lambda: dict(b.services.reading.requests())[request].delivered)
    with pytest.raises(NodeError) as refused:
        await bidder.status()
    assert refused.value.reason == "UNKNOWN_CALLER"
