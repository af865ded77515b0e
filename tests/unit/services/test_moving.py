"""A subject moves to another home: with the old one's help, without it, and against its will."""

import msgspec
import pytest

from adapters.systems.sample import credit_code
from node.domain.document import peek_document, sign_document
from node.domain.ledger import Action, CastVote, ProposeStanding
from node.domain.reading import ReadAnswer
from node.domain.wallet import CarriedGrant, MoveCall
from node.errors import (
    ConflictError,
    DocumentFormatError,
    DuplicateError,
    MovedError,
    NodeError,
    ReplayError,
    SignatureError,
    StandingError,
    UnknownCallerError,
)
from node.services.serving import HistoryEntry
from node.wallet.documents import Scribe
from node.wallet.keyfile import new_wallet_key
from node.wallet.moving import carry, proven_uses
from tests.support.world import SCOPE, Shared, World
from tests.support.world_bidder import BANK_ACCOUNT, Bidder
from tests.support.world_centre import Centre


@pytest.fixture
def world():
    with World() as world:
        yield world


def move_token(
    bidder: Bidder, to: Centre, grants: list[CarriedGrant] | None = None, **changes: object
) -> str:
    place = to.services.moving.place(bidder.scribe.place(to.name))
    terms = {"version": place.version + 1, "contract": place.contract} | changes
    return bidder.scribe.move(to.name, bidder.delegation, bidder.package(), grants=grants or [], **terms)


async def move(world: World, bidder: Bidder, to: Centre, grants: list[CarriedGrant] | None = None) -> None:
    to.services.moving.take_over(move_token(bidder, to, grants))
    await world.settle()
    bidder.home = to


async def suspend(world: World, name: str) -> None:
    others = [centre for centre in world.centres.values() if centre.name != name]
    call = ProposeStanding(Action.SUSPEND, name, int(world.clock.now()) + 3_600)
    world.queue(others[0], "standing", call)
    await world.settle()
    number = max(number for number, _ in others[0].services.projection.proposals())
    world.queue(others[1], "vote", CastVote(number, approve=True))
    await world.settle()


def read_history(home: Centre, subject: str) -> list[HistoryEntry]:
    return list(home.serving.history(subject))


async def test_the_new_home_answers_and_the_old_one_no_longer(world):
    shared = await world.share()
    bidder, old = shared.bidder, world.home
    await world.reader.services.reading.fetch(shared.digest)
    await move(world, bidder, world.third)
    with pytest.raises(MovedError, match=world.third.name):
        await world.reader.services.reading.fetch(shared.digest)
    digest = world.request(world.reader, bidder)
    await world.settle()
    world.grant(bidder)
    await world.settle()
    fetched = await world.reader.services.reading.fetch(digest)
    assert fetched.credit_code == bidder.code
    assert fetched.records[0].fields["bank_account"] == BANK_ACCOUNT
    assert not old.services.registrations.is_home_of(bidder.subject)


async def test_a_grant_that_is_carried_over_is_good_for_the_reads_that_were_left(world):
    shared = await world.share(uses=2)
    bidder, old = shared.bidder, world.home
    await world.reader.services.reading.fetch(shared.digest)
    grants, requests, uses = kept_by_wallet(old, shared)
    carried = carry(bidder.scribe, world.third.name, grants, requests, uses)
    await move(world, bidder, world.third, list(carried.values()))
    assert (await world.reader.services.reading.fetch(shared.digest)).number == 1
    with pytest.raises(NodeError, match="good for 1 reads"):
        await world.reader.services.reading.fetch(shared.digest)


def kept_by_wallet(home: Centre, shared: Shared) -> tuple[dict[str, str], dict[str, str], dict[str, int]]:
    """What a wallet has of its grants: documents, requests and proven uses."""
    bidder = shared.bidder
    grant_id = bidder.scribe.grant_id(shared.token)
    (request,) = [pending.token for pending in home.sharing.requests(bidder.subject) if pending.grant]
    member = home.services.projection.member(home.name)
    reads = [(entry.grant, entry.answer) for entry in read_history(home, bidder.subject)]
    return {grant_id: shared.token}, {grant_id: request}, proven_uses(reads, member)


