"""The same request again: the same use, the same answer, and to nobody else."""

import pytest

from node.domain.wallet import WINDOW_SECONDS
from node.errors import GrantUsedUpError, NodeError, SignatureError
from tests.support.world import Shared, World
from tests.support.world_dishonest import read_request
from tests.support.world_views import uses_shown


async def test_the_same_request_again_is_the_same_use_and_the_same_answer(
    world: World, shared: Shared
) -> None:
    request = read_request(world, world.reader, shared.token)
    first = world.home.serving.read(world.reader.name, request, shared.token)
    # Neither newer records nor newer anchors nor a restart nor time change what was answered.
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="9999")])
    await world.settle()
    world.home.restart()
    world.clock.advance(2 * WINDOW_SECONDS)
    await world.settle()
    assert world.home.serving.read(world.reader.name, request, shared.token) == first
    assert uses_shown(world, shared) == [False]


async def test_the_last_use_can_be_repeated_and_no_other_is_left(world: World) -> None:
    shared = await world.share(uses=1)
    request = read_request(world, world.reader, shared.token)
    answers = [world.home.serving.read(world.reader.name, request, shared.token) for _ in range(2)]
    assert answers[0] == answers[1]
    with pytest.raises(GrantUsedUpError):
        world.home.serving.read(
            world.reader.name, read_request(world, world.reader, shared.token), shared.token
        )


async def test_a_repeated_request_is_refused_once_the_grant_is_dead(world: World, shared: Shared) -> None:
    request = read_request(world, world.reader, shared.token)
    world.home.serving.read(world.reader.name, request, shared.token)
    world.revoke(shared.bidder, shared.token)
    with pytest.raises(NodeError, match="revoked"):
        world.home.serving.read(world.reader.name, request, shared.token)


async def test_a_replayed_request_serves_nobody_else(world: World, shared: Shared) -> None:
    request = read_request(world, world.reader, shared.token)
    world.home.serving.read(world.reader.name, request, shared.token)
    with pytest.raises(SignatureError):
        world.home.serving.read(world.third.name, request, shared.token)
