"""A contract is replaced by vote while nodes of two versions run."""

import secrets

import pytest

from node.domain.ledger import CastVote
from node.errors import ConflictError, ContractUnknownError
from node.services.outbox import State as Place
from node.wallet.keyfile import new_wallet_key
from tests.support.world import World
from tests.support.world_centre import Centre
from tests.support.world_upgrade import replace


@pytest.fixture
def world():
    with World() as world:
        yield world


def update(centre: Centre, code_hash: bytes) -> None:
    """The operator installs a version that knows the code, and starts the node again."""
    centre.restart()
    centre.ledger.known_code.add(code_hash)


async def test_nodes_that_know_the_new_contract_go_over_to_it(world):
    shared = await world.share()
    new = await replace(world, "Grants")
    assert world.home.services.alliance.contract("Grants") == new
    digest = world.request(world.reader, shared.bidder)
    await world.settle()
    world.grant(shared.bidder)
    await world.settle()
    assert (await world.reader.services.reading.fetch(digest)).credit_code == shared.bidder.code
    # What was granted before lives on in the old contract, and so does the right to revoke it.
    assert (await world.reader.services.reading.fetch(shared.digest)).credit_code == shared.bidder.code
    world.revoke(shared.bidder, shared.token, via=world.third)
    await world.settle()
    grant = bytes.fromhex(shared.bidder.scribe.grant_id(shared.token))
    assert world.reader.services.projection.grant(grant).revoked
    assert [item.object for centre in world.centres.values() for item in centre.outbox()] == []


async def test_a_node_of_the_old_version_stops_at_that_contract_and_goes_on_with_all_else(world):
    shared = await world.share()
    code = secrets.token_bytes(32)
    for centre in (world.home, world.third):
        centre.ledger.known_code.add(code)
    await replace(world, "Grants", code)
    reader = world.reader
    with pytest.raises(ContractUnknownError, match="Grants"):
        await reader.services.reading.fetch(shared.digest)
    bidder = world.bidder()
    before = world.home.services.projection.anchored_size(reader.name)
    world.register(bidder, reader)
    await world.settle()
    projection = world.home.services.projection
    assert projection.subject(bytes.fromhex(bidder.subject)) is not None
    assert projection.anchored_size(reader.name) > before


async def test_what_is_for_an_unknown_contract_waits_with_its_reason_until_the_node_is_updated(world):
    shared = await world.share()
    code = secrets.token_bytes(32)
    for centre in (world.home, world.third):
        centre.ledger.known_code.add(code)
    world.request(world.reader, shared.bidder)
    await world.settle()
    token = world.sign_grant(shared.bidder)
    await replace(world, "Grants", code)
    reader = world.reader
    world.give(shared.bidder, token, via=world.home)
    await world.settle()
    raw_id = bytes.fromhex(shared.bidder.scribe.grant_id(token))
    assert world.home.services.projection.grant(raw_id).registered
    assert not reader.services.projection.grant(raw_id).registered

    update(reader, code)
    await world.settle()
    assert reader.services.projection.grant(raw_id).registered
    assert (await reader.services.reading.fetch(shared.digest)).credit_code == shared.bidder.code


async def test_an_item_waits_for_an_unknown_contract_and_is_not_parked(world):
    code = secrets.token_bytes(32)
    world.home.ledger.known_code.add(code)
    third = world.third
    await replace(world, "Anchors", code)
    size = world.home.services.projection.anchored_size(third.name)
    bidder = world.bidder()
    world.register(bidder, third)
    await world.settle()
    (waiting,) = third.outbox()
    assert "Anchors was replaced" in waiting.problem
    assert world.home.services.projection.anchored_size(third.name) == size
    assert world.home.services.projection.subject(bytes.fromhex(bidder.subject)) is not None
    update(third, code)
    await world.settle()
    await world.settle()
    assert world.home.services.projection.anchored_size(third.name) > size


async def test_the_book_survives_a_restart_and_a_reorganisation(world):
    new = await replace(world, "Subjects")
    world.home.restart()
    await world.settle()
    assert world.home.services.alliance.contract("Subjects") == new
    bidder = world.bidder()
    world.register(bidder, world.home)
    await world.settle()
    assert world.third.services.projection.subject(bytes.fromhex(bidder.subject)) is not None


async def test_code_that_is_not_what_was_voted_on_is_not_used(world):
    """An engine that shows a node other code than the contract enforced: the node believes neither."""
    address = world.chain.deploy("Grants")
    voted = world.chain.code_hash(address)
    original = type(world.chain).code_hash

    def lying(where: bytes) -> bytes | None:
        return secrets.token_bytes(32) if where == address else original(world.chain, where)

    world.chain.code_hash = lying
    assert voted is not None
    world.home.services.membership.propose_contract("Grants", address, voted, 0)
    await world.settle()
    world.queue(world.third, "vote", CastVote(1, approve=True))
    await world.settle()
    (entry,) = world.home.services.projection.contracts()
    assert not entry.is_known
    with pytest.raises(ContractUnknownError):
        world.home.services.projection.check_known("Grants")


async def test_a_change_of_keys_that_a_succession_has_caught_can_be_signed_again_at_the_same_node(world):
    bidder, relay, second = world.bidder(), world.third, new_wallet_key()
    world.register(bidder)
    await world.settle()

    def change() -> None:
        place = relay.services.moving.place(bidder.scribe.place(relay.name))
        signed = bidder.scribe.change_controller(
            relay.name, place.version + 1, place.contract, removed="", added=second.name
        )
        relay.services.controllers.change(signed)

    subject = f"subject/{bidder.subject}"
    states = lambda: [item.state for item in relay.outbox() if item.object == subject]  # noqa: E731
    change()
    with pytest.raises(ConflictError, match="on its way"):
        change()
    relay.stop()
    await replace(world, "Subjects")
    relay.start()
    await world.settle()
    assert states() == [Place.PARKED], "nobody but the bidder can sign that again"
    change()
    await world.settle()
    row = world.home.services.projection.subject(bytes.fromhex(bidder.subject))
    assert len(row.controllers) == 2
    assert states() == []


async def test_a_move_that_a_succession_has_caught_can_be_signed_again(world):
    bidder, new = world.bidder(), world.third
    world.register(bidder)
    await world.settle()

    def move() -> None:
        place = new.services.moving.place(bidder.scribe.place(new.name))
        token = bidder.scribe.move(
            new.name, bidder.delegation, bidder.package(), place.version + 1, place.contract
        )
        new.services.moving.take_over(token)

    move()
    new.stop()
    await replace(world, "Subjects")
    new.start()
    await world.settle()
    move()
    await world.settle()
    row = world.home.services.projection.subject(bytes.fromhex(bidder.subject))
    assert row.home == new.name