async def test_a_subject_moves_away_from_a_dead_home(world):
    shared = await world.share()
    await world.settle()
    world.home.stop()
    world.network.absent.add(world.home.name)
    await move(world, shared.bidder, world.third)
    assert (
        world.third.services.projection.subject(bytes.fromhex(shared.bidder.subject)).home == world.third.name
    )


async def test_a_subject_moves_away_from_a_suspended_home(world):
    shared = await world.share()
    await suspend(world, world.home.name)
    await move(world, shared.bidder, world.third)
    assert world.third.services.registrations.is_home_of(shared.bidder.subject)


async def test_an_old_home_that_keeps_serving_convinces_nobody(world):
    """It has not seen the move, or pretends so: the reader asks the ledger, not the home."""
    shared = await world.share()
    world.third.services.moving.take_over(move_token(shared.bidder, world.third))
    await world.settle()
    reading = world.reader.services.reading

    async def stay(_digest: bytes, own: object, _asked: object) -> object:
        return own

    # The reader's lookup of the new home is taken away: only its check of the answer is left.
    reading._follow_subject = stay  # type: ignore[assignment]
    row = world.home.services.projection.subject
    world.home.services.projection.subject = lambda subject: at_home(row(subject), world.home.name)
    with pytest.raises(MovedError):
        await reading.fetch(shared.digest)


def at_home(row, home):
    return None if row is None else msgspec.structs.replace(row, home=home)


async def test_a_subject_that_did_not_sign_is_not_taken_over(world):
    shared = await world.share()
    bidder, third = shared.bidder, world.third
    thief = Bidder(77, world.authority, world.descriptor, world.clock)
    thief.subject = bidder.subject
    with pytest.raises(UnknownCallerError):
        third.services.moving.take_over(
            thief.scribe.move(third.name, thief.delegation, thief.package(), 2, bytes(20))
        )
    place = third.services.moving.place(bidder.scribe.place(third.name))
    for_second = Scribe(bidder.key, world.descriptor, bidder.subject)
    # The wallet's own call, with a signature over a move to somebody else.
    other = for_second.move(world.reader.name, bidder.delegation, bidder.package(), 2, place.contract)
    signature = open_move(other).signature
    forged = altered_move(move_token(bidder, third), bidder, signature=signature)
    with pytest.raises(SignatureError):
        third.services.moving.take_over(forged)
    assert third.outbox() == []


def open_move(token: str) -> MoveCall:
    return peek_document(token, MoveCall)


def altered_move(token: str, bidder: Bidder, **changes: object) -> str:
    return sign_document(msgspec.structs.replace(open_move(token), **changes), bidder.key.sign)


async def test_a_move_is_not_replayed(world):
    shared = await world.share()
    bidder, third = shared.bidder, world.third
    token = move_token(bidder, third)
    third.services.moving.take_over(token)
    with pytest.raises(ReplayError):
        third.services.moving.take_over(token)
    with pytest.raises(ConflictError, match="on its way"):
        third.services.moving.take_over(move_token(bidder, third))
    await world.settle()
    await move(world, bidder, world.home)
    again = altered_move(move_token(bidder, third), bidder, signature=open_move(token).signature)
    with pytest.raises(SignatureError):
        third.services.moving.take_over(again)
    stale = move_token(bidder, third, version=2)
    with pytest.raises(ConflictError, match="version 4"):
        third.services.moving.take_over(stale)


async def test_a_subject_moves_back_and_forth(world):
    shared = await world.share()
    bidder, first, third = shared.bidder, world.home, world.third
    await move(world, bidder, third)
    world.revoke(bidder, shared.token, via=third)
    await world.settle()
    await move(world, bidder, first)
    # The grant that named the first home was revoked when the subject left: it does not come to life again.
    with pytest.raises(NodeError, match="revoked"):
        await world.reader.services.reading.fetch(shared.digest)
    digest = world.request(world.reader, bidder)
    await world.settle()
    world.grant(bidder)
    await world.settle()
    assert (await world.reader.services.reading.fetch(digest)).credit_code == bidder.code


