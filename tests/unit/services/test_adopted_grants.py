"""A grant that came without a request, as with an application for a guarantee, and what is read under it."""

from collections.abc import Callable

import msgspec
import pytest

from node.domain.document import peek_document, sign_document
from node.domain.grant import AccessRequest, Grant, Scope
from node.errors import (
    DocumentFormatError,
    GrantMissingError,
    GrantUsedUpError,
    MovedError,
    NodeError,
    SignatureError,
)
from node.services.transaction import Transaction
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import altered_grant

SCOPE = (Scope("subject.base", ("credit_code", "legal_name")),)


@pytest.fixture
async def bidder(world: World) -> Bidder:
    """A registered company."""
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


def unasked(world: World, bidder: Bidder, *, uses: int = 2) -> str:
    expires = int(world.clock.now()) + 30 * DAY
    reader, home = world.reader.name, bidder.registered_at.name
    return bidder.scribe.grant_unasked(
        reader, home, SCOPE, "guarantee-application", uses=uses, expires=expires
    )


def adopt(world: World, token: str) -> str:
    transaction = Transaction(world.reader.store)
    digest = world.reader.services.reading.adopt(transaction, token)
    transaction.commit()
    return digest


async def test_what_was_granted_unasked_is_read_like_anything_else(world: World, bidder: Bidder) -> None:
    token = unasked(world, bidder)
    digest = adopt(world, token)
    world.give(bidder, token)
    await world.settle()
    fetched = await world.reader.services.reading.fetch(digest)
    [record] = fetched.records
    assert dict(record.fields) == {"credit_code": bidder.code, "legal_name": bidder.organisation}
    await world.settle()
    assert world.reader.services.proving.obtained_bundle(digest, fetched.number)


async def test_the_request_that_the_node_makes_for_itself_asks_for_what_was_granted(
    world: World, bidder: Bidder
) -> None:
    token = unasked(world, bidder)
    digest = adopt(world, token)
    [(name, own)] = world.reader.services.reading.requests()
    request, grant = peek_document(own.token, AccessRequest), peek_document(token, Grant)
    assert name == digest
    assert (request.iss, request.aud, request.subject) == (world.reader.name, grant.home, grant.iss)
    assert (request.scope, request.purpose, request.uses, request.exp) == (
        grant.scope,
        grant.purpose,
        grant.uses,
        grant.exp,
    )


async def test_nobody_is_asked_for_what_was_granted_already(world: World, bidder: Bidder) -> None:
    adopt(world, unasked(world, bidder))
    before = list(world.network.delivered)
    await world.settle(corroborate=False)
    assert world.network.delivered == before
    assert list(world.home.sharing.requests(bidder.subject)) == []


async def test_an_adopted_grant_is_good_for_its_uses_also_after_a_crash(world: World, bidder: Bidder) -> None:
    token = unasked(world, bidder, uses=1)
    digest = adopt(world, token)
    world.give(bidder, token)
    await world.settle()
    world.reader.restart()
    await world.follow(world.reader)
    await world.reader.services.reading.fetch(digest)
    with pytest.raises(GrantUsedUpError):
        await world.reader.services.reading.fetch(digest)


async def test_a_grant_adopted_twice_has_one_number_of_uses(world: World, bidder: Bidder) -> None:
    token = unasked(world, bidder, uses=1)
    first, second = adopt(world, token), adopt(world, token)
    world.give(bidder, token)
    await world.settle()
    await world.reader.services.reading.fetch(first)
    with pytest.raises(GrantUsedUpError):
        await world.reader.services.reading.fetch(second)


async def test_an_adopted_grant_that_never_reached_the_ledger_opens_nothing(
    world: World, bidder: Bidder
) -> None:
    digest = adopt(world, unasked(world, bidder))
    await world.settle()
    with pytest.raises(GrantMissingError):
        await world.reader.services.reading.fetch(digest)
    assert world.network.reads == []


def _signed(bidder: Bidder, token: str, **changes: object) -> str:
    return sign_document(msgspec.structs.replace(peek_document(token, Grant), **changes), bidder.key.sign)


ATTACKS: dict[str, tuple[Callable[[World, Bidder, str], str], type[NodeError]]] = {
    "to another member": (lambda world, b, t: _signed(b, t, aud=(world.third.name,)), GrantMissingError),
    "of another alliance": (lambda _, b, t: _signed(b, t, alliance="ab" * 32), GrantMissingError),
    "of a subject that there is not": (lambda _, b, t: _signed(b, t, iss="ab" * 32), SignatureError),
    "with another home": (lambda world, b, t: _signed(b, t, home=world.third.name), MovedError),
    "by a key of the signer's own": (lambda _, __, t: _by_a_stranger(t), SignatureError),
    "widened": (lambda _, __, t: altered_grant(t, uses=99), SignatureError),
    "of a negative number of uses": (lambda _, b, t: _signed(b, t, uses=-1), DocumentFormatError),
    "that is none": (lambda *_: "grant", DocumentFormatError),
}


def _by_a_stranger(token: str) -> str:
    key = new_wallet_key()
    grant = msgspec.structs.replace(peek_document(token, Grant), key=key.public_key.hex())
    return sign_document(grant, key.sign)


@pytest.mark.parametrize("attack", ATTACKS)
async def test_a_grant_that_is_not_the_subjects_to_this_node_is_not_adopted(
    world: World, bidder: Bidder, attack: str
) -> None:
    forge, error = ATTACKS[attack]
    before = world.reader.store.everything()
    with pytest.raises(error):
        adopt(world, forge(world, bidder, unasked(world, bidder)))
    assert world.reader.store.everything() == before
