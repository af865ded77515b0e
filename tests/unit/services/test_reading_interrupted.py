"""A reader whose home, peer or own process goes away: nothing is lost, and nothing costs a second use."""

import asyncio
import itertools

import pytest

from node.errors import AnchorError, GrantUsedUpError, PeerError, StoreError
from node.ports import Answer
from tests.support.world import DAY, SCOPE, Shared, World
from tests.support.world_bidder import Bidder
from tests.support.world_dishonest import shown, signed_anew
from tests.support.world_faults import KilledError, kill_at
from tests.support.world_views import own_request, uses_asked, uses_shown


async def registered(world: World) -> Bidder:
    bidder = world.bidder()
    world.register(bidder)
    await world.settle()
    return bidder


# -- absence ---------------------------------------------------------------------------------------------


async def test_a_request_waits_for_an_absent_home_and_catches_up(world: World) -> None:
    bidder = await registered(world)
    world.network.absent.add(world.home.name)
    digest = world.request(world.reader, bidder)
    await world.settle()
    assert not own_request(world).delivered
    world.reader.restart()
    world.network.absent.clear()
    await world.settle()
    assert own_request(world).delivered
    world.network.absent.add(world.home.name)
    world.grant(bidder)
    await world.settle()
    assert not own_request(world).grant
    world.network.absent.clear()
    await world.settle()
    await world.reader.services.reading.fetch(digest)


async def test_a_lost_answer_to_a_delivery_delivers_once(world: World) -> None:
    bidder = await registered(world)
    world.network.lose_answers = 2
    world.request(world.reader, bidder)
    for _ in range(3):
        await world.settle(publish=False)
    assert own_request(world).delivered
    assert len(list(world.home.sharing.requests(bidder.subject))) == 1


async def test_a_home_is_asked_less_and_less_often(world: World) -> None:
    bidder = await registered(world)
    world.request(world.reader, bidder)
    asked = []
    for second in range(120):
        await world.reader.services.reading.step()
        asked += [second] * (
            sum(call == "collect_grant" for *_, call in world.network.delivered) - len(asked)
        )
        world.clock.advance(1)
    pauses = [later - earlier for earlier, later in itertools.pairwise(asked)]
    assert pauses == sorted(pauses)
    assert (asked[0], pauses[-1]) == (0, 10)


async def test_an_expired_request_is_not_pursued(world: World) -> None:
    bidder = await registered(world)
    world.request(world.reader, bidder, valid_seconds=DAY)
    world.clock.advance(DAY + 1)
    before = list(world.network.delivered)
    await world.reader.services.reading.step()
    assert world.network.delivered == before


async def test_one_absent_home_does_not_hold_up_another(world: World) -> None:
    far, near = world.bidder(), world.bidder()
    world.register(far, world.third)
    world.register(near, world.home)
    await world.settle()
    world.network.absent.add(world.third.name)
    world.request(world.reader, far)
    world.request(world.reader, near)
    await world.settle()
    assert sorted(request.delivered for _, request in world.reader.services.reading.requests()) == [
        False,
        True,
    ]


async def test_a_receipt_waits_for_an_absent_home_and_arrives_later(world: World, shared: Shared) -> None:
    reading = world.reader.services.reading

    def leave(answer: Answer) -> Answer:
        world.network.absent.add(world.home.name)
        return answer

    world.network.tamper = leave
    await reading.fetch(shared.digest)
    assert (uses_shown(world, shared), len(own_request(world).receipts)) == ([False], 1)
    world.network.absent.clear()
    await reading.fetch(shared.digest)  # and a second one, while the first receipt still waits
    assert (uses_shown(world, shared), len(own_request(world).receipts)) == ([False, False], 2)
    world.reader.restart()
    world.network.absent.clear()
    await world.settle()
    assert (uses_shown(world, shared), own_request(world).receipts) == ([True, True], ())


async def test_a_read_is_good_though_its_receipt_is_refused(world: World, shared: Shared) -> None:
    def forget(answer: Answer) -> Answer:
        for key, _ in list(world.home.store.scan(b"z/")):
            world.home.store.inner._values.pop(key)
        return answer

    world.network.tamper = forget
    fetched = await world.reader.services.reading.fetch(shared.digest)
    assert fetched.records
    assert len(own_request(world).receipts) == 1, "it goes on being offered"


# -- crashes and repetition ------------------------------------------------------------------------------


