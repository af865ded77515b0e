"""A company's further certificates: kept beside the first, and as good as it."""

from collections.abc import Iterator

import pytest

from adapters.crypto import trial_ca
from node.errors import CertificateError, DuplicateError, MissingError, NodeError, RevokedError
from node.wallet.keyfile import new_wallet_key
from tests.support.trust import OCSP, TimedResponder
from tests.support.world import World
from tests.support.world_bidder import Authority, Bidder


@pytest.fixture
def world() -> Iterator[World]:
    with World(terms={"ocsp": (OCSP,)}) as world:
        world.responder = TimedResponder(world.authority.root, now=world.clock.now)
        world.network.authorities.handlers[OCSP] = world.responder.answer
        yield world


async def hand_in(world: World, bidder: Bidder, delegation: str, *, first: bool = False) -> None:
    """As the wallets' service does it: first ask, then store."""
    registrations, home = world.home.services.registrations, world.home
    token = bidder.scribe.register(home.name, delegation, bidder.package() if first else ())
    registered = registrations.register(token, await registrations.prepare(token))
    bidder.subject, bidder.home = registered.subject, home


def another(
    world: World, bidder: Bidder, code: str = "", root: Authority | None = None
) -> trial_ca.TrialCertificate:
    return trial_ca.issue((root or world.authority).root, bidder.organisation, code or bidder.code)


async def share(world: World, bidder: Bidder) -> str:
    digest = world.request(world.reader, bidder)
    await world.settle()
    await world.home.services.registrations.warm(bidder.subject)
    world.grant(bidder)
    await world.settle()
    return digest


def revoke(world: World, certificate: trial_ca.TrialCertificate) -> None:
    """As of a moment before anything here happened, for example because the key was stolen."""
    world.responder.revoke(certificate.certificate, world.clock.now() - 30 * 86_400)
    world.clock.advance(2 * 86_400)  # what was said before is no news any more


async def registered(world: World) -> tuple[Bidder, trial_ca.TrialCertificate]:
    """With two certificates."""
    bidder = world.bidder()
    await hand_in(world, bidder, bidder.delegation, first=True)
    further = another(world, bidder)
    await hand_in(world, bidder, bidder.delegate(bidder.key, certificate=further))
    await world.settle()
    await world.settle()
    return bidder, further


async def test_a_further_certificate_is_kept_beside_the_first(world: World) -> None:
    bidder, further = await registered(world)
    found = world.home.services.registrations.load(bidder.subject).vouchers
    assert [one.certificate for one in found] == [further.der, bidder.certificate.der]
    # A renewed delegation takes the place of its own certificate's, and of no other.
    renewed = bidder.delegate(bidder.key, seconds=1000)
    await hand_in(world, bidder, renewed)
    found = world.home.services.registrations.load(bidder.subject).vouchers
    assert found[0].delegation == renewed
    assert {one.certificate for one in found} == {further.der, bidder.certificate.der}


@pytest.mark.parametrize("which", [0, 1])
async def test_a_revoked_certificate_stops_no_read_while_another_is_good(world: World, which: int) -> None:
    bidder, further = await registered(world)
    digest = await share(world, bidder)
    revoke(world, (bidder.certificate, further)[which])
    await world.settle()
    await world.home.services.registrations.warm(bidder.subject)
    fetched = await world.reader.services.reading.fetch(digest)
    assert fetched.credit_code == bidder.code
    await share(world, bidder)  # and none of its new grants


async def test_when_all_are_revoked_no_read_is_accepted(world: World) -> None:
    bidder, further = await registered(world)
    digest = await share(world, bidder)
    for certificate in (bidder.certificate, further):
        revoke(world, certificate)
    await world.settle()
    await world.home.services.registrations.warm(bidder.subject)
    with pytest.raises(NodeError):
        await share(world, bidder)
    assert isinstance(await outcome(world, digest), RevokedError)


async def outcome(world: World, digest: str) -> NodeError | None:
    try:
        await world.reader.services.reading.fetch(digest)
    except NodeError as error:
        return error
    return None


async def test_another_companys_certificate_is_no_further_one(world: World) -> None:
    bidder, other = world.bidder(), world.bidder()
    await hand_in(world, bidder, bidder.delegation, first=True)
    foreign = another(world, bidder, other.code)
    with pytest.raises(MissingError):
        await hand_in(world, bidder, bidder.delegate(bidder.key, certificate=foreign, credit_code=other.code))
    unknown = another(world, bidder, root=Authority("无人认可 Nobody's CA"))
    with pytest.raises(CertificateError):
        await hand_in(world, bidder, bidder.delegate(bidder.key, certificate=unknown))


async def test_a_further_certificate_does_not_bring_another_key_in(world: World) -> None:
    bidder = world.bidder()
    await hand_in(world, bidder, bidder.delegation, first=True)
    bidder.key = new_wallet_key()
    with pytest.raises(DuplicateError, match="add this one first"):
        await hand_in(world, bidder, bidder.delegate(bidder.key, certificate=another(world, bidder)))


async def test_only_so_many_are_kept(world: World) -> None:
    bidder, _ = await registered(world)
    for _ in range(6):
        await hand_in(world, bidder, bidder.delegate(bidder.key, certificate=another(world, bidder)))
    assert len(world.home.services.registrations.load(bidder.subject).vouchers) == 4
