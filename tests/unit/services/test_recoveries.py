"""A company that has lost its keys: what each drawn member checks for itself, and who is turned away."""

import pytest

from node.config import TrustConfig
from node.domain.document import peek_document, sign_document
from node.domain.wallet import RecoverCall
from node.errors import (
    CertificateError,
    ConflictError,
    DocumentFormatError,
    MissingError,
    SignatureError,
    UnknownCallerError,
)
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from tests.support.world import DAY, World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre

WEEK = 7 * DAY


@pytest.fixture
def world():
    with World() as world:
        yield world


class Lost:
    """A company whose key is gone, with its papers and a fresh key."""

    def __init__(self, world: World, bidder: Bidder) -> None:
        self.world, self.bidder = world, bidder
        self.former, self.acceptance = bidder.delegation, bidder.scribe.accept(bidder.delegation)
        self.lost, self.key = bidder.scribe, new_wallet_key()
        self.delegation = bidder.delegate(self.key)

    @property
    def scribe(self) -> Scribe:
        return Scribe(self.key, self.lost.descriptor, self.bidder.subject)

    def ask(self, centre: Centre, **changes: str):
        papers = {"delegation": self.delegation, "former": self.former, "acceptance": self.acceptance}
        return centre.services.recoveries.recover(self.scribe.recover(centre.name, **(papers | changes)))

    def confirm(self, centre: Centre) -> None:
        [(request, _, _)] = centre.services.recoveries.waiting()
        centre.services.recoveries.confirm(request)

    async def confirmed(self) -> None:
        for centre in (self.world.home, self.world.reader, self.world.third):
            self.ask(centre)
            await self.world.settle()
        self.confirm(self.world.reader)
        self.confirm(self.world.third)
        await self.world.settle()

    def speaks(self, key: WalletKey) -> bool:
        row = self.world.home.services.projection.subject(bytes.fromhex(self.bidder.subject))
        return self.world.home.services.alliance.speaks_for(row, key.name)


@pytest.fixture
async def lost(world: World) -> Lost:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return Lost(world, bidder)


async def test_a_company_gets_a_new_key_and_the_old_one_is_silent(world: World, lost: Lost) -> None:
    standing = lost.ask(world.home)
    assert sorted(standing.drawn) == sorted([world.reader.name, world.third.name])
    await world.settle()
    await lost.confirmed()
    world.clock.advance(WEEK + 60)
    await world.settle()
    world.third.services.recoveries.finish(lost.scribe.finish(world.third.name))
    await world.settle()
    assert lost.speaks(lost.key)
    assert not lost.speaks(lost.bidder.key)
    token = lost.scribe.register(world.home.name, lost.delegation, ())
    world.home.services.registrations.register(token)
    assert not list(world.reader.services.recoveries.waiting())


async def test_reads_go_on_while_it_waits_and_die_with_the_old_key(world: World, lost: Lost) -> None:
    shared = await world.share(lost.bidder, uses=3)
    await lost.confirmed()
    assert (await world.reader.services.reading.fetch(shared.digest)).records
    world.clock.advance(WEEK + 60)
    await world.settle()
    world.home.services.recoveries.finish(lost.scribe.finish(world.home.name))
    await world.settle()
    with pytest.raises(Exception, match="grant"):
        await world.reader.services.reading.fetch(shared.digest)


async def test_it_is_not_finished_before_its_time_or_unconfirmed(world: World, lost: Lost) -> None:
    lost.ask(world.home)
    await world.settle()
    with pytest.raises(ConflictError):
        world.home.services.recoveries.finish(lost.scribe.finish(world.home.name))
    await lost.confirmed()
    with pytest.raises(ConflictError):
        world.home.services.recoveries.finish(lost.scribe.finish(world.home.name))
    stranger = Scribe(new_wallet_key(), lost.lost.descriptor, lost.bidder.subject)
    with pytest.raises(UnknownCallerError):
        world.home.services.recoveries.finish(stranger.finish(world.home.name))