async def test_the_old_home_gives_a_copy_and_takes_no_more_documents(world):
    shared = await world.share()
    bidder, old = shared.bidder, world.home
    await move(world, bidder, world.third)
    copy = {(one.category, one.thing): one for one in old.services.moving.copy(bidder.scribe.copy(old.name))}
    assert copy == {(one.category, one.thing): one for one in bidder.package()}
    with pytest.raises(MovedError):
        world.register(bidder, old, [bidder.qualification("D2")])
    stranger = Scribe(new_wallet_key(), world.descriptor, bidder.subject)
    with pytest.raises(UnknownCallerError):
        list(old.services.moving.copy(stranger.copy(old.name)))


async def test_carried_grants_must_be_the_subjects_own_for_the_new_home(world):
    shared = await world.share()
    bidder, third = shared.bidder, world.third
    _, requests, _ = kept_by_wallet(world.home, shared)
    request = next(iter(requests.values()))
    again = bidder.scribe.grant_again(shared.token, third.name, 1)
    assert again is not None
    other = await world.share()
    not_theirs = other.bidder.scribe.grant_again(other.token, third.name, 0)
    assert not_theirs is not None
    for bad in (
        CarriedGrant(shared.token, ""),
        CarriedGrant(not_theirs, ""),
        CarriedGrant(again, kept_by_wallet(world.home, other)[1].popitem()[1]),
    ):
        with pytest.raises((DocumentFormatError, SignatureError)):
            third.services.moving.take_over(move_token(bidder, third, [bad]))
    third.services.moving.take_over(move_token(bidder, third, [CarriedGrant(again, request)]))


async def test_a_company_has_one_subject_at_a_home(world):
    shared = await world.share()
    bidder = shared.bidder
    double = Bidder(bidder_number(bidder), world.authority, world.descriptor, world.clock)
    world.register(double, world.third)
    await world.settle()
    with pytest.raises(DuplicateError):
        world.third.services.moving.take_over(move_token(bidder, world.third))


def bidder_number(bidder: Bidder) -> int:
    return next(number for number in range(1, 50) if credit_code(number) == bidder.code)


async def test_a_suspended_centre_takes_nobody_over(world):
    shared = await world.share()
    await suspend(world, world.third.name)
    with pytest.raises(StandingError):
        world.third.services.moving.take_over(move_token(shared.bidder, world.third))


async def test_only_what_the_home_signed_counts_as_used(world):
    shared = await world.share()
    await world.reader.services.reading.fetch(shared.digest)
    (entry,) = read_history(world.home, shared.bidder.subject)
    home = world.member(world.home.name)
    forged = sign_document(
        ReadAnswer(
            alliance=world.descriptor.alliance, iat=1, jti="A" * 22, iss=home.name, aud="x", request="ab" * 32,
            evidence="ab" * 32, use=99, as_of=1,
        ),
        shared.bidder.key.sign,
    )  # fmt: skip
    reads = [(entry.grant, entry.answer), (entry.grant, forged), (entry.grant, "no document")]
    assert proven_uses(reads, home) == {entry.grant: 1}


def test_what_is_used_up_or_over_is_not_carried(world):
    bidder = world.bidder()
    bidder.subject = "ab" * 32
    now = int(world.clock.now())
    token = bidder.scribe.grant_unasked("nanjing", "hangzhou", SCOPE, "reuse", uses=2, expires=now + 90_000)
    assert bidder.scribe.grant_again(token, "shanghai", 2) is None
    assert bidder.scribe.grant_again(token, "shanghai", 1) is not None
    world.clock.advance(90_000)
    assert bidder.scribe.grant_again(token, "shanghai", 0) is None
