"""Requests, grants and revocations on their way: who may bring what, and what a home cannot hold back."""

import msgspec
import pytest

from node.domain.document import document_digest, peek_document, sign_document, split_document
from node.domain.grant import AccessRequest, Grant
from node.errors import (
    DocumentFormatError,
    GrantExpiredError,
    GrantMissingError,
    NodeError,
    NotMemberError,
    RoleMissingError,
    SignatureError,
    UnknownCallerError,
)
from node.wallet.keyfile import new_wallet_key
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import altered_grant, read_request


@pytest.fixture
async def bidder(world: World) -> Bidder:
    """Registered, and asked by the reader."""
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    world.request(world.reader, bidder)
    await world.settle()
    return bidder


def request_of(world: World) -> str:
    """The reader's own access request."""
    [(_, own)] = world.reader.services.reading.requests()
    return own.token


def changed_request(world: World, **changes: object) -> str:
    request = msgspec.structs.replace(peek_document(request_of(world), AccessRequest), **changes)
    return sign_document(request, world.reader.keys.identity.sign)


def own_grant(bidder: Bidder, token: str, **changes: object) -> str:
    """The grant with other content, signed by the bidder's own wallet."""
    return sign_document(msgspec.structs.replace(peek_document(token, Grant), **changes), bidder.key.sign)


# -- access requests -------------------------------------------------------------------------------------


async def test_a_request_reaches_the_subject_once_however_often_it_is_sent(
    world: World, bidder: Bidder
) -> None:
    for _ in range(3):
        world.home.sharing.submit_request(world.reader.name, request_of(world))
    [pending] = world.home.sharing.requests(bidder.subject)
    assert (pending.token, pending.grant) == (request_of(world), "")
    [entry] = await world.home.feed("request.received")
    assert entry.about == {
        "subject": bidder.subject,
        "reader": world.reader.name,
        "request": document_digest(request_of(world)).hex(),
    }


async def test_a_request_for_a_subject_nobody_knows_gets_the_same_answer(
    world: World, bidder: Bidder
) -> None:
    before = world.home.store.everything()
    world.home.sharing.submit_request(world.reader.name, changed_request(world, subject="ab" * 32))
    assert world.home.store.everything() == before


@pytest.mark.parametrize("changes", [{"iss": "shanghai"}, {"aud": "shanghai"}, {"alliance": "ab" * 32}])
async def test_a_request_in_another_name_or_to_another_node_is_refused(
    world: World, bidder: Bidder, changes: dict[str, str]
) -> None:
    with pytest.raises(DocumentFormatError, match="not this caller's"):
        world.home.sharing.submit_request(world.reader.name, changed_request(world, **changes))


async def test_a_request_that_another_member_signed_is_refused(world: World, bidder: Bidder) -> None:
    with pytest.raises(SignatureError):
        world.home.sharing.submit_request(world.third.name, request_of(world))
    with pytest.raises(SignatureError):
        world.home.sharing.collect_grant(world.third.name, request_of(world))
    with pytest.raises(NotMemberError):
        world.home.sharing.submit_request("nobody", request_of(world))


async def test_a_request_for_more_than_a_subject_can_give_is_refused(world: World, bidder: Bidder) -> None:
    scope = (msgspec.structs.replace(peek_document(request_of(world), AccessRequest).scope[0],
                                     category="trade.bid"),)  # fmt: skip
    with pytest.raises(DocumentFormatError, match="belongs to the centre"):
        world.home.sharing.submit_request(world.reader.name, changed_request(world, scope=scope))


async def test_a_grant_is_collected_by_the_member_that_asked_and_no_other(
    world: World, bidder: Bidder
) -> None:
    collect = world.home.sharing.collect_grant
    assert collect(world.reader.name, request_of(world)) is None
    token = world.grant(bidder)
    assert collect(world.reader.name, request_of(world)) == token
    assert collect(world.reader.name, changed_request(world, uses=9)) is None, "a request nobody has seen"
    in_another_name = changed_request(world, iss=world.third.name)
    with pytest.raises(DocumentFormatError, match="not this caller's"):
        collect(world.reader.name, in_another_name)


# -- grants ----------------------------------------------------------------------------------------------


async def test_a_grant_answers_its_request_and_no_other(world: World, bidder: Bidder) -> None:
    world.clock.advance(1)
    world.request(world.reader, bidder, purpose="another-purpose")
    await world.settle()
    token = world.grant(bidder)
    assert peek_document(token, Grant).purpose == "another-purpose"
    answered = {peek_document(p.token, AccessRequest).purpose: p.grant
                for p in world.home.sharing.requests(bidder.subject)}  # fmt: skip
    assert answered == {"registration-reuse": "", "another-purpose": token}


