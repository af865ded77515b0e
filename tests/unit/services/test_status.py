"""How a node is doing, and what it tells its systems of the ledger."""

import pytest

from node.domain.ledger import CastVote
from tests.support.world import World
from tests.support.world_records import faulty, incoming


async def test_a_new_node_has_done_nothing(lonely: World) -> None:
    status = lonely.home.services.status.now()
    assert (status.records, status.log_size, status.anchored_size, status.parked) == (0, 0, 0, 0)
    assert (status.block_number, status.block_age_seconds, list(status.outbox)) == (-1, -1, [])


async def test_the_status_counts_what_was_done_and_what_waits(lonely: World) -> None:
    lonely.home.records.append("c", 1, [incoming("a"), incoming("b"), faulty()])
    await lonely.settle()
    lonely.home.services.publish()
    lonely.queue(lonely.home, "bad", CastVote(9, approve=True))
    lonely.clock.advance(7)
    status = lonely.home.services.status.now()
    assert (status.records, status.log_size, status.anchored_size, status.parked) == (2, 8, 4, 1)
    assert (status.block_number, status.block_age_seconds) == (lonely.chain.head().number, 7)
    assert [item.object for _, item in status.outbox] == ["anchor", "bad"]


async def test_a_block_from_the_future_has_no_negative_age(lonely: World) -> None:
    await lonely.follow()
    lonely.clock.advance(-100)
    assert lonely.home.services.status.now().block_age_seconds == 0


# -- what is reported ------------------------------------------------------------------------------------


async def test_a_final_anchor_is_reported_to_its_own_systems_only(world: World) -> None:
    await world.settle()
    for centre in world.centres.values():
        assert [entry.about for entry in await centre.feed("record.final")] == [{"size": "4"}]


async def test_grants_are_reported_where_they_are_kept(world: World) -> None:
    shared = await world.share()
    world.revoke(shared.bidder, shared.token, via=world.third)
    await world.settle()
    [final] = await world.home.feed("grant.final")
    [revoked] = await world.home.feed("grant.revoked")
    assert final.about == revoked.about
    # The third member relayed it and must not tell its systems of it twice; others learn nothing at all.
    assert len(await world.third.feed("grant.revoked")) == 1
    assert await world.third.feed("grant.final") == []
    assert await world.reader.feed("grant.final", "grant.revoked") == []


async def test_who_comes_and_who_is_suspended_is_reported_to_all() -> None:
    with World(("a-centre", "b-centre", "c-centre", "d-centre")) as world:
        await world.settle()
        for number, active in ((1, False), (2, True)):
            world.home.services.membership.propose_standing("d-centre", active=active, valid_seconds=0)
            await world.settle(publish=False)
            world.reader.services.membership.vote(number, approve=True)
            await world.settle(publish=False)
        for centre in world.centres.values():
            entries = await centre.feed()
            about = [
                (entry.kind, entry.about) for entry in entries if entry.kind.startswith(("member", "prop"))
            ]
            made = {"proposer": "a-centre", "about": "d-centre"}
            assert about == [
                *(("member.admitted", {"member": name}) for name in world.centres),
                ("proposal.made", {"proposal": "1", "action": "SUSPEND", **made}),
                ("member.suspended", {"member": "d-centre"}),
                ("proposal.made", {"proposal": "2", "action": "REINSTATE", **made}),
                ("member.reinstated", {"member": "d-centre"}),
            ]


@pytest.mark.parametrize("kind", ["grant.final", "read.answered", "request.received", "subject.registered"])
async def test_the_feed_names_identifiers_and_never_what_a_record_holds(world: World, kind: str) -> None:
    shared = await world.share()
    await world.reader.services.reading.fetch(shared.digest)
    await world.settle()
    [entry] = await world.home.feed(kind)
    told = " ".join(entry.about.values())
    for secret in (shared.bidder.code, shared.bidder.organisation, shared.token):
        assert secret not in told
