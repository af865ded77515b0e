"""Bringing the outbox to the ledger: once, in order, through every crash."""

import pytest

from node.domain.ledger import Call, CastVote, CreateSubject, EndpointsUpdated, UpdateEndpoints
from node.errors import LedgerUnavailableError, NonceTakenError, StoreError
from node.services.outbox import OutboxItem, State
from node.services.sender import MAX_ATTEMPTS, RESEND_SECONDS
from tests.support.world import World
from tests.support.world_faults import KilledError, kill_at, pass_by


def move(number: int) -> UpdateEndpoints:
    return UpdateEndpoints(f"moved.example:{number}", "wallet.example:1")


BAD = CastVote(99, approve=True)
"""A vote on a proposal that does not exist."""


def moves(world: World) -> list[int]:
    """What took effect, in the ledger's order."""
    happenings = [event.happening for event in world.chain.events(0, world.chain.head().number)]
    return [int(h.endpoint.split(":")[1]) for h in happenings if isinstance(h, EndpointsUpdated)]


async def turn(world: World) -> None:
    """One poll of the node without a new block."""
    await world.home.services.follow()
    await world.home.services.sender.step()


async def run(world: World, blocks: int = 6) -> None:
    for _ in range(blocks):
        await turn(world)
        world.seal()


def only(world: World) -> OutboxItem:
    [item] = world.home.outbox()
    return item


# -- order -----------------------------------------------------------------------------------------------


async def test_items_of_one_object_take_effect_one_after_the_other(lonely: World) -> None:
    for number in range(4):
        lonely.queue(lonely.home, "a", move(number))
    await turn(lonely)
    assert [item.state for item in lonely.home.outbox()] == [State.SENT, *[State.WAITING] * 3]
    await run(lonely, 12)
    assert moves(lonely) == [0, 1, 2, 3]
    assert lonely.home.outbox() == []


async def test_different_objects_share_a_block(lonely: World) -> None:
    for number in range(4):
        lonely.queue(lonely.home, f"object {number}", move(number))
    await turn(lonely)
    block = lonely.chain.head().number
    lonely.seal()
    assert {event.block for event in lonely.chain.events(block + 1, block + 1)} == {block + 1}
    assert moves(lonely) == [0, 1, 2, 3]


async def test_an_item_leaves_the_outbox_only_when_this_node_has_its_final_block() -> None:
    with World(("hangzhou",), confirmations=2) as world:
        world.queue(world.home, "a", move(0))
        await turn(world)
        for _ in range(3):
            assert only(world).state is State.SENT
            world.seal()
            await turn(world)
        assert world.home.outbox() == []


# -- refusals --------------------------------------------------------------------------------------------


async def test_a_refused_item_is_parked_without_a_nonce_and_only_its_object_stops(lonely: World) -> None:
    lonely.queue(lonely.home, "bad", BAD)
    lonely.queue(lonely.home, "bad", move(1))
    lonely.queue(lonely.home, "good", move(2))
    await run(lonely)
    assert moves(lonely) == [2]
    parked, waiting = lonely.home.outbox()
    assert (parked.state, waiting.state) == (State.PARKED, State.WAITING)
    assert "AllianceUnknownProposal" in parked.problem
    assert len(lonely.home.ledger.sent) == 1, "a refused item must not spend a nonce"


async def test_a_released_item_is_tried_again_and_a_dropped_one_lets_its_object_go_on(lonely: World) -> None:
    number = lonely.queue(lonely.home, "a", BAD)
    lonely.queue(lonely.home, "a", move(1))
    await run(lonely, 2)
    lonely.home.services.decisions.release_transaction(number)
    await run(lonely, 2)
    assert lonely.home.outbox()[0].state is State.PARKED
    lonely.home.services.decisions.drop_transaction(number)
    await run(lonely)
    assert moves(lonely) == [1]


async def test_an_item_that_cannot_be_encoded_is_parked_and_stops_nobody(lonely: World) -> None:
    lonely.queue(lonely.home, "bug", UpdateEndpoints(7, "b:1"))  # type: ignore[arg-type]
    lonely.queue(lonely.home, "good", move(1))
    await run(lonely)
    assert moves(lonely) == [1]
    assert (only(lonely).state, only(lonely).problem.split(":")[0]) == (State.PARKED, "a bug")


