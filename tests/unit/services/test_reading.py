"""At the reader: what is asked, what is read, what is kept, and what is refused before it is sent."""

import msgspec
import pytest

from node.domain.document import peek_document, sign_document
from node.domain.grant import AccessRequest, Grant, Scope
from node.domain.reading import ReadAnswer
from node.errors import (
    ConflictError,
    DocumentFormatError,
    GrantMissingError,
    GrantRevokedError,
    MissingError,
    NotMemberError,
    ProjectionStaleError,
)
from node.ports import Answer
from tests.support.world import DAY, PURPOSE, SCOPE, Shared, World
from tests.support.world_bidder import BANK_ACCOUNT, Bidder
from tests.support.world_dishonest import shown, signed_anew
from tests.support.world_views import own_request, uses_shown


async def registered(world: World) -> Bidder:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


# -- the way of an honest read ---------------------------------------------------------------------------


async def test_a_reader_gets_the_fields_and_who_they_are_of(world: World, shared: Shared) -> None:
    fetched = await world.reader.services.reading.fetch(shared.digest)
    [record] = fetched.records
    assert record.fields == {
        "bank_account": BANK_ACCOUNT,
        "credit_code": shared.bidder.code,
        "legal_name": shared.bidder.organisation,
    }
    assert (fetched.credit_code, fetched.organisation) == (shared.bidder.code, shared.bidder.organisation)
    assert (fetched.number, uses_shown(world, shared)) == (0, [True])


async def test_every_read_is_kept_with_all_that_proves_it(world: World, shared: Shared) -> None:
    reading = world.reader.services.reading
    assert [(await reading.fetch(shared.digest)).number for _ in range(2)] == [0, 1]
    world.reader.restart()
    kept = [world.reader.services.reading.obtained(shared.digest, number) for number in (0, 1)]
    assert [peek_document(one.answer, ReadAnswer).use for one in kept] == [1, 2]
    assert {one.grant for one in kept} == {shared.token}
    with pytest.raises(MissingError):
        world.reader.services.reading.obtained(shared.digest, 2)


