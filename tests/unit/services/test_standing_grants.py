"""Standing grants: named members read at any time, without the wallet; never personal data. And uncounted ones."""

import pytest

from node.domain.document import peek_document
from node.domain.grant import UNCOUNTED, Grant, Scope
from node.domain.reading import ReadRequest
from node.errors import (
    DocumentFormatError,
    GrantMissingError,
    GrantRevokedError,
    NodeError,
    SignatureError,
)
from tests.support.world import DAY, Shared, World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import read_request, resigned_grant

WIDE = (Scope("subject.base", ("credit_code", "legal_name", "legal_representative")),)
NARROW = (Scope("subject.base", ("legal_name",)),)
PURPOSE = "registration-reuse"


async def registered(world: World) -> Bidder:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


def standing(world: World, bidder: Bidder, *readers: str, **changes: object) -> str:
    """A standing grant, at its home."""
    token = bidder.scribe.grant_unasked(
        readers or (world.reader.name, world.third.name),
        world.home.name,
        WIDE,
        PURPOSE,
        uses=UNCOUNTED,
        expires=int(world.clock.now()) + 30 * DAY,
        standing=True,
    )
    if changes:
        token = resigned_grant(bidder, token, **changes)
    world.give(bidder, token)
    return token


async def test_each_named_member_reads_what_it_asks_for_without_the_wallet(world: World) -> None:
    bidder = await registered(world)
    standing(world, bidder)
    await world.settle()
    for reader in (world.reader, world.third):
        digest = world.request(reader, bidder, NARROW, purpose=PURPOSE)
        await world.settle()
        fetched = await reader.services.reading.fetch(digest)
        (record,) = fetched.records
        assert dict(record.fields) == {"legal_name": bidder.organisation}, "no more than was asked for"
        assert fetched.as_of == int(world.clock.now())
    history = [
        peek_document(one.request, ReadRequest).iss for one in world.home.serving.history(bidder.subject)
    ]
    assert history == [world.reader.name, world.third.name], "the bidder sees every read"


async def test_a_request_that_waited_is_answered_by_a_standing_grant(world: World) -> None:
    bidder = await registered(world)
    digest = world.request(world.reader, bidder, NARROW, purpose=PURPOSE)
    await world.settle()
    standing(world, bidder)
    await world.settle()
    assert (await world.reader.services.reading.fetch(digest)).records


@pytest.mark.parametrize(
    "asked",
    [
        {"scope": (Scope("subject.base", ("bank_account",)),), "purpose": PURPOSE},
        {"scope": NARROW, "purpose": "marketing"},
        {"scope": NARROW, "purpose": PURPOSE, "basis": "statutory-duty"},
    ],
    ids=["one field more", "another purpose", "another ground"],
)
async def test_what_a_standing_grant_does_not_cover_waits_for_the_wallet(
    world: World, asked: dict[str, object]
) -> None:
    bidder = await registered(world)
    standing(world, bidder)
    digest = world.request(world.reader, bidder, **asked)
    await world.settle()
    with pytest.raises(GrantMissingError):
        await world.reader.services.reading.fetch(digest)


async def test_who_is_not_named_gets_nothing_even_with_the_document(world: World) -> None:
    bidder = await registered(world)
    token = standing(world, bidder, world.third.name)
    await world.settle()
    with pytest.raises(GrantMissingError):
        world.home.serving.read(
            world.reader.name, read_request(world, world.reader, token, scope=NARROW), token
        )


async def test_a_revoked_standing_grant_answers_nobody(world: World) -> None:
    bidder = await registered(world)
    token = standing(world, bidder)
    await world.settle()
    earlier = world.request(world.reader, bidder, NARROW, purpose=PURPOSE)
    await world.settle()
    world.revoke(bidder, token)
    with pytest.raises(GrantRevokedError):
        await world.reader.services.reading.fetch(earlier)
    later = world.request(world.third, bidder, NARROW, purpose=PURPOSE)
    await world.settle()
    with pytest.raises(GrantMissingError):
        await world.third.services.reading.fetch(later)


async def test_nobody_widens_the_list_of_readers(world: World) -> None:
    bidder, thief = await registered(world), world.bidder()
    token = standing(world, bidder, world.third.name)
    forged = token.split(".")
    grant = peek_document(token, Grant)
    assert grant.aud == (world.third.name,)
    wider = resigned_grant(thief, token, aud=(world.reader.name, world.third.name)).split(".")
    with pytest.raises(SignatureError):
        world.give(bidder, ".".join((wider[0], wider[1], forged[2])))


def test_a_standing_grant_never_covers_personal_data(world: World) -> None:
    bidder = world.bidder()
    bidder.subject = "ab" * 32
    with pytest.raises(DocumentFormatError, match="personal data: id_number"):
        bidder.scribe.grant_unasked(
            [world.reader.name],
            world.home.name,
            (Scope("subject.personnel", ("certificate_number", "id_number")),),
            PURPOSE,
            uses=UNCOUNTED,
            expires=int(world.clock.now()) + DAY,
            standing=True,
        )


async def test_an_uncounted_grant_is_good_until_its_end(world: World) -> None:
    shared: Shared = await world.share(uses=UNCOUNTED)
    for number in range(5):
        assert (await world.reader.services.reading.fetch(shared.digest)).number == number
    world.clock.advance(400 * DAY)
    await world.settle()
    with pytest.raises(NodeError):
        await world.reader.services.reading.fetch(shared.digest)