async def test_a_key_that_is_not_lost_vetoes(world: World, lost: Lost) -> None:
    await lost.confirmed()
    place = world.third.services.moving.place(lost.lost.place(world.third.name))
    assert [one.until > 0 for one in place.recoveries] == [True]
    veto = lost.lost.veto(world.third.name, place.version + 1, place.contract)
    world.third.services.controllers.veto(veto)
    await world.settle()
    world.clock.advance(WEEK + 60)
    await world.settle()
    with pytest.raises(UnknownCallerError):
        world.home.services.recoveries.finish(lost.scribe.finish(world.home.name))
    assert lost.speaks(lost.bidder.key)
    fresh = lost.lost.veto(world.third.name, place.version + 2, place.contract)
    with pytest.raises(ConflictError):
        world.third.services.controllers.veto(fresh)


async def test_another_company_does_not_recover_a_subject_with_its_own_certificate(
    world: World, lost: Lost
) -> None:
    thief = world.bidder()
    own = thief.delegate(lost.key)
    with pytest.raises(CertificateError, match="another company"):
        lost.ask(world.reader, delegation=own)
    # It signs a delegation for the victim's key, which stands on the ledger; that key has accepted no such thing.
    false = thief.delegate(lost.bidder.key)
    with pytest.raises(DocumentFormatError):
        lost.ask(world.reader, delegation=own, former=false)
    forged = Scribe(thief.key, lost.lost.descriptor, lost.bidder.subject).accept(false)
    with pytest.raises(SignatureError):
        lost.ask(world.reader, delegation=own, former=false, acceptance=forged)
    assert not list(world.reader.services.recoveries.waiting())


async def test_a_delegation_for_another_key_or_from_long_ago_recovers_nothing(
    world: World, lost: Lost
) -> None:
    with pytest.raises(SignatureError):
        lost.ask(world.reader, delegation=lost.bidder.delegate(new_wallet_key()))
    world.clock.advance(31 * DAY)
    await world.settle()
    with pytest.raises(CertificateError, match="30 days"):
        lost.ask(world.reader)


async def test_a_revoked_keys_papers_of_an_earlier_key_recover_nothing(world: World, lost: Lost) -> None:
    """Papers of a key that speaks no longer: the present ones must have accepted."""
    second = new_wallet_key()
    place = world.home.services.moving.place(lost.lost.place(world.home.name))
    signed = lost.lost.change_controller(
        world.home.name, 2, place.contract, removed=lost.bidder.key.name, added=second.name
    )
    world.home.services.controllers.change(signed)
    await world.settle()
    with pytest.raises(SignatureError, match="speaks for the subject"):
        lost.ask(world.reader)


async def test_a_member_confirms_only_what_it_was_shown(world: World, lost: Lost) -> None:
    lost.ask(world.home)
    await world.settle()
    with pytest.raises(MissingError):
        world.reader.services.recoveries.confirm("00" * 32)
    assert not list(world.home.services.recoveries.waiting())


async def test_a_request_is_signed_by_the_new_key_for_this_node(world: World, lost: Lost) -> None:
    token = lost.scribe.recover(world.reader.name, lost.delegation, lost.former, lost.acceptance)
    with pytest.raises(DocumentFormatError):
        world.third.services.recoveries.recover(token)
    call = peek_document(token, RecoverCall)
    with pytest.raises(SignatureError):
        world.reader.services.recoveries.recover(sign_document(call, new_wallet_key().sign))


async def test_automatic_members_confirm_when_they_are_asked_again() -> None:
    with World(trust=TrustConfig(recoveries="automatic")) as world:
        bidder = world.bidder()
        world.register(bidder)
        await world.settle()
        lost = Lost(world, bidder)
        for _ in range(2):
            for centre in (world.home, world.reader, world.third):
                lost.ask(centre)
            await world.settle()
        [found] = world.home.services.moving.place(lost.lost.place(world.home.name)).recoveries
        assert sorted(found.confirmers) == sorted([world.reader.name, world.third.name])
        assert found.until > 0
