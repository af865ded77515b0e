"""The public log over real HTTP, read and verified by a client that nobody here wrote (`tlog-scales`)."""

import asyncio
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tlog_scales.backend import HttpBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey
from tlog_scales.tiles import leaf_hash

from node.api.limits import PublicLimit
from node.api.tiles import TileServer
from node.config import LimitsConfig
from tests.support.world import World
from tests.support.world_records import incoming

BATCH = 300
_ED25519 = 1


@asynccontextmanager
async def served(world: World, limits: LimitsConfig = LimitsConfig()):  # noqa: B008  # frozen
    """Address of a log that is shown."""
    server = TileServer(world.home.services.tiles, PublicLimit(limits))
    port = await server.listen("127.0.0.1:0")
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.close()


@pytest.fixture
def world():
    with World(("hangzhou",), batch_size=BATCH) as made:
        yield made


async def get(url: str, method: str = "GET") -> tuple[int, bytes, dict[str, str]]:
    async with aiohttp.ClientSession() as session, session.request(method, url) as answer:
        return answer.status, await answer.read(), dict(answer.headers)


async def test_a_foreign_client_verifies_the_whole_log(world):
    home = world.home
    for number in range(3):
        home.records.append("c", number + 1, [incoming(f"{number}/{n}") for n in range(5)])
        home.services.publish()
    key = Vkey(f"heqi/{world.descriptor.alliance}/hangzhou", None, _ED25519, home.keys.log.public_key)
    entries = {home.services.log.index_of(at): home.records.load(at).seal().entry for at in range(15)}

    def verify(address: str) -> None:
        reader = TilesReader(HttpBackend(address))
        newest = reader.get_checkpoint()
        newest.verify(key)
        assert newest.size == 3 * BATCH
        assert reader.calculate_root_hash() == newest.root_hash
        for index, entry in entries.items():
            assert reader.get_entry(index) == entry
            reader.get_inclusion_proof(index, newest.size).check(leaf_hash(entry), newest.root_hash)
        for old in (1, BATCH, 2 * BATCH, 3 * BATCH - 1):
            proof = reader.get_consistency_proof(old, newest.size)
            proof.check(reader.mth(0, old), newest.root_hash)

    async with served(world) as address:
        await asyncio.to_thread(verify, address)


async def test_a_tile_that_could_be_read_never_changes(world):
    tiles = ("tile/0/000", "tile/entries/000", "tile/0/001.p/40", "tile/entries/001.p/44", "tile/1/000.p/1")
    world.home.services.publish()
    async with served(world) as address:
        before = [await get(f"{address}/{tile}") for tile in tiles]
        world.home.services.publish()
        after = [await get(f"{address}/{tile}") for tile in tiles]
    assert [(status, body) for status, body, _ in after] == [(status, body) for status, body, _ in before]
    assert [len(body) for _, body, _ in before] == [8192, 256 * 34, 40 * 32, 44 * 34, 32]
    assert all("immutable" in headers["Cache-Control"] for _, _, headers in before)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/001",  # full only from 512 on
        "tile/0/001.p/45",
        "tile/0/002.p/1",
        "tile/1/000.p/2",
        "tile/63/000",
        "tile/64/000",
        "tile/00/000",
        "tile/0/1",
        "tile/0/x000/000",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/000.p/0",
        "tile/0/000.p/257",
        "tile/0/000.p/999",
        "tile/-1/000",
        "tile/entries/../../checkpoint/000",
        "tile/entries/%00",
        "tile/",
        "",
        "metrics",
    ],
)
async def test_what_the_log_has_not_is_not_found(world, path):
    world.home.services.publish()
    async with served(world) as address:
        status, body, _ = await get(f"{address}/{path}")
    assert status == 404
    assert len(body) < 60


async def test_nothing_is_shown_before_publication(world):
    world.home.records.append("c", 1, [incoming("1")])
    async with served(world) as address:
        for path in ("checkpoint", "tile/0/000.p/1", "tile/entries/000.p/1"):
            assert (await get(f"{address}/{path}"))[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_written(world, method):
    world.home.services.publish()
    async with served(world) as address:
        assert (await get(f"{address}/checkpoint", method))[0] == 405


async def test_a_damaged_store_is_not_shown_as_a_smaller_log(world):
    world.home.services.publish()
    del world.home.store.inner._values[b"t/" + (7).to_bytes(8, "big")]
    async with served(world) as address:
        status, body, _ = await get(f"{address}/tile/entries/000")
    assert (status, body) == (503, b"the log cannot be read now")


async def test_strangers_who_ask_too_much_are_told_when_to_come_again(world):
    world.home.services.publish()
    async with served(world, LimitsConfig(tiles_per_second=2)) as address:
        answers = [await get(f"{address}/checkpoint") for _ in range(12)]
    refused = [headers for status, _, headers in answers if status == 429]
    assert answers[0][0] == 200
    assert refused
    assert int(refused[0]["Retry-After"]) >= 1
