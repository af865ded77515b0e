"""The same request again: the same use, the same answer, and to nobody else."""

import pytest

from node.domain.document import reopen_document
from node.domain.grant import Scope
from node.domain.reading import ReadAnswer
from node.domain.wallet import WINDOW_SECONDS
from node.errors import GrantUsedUpError, NodeError, ReplayError, SignatureError
from tests.support.world import SCOPE, Shared, World
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
    await world.settle()
    assert world.home.serving.read(world.reader.name, request, shared.token) == first
    assert uses_shown(world, shared) == [False]


async def test_another_request_for_the_same_use_gets_the_same_records_and_counts_once(
    world: World, shared: Shared
) -> None:
    """As a reader asks that crashed before the answer came: signed anew, with the same `jti`."""
    serving, name = world.home.serving, world.reader.name
    first = serving.read(name, read_request(world, world.reader, shared.token, jti="A" * 22), shared.token)
    world.register(shared.bidder, package=[shared.bidder.base(bank_account="9999")])
    world.clock.advance(2 * WINDOW_SECONDS)
    await world.settle()
    again = read_request(world, world.reader, shared.token, jti="A" * 22)
    second = serving.read(name, again, shared.token)
    assert (second.evidence, second.answer != first.answer) == (first.evidence, True)
    assert [reopen_document(one.answer, ReadAnswer).use for one in (first, second)] == [1, 1]
    history = list(serving.history(shared.bidder.subject))
    assert [(entry.request, entry.answer) for entry in history] == [(again, second.answer)]


async def test_the_same_jti_for_other_fields_is_another_use(world: World, shared: Shared) -> None:
    serving, name = world.home.serving, world.reader.name
    whole = read_request(world, world.reader, shared.token, jti="A" * 22)
    less = (Scope(SCOPE[0].category, SCOPE[0].fields[:1]),)
    part = read_request(world, world.reader, shared.token, jti="A" * 22, scope=less)
    answers = [serving.read(name, token, shared.token).answer for token in (whole, part)]
    assert [reopen_document(one, ReadAnswer).use for one in answers] == [1, 2]


async def test_one_use_is_not_answered_for_ever(world: World, shared: Shared) -> None:
    """Else a chatty reader would fill the history and the log without using its grant up."""
    serving, name = world.home.serving, world.reader.name
    for _ in range(16):
        world.clock.advance(1)
        serving.read(name, read_request(world, world.reader, shared.token, jti="A" * 22), shared.token)
    world.clock.advance(1)
    with pytest.raises(GrantUsedUpError, match="16 times"):
        serving.read(name, read_request(world, world.reader, shared.token, jti="A" * 22), shared.token)
    serving.read(name, read_request(world, world.reader, shared.token), shared.token)


async def test_an_old_request_is_refused_also_when_it_was_answered_once(world: World, shared: Shared) -> None:
    request = read_request(world, world.reader, shared.token)
    world.home.serving.read(world.reader.name, request, shared.token)
    world.clock.advance(2 * WINDOW_SECONDS)
    await world.settle()
    with pytest.raises(ReplayError):
        world.home.serving.read(world.reader.name, request, shared.token)


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