async def test_a_grant_that_somebody_else_has_relayed_counts_as_done(world: World) -> None:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    world.request(world.reader, bidder)
    await world.settle()
    token = world.sign_grant(bidder)
    for centre in (world.home, world.third):
        world.give(bidder, token, via=centre)
    await world.settle()
    for centre in (world.home, world.third):
        world.revoke(bidder, token, via=centre)
    await world.settle()
    assert world.home.outbox() == world.third.outbox() == []
    assert world.home.services.projection.grant(bytes.fromhex(world.revoke(bidder, token))).revoked


async def test_a_subject_that_is_on_the_ledger_already_counts_as_done(lonely: World) -> None:
    signer = lonely.home.services.alliance.signer_of(lonely.bidder().key.public_key.hex())
    for number in range(2):
        lonely.queue(lonely.home, f"subject/{number}", CreateSubject(b"s" * 32, signer))
        await run(lonely)
    assert lonely.home.outbox() == []


# -- accidents -------------------------------------------------------------------------------------------


async def test_a_dropped_transaction_is_sent_again_with_the_same_bytes(lonely: World) -> None:
    lonely.queue(lonely.home, "a", move(1))
    await turn(lonely)
    assert lonely.chain.drop_pending() == 1
    await turn(lonely)
    assert len(lonely.home.ledger.sent) == 1, "it is not repeated at once"
    lonely.clock.advance(RESEND_SECONDS + 1)
    await turn(lonely)
    first, second = lonely.home.ledger.sent
    assert first == second
    await run(lonely)
    assert moves(lonely) == [1]


async def test_a_nonce_taken_by_another_transaction_is_replaced(lonely: World) -> None:
    rival = await lonely.home.ledger.sign(move(7), 0)
    lonely.queue(lonely.home, "a", move(1))
    lonely.home.ledger.before = lambda name: lonely.chain.send(rival) if name == "send" else None
    await turn(lonely)
    lonely.home.ledger.before = pass_by
    item = only(lonely)
    assert (item.state, item.attempts) == (State.WAITING, 0), "what no block has tried is no attempt"
    assert "another transaction used the nonce" in item.problem
    lonely.seal()
    await run(lonely)
    assert moves(lonely) == [7, 1]


async def test_a_nonce_taken_by_this_very_transaction_is_no_trouble(lonely: World) -> None:
    lonely.queue(lonely.home, "a", move(1))
    await turn(lonely)
    lonely.home.restart()  # forgets that it has sent

    def tell_late(name: str) -> None:
        if name == "send":
            lonely.seal()
        if name == "sent":
            raise NonceTakenError("nonce too low, as some engines say to a transaction that is in a block")

    lonely.home.ledger.before = tell_late
    await turn(lonely)
    assert (only(lonely).state, only(lonely).attempts) == (State.SENT, 1)
    lonely.home.ledger.before = pass_by
    await run(lonely)
    assert (moves(lonely), lonely.home.outbox()) == ([1], [])


async def test_a_dropped_item_leaves_no_nonce_that_holds_up_the_others(lonely: World) -> None:
    lonely.queue(lonely.home, "a", move(0))
    lonely.queue(lonely.home, "b", move(1))
    await turn(lonely)
    lonely.chain.drop_pending()
    number, item = next(lonely.home.services.outbox.items())
    lonely.home.services.outbox.remove(number, item)
    lonely.queue(lonely.home, "c", move(2))
    lonely.clock.advance(RESEND_SECONDS + 1)
    await run(lonely)
    assert moves(lonely) == [2, 1]
    assert lonely.home.outbox() == []


async def test_what_fails_in_its_block_is_tried_again_and_then_parked(lonely: World) -> None:
    lonely.queue(lonely.home, "a", BAD)
    dry_run = lonely.home.ledger.dry_run

    async def blind(call: Call) -> None:
        """A dry run that sees another state than the block."""
        if call != BAD:
            await dry_run(call)

    lonely.home.ledger.dry_run = blind  # type: ignore[method-assign]
    seen = []
    for _ in range(2 * MAX_ATTEMPTS + 2):
        await turn(lonely)
        seen.append(only(lonely).attempts)
        lonely.seal()
    item = only(lonely)
    assert (item.state, item.attempts) == (State.PARKED, MAX_ATTEMPTS)
    assert "failed in its block" in item.problem
    assert sorted(set(seen)) == list(range(1, MAX_ATTEMPTS + 1))
    lonely.queue(lonely.home, "b", move(1))
    await run(lonely)
    assert moves(lonely) == [1], "its nonces are spent, and others go on"