async def test_what_was_read_is_sealed_at_the_reader(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    needles = [text.encode() for text in (BANK_ACCOUNT, shared.bidder.code, shared.bidder.organisation)]
    for key, value in world.reader.store.everything().items():
        assert not any(needle in key or needle in value for needle in needles), key


async def test_the_reader_reports_grant_and_read(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    received, read = await world.reader.feed("grant.received", "read.received")
    assert received.about["request"] == read.about["request"] == shared.digest
    assert read.about["home"] == world.home.name
    [answered] = await world.home.feed("read.answered")
    assert answered.about["grant"] == received.about["grant"]


async def test_a_read_without_a_grant_is_not_even_sent(world: World) -> None:
    bidder = await registered(world)
    digest = world.request(world.reader, bidder)
    await world.settle()
    with pytest.raises(GrantMissingError, match="has not signed"):
        await world.reader.services.reading.fetch(digest)
    world.grant(bidder)
    await world.reader.services.reading.step()
    world.clock.advance(11)
    await world.reader.services.reading.step()
    assert own_request(world).grant
    with pytest.raises(GrantMissingError, match="not on the ledger yet"):
        await world.reader.services.reading.fetch(digest)
    await world.settle()
    await world.reader.services.reading.fetch(digest)
    assert len(world.network.reads) == 1


async def test_a_stale_view_of_the_ledger_reads_nothing(world: World, shared: Shared) -> None:
    world.clock.advance(120)
    with pytest.raises(ProjectionStaleError):
        await world.reader.services.reading.fetch(shared.digest)
    assert world.network.reads == []


async def test_a_request_that_cannot_be_granted_is_refused_at_once(world: World) -> None:
    bidder = await registered(world)
    reading = world.reader.services.reading
    with pytest.raises(ConflictError, match="this centre itself"):
        world.home.services.reading.request(bidder.subject, world.home.name, SCOPE, PURPOSE, 1, DAY)
    with pytest.raises(NotMemberError):
        reading.request(bidder.subject, "nobody", SCOPE, PURPOSE, 1, DAY)
    with pytest.raises(DocumentFormatError):
        reading.request(bidder.subject, world.home.name, (Scope("trade.bid", ("price",)),), PURPOSE, 1, DAY)
    assert list(reading.requests()) == []


async def test_an_unknown_request_is_missing(world: World) -> None:
    await world.settle()
    with pytest.raises(MissingError, match="made no such request"):
        await world.reader.services.reading.fetch("ab" * 32)


async def test_a_revoked_grant_is_not_used_even_if_the_home_would_answer(
    world: World, shared: Shared
) -> None:
    world.revoke(shared.bidder, shared.token, via=world.third)
    world.network.absent.add(world.home.name)
    await world.settle()
    with pytest.raises(GrantRevokedError):
        await world.reader.services.reading.fetch(shared.digest)


async def test_a_grant_revoked_while_the_home_answered_is_not_used(world: World, shared: Shared) -> None:
    raw_id = bytes.fromhex((await world.home.feed("grant.final"))[0].about["grant"])

    def see_revocation(answer: Answer) -> Answer:
        world.reader.services.projection.first_sight.revoked.add(raw_id)
        return answer

    world.network.tamper = see_revocation
    with pytest.raises(GrantRevokedError):
        await world.reader.services.reading.fetch(shared.digest)


async def test_a_grant_that_a_reorganised_ledger_has_lost_is_not_used(world: World, shared: Shared) -> None:
    def lose_grant(answer: Answer) -> Answer:
        [key] = [key for key, _ in world.reader.store.scan(b"l/grant/")]
        world.reader.store.inner._values.pop(key)
        return answer

    world.network.tamper = lose_grant
    with pytest.raises(GrantMissingError, match="not on the ledger"):
        await world.reader.services.reading.fetch(shared.digest)


# -- what a home may hand over as a grant ----------------------------------------------------------------


async def test_a_grant_that_answers_another_request_is_not_taken(world: World) -> None:
    bidder = await registered(world)
    world.request(world.reader, bidder)
    await world.settle()
    token = world.sign_grant(bidder)
    other = peek_document(token, Grant)
    for changes in (
        {"request": "bm90IHRoaXMgcmVxdWVzdA"},
        {"aud": world.third.name},
        {"alliance": "ab" * 32},
    ):
        handed = sign_document(msgspec.structs.replace(other, **changes), bidder.key.sign)
        world.home.sharing.collect_grant = lambda *_, handed=handed: handed  # type: ignore[method-assign]
        await world.settle()
        assert not own_request(world).grant
    world.home.sharing.collect_grant = lambda *_: token  # type: ignore[method-assign]
    await world.settle()
    assert own_request(world).grant == token


async def test_a_request_names_what_the_wallet_shows(world: World) -> None:
    bidder = await registered(world)
    world.request(world.reader, bidder, uses=2, valid_seconds=DAY)
    asked = peek_document(own_request(world).token, AccessRequest)
    assert (asked.iss, asked.aud, asked.subject) == (world.reader.name, world.home.name, bidder.subject)
    assert (asked.scope, asked.purpose, asked.uses) == (SCOPE, PURPOSE, 2)
    assert asked.exp == int(world.clock.now()) + DAY


async def test_a_home_that_kept_a_newer_version_back_is_found_by_its_next_answer(
    world: World, shared: Shared
) -> None:
    reading = world.reader.services.reading
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="9999")])
    await world.settle()
    size = world.home.services.proving.anchored_size()

    def older(answer: Answer) -> Answer:
        return signed_anew(world.home, answer, shown(world.home, [0], SCOPE, size))

    world.network.tamper = older
    (record,) = (await reading.fetch(shared.digest)).records
    assert record.header.version == 1, "by itself the lie cannot be seen"
    world.network.tamper = lambda answer: answer
    await reading.fetch(shared.digest)
    await world.settle()
    (told,) = await world.reader.feed("read.withheld")
    assert (told.about["home"], told.about["read"]) == (world.home.name, "0")


async def test_a_version_that_came_after_an_answer_was_not_kept_back(world: World, shared: Shared) -> None:
    reading = world.reader.services.reading
    await reading.fetch(shared.digest)
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="9999")])
    await world.settle()
    await reading.fetch(shared.digest)
    await world.settle()
    assert await world.reader.feed("read.withheld") == []
