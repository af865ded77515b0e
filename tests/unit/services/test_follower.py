"""Following the ledger: only what is final, all of it, and nothing that the ledger no longer says."""

import msgspec
import pytest

from node.domain.ledger import Block, CastVote, UpdateEndpoints
from node.errors import LedgerUnavailableError, NotMemberError, ProjectionStaleError
from node.services import follower as follower_module
from tests.support.world import World
from tests.support.world_faults import pass_by


def projected(world: World) -> dict[bytes, bytes]:
    """What the node believes of the ledger."""
    return dict(world.home.store.scan(b"l/"))


async def test_a_block_is_believed_when_enough_blocks_confirm_it() -> None:
    with World(("hangzhou",), confirmations=2) as world:
        world.queue(world.home, "a", UpdateEndpoints("moved.example:1", "moved.example:2"))
        world.seal(3)
        await world.follow()
        await world.home.services.sender.step()
        world.seal()
        for _ in range(2):
            await world.follow()
            assert world.member("hangzhou").endpoint == "hangzhou.example:7443"
            world.seal()
        await world.follow()
        assert world.member("hangzhou").endpoint == "moved.example:1"
        assert world.home.services.follower.final_number() == world.chain.head().number - 2


async def test_before_the_first_block_nothing_is_final(lonely: World) -> None:
    assert lonely.home.services.follower.final_number() == lonely.descriptor.deployed_block - 1
    assert lonely.home.services.follower.head is None


async def test_a_long_history_is_read_in_parts(lonely: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follower_module, "_CHUNK_BLOCKS", 3)
    lonely.seal(7)
    follower = lonely.home.services.follower
    assert await lonely.home.services.follow() is True
    assert (follower.final_number(), follower.head) == (3, None)
    assert await lonely.home.services.follow() is True
    assert await lonely.home.services.follow() is False
    assert (follower.final_number(), follower.head) == (8, lonely.chain.head())


async def test_following_goes_on_where_the_last_process_stopped(lonely: World) -> None:
    await lonely.follow()
    before = projected(lonely)
    lonely.home.restart()
    seen: list[str] = []
    lonely.home.ledger.before = seen.append
    await lonely.follow()
    assert "events" not in seen, "what is in the projection is not read again"
    assert projected(lonely) == before


# -- freshness -------------------------------------------------------------------------------------------


async def test_nothing_is_fresh_before_the_ledger_was_seen(lonely: World) -> None:
    with pytest.raises(ProjectionStaleError, match="has not reached the ledger"):
        lonely.home.services.follower.check_fresh()
    await lonely.follow()
    assert lonely.home.services.follower.check_fresh() == lonely.chain.head()
    lonely.home.restart()
    with pytest.raises(ProjectionStaleError):
        lonely.home.services.follower.check_fresh()


async def test_a_view_grows_stale_when_no_block_comes(lonely: World) -> None:
    lonely.seal()
    await lonely.follow()
    lonely.clock.advance(60)
    lonely.home.services.follower.check_fresh()
    lonely.clock.advance(1)
    await lonely.follow()  # the engine answers, and has nothing new
    with pytest.raises(ProjectionStaleError, match="61 s old"):
        lonely.home.services.follower.check_fresh()
    lonely.seal()
    await lonely.follow()
    lonely.home.services.follower.check_fresh()


# -- what acts on first sight ----------------------------------------------------------------------------


async def test_a_revocation_acts_on_first_sight() -> None:
    with World(confirmations=3) as world:
        shared = await world.share()
        world.revoke(shared.bidder, shared.token, via=world.third)
        await world.third.services.sender.step()
        world.seal()
        await world.follow(world.reader)
        projection = world.reader.services.projection
        [grant] = [key[len(b"l/grant/") :] for key, _ in world.reader.store.scan(b"l/grant/")]
        assert projection.grant(grant).revoked
        # If that block is lost, so is what it said, until it is there again.
        world.chain.reorganise(1)
        world.seal()
        await world.follow(world.reader)
        assert not projection.grant(grant).revoked


