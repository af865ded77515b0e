"""The durable queue: order within an object, none between objects."""

import pytest

from node.domain.ledger import CastVote, UpdateEndpoints
from node.errors import ConflictError, MissingError
from node.services.outbox import Outbox, OutboxItem, State
from node.services.transaction import Transaction
from tests.support.world import World


def heads(world: World) -> dict[str, int]:
    return {name: number for name, (number, _) in world.home.services.outbox.heads().items()}


def park(outbox: Outbox, number: int) -> None:
    item = dict(outbox.items())[number]
    outbox.update(number, OutboxItem(item.object, item.call, state=State.PARKED, attempts=5, problem="no"))


def test_the_oldest_item_of_every_object_can_go_out(lonely: World) -> None:
    for name in ("a", "b", "a", "c", "b"):
        lonely.queue(lonely.home, name, CastVote(1, approve=True))
    assert heads(lonely) == {"a": 0, "b": 1, "c": 3}


def test_an_item_reads_back_as_the_call_that_was_queued(lonely: World) -> None:
    call = UpdateEndpoints("a:1", "b:2")
    number = lonely.queue(lonely.home, "a", call)
    lonely.home.restart()
    assert dict(lonely.home.services.outbox.items())[number].decoded() == call


def test_an_object_is_open_until_its_last_item_is_removed(lonely: World) -> None:
    outbox = lonely.home.services.outbox
    before = lonely.home.store.everything()
    for _ in range(2):
        lonely.queue(lonely.home, "a", CastVote(1, approve=True))
    for number, item in list(outbox.items()):
        assert outbox.is_open(Transaction(lonely.home.store), "a")
        outbox.remove(number, item)
    assert not outbox.is_open(Transaction(lonely.home.store), "a")
    left = lonely.home.store.everything().keys() - before.keys()
    assert left == {b"m/outbox"}, "a finished object leaves nothing but the count of items behind"


def test_a_parked_item_can_be_released(lonely: World) -> None:
    outbox = lonely.home.services.outbox
    number = lonely.queue(lonely.home, "a", CastVote(1, approve=True))
    park(outbox, number)
    lonely.home.services.decisions.release_transaction(number)
    [item] = lonely.home.outbox()
    assert (item.state, item.attempts, item.problem) == (State.WAITING, 0, "")
    assert item.decoded() == CastVote(1, approve=True)


def test_only_a_parked_item_can_be_released(lonely: World) -> None:
    number = lonely.queue(lonely.home, "a", CastVote(1, approve=True))
    with pytest.raises(ConflictError):
        lonely.home.services.decisions.release_transaction(number)
    with pytest.raises(MissingError):
        lonely.home.services.decisions.release_transaction(number + 1)


def test_only_a_parked_item_can_be_dropped_and_then_its_object_goes_on(lonely: World) -> None:
    outbox = lonely.home.services.outbox
    number, following = (lonely.queue(lonely.home, "a", CastVote(n, approve=True)) for n in (1, 2))
    with pytest.raises(ConflictError):
        lonely.home.services.decisions.drop_transaction(number)
    park(outbox, number)
    lonely.home.services.decisions.drop_transaction(number)
    assert heads(lonely) == {"a": following}
    with pytest.raises(MissingError):
        lonely.home.services.decisions.drop_transaction(number)