async def test_a_lost_answer_costs_one_use(world: World, shared: Shared) -> None:
    reading = world.reader.services.reading
    for _ in range(2):
        world.network.lose_answers = 1
        with pytest.raises(PeerError):
            await reading.fetch(shared.digest)
    fetched = await reading.fetch(shared.digest)
    assert (fetched.number, uses_shown(world, shared)) == (0, [True])
    assert len(uses_asked(world)) == 1


async def test_a_crash_between_request_and_answer_repeats_as_the_same_use(
    world: World, shared: Shared
) -> None:
    def kill(_: Answer) -> Answer:
        raise KilledError

    world.network.tamper = kill
    with pytest.raises(KilledError):
        await world.reader.services.reading.fetch(shared.digest)
    world.reader.restart()
    world.network.tamper = lambda answer: answer
    world.clock.advance(3_600)
    await world.settle()
    await world.reader.services.reading.fetch(shared.digest)
    assert uses_shown(world, shared) == [True]
    assert len(uses_asked(world)) == 1


@pytest.mark.parametrize("place", ["write", "written"])
@pytest.mark.parametrize("nth", [1, 2])
async def test_a_crash_around_any_write_costs_at_most_one_use(
    world: World, shared: Shared, place: str, nth: int
) -> None:
    seen: list[str] = []

    def kill_nth(name: str) -> None:
        seen.append(name)
        if seen.count(place) == nth:
            kill_at(place)(name)

    world.reader.store.before = kill_nth

    async def read_to_the_end() -> None:
        await world.reader.services.reading.fetch(shared.digest)
        await world.reader.services.reading.step()  # the last write: that the receipt has arrived

    with pytest.raises(KilledError):
        await read_to_the_end()
    world.reader.restart()
    await world.settle()
    if own_request(world).reads == 0:
        await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    assert uses_shown(world, shared) == [True]
    assert own_request(world).reads == 1
    assert world.reader.services.reading.obtained(shared.digest, 0)


async def test_a_home_that_fails_for_a_moment_is_asked_for_the_same_use(world: World, shared: Shared) -> None:
    world.home.store.is_broken = True
    with pytest.raises(StoreError):
        await world.reader.services.reading.fetch(shared.digest)
    world.home.store.is_broken = False
    await world.reader.services.reading.fetch(shared.digest)
    assert len(uses_asked(world)) == 1


async def test_a_home_whose_anchor_this_node_cannot_see_is_asked_for_the_same_use(
    world: World, shared: Shared
) -> None:
    def ahead(answer: Answer) -> Answer:
        world.home.services.publish()
        return signed_anew(world.home, answer, shown(world.home, [0], SCOPE, world.home.services.log.size()))

    world.network.tamper = ahead
    with pytest.raises(AnchorError):
        await world.reader.services.reading.fetch(shared.digest)
    world.network.tamper = lambda answer: answer
    await world.reader.services.reading.fetch(shared.digest)
    assert uses_shown(world, shared) == [True]


async def test_a_refused_read_is_over_and_the_next_is_another(world: World, shared: Shared) -> None:
    reading = world.reader.services.reading
    for _ in range(3):
        await reading.fetch(shared.digest)
    for _ in range(2):
        with pytest.raises(GrantUsedUpError):
            await reading.fetch(shared.digest)
    assert own_request(world).refused == 2
    assert len(uses_asked(world)) == 5


async def test_reads_at_the_same_time_are_two_reads(world: World, shared: Shared) -> None:
    reading = world.reader.services.reading
    fetched = await asyncio.gather(*(reading.fetch(shared.digest) for _ in range(2)))
    assert sorted(one.number for one in fetched) == [0, 1]
    await world.settle()
    assert (uses_shown(world, shared), own_request(world).reads, own_request(world).receipts) == (
        [True, True],
        2,
        (),
    )


async def test_a_reader_that_sees_a_block_late_waits_for_it(world: World, shared: Shared) -> None:
    await world.settle()  # another anchor, which the reader shall not have seen
    cut_off = dict(world.reader.store.inner._values)
    await world.settle()
    for key in [key for key in world.reader.store.inner._values if key.startswith(b"l/")]:
        del world.reader.store.inner._values[key]
    world.reader.store.inner._values |= {k: v for k, v in cut_off.items() if k.startswith(b"l/")}
    fetching = asyncio.ensure_future(world.reader.services.reading.fetch(shared.digest))
    for _ in range(5):
        await asyncio.sleep(0)
    assert not fetching.done()
    await world.follow(world.reader)
    assert (await fetching).number == 0
    assert uses_shown(world, shared) == [True]