async def test_a_suspension_acts_on_first_sight_and_a_reinstatement_when_final() -> None:
    with World(("a-centre", "b-centre", "c-centre", "d-centre"), confirmations=2) as world:
        await world.settle()
        await decide(world, 1, active=False)
        with pytest.raises(NotMemberError):
            world.member("d-centre")
        standing = {row.member.name: row.active for row in world.home.services.projection.members()}
        assert standing == {"a-centre": True, "b-centre": True, "c-centre": True, "d-centre": False}
        await world.settle(publish=False)
        await decide(world, 2, active=True)
        with pytest.raises(NotMemberError):
            world.member("d-centre")
        await world.settle(publish=False)
        assert world.member("d-centre").name == "d-centre"


async def decide(world: World, proposal: int, *, active: bool) -> None:
    """Up to the block that decides, which nothing confirms yet."""
    world.home.services.membership.propose_standing("d-centre", active=active, valid_seconds=86_400)
    await world.home.services.sender.step()
    world.seal()
    world.queue(world.reader, f"vote/{proposal}", CastVote(proposal, approve=True))
    await world.reader.services.sender.step()
    world.seal()
    await world.follow()


# -- a chain that changes --------------------------------------------------------------------------------


async def test_a_block_that_is_reorganised_away_before_it_is_final_leaves_no_trace() -> None:
    with World(("hangzhou",), confirmations=3) as world:
        world.seal(4)
        await world.follow()
        world.queue(world.home, "a", UpdateEndpoints("lost.example:1", "lost.example:2"))
        await world.home.services.sender.step()
        world.seal()
        await world.follow()
        world.chain.reorganise(1)
        world.seal(5)
        await world.follow()
        assert world.member("hangzhou").endpoint == "hangzhou.example:7443"


async def test_the_projection_is_built_again_when_a_final_block_is_gone(lonely: World) -> None:
    await lonely.settle()
    lonely.seal(2)
    await lonely.follow()
    before = projected(lonely)
    lonely.queue(lonely.home, "a", UpdateEndpoints("lost.example:1", "lost.example:2"))
    await lonely.settle(publish=False)
    assert lonely.member("hangzhou").endpoint == "lost.example:1"
    depth = lonely.chain.head().number - cursor_in(before)
    lonely.chain.reorganise(depth)
    await lonely.follow()
    assert projected(lonely) == before, "exactly what the ledger says now"
    lonely.seal(depth + 1)
    await lonely.follow()
    assert lonely.member("hangzhou").endpoint == "hangzhou.example:7443"


def cursor_in(rows: dict[bytes, bytes]) -> int:
    return msgspec.msgpack.decode(rows[b"l/cursor"], type=Block).number


async def test_nothing_is_relied_on_while_the_projection_is_built_again(
    lonely: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    lonely.seal(6)
    await lonely.follow()
    lonely.chain.reorganise(2)
    lonely.seal(3)
    monkeypatch.setattr(follower_module, "_CHUNK_BLOCKS", 2)
    assert await lonely.home.services.follow() is True
    with pytest.raises(ProjectionStaleError):
        lonely.home.services.follower.check_fresh()
    await lonely.follow()
    lonely.home.services.follower.check_fresh()


@pytest.mark.parametrize("call", ["block", "events"])
async def test_a_chain_that_changes_while_it_is_read_is_not_believed(lonely: World, call: str) -> None:
    lonely.seal(4)
    await lonely.follow()
    lonely.seal(2)
    before = projected(lonely)
    calls: list[str] = []

    def reorganise_once(name: str) -> None:
        calls.append(name)
        # The first `block` of a step looks at the cursor, the second begins the reading of what is new.
        if name == call and calls.count(name) == (2 if call == "block" else 1):
            lonely.chain.reorganise(4)
            lonely.seal(5)

    lonely.home.ledger.before = reorganise_once
    with pytest.raises(LedgerUnavailableError, match="changed while it was read"):
        await lonely.home.services.follow()
    assert projected(lonely) == before
    lonely.home.ledger.before = pass_by
    await lonely.follow()
    assert lonely.home.services.projection.cursor() == lonely.chain.head()


async def test_a_shorter_chain_is_noticed(lonely: World) -> None:
    lonely.seal(5)
    await lonely.follow()
    lonely.chain.reorganise(3)
    await lonely.follow()
    assert lonely.home.services.projection.cursor() == lonely.chain.head()


async def test_who_waits_is_woken_by_a_new_block_only(lonely: World) -> None:
    with lonely.home.services.feed.bell() as bell:
        await lonely.follow()
        assert bell.is_set()
        bell.clear()
        await lonely.follow()
        assert not bell.is_set()