async def test_the_same_grant_again_is_the_same_grant(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    ids = {world.give(bidder, token) for _ in range(3)}
    await world.settle()
    ids.add(world.give(bidder, token))
    kept = dict(world.home.sharing.grants(bidder.subject))
    assert kept.keys() == ids
    assert [grant.token for grant in kept.values()] == [token]
    assert len(await world.home.feed("grant.received")) == 1
    assert world.home.outbox() == []


async def test_a_grant_relayed_by_a_third_member_works_at_a_home_that_held_it_back(
    world: World, bidder: Bidder
) -> None:
    token = world.sign_grant(bidder)
    world.give(bidder, token, via=world.third)
    await world.settle()
    assert world.home.sharing.collect_grant(world.reader.name, request_of(world)) is None
    answer = world.home.serving.read(world.reader.name, read_request(world, world.reader, token), token)
    assert answer.delegation == bidder.delegation
    kept = dict(world.home.sharing.grants(bidder.subject))
    assert [(grant.token, grant.uses) for grant in kept.values()] == [(token, 1)]


async def test_the_receiver_refuses_to_relay_its_own_grant(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    with pytest.raises(RoleMissingError, match="for its subject's home"):
        world.reader.services.sharing.give_grant(bidder.scribe.give(world.reader.name, token))
    with pytest.raises(DocumentFormatError, match="its account would tell"):
        bidder.scribe.relay(world.reader.name, token)
    assert world.reader.outbox() == []


async def test_a_relaying_member_is_not_shown_the_grant(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    asked = bidder.scribe.relay(world.third.name, token)
    shown = str(split_document(asked)[1])
    assert world.reader.name not in shown
    assert "subject.base" not in shown
    with pytest.raises(RoleMissingError):
        world.third.services.sharing.give_grant(bidder.scribe.give(world.third.name, token))


async def test_a_grant_that_the_ledger_has_is_not_brought_there_again(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    granted = world.give(bidder, token)
    await world.settle()
    assert world.give(bidder, token, via=world.third) == granted
    assert world.third.outbox() == []


async def test_a_member_relays_for_subjects_of_the_alliance_only(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    stranger = world.bidder()
    for subject in (bidder.subject, "ab" * 32, ""):
        stranger.subject = subject
        with pytest.raises(UnknownCallerError):
            world.third.sharing.relay(stranger.scribe.relay(world.third.name, token))
    assert world.third.outbox() == []


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"alliance": "ab" * 32}, DocumentFormatError),
        ({"iss": "ab" * 32}, DocumentFormatError),
        ({"key": "ab" * 64}, DocumentFormatError),
        ({"uses": -1}, DocumentFormatError),
        ({"scope": ()}, DocumentFormatError),
        ({"jti": "c2hvcnQ"}, DocumentFormatError),
    ],
)
async def test_a_grant_that_is_not_this_subjects_here_is_refused(
    world: World, bidder: Bidder, changes: dict[str, object], error: type[NodeError]
) -> None:
    token = own_grant(bidder, world.sign_grant(bidder), **changes)
    before = {k: v for k, v in world.home.store.everything().items() if not k.startswith(b"j/")}
    with pytest.raises(error):
        world.give(bidder, token)
    assert {k: v for k, v in world.home.store.everything().items() if not k.startswith(b"j/")} == before


async def test_a_grant_with_somebody_elses_signature_is_refused(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    forged = sign_document(peek_document(token, Grant), new_wallet_key().sign)
    for bad in (forged, altered_grant(token, uses=99)):
        with pytest.raises(SignatureError):
            world.give(bidder, bad)


async def test_another_subject_cannot_hand_in_a_grant_for_this_one(world: World, bidder: Bidder) -> None:
    thief = world.bidder()
    world.register(thief)
    await world.settle()
    with pytest.raises(SignatureError):
        world.give(thief, world.sign_grant(bidder))


async def test_a_grant_that_names_a_foreign_home_is_refused_there(world: World, bidder: Bidder) -> None:
    token = own_grant(bidder, world.sign_grant(bidder), home=world.third.name)
    with pytest.raises(UnknownCallerError, match="not registered here"):
        world.third.services.sharing.give_grant(bidder.scribe.give(world.third.name, token))


async def test_a_grant_held_back_too_long_is_dead(world: World, bidder: Bidder) -> None:
    token = world.sign_grant(bidder)
    world.clock.advance(2 * 3_600)
    with pytest.raises(GrantExpiredError, match="sign a new one"):
        world.give(bidder, token)


async def test_a_grant_is_not_kept_before_its_subject_is_on_the_ledger(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    with pytest.raises(UnknownCallerError):
        world.home.sharing.give_grant(bidder.scribe.give(world.home.name, "x.y.z"))


async def test_a_grant_that_is_not_here_is_missing(world: World) -> None:
    with pytest.raises(GrantMissingError):
        world.home.sharing.grant(b"\1" * 32)


async def test_grants_and_requests_of_one_subject_are_not_anothers(world: World, bidder: Bidder) -> None:
    world.grant(bidder)
    assert list(world.home.sharing.grants("ab" * 32)) == []
    assert list(world.home.sharing.requests("ab" * 32)) == []