async def test_a_block_that_is_reorganised_away_gives_its_transaction_back() -> None:
    with World(("hangzhou",), confirmations=3) as world:
        world.queue(world.home, "a", move(1))
        await turn(world)
        world.seal(2)
        await turn(world)
        world.chain.reorganise(2)
        assert moves(world) == []
        world.clock.advance(RESEND_SECONDS + 1)
        await run(world, 8)
        assert (moves(world), world.home.outbox()) == ([1], [])


async def test_an_item_stays_while_its_final_block_is_not_the_canonical_one(lonely: World) -> None:
    lonely.queue(lonely.home, "a", move(1))
    await turn(lonely)
    lonely.seal()
    await lonely.follow()
    # Between the outcome and the look at its block the chain loses that block.
    lonely.home.ledger.before = lambda name: lonely.chain.reorganise(1) if name == "block" else None
    await lonely.home.services.sender.step()
    assert only(lonely).state is State.SENT


async def test_everything_waits_while_the_ledger_is_down(lonely: World) -> None:
    lonely.queue(lonely.home, "a", move(1))
    lonely.chain.is_down = True
    for _ in range(3):
        with pytest.raises(LedgerUnavailableError):
            await lonely.home.services.sender.step()
    assert only(lonely).state is State.WAITING
    lonely.chain.is_down = False
    await run(lonely)
    assert moves(lonely) == [1]


async def test_a_failing_store_stops_the_sender_before_it_sends(lonely: World) -> None:
    lonely.queue(lonely.home, "a", move(1))

    def no_writes(name: str) -> None:
        if name == "write":
            raise StoreError("full")

    lonely.home.store.before = no_writes
    with pytest.raises(StoreError):
        await lonely.home.services.sender.step()
    assert lonely.home.ledger.sent == []


@pytest.mark.parametrize("place", ["dry_run", "sign", "send", "sent", "outcome"])
async def test_a_crash_at_any_place_loses_and_doubles_nothing(lonely: World, place: str) -> None:
    for number in range(2):
        lonely.queue(lonely.home, "a", move(number))
    lonely.home.ledger.before = kill_at(place)
    with pytest.raises(KilledError):
        await run(lonely)
    lonely.home.restart()
    lonely.clock.advance(RESEND_SECONDS + 1)
    await run(lonely, 10)
    assert moves(lonely) == [0, 1]
    assert lonely.home.outbox() == []
    assert lonely.chain.next_nonce(lonely.home.keys.account_address) == 2


@pytest.mark.parametrize("place", ["write", "written"])
async def test_a_crash_around_a_write_loses_and_doubles_nothing(lonely: World, place: str) -> None:
    for number in range(2):
        lonely.queue(lonely.home, "a", move(number))
    crashes = 0
    for _ in range(20):
        lonely.home.store.before = kill_at(place) if crashes < 8 else pass_by
        try:
            await turn(lonely)
        except KilledError:
            crashes += 1
            lonely.home.restart()
            lonely.clock.advance(RESEND_SECONDS + 1)
        lonely.seal()
    assert crashes == 8
    assert (moves(lonely), lonely.home.outbox()) == ([0, 1], [])


# -- a member that may not write now ---------------------------------------------------------------------


async def test_a_node_that_is_no_member_yet_waits_and_catches_up(world: World) -> None:
    await world.settle()
    newcomer, card = world.newcomer("wuhan")
    await world.settle()
    world.queue(newcomer, "a", move(1))
    await world.settle()
    assert [item.state for item in newcomer.outbox()] == [State.WAITING] * 2
    assert "AnchorsNotMember" in newcomer.outbox()[0].problem
    world.home.services.membership.propose_admission(card, 0)
    await world.settle()
    world.reader.services.membership.vote(1, approve=True)
    await world.settle()
    assert newcomer.outbox() == []
    assert moves(world) == [1]
    assert newcomer.services.proving.anchored_size() > 0


async def test_a_suspended_member_asks_for_one_item_at_a_time(world: World) -> None:
    await world.settle()
    newcomer, _ = world.newcomer("wuhan")
    for number in range(5):
        world.queue(newcomer, f"object {number}", move(number))
    calls: list[str] = []
    newcomer.ledger.before = calls.append
    await newcomer.services.sender.step()
    assert calls.count("dry_run") == 1
