"""At the home: no read without authority, every use counted once, every read in the subject's history."""

from typing import Any

import msgspec
import pytest

from node.domain.document import document_digest, peek_document, sign_document
from node.domain.encoding import from_base64url
from node.domain.evidence import parse_evidence
from node.domain.grant import Grant, Scope, grant_terms
from node.domain.ledger import Action, CastVote, ProposeStanding, RegisterGrant
from node.domain.ledger_ids import grant_id
from node.domain.reading import ReadAnswer, ReadRequest
from node.domain.wallet import WINDOW_SECONDS
from node.errors import (
    DocumentFormatError,
    GrantExpiredError,
    GrantMissingError,
    GrantUsedUpError,
    NodeError,
    NotMemberError,
    ProjectionStaleError,
    ReplayError,
    SignatureError,
    StaleVersionError,
    StoreError,
)
from node.ports import Answer
from node.wallet.keyfile import new_wallet_key
from tests.support.world import DAY, SCOPE, Shared, World
from tests.support.world_centre import Centre
from tests.support.world_dishonest import altered_grant, read_request

HOUR = 3_600


def read(
    world: World, shared: Shared, *, by: Centre | None = None, token: str = "", **changes: Any
) -> Answer:
    """A read at the home as `by`, with its own signature; the honest reader's if nothing is said."""
    by, token = by or world.reader, token or shared.token
    return world.home.serving.read(by.name, read_request(world, by, token, **changes), token)


def refused(world: World, shared: Shared, error: type[NodeError], words: str = "", **how: Any) -> None:
    """The read is refused, no use is counted, and the subject's history is as it was."""
    before = world.home.store.everything()
    with pytest.raises(error, match=words or None):
        read(world, shared, **how)
    assert world.home.store.everything() == before


def uses(world: World, shared: Shared) -> int:
    [kept] = dict(world.home.sharing.grants(shared.bidder.subject)).values()
    return kept.uses


def resigned(shared: Shared, **changes: Any) -> str:
    """Another grant by the bidder's own key, which is not on the ledger."""
    grant = msgspec.structs.replace(peek_document(shared.token, Grant), **changes)
    return sign_document(grant, shared.bidder.key.sign)


# -- what leaves -----------------------------------------------------------------------------------------


async def test_exactly_the_fields_asked_for_leave(world: World, shared: Shared) -> None:
    narrow = (Scope("subject.base", ("legal_name",)),)
    [record] = parse_evidence(read(world, shared, scope=narrow).evidence).records
    assert len(record.disclosures) == 1
    [record] = parse_evidence(read(world, shared).evidence).records
    assert len(record.disclosures) == 3


async def test_the_newest_final_version_is_shown(world: World, shared: Shared) -> None:
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="9999")])
    before = parse_evidence(read(world, shared).evidence).records[0]
    await world.settle()
    after = parse_evidence(read(world, shared).evidence).records[0]
    assert b'"version":1' in from_base64url(before.payload)
    assert b'"version":2' in from_base64url(after.payload)


async def test_a_version_that_is_published_and_not_anchored_is_not_shown(
    world: World, shared: Shared
) -> None:
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="9999")])
    world.home.services.publish()
    [record] = parse_evidence(read(world, shared).evidence).records
    assert b'"version":1' in from_base64url(record.payload)


async def test_the_newest_version_of_every_thing_is_shown(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder, package=[bidder.base(), *(bidder.qualification(f"D{n}") for n in (1, 2, 3))])
    world.register(bidder, package=[bidder.qualification("D2", "特级")])
    await world.settle()
    await world.settle()  # five records and a batch of four
    shared = await world.share(bidder, (Scope("subject.qualification", ("certificate_number", "level")),))
    assert len(parse_evidence(read(world, shared).evidence).records) == 3


async def test_a_record_that_is_not_final_yet_does_not_leave(world: World) -> None:
    shared = await world.share()
    scope = (Scope("subject.performance", ("title",)),)
    world.request(world.reader, shared.bidder, scope)
    await world.settle()
    token = world.grant(shared.bidder)
    await world.settle()
    refused(world, shared, GrantMissingError, "nothing to read under it", token=token)


