"""Openings and reservations, the same on every ledger."""

import asyncio
import contextlib
import secrets

from msgspec.structs import replace

from adapters.ledger.artifact import ALLIANCE
from node.domain.ledger import Call
from node.domain.sealing import (
    BATCH,
    AnnounceOpening,
    ApplicationsReserved,
    OpeningAnnounced,
    OpeningPostponed,
    OpenTender,
    PostponeOpening,
    ReserveApplications,
    TenderOpened,
)
from node.errors import LedgerRefusedError
from tests.support import ledger_worlds
from tests.support.ledger_worlds import World, assert_refused
from tests.support.ledgers import submit
from tests.support.reserved import some_key, some_reservations

engine, world = ledger_worlds.engine, ledger_worlds.world
OPENING, NOTICE = b"\1" * 32, b"\2" * 32


async def test_an_opening_is_announced_postponed_and_opened_in_its_time(world: World) -> None:
    start = await world.now()
    await submit(world.ledger("hangzhou"), AnnounceOpening(OPENING, start + 3_600))
    await assert_refused(world, "hangzhou", AnnounceOpening(OPENING, start + 7_200), "OpeningsAnnounced")
    await assert_refused(world, "hangzhou", AnnounceOpening(NOTICE, start), "OpeningsNotLater")
    await assert_refused(world, "nanjing", OpenTender(OPENING), "OpeningsUnknown")
    await assert_refused(world, "hangzhou", OpenTender(OPENING), "OpeningsTooEarly")
    early = PostponeOpening(OPENING, start + 3_600, NOTICE)
    await assert_refused(world, "hangzhou", early, "OpeningsNotLater")
    await submit(world.ledger("hangzhou"), PostponeOpening(OPENING, start + 7_200, NOTICE))
    soon = await _announce_soon(world, "nanjing")
    opened = await _patiently(world, "nanjing", OpenTender(OPENING), soon)
    await assert_refused(world, "nanjing", OpenTender(OPENING), "OpeningsOpened")
    assert [one for one in await world.happenings(OpeningAnnounced) if one.opening == OPENING] == [
        OpeningAnnounced("hangzhou", OPENING, start + 3_600),
        OpeningAnnounced("nanjing", OPENING, soon),
    ]
    assert await world.happenings(OpeningPostponed) == [
        OpeningPostponed("hangzhou", OPENING, start + 7_200, NOTICE)
    ]
    assert await world.happenings(TenderOpened) == [TenderOpened("nanjing", OPENING, opened)]


async def _announce_soon(world: World, who: str) -> int:
    """However slow the machine is: a moment that has passed by the time of its block is tried again."""
    while True:
        moment = await world.now() + 3
        with contextlib.suppress(LedgerRefusedError):
            if (await submit(world.ledger(who), AnnounceOpening(OPENING, moment))).succeeded:
                return moment


async def _patiently(world: World, who: str, call: Call, moment: int) -> int:
    """Send a call once a block has come to a moment; the time of the block that takes it."""
    while await world.now() < moment:
        await submit(world.ledger("hangzhou"), AnnounceOpening(secrets.token_bytes(32), moment + 9_999))
        await asyncio.sleep(0.2)
    outcome = await submit(world.ledger(who), call)
    assert outcome.succeeded
    return outcome.block.time


async def test_reservations_come_in_batches_of_one_size_signed_and_the_first_stands(world: World) -> None:
    place = world.deployment.domain_of(ALLIANCE)
    first, second = some_reservations(place), some_reservations(place)
    key = some_key()
    own, again = (key.sign(place, secrets.token_bytes(32)) for _ in range(2))
    swapped = replace(second[1], binding=secrets.token_bytes(32))
    mixed = (again, swapped, first[3], *second[3:])
    await submit(world.ledger("hangzhou"), ReserveApplications((own, *first[1:])))
    await submit(world.ledger("nanjing"), ReserveApplications(mixed))
    for size in (0, BATCH - 1, BATCH + 1):
        wrong = ReserveApplications((first[0],) * size)
        await assert_refused(world, "hangzhou", wrong, "ReservationsWrongSize")
    reported = await world.happenings(ApplicationsReserved)
    assert [one.member for one in reported] == ["hangzhou", "nanjing"]
    for one, taken in zip(reported, ((own, *first[1:]), second[3:]), strict=True):
        assert one.nullifiers == tuple(each.nullifier for each in taken)
        assert one.bindings == tuple(each.binding for each in taken)
