"""Several keys of one subject, and passkeys: each speaks for it alone, wherever its signature is checked."""

import msgspec
import pytest

from node.domain.document import open_by_controller, open_document, peek_document, sign_document
from node.domain.wallet import ControllerCall, StatusCall
from node.errors import (
    ConflictError,
    DuplicateError,
    GrantMissingError,
    NodeError,
    SignatureError,
    UnknownCallerError,
)
from node.wallet.documents import Scribe
from node.wallet.keyfile import WalletKey, new_wallet_key
from node.wallet.passkey import Passkey
from node.wallet.trial_authenticator import TrialAuthenticator
from tests.support.world import World
from tests.support.world_bidder import Bidder
from tests.support.world_centre import Centre


@pytest.fixture
def world():
    with World() as world:
        yield world


async def registered(world: World, *, passkey: bool = False) -> Bidder:
    bidder = world.bidder()
    if passkey:
        bidder.use_passkey()
    world.register(bidder)
    await world.settle()
    return bidder


def scribe_of(bidder: Bidder, key: WalletKey) -> Scribe:
    return Scribe(key, bidder.scribe.descriptor, bidder.subject)


async def change(world: World, via: Centre, scribe: Scribe, *, removed: str = "", added: str = "") -> None:
    place = via.services.moving.place(scribe.place(via.name))
    signed = scribe.change_controller(
        via.name, place.version + 1, place.contract, removed=removed, added=added
    )
    via.services.controllers.change(signed)
    await world.settle()


async def with_second_key(world: World, bidder: Bidder) -> WalletKey:
    """Another device: added by the first key through another member, its delegation handed in at home."""
    second = new_wallet_key()
    await change(world, world.third, bidder.scribe, added=second.name)
    token = scribe_of(bidder, second).register(world.home.name, bidder.delegate(second), ())
    world.home.services.registrations.register(token)
    await world.settle()
    return second


def as_second(bidder: Bidder, key: WalletKey) -> None:
    bidder.key, bidder.passkey = key, None
    bidder.delegation = bidder.delegate(key)


async def test_grants_by_either_key_are_read_each_under_its_own_delegation(world: World) -> None:
    bidder = await registered(world)
    shared = await world.share(bidder)
    assert await world.reader.services.reading.fetch(shared.digest)
    second = await with_second_key(world, bidder)
    as_second(bidder, second)
    later = await world.share(bidder)
    fetched = await world.reader.services.reading.fetch(later.digest)
    assert fetched.records


async def test_a_grant_by_a_key_that_was_removed_since_is_dead(world: World) -> None:
    bidder = await registered(world)
    shared = await world.share(bidder)
    first, second = bidder.key, await with_second_key(world, bidder)
    await change(world, world.home, scribe_of(bidder, second), removed=first.name)
    with pytest.raises((GrantMissingError, SignatureError)):
        await world.reader.services.reading.fetch(shared.digest)
    with pytest.raises(UnknownCallerError):
        world.home.services.moving.place(scribe_of(bidder, first).place(world.home.name))


async def test_a_key_without_a_delegation_of_its_own_grants_nothing(world: World) -> None:
    bidder = await registered(world)
    second = new_wallet_key()
    await change(world, world.home, bidder.scribe, added=second.name)
    bidder.key = second
    with pytest.raises(GrantMissingError):
        await world.share(bidder)


async def test_a_key_that_the_ledger_does_not_name_hands_no_delegation_in(world: World) -> None:
    bidder = await registered(world)
    stranger = new_wallet_key()
    token = scribe_of(bidder, stranger).register(world.home.name, bidder.delegate(stranger), ())
    with pytest.raises(DuplicateError):
        world.home.services.registrations.register(token)


async def test_a_change_of_keys_is_signed_by_a_present_one_for_this_version(world: World) -> None:
    bidder, home = await registered(world), world.home
    place = home.services.moving.place(bidder.scribe.place(home.name))
    thief = new_wallet_key()
    stolen = scribe_of(bidder, thief).change_controller(home.name, 2, place.contract, added=thief.name)
    with pytest.raises(UnknownCallerError):
        home.services.controllers.change(stolen)
    honest = bidder.scribe.change_controller(home.name, 2, place.contract, added=new_wallet_key().name)
    call = peek_document(honest, ControllerCall)
    swapped = sign_document(msgspec.structs.replace(call, added=thief.name), bidder.key.sign)
    with pytest.raises(SignatureError):
        home.services.controllers.change(swapped)
    early = bidder.scribe.change_controller(home.name, 3, place.contract, added=thief.name)
    with pytest.raises(ConflictError):
        home.services.controllers.change(early)
    with pytest.raises(ConflictError):
        await change(world, home, bidder.scribe, removed=bidder.key.name)


# -- passkeys ------------------------------------------------------------------------------------------


async def test_a_passkey_registers_grants_and_moves_like_any_key(world: World) -> None:
    bidder = await registered(world, passkey=True)
    shared = await world.share(bidder)
    assert (await world.reader.services.reading.fetch(shared.digest)).records
    place = world.third.services.moving.place(bidder.scribe.place(world.third.name))
    moved = bidder.scribe.move(
        world.third.name, bidder.delegation, bidder.package(), place.version + 1, place.contract
    )
    world.third.services.moving.take_over(moved)
    await world.settle()
    row = world.home.services.projection.subject(bytes.fromhex(bidder.subject))
    assert row is not None
    assert row.home == world.third.name


async def test_a_passkeys_document_is_no_plain_keys_and_the_other_way_round(world: World) -> None:
    bidder = await registered(world, passkey=True)
    token = bidder.scribe.status(world.home.name)
    name = bidder.scribe.signer.name
    assert open_by_controller(token, StatusCall, name).key == name
    with pytest.raises(NodeError):
        open_document(token, StatusCall, bytes.fromhex(name.removeprefix("passkey:")))
    with pytest.raises(NodeError):
        open_by_controller(token, StatusCall, name.removeprefix("passkey:"))
    key = new_wallet_key()
    plain = scribe_of(bidder, key).status(world.home.name)
    with pytest.raises(NodeError):
        open_by_controller(plain, StatusCall, "passkey:" + key.name)


async def test_the_same_key_pair_as_another_kind_does_not_speak_for_the_subject(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    bidder.passkey = Passkey(TrialAuthenticator(bidder.key, "wallet.example"))
    with pytest.raises(UnknownCallerError):
        world.home.services.moving.place(bidder.scribe.place(world.home.name))


async def test_a_grant_by_a_passkey_that_another_page_asked_for_is_refused(world: World) -> None:
    bidder = await registered(world, passkey=True)
    passkey = bidder.passkey
    assert passkey is not None
    authenticator = passkey.authenticator
    assert isinstance(authenticator, TrialAuthenticator)

    class Phished(TrialAuthenticator):
        """The page of a sub-domain asks; authenticator and browser go along."""

        def get_assertion(self, challenge: bytes):
            return self.sign_assertion(challenge, "https://evil.wallet.example")

    bidder.passkey = Passkey(Phished(authenticator.key, authenticator.host))
    with pytest.raises(SignatureError):
        world.home.services.moving.place(bidder.scribe.place(world.home.name))
