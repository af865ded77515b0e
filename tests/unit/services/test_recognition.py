"""Recognising certificates in an alliance: votes on authorities, revocations, outages, and dishonest homes."""

from collections.abc import Iterator

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID
from msgspec.structs import replace

from adapters.crypto import trial_ca
from node.config import TrustConfig
from node.domain.bundle import Bundle, parse_bundle
from node.domain.bundle_check import VerifiedBundle, Verifier, verify_bundle
from node.domain.ledger import CastVote, ProposeTrust
from node.domain.trust import TrustList, encode_anchor
from node.domain.validity import parse_proof
from node.domain.verdict import Gap, StepKind
from node.errors import (
    AuthorityUnavailableError,
    CertificateError,
    ConflictError,
    RevokedError,
    StatusUnknownError,
)
from tests.support.trial_timestamps import TrialTimestamps
from tests.support.trust import CRL, OCSP, TSA, TimedResponder, tsa_anchor
from tests.support.world import Authority, Bidder, Centre, World

HOUR = 3600


def open_world(**kind: object) -> World:
    world = World(**{"terms": {"ocsp": (OCSP,)}, **kind})
    world.responder = TimedResponder(world.authority.root, now=world.clock.now)
    world.network.authorities.handlers[OCSP] = world.responder.answer
    return world


@pytest.fixture
def world() -> Iterator[World]:
    with open_world() as world:
        yield world


async def enrol(world: World, bidder: Bidder | None = None) -> Bidder:
    """Register as the wallets' service does it: first ask, then store."""
    bidder = bidder or world.bidder()
    registrations, home = world.home.services.registrations, world.home
    token = bidder.scribe.register(home.name, bidder.delegation, bidder.package())
    registered = registrations.register(token, await registrations.prepare(token))
    bidder.subject, bidder.home = registered.subject, home
    await world.settle()
    return bidder


async def share(world: World, bidder: Bidder) -> str:
    """A request at the reader that the bidder has granted."""
    digest = world.request(world.reader, bidder)
    await world.settle()
    await warm_home(world, bidder)
    world.grant(bidder)
    await world.settle()
    return digest


async def warm_home(world: World, bidder: Bidder) -> None:
    await world.home.services.recognition.warm(bidder.delegation)


async def fetch(world: World, digest: str) -> bytes:
    """The bundle over what the reader gets."""
    fetched = await world.reader.services.reading.fetch(digest)
    return world.reader.services.proving.obtained_bundle(digest, fetched.number, incomplete=True)


def verify(world: World, bundle: Bundle, *without: Gap, trust: TrustList | None = None) -> VerifiedBundle:
    """What was just read is not cosigned yet."""
    allowed = frozenset({Gap.WITNESSES, Gap.LEDGER, Gap.CUSTODY, *without})
    return verify_bundle(bundle, Verifier(world.descriptor, trust=trust, allowed=allowed))


async def test_a_bundle_shows_that_the_certificate_was_good(world: World) -> None:
    bundle = parse_bundle(await fetch(world, await share(world, await enrol(world))))
    assert StepKind.NOT_REVOKED in {step.kind for step in verify(world, bundle).steps}
    stripped = replace(bundle, authority=replace(bundle.authority, status=""), custody="")
    with pytest.raises(StatusUnknownError):
        verify(world, stripped)
    steps = verify(world, stripped, Gap.STATUS).steps
    assert StepKind.STATUS_UNKNOWN in {step.kind for step in steps}


async def test_a_bundle_is_judged_by_the_list_that_its_reader_believes(world: World) -> None:
    bundle = parse_bundle(await fetch(world, await share(world, await enrol(world))))
    early = TrustList([replace(world.anchors[0], suspended=1)])
    with pytest.raises(CertificateError):
        verify(world, bundle, trust=early)


async def test_a_revoked_certificate_registers_nothing_and_grants_nothing_new(world: World) -> None:
    bidder, late = await enrol(world), world.bidder()
    digest = world.request(world.reader, bidder)
    await world.settle()
    for one in (bidder, late):
        world.responder.revoke(one.certificate.certificate)
    world.clock.advance(HOUR)  # what is kept is no longer news
    with pytest.raises(RevokedError):
        await enrol(world, late)
    await warm_home(world, bidder)
    with pytest.raises(RevokedError):
        world.grant(bidder)
    assert not list(world.home.sharing.grants(bidder.subject)), digest


async def test_reads_under_a_grant_of_before_go_on_after_a_revocation(world: World) -> None:
    digest = await share(world, await enrol(world))
    world.clock.advance(5 * HOUR)
    world.responder.revoke(world.bidders[0].certificate.certificate)
    world.clock.advance(5 * HOUR)
    world.seal()
    await world.settle()
    bundle = parse_bundle(await fetch(world, digest))
    assert verify(world, bundle).identity.credit_code == world.bidders[0].code


