"""The whole way of a registration on LevelDB, with every node restarted after every step."""

from pathlib import Path

from tests.support.world import World
from tests.support.world_bidder import BANK_ACCOUNT
from tests.support.world_records import incoming


async def test_nothing_lives_in_memory_only(tmp_path: Path) -> None:
    with World(folder=tmp_path) as world:

        async def step() -> None:
            await world.settle()
            for centre in world.centres.values():
                centre.restart()
            await world.follow()

        world.home.records.append("etrading", 1, [incoming("a")])
        bidder = world.bidder()
        world.register(bidder)
        await step()
        digest = world.request(world.reader, bidder)
        await step()
        token = world.grant(bidder)
        await step()
        fetched = await world.reader.services.reading.fetch(digest)
        assert fetched.records[0].fields["bank_account"] == BANK_ACCOUNT
        await step()
        bundle = world.reader.services.proving.obtained_bundle(digest, 0)
        world.verify(bundle)
        world.revoke(bidder, token)
        await step()
        [(_, kept)] = world.home.sharing.grants(bidder.subject)
        assert (kept.uses, kept.revoked) == (1, True)
        [entry] = world.home.serving.history(bidder.subject)
        assert entry.receipt
        assert world.home.records.last_sequence("etrading") == 1
        assert all(centre.outbox() == [] for centre in world.centres.values())
