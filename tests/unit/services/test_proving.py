"""Proofs that a stranger can check without network: what `heqi verify` is given."""

import pytest

from node.domain.bundle import parse_bundle
from node.errors import MissingError
from node.ports import Answer
from tests.support.world import Shared, World
from tests.support.world_bidder import BANK_ACCOUNT
from tests.support.world_records import incoming


async def test_a_bundle_over_an_own_record_verifies(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a"), incoming("b")])
    await lonely.settle()
    verified = lonely.verify(lonely.home.services.proving.own_bundle(1))
    [record] = verified.evidence.records
    assert (record.header.thing, record.fields) == ("b", {"title": "虚构路道路改造工程 b", "lots": 2})
    assert (verified.grant, verified.identity) == (None, None)


async def test_a_bundle_shows_the_fields_that_were_asked_for_only(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    raw = lonely.home.services.proving.own_bundle(0, ["lots"])
    [record] = lonely.verify(raw).evidence.records
    assert record.fields == {"lots": 2}
    assert "虚构路".encode() not in raw


async def test_a_bundle_is_under_the_first_anchor_that_is_proven(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    early = lonely.home.services.proving.own_bundle(0)
    await lonely.settle()
    late = lonely.home.services.proving.own_bundle(0)
    sizes = [lonely.verify(raw).evidence.checkpoint.size for raw in (early, late)]
    assert sizes == [4, 4]


async def test_there_is_no_bundle_before_the_anchor_is_final(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a")])
    proving = lonely.home.services.proving
    with pytest.raises(MissingError, match="nothing of this log is anchored"):
        proving.own_bundle(0)
    lonely.home.services.publish()
    with pytest.raises(MissingError, match="nothing of this log is anchored"):
        proving.own_bundle(0)
    await lonely.settle(publish=False)
    lonely.home.records.append("c", 2, [incoming("b")])
    with pytest.raises(MissingError, match="not yet in the log"):
        proving.own_bundle(1)


async def test_there_is_no_bundle_over_what_does_not_exist(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a")])
    await lonely.settle()
    with pytest.raises(MissingError, match="no field price"):
        lonely.home.services.proving.own_bundle(0, ["lots", "price"])
    with pytest.raises(MissingError, match="no record at position 9"):
        lonely.home.services.proving.own_bundle(9)


async def test_records_are_final_when_their_anchor_is(lonely: World) -> None:
    proving = lonely.home.services.proving
    lonely.home.records.append("c", 1, [incoming(str(n)) for n in range(6)])
    assert (proving.anchored_size(), proving.final_through()) == (0, 0)
    for through, size in ((4, 4), (6, 8), (6, 12)):
        await lonely.settle()
        assert (proving.anchored_size(), proving.final_through()) == (size, through)


async def test_a_bundle_over_what_was_read_proves_the_authority_too(world: World, shared: Shared) -> None:
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    raw = world.reader.services.proving.obtained_bundle(shared.digest, 0)
    verified = world.verify(raw)
    [record] = verified.evidence.records
    assert record.fields["bank_account"] == BANK_ACCOUNT
    assert verified.identity is not None
    assert verified.grant is not None
    assert (verified.identity.credit_code, verified.grant.aud) == (shared.bidder.code, (world.reader.name,))
    assert parse_bundle(raw).member == world.home.name


async def test_there_is_no_bundle_over_what_was_not_read(world: World, shared: Shared) -> None:
    with pytest.raises(MissingError):
        world.reader.services.proving.obtained_bundle(shared.digest, 0)


async def test_what_the_reader_accepts_a_stranger_accepts_too(world: World, shared: Shared) -> None:
    """Whenever the home answers, up to the grant's last second."""
    for _ in range(2):
        await world.reader.services.reading.fetch(shared.digest)

    def at_the_end(answer: Answer) -> Answer:
        world.clock.advance(29 * 86_400)
        return answer

    world.network.tamper = at_the_end
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle(publish=False)
    for number in range(3):
        raw = world.reader.services.proving.obtained_bundle(shared.digest, number)
        world.verify(raw)