async def test_a_grant_of_after_is_refused_by_the_reader_though_the_home_takes_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bidder = await enrol(world)
    world.responder.revoke(bidder.certificate.certificate)
    world.clock.advance(2 * HOUR)
    world.seal()
    monkeypatch.setattr(world.home.sharing, "_check_certificate", lambda _: None)
    digest = await share(world, bidder)
    with pytest.raises(RevokedError):
        await world.reader.services.reading.fetch(digest)


async def test_a_home_that_hides_the_age_of_a_delegation_gains_nothing(world: World) -> None:
    digest = await share(world, await enrol(world))
    world.clock.advance(5 * HOUR)
    world.responder.revoke(world.bidders[0].certificate.certificate)
    world.clock.advance(5 * HOUR)
    world.seal()
    await world.settle()
    world.network.tamper = lambda answer: type(answer)(answer.evidence, answer.answer, answer.delegation)
    with pytest.raises(RevokedError):
        await world.reader.services.reading.fetch(digest)


async def test_an_authority_that_is_down_stops_what_is_new_and_nothing_else(world: World) -> None:
    bidder = await enrol(world)
    digest = await share(world, bidder)
    world.network.authorities.handlers.clear()
    with pytest.raises(StatusUnknownError):
        await enrol(world)
    # what the home hands on is news for the reader too
    assert await world.reader.services.reading.fetch(digest)


async def test_soft_fail_goes_on_only_where_it_is_configured() -> None:
    for name, goes_on in (("trial-ca", True), ("another", False)):
        with open_world(trust=TrustConfig(soft_fail=(name,))) as world:
            world.network.authorities.handlers.clear()
            if goes_on:
                assert (await enrol(world)).subject
            else:
                with pytest.raises(StatusUnknownError):
                    await enrol(world)


async def test_what_is_news_is_not_asked_again(world: World) -> None:
    bidder = await enrol(world)
    asked = len(world.network.authorities.asked)
    await share(world, bidder)
    assert len(world.network.authorities.asked) == asked
    world.home.restart()
    await warm_home(world, bidder)
    assert len(world.network.authorities.asked) == asked
    world.clock.advance(2 * HOUR)
    await warm_home(world, bidder)
    assert len(world.network.authorities.asked) == asked + 1


async def test_an_older_good_answer_does_not_undo_a_revocation_that_is_known() -> None:
    with open_world() as world:
        mute = TimedResponder(
            world.authority.root, now=world.clock.now, echoes_nonces=False, valid_seconds=9 * HOUR
        )
        world.network.authorities.handlers[OCSP] = mute.answer
        bidder = world.bidder()
        recorded = []
        world.network.authorities.tamper = lambda answer: recorded.append(answer) or answer
        await warm_home(world, bidder)
        world.clock.advance(HOUR)
        mute.revoke(bidder.certificate.certificate)
        recognition = world.home.services.recognition
        await recognition.prove(bidder.delegation)
        world.network.authorities.tamper = lambda _: recorded[0]
        await recognition.prove(bidder.delegation)
        with pytest.raises(RevokedError):
            recognition.check(bidder.delegation)


async def test_an_answer_to_another_question_is_not_kept(world: World) -> None:
    recorded = []
    world.network.authorities.tamper = lambda answer: recorded.append(answer) or recorded[0]
    await warm_home(world, world.bidder())
    with pytest.raises(StatusUnknownError):
        await enrol(world)


async def test_only_listed_addresses_are_asked_and_only_about_recognised_certificates(world: World) -> None:
    elsewhere = x509.AuthorityInformationAccess(
        [
            x509.AccessDescription(
                AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://10.0.0.1/admin")
            )
        ]
    )
    bidder = world.bidder()
    bidder.certificate = trial_ca.issue(
        world.authority.root, bidder.organisation, bidder.code, extensions=[(elsewhere, False)]
    )
    bidder.delegation = bidder.delegate(bidder.key)
    await enrol(world, bidder)
    assert set(world.network.authorities.asked) == {OCSP}
    world.network.authorities.asked.clear()
    with pytest.raises(CertificateError):
        await enrol(world, world.bidder(authority=Authority("伪 CA")))
    head, payload, signature = world.bidder().delegation.split(".")
    await world.home.services.recognition.warm(f"{head}.{payload}.{'A' * len(signature)}")
    assert world.network.authorities.asked == []


async def test_a_list_serves_where_ocsp_is_down_and_is_fetched_once() -> None:
    with open_world(terms={"ocsp": (OCSP,), "crl": (CRL,)}) as world:
        world.network.authorities.handlers = {CRL: lambda _: world.responder.revocation_list()}
        first, second = await enrol(world), world.bidder()
        world.responder.revoke(second.certificate.certificate)
        await enrol(world, second)  # the list that is kept is news still
        assert world.network.authorities.asked.count(CRL) == 1
        world.clock.advance(2 * HOUR)
        with pytest.raises(RevokedError):
            await enrol(world, second)
        assert await fetch(world, await share(world, first))


