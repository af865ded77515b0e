"""A member that takes connections and never answers holds up what is for itself, and nobody else's."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from node.domain.notice import Erased
from node.services import layout
from node.services.guarantee_delivery import post_issue
from node.services.transaction import Transaction
from tests.support.world import Shared, World
from tests.support.world_centre import Centre
from tests.support.world_guarantees import Tender

LONG_SECONDS = 30.0


async def beside(work: Callable[[], Awaitable[None]], is_done: Callable[[], bool]) -> bool:
    """Whether something is done while a round of work goes on, which is given up then."""
    task = asyncio.ensure_future(work())
    async with asyncio.timeout(LONG_SECONDS):
        while not is_done() and not task.done():
            await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return is_done()


def post(node: Centre, raw_id: bytes, *to: str) -> None:
    """Documents on their way, in this order."""
    for name in to:
        transaction = Transaction(node.store)
        post_issue(transaction, raw_id, name)
        transaction.commit()


def posts(node: Centre) -> int:
    return sum(1 for _ in node.store.scan(layout.GUARANTEE_POST))


async def test_documents_reach_who_answers_while_another_member_hangs(tender: Tender) -> None:
    issued, centre, network = await tender.in_force(), tender.centre, tender.world.network
    tender.centre.services.guarantees.check_file(issued.file)
    hung, raw_id = tender.world.third.name, bytes.fromhex(issued.id)
    network.hung.add(hung)
    post(centre, raw_id, *[hung] * 5, tender.bank.name)
    assert await beside(centre.services.guarantee_delivery.step, lambda: posts(centre) == 5)
    assert network.delivered[-1] == (centre.name, tender.bank.name, "lodge_step")


async def test_who_does_not_answer_is_asked_once_in_a_round_of_documents(tender: Tender) -> None:
    centre, network = tender.centre, tender.world.network
    several = [await tender.in_force(number=f"BH-{number}") for number in range(3)]
    network.absent.add(tender.world.third.name)
    for issued in several:
        centre.services.guarantees.check_file(issued.file)
        post(centre, bytes.fromhex(issued.id), tender.world.third.name)
    network.unanswered.clear()
    for tries in range(1, 4):
        await centre.services.guarantee_delivery.step()
        assert len(network.unanswered) == tries, "and each time for another guarantee"
    await centre.services.guarantee_delivery.step()
    assert (len(network.unanswered), posts(centre)) == (3, 3)


async def test_a_document_that_is_gone_stops_nothing_behind_it(
    tender: Tender, caplog: pytest.LogCaptureFixture
) -> None:
    lost, kept, centre = await tender.in_force(), await tender.in_force(number="BH-2"), tender.centre
    for issued in (lost, kept):
        centre.services.guarantees.check_file(issued.file)
        post(centre, bytes.fromhex(issued.id), tender.bank.name)
    transaction = Transaction(centre.store)
    transaction.delete(layout.GUARANTEE + bytes.fromhex(lost.id))
    transaction.commit()
    await centre.services.guarantee_delivery.step()
    assert posts(centre) == 0
    assert lost.id in caplog.text, "its operator can see what is lost"


async def test_who_does_not_answer_is_asked_once_in_a_round_of_notices(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    notices, network = world.home.services.notices, world.network
    for _ in range(4):
        transaction = Transaction(world.home.store)
        notices.tell(transaction, shared.bidder.subject, Erased(()))
        transaction.commit()
    network.absent.add(world.reader.name)
    network.unanswered.clear()
    await notices.step()
    assert network.unanswered == [(world.home.name, world.reader.name, "submit_notice")]


async def test_requests_to_a_home_that_does_not_answer_are_tried_one_in_a_round(
    world: World, shared: Shared
) -> None:
    reader, network = world.reader, world.network
    network.absent.add(world.home.name)
    for _ in range(3):
        world.request(reader, shared.bidder)
    network.unanswered.clear()
    await reader.services.reading.step()
    assert len(network.unanswered) == 1


async def test_a_log_that_hangs_keeps_no_other_from_being_looked_at(world: World) -> None:
    await world.settle()
    witness, seen = world.home.services.witness, world.network.delivered
    first, *others = [name for name in world.centres if name != world.home.name]
    assert others
    world.network.hung.add(first)
    seen.clear()
    looked = lambda: {to for _, to, call in seen if call == "log_view"} == set(others)  # noqa: E731
    assert await beside(witness.step, looked)