async def test_a_record_older_than_the_reader_insists_on_does_not_leave(world: World, shared: Shared) -> None:
    scope = (msgspec.structs.replace(SCOPE[0], least_version=2),)
    refused(world, shared, StaleVersionError, "older than version 2", scope=scope)
    world.register(shared.bidder, package=[shared.bidder.base()])
    await world.settle()
    read(world, shared, scope=scope)


# -- attacks ---------------------------------------------------------------------------------------------


async def test_a_read_without_a_grant_on_the_ledger_is_refused(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    digest = world.request(world.reader, bidder)
    await world.settle()
    shared = Shared(bidder, digest, world.sign_grant(bidder))
    refused(world, shared, GrantMissingError)
    world.give(bidder, shared.token)
    refused(world, shared, GrantMissingError)  # queued, not final
    await world.settle()
    read(world, shared)


async def test_another_member_cannot_use_a_grant_that_is_not_for_it(world: World, shared: Shared) -> None:
    refused(world, shared, GrantMissingError, "nothing to read under it", by=world.third)


async def test_a_request_signed_by_another_member_than_the_caller_is_refused(
    world: World, shared: Shared
) -> None:
    stolen = read_request(world, world.reader, shared.token)
    with pytest.raises(SignatureError):
        world.home.serving.read(world.third.name, stolen, shared.token)
    assert uses(world, shared) == 0


@pytest.mark.parametrize("changes", [{"iss": "shanghai"}, {"aud": "shanghai"}, {"alliance": "ab" * 32}])
async def test_a_request_in_another_name_or_to_another_home_is_refused(
    world: World, shared: Shared, changes: dict[str, str]
) -> None:
    refused(world, shared, DocumentFormatError, "not this caller's", **changes)


@pytest.mark.parametrize(
    "scope",
    [
        (Scope("subject.base", ("bank_account", "legal_representative")),),
        (Scope("subject.qualification", ("level",)),),
        (SCOPE[0], Scope("subject.qualification", ("level",))),
    ],
)
async def test_a_read_of_more_than_was_granted_is_refused(
    world: World, shared: Shared, scope: tuple[Scope, ...]
) -> None:
    refused(world, shared, GrantMissingError, "nothing to read under it", scope=scope)


async def test_a_read_for_another_purpose_is_refused(world: World, shared: Shared) -> None:
    refused(world, shared, GrantMissingError, "nothing to read under it", purpose="marketing")


async def test_a_grant_allows_no_older_version_than_it_says(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    world.register(bidder, package=[bidder.base()])
    await world.settle()
    shared = await world.share(bidder, (msgspec.structs.replace(SCOPE[0], least_version=2),))
    refused(world, shared, GrantMissingError, "nothing to read under it", scope=SCOPE)
    read(world, shared)


async def test_a_widened_grant_is_refused(world: World, shared: Shared) -> None:
    wide = (Scope("subject.base", (*SCOPE[0].fields, "registered_capital")),)
    refused(world, shared, SignatureError, token=altered_grant(shared.token, scope=wide))
    refused(world, shared, SignatureError, token=altered_grant(shared.token, uses=1000))
    # Signed by the bidder for somebody, and never brought to the ledger: nobody could revoke it.
    refused(world, shared, GrantMissingError, token=resigned(shared, scope=wide))


async def test_a_request_that_names_another_grant_than_it_shows_is_refused(
    world: World, shared: Shared
) -> None:
    """Or the history would say that a read was under a grant which its owner never gave for it."""
    other = await world.share(shared.bidder)
    named = peek_document(read_request(world, world.reader, other.token), ReadRequest).grant
    refused(world, shared, GrantMissingError, grant=named)


async def put_on_ledger(world: World, token: str) -> str:
    """A dishonest member registers any grant that it likes: the contract sees no more than an id."""
    terms = grant_terms(peek_document(token, Grant), document_digest(token))
    world.queue(world.third, f"forged/{terms.digest.hex()}", RegisterGrant(terms))
    await world.settle()
    assert world.third.outbox() == []
    return token


@pytest.mark.parametrize("changes", [{"alliance": "ab" * 32}, {"home": "shanghai"}, {"iss": "ab" * 32}])
async def test_a_grant_of_another_alliance_home_or_subject_is_refused(
    world: World, shared: Shared, changes: dict[str, str]
) -> None:
    token = await put_on_ledger(world, resigned(shared, **changes))
    raw_id = grant_id(
        bytes.fromhex(world.descriptor.alliance),
        grant_terms(peek_document(token, Grant), document_digest(token)),
    ).hex()
    own = {"alliance": world.descriptor.alliance, "aud": world.home.name, "grant": raw_id}
    refused(world, shared, GrantMissingError, token=token, **own)


async def test_a_subject_of_another_home_is_not_served_here(world: World, shared: Shared) -> None:
    bidder = world.bidder()
    world.register(bidder, world.third)
    await world.settle()
    grant = msgspec.structs.replace(
        peek_document(shared.token, Grant), iss=bidder.subject, key=bidder.key.public_key.hex()
    )
    token = await put_on_ledger(world, sign_document(grant, bidder.key.sign))
    refused(world, shared, GrantMissingError, token=token)


async def test_a_grant_by_a_key_that_is_not_the_subjects_is_refused(world: World, shared: Shared) -> None:
    thief = new_wallet_key()
    grant = msgspec.structs.replace(peek_document(shared.token, Grant), key=thief.public_key.hex())
    token = await put_on_ledger(world, sign_document(grant, thief.sign))
    refused(world, shared, GrantMissingError, token=token)


async def test_a_grant_is_good_only_in_its_time(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    digest = world.request(world.reader, bidder, valid_seconds=DAY)
    await world.settle()
    shared = Shared(bidder, digest, world.grant(bidder))
    await world.settle()
    read(world, shared)
    world.clock.advance(DAY + HOUR)
    await world.settle()
    refused(world, shared, GrantExpiredError)
    # Before its time is a matter of the document alone: tests/unit/domain/test_grant.py.


async def test_uses_are_counted_and_run_out_also_over_a_restart(world: World, shared: Shared) -> None:
    for number in (1, 2, 3):
        answer = peek_document(read(world, shared).answer, ReadAnswer)
        assert (answer.use, uses(world, shared)) == (number, number)
        world.home.restart()
        await world.follow()
    refused(world, shared, GrantUsedUpError, "good for 3 reads")


@pytest.mark.parametrize("seconds", [WINDOW_SECONDS + 1, -WINDOW_SECONDS - 1])
async def test_a_request_from_another_time_is_refused(world: World, shared: Shared, seconds: int) -> None:
    refused(world, shared, ReplayError, iat=int(world.clock.now()) + seconds)


async def test_a_stale_view_of_the_ledger_serves_nobody(world: World, shared: Shared) -> None:
    world.clock.advance(120)
    refused(world, shared, ProjectionStaleError)
    world.seal()
    await world.follow()
    read(world, shared)


async def test_a_suspended_member_is_refused() -> None:
    with World(("a-centre", "b-centre", "c-centre", "d-centre")) as world:
        shared = await world.share()
        expires = int(world.clock.now()) + DAY
        reader = world.reader.name
        world.queue(world.home, "propose", ProposeStanding(Action.SUSPEND, reader, expires))
        await world.settle()
        world.queue(world.third, "vote", CastVote(1, approve=True))
        await world.settle()
        refused(world, shared, NotMemberError)


async def test_a_stranger_is_refused(world: World, shared: Shared) -> None:
    with pytest.raises(NotMemberError):
        world.home.serving.read("stranger", read_request(world, world.reader, shared.token), shared.token)


async def test_nothing_leaves_when_the_use_cannot_be_stored(world: World, shared: Shared) -> None:
    def full(name: str) -> None:
        if name == "write":
            raise StoreError("full")

    world.home.store.before = full
    refused(world, shared, StoreError)
    world.home.store.before = lambda _: None
    read(world, shared)
    assert uses(world, shared) == 1
