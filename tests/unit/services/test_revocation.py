"""Revocations: at once at the home, by the ledger everywhere, by the one-time key and nothing else."""

import msgspec
import pytest

from node.domain.document import peek_document, sign_document
from node.domain.wallet import RevokeCall
from node.errors import DocumentFormatError, GrantRevokedError, NodeError, SignatureError
from node.services.serving import Serving
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import read_request


@pytest.fixture
async def bidder(world: World) -> Bidder:
    """Registered, and asked by the reader."""
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    world.request(world.reader, bidder)
    await world.settle()
    return bidder


def assert_refused(serving: Serving, world: World, token: str, error: type[NodeError]) -> None:
    with pytest.raises(error):
        serving.read(world.reader.name, read_request(world, world.reader, token), token)


async def test_a_revocation_acts_at_the_home_at_once(world: World) -> None:
    shared = await world.share()
    world.chain.is_down = True
    world.revoke(shared.bidder, shared.token)
    assert_refused(world.home.serving, world, shared.token, GrantRevokedError)
    [kept] = dict(world.home.sharing.grants(shared.bidder.subject)).values()
    assert kept.revoked


async def test_a_revocation_at_the_home_acts_at_once_though_another_member_brought_the_grant(
    world: World, bidder: Bidder
) -> None:
    token = world.sign_grant(bidder)
    world.give(bidder, token, via=world.third)
    await world.settle()
    world.chain.is_down = True
    world.revoke(bidder, token)
    assert_refused(world.home.serving, world, token, GrantRevokedError)


async def test_a_revocation_reaches_the_home_over_any_member(world: World) -> None:
    shared = await world.share()
    world.revoke(shared.bidder, shared.token, via=world.third)
    await world.settle()
    assert_refused(world.home.serving, world, shared.token, GrantRevokedError)
    with pytest.raises(GrantRevokedError):
        await world.reader.services.reading.fetch(shared.digest)
    assert world.network.reads == [], "the reader knows from the ledger, and spends no use"


async def test_a_grant_revoked_before_it_was_registered_can_never_be(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    raw_id = world.revoke(bidder, token, via=world.third)
    await world.settle()
    assert world.reader.services.projection.grant(bytes.fromhex(raw_id)).revoked
    assert world.give(bidder, token) == raw_id
    await world.settle()
    assert world.home.outbox() == []
    assert_refused(world.home.serving, world, token, GrantRevokedError)


async def test_a_grant_given_after_its_revocation_at_the_same_home_stays_dead(
    world: World, bidder: Bidder
) -> None:
    token = world.sign_grant(bidder)
    world.revoke(bidder, token)
    world.give(bidder, token)
    await world.settle()
    assert_refused(world.home.serving, world, token, GrantRevokedError)
    assert world.home.outbox() == []


async def test_revoking_twice_is_revoking_once(world: World) -> None:
    shared = await world.share()
    for via in (world.home, world.home, world.third):
        world.revoke(shared.bidder, shared.token, via=via)
    await world.settle()
    assert world.home.outbox() == world.third.outbox() == []
    world.revoke(shared.bidder, shared.token)
    assert world.home.outbox() == [], "what the ledger has need not be queued"


async def test_nobody_else_can_revoke(world: World) -> None:
    shared = await world.share()
    other = world.bidder()
    world.register(other)
    await world.settle()
    true = peek_document(shared.bidder.scribe.revoke(world.home.name, shared.token), RevokeCall)
    forged = msgspec.structs.replace(
        true,
        subject=other.subject,
        key=other.key.public_key.hex(),
        signature=other.key.sign(b"\0" * 32).hex(),
    )
    with pytest.raises(SignatureError):
        world.home.sharing.revoke(sign_document(forged, other.key.sign))
    world.home.serving.read(world.reader.name, read_request(world, world.reader, shared.token), shared.token)


@pytest.mark.parametrize(
    "changes",
    [
        {"digest": "ab" * 31},
        {"digest": "zz" * 32},
        {"revoker": "ab" * 83},
        {"signature": "ab" * 63},
        {"register_before": -1},
        {"exp": 2**53 - 1},
    ],
)
async def test_a_malformed_revocation_never_reaches_the_outbox(
    world: World, changes: dict[str, object]
) -> None:
    """There it would come up first in every step and stop whatever else must reach the ledger."""
    shared = await world.share()
    true = peek_document(shared.bidder.scribe.revoke(world.home.name, shared.token), RevokeCall)
    bent = sign_document(msgspec.structs.replace(true, **changes), shared.bidder.key.sign)
    with pytest.raises(DocumentFormatError):
        world.home.sharing.revoke(bent)
    assert world.home.outbox() == []


async def test_a_relayed_revocation_is_good_whoever_signed_the_call(world: World) -> None:
    """The one-time key alone decides: a subject that lost its wallet's certificate may ask a friend."""
    shared = await world.share()
    friend = world.bidder()
    world.register(friend)
    await world.settle()
    true = peek_document(shared.bidder.scribe.revoke(world.home.name, shared.token), RevokeCall)
    relayed = msgspec.structs.replace(true, subject=friend.subject, key=friend.key.public_key.hex())
    world.home.sharing.revoke(sign_document(relayed, friend.key.sign))
    assert_refused(world.home.serving, world, shared.token, GrantRevokedError)


async def test_revocations_of_made_up_grants_touch_nobody(world: World) -> None:
    shared = await world.share()
    call = peek_document(shared.bidder.scribe.revoke(world.home.name, shared.token), RevokeCall)
    bent = msgspec.structs.replace(call, exp=call.exp + DAY)  # another id: the signature is for the true one
    with pytest.raises(SignatureError):
        world.home.sharing.revoke(sign_document(bent, shared.bidder.key.sign))