# -- time stamps -----------------------------------------------------------------------------------------


@pytest.fixture
def stamped() -> Iterator[World]:
    stamps = TrialTimestamps()
    with open_world(
        terms={}, anchors=(tsa_anchor(stamps.root),), trust=TrustConfig(timestamp="tsa")
    ) as world:
        world.network.authorities.handlers[TSA] = stamps.answer
        yield world


async def test_a_delegation_is_stamped_where_configured(stamped: World) -> None:
    bidder = await enrol(stamped)
    proof = stamped.home.services.registrations.voucher(bidder.subject, bidder.key.name).status
    assert parse_proof(proof).timestamp


async def test_a_stamp_that_cannot_be_had_stops_the_registration_unless_told_to_go_on(stamped: World) -> None:
    stamped.network.authorities.handlers.clear()
    with pytest.raises(AuthorityUnavailableError, match="time stamp"):
        await enrol(stamped)
    with open_world(terms={}, trust=TrustConfig(timestamp="tsa", soft_fail=("tsa",))) as lenient:
        assert (await enrol(lenient)).subject
    with (
        open_world(terms={}, trust=TrustConfig(timestamp="tsa")) as unlisted,
        pytest.raises(AuthorityUnavailableError, match="serves no time stamps"),
    ):
        await enrol(unlisted)


# -- votes -----------------------------------------------------------------------------------------------


async def decide(world: World, entry: bytes) -> None:
    """Two of three agree on an entry."""
    proposer, voter = world.home, world.reader
    proposer.services.trust_votes.propose(entry)
    await world.settle()
    number = max(number for number, _ in voter.services.projection.proposals())
    voter.services.membership.vote(number, approve=True)
    await world.settle()


async def test_an_authority_is_recognised_everywhere_once_the_vote_has_passed(world: World) -> None:
    other = Authority("乙 CA")
    entry = encode_anchor(replace(other.anchor, id="b-ca"))
    bidder = world.bidder(authority=other)
    with pytest.raises(CertificateError):
        await enrol(world, bidder)
    await decide(world, entry)
    assert [one.services.recognition.trust().version for one in world.centres.values()] == [2] * 3
    assert await fetch(world, await share(world, await enrol(world, bidder)))
    with pytest.raises(ConflictError, match="in force"):
        world.home.services.trust_votes.propose(entry)


async def test_a_suspension_acts_on_first_sight_and_its_end_when_final() -> None:
    with open_world(terms={}, confirmations=3) as world:
        bidder = world.bidder()
        suspended = replace(world.anchors[0], suspended=int(world.clock.now()))
        trust = world.home.services.recognition.trust
        await world.follow()

        async def pass_vote(entry: bytes, number: int) -> None:
            expires = int(world.clock.now()) + HOUR
            for centre, call in (
                (world.home, ProposeTrust("trial-ca", entry, expires)),
                (world.reader, CastVote(number, approve=True)),
            ):
                world.queue(centre, "trust", call)
                await world.follow()
                await centre.services.sender.step()
                world.seal()
            await world.follow()

        await pass_vote(encode_anchor(suspended), 1)
        assert trust().anchor("trial-ca").suspended is not None
        with pytest.raises(CertificateError):
            world.register(bidder)
        await world.settle()
        await pass_vote(encode_anchor(world.anchors[0]), 2)
        assert trust().anchor("trial-ca").suspended is not None
        world.seal(4)
        await world.follow()
        assert trust().anchor("trial-ca").suspended is None


async def test_an_entry_that_cannot_be_read_recognises_nobody_and_stops_no_follower(world: World) -> None:
    expires = int(world.clock.now()) + HOUR
    world.queue(world.home, "trust", ProposeTrust("trial-ca", b"\xffno entry", expires))
    await world.settle()
    (shown,) = world.reader.services.trust_votes.proposed()
    assert "not an entry" in shown.problem
    world.reader.services.membership.vote(shown.proposal, approve=True)
    await world.settle()
    assert world.third.services.recognition.trust().anchors == ()
    with pytest.raises(CertificateError):
        await enrol(world)
    assert not list(world.home.services.trust_votes.proposed())
    await decide(world, encode_anchor(world.anchors[0]))
    assert (await enrol(world)).subject


async def test_an_unusable_entry_is_not_proposed(world: World) -> None:
    for wrong in (
        b"{}",
        encode_anchor(world.anchors[0])[:-1],
        encode_anchor(replace(world.anchors[0], name="")),
    ):
        with pytest.raises(CertificateError):
            world.home.services.trust_votes.propose(wrong)


def test_the_founding_list_counts_until_the_ledgers_is_seen(world: World) -> None:
    fresh: Centre = world.newcomer("wuhan")[0]
    assert fresh.services.recognition.trust().anchors == world.descriptor.trust_anchors
