"""Loading years of records: interrupted anywhere, it goes on, and nothing is lost or doubled."""

import asyncio
import json
import signal
import sys
from collections import Counter

import pytest
import pytest_asyncio

from adapters.systems.ocds import Summary
from adapters.systems.sample import write_sample
from node.cli import record_source
from node.cli.record_source import append_messages
from node.services.listing import Query
from tests.integration.test_records_over_grpc import append
from tests.support.network import open_network

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def centre(tmp_path_factory):
    async with open_network(tmp_path_factory.mktemp("network"), ("centre-a",)) as network:
        yield network["centre-a"]


def kept(centre) -> Counter[tuple[str, int, str]]:
    """Thing, version and project of every record of the centre's own."""
    found: Counter[tuple[str, int, str]] = Counter()
    token = ""
    while True:
        page = centre.services.listing.page(Query(is_operator=False), 1000, token)
        for item in page.items:
            header = item.record.header
            found[header.thing, header.version, item.record.project] += 1
        token = page.next_token
        if not token:
            return found


def start(centre, folder):
    command = (sys.executable, "-m", "node", "record", "load", "--home", centre.home, "--json", folder)
    return asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )


async def load(centre, folder) -> dict:
    process = await start(centre, folder)
    out, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    return json.loads(out)


async def test_a_loader_that_is_killed_goes_on_where_it_was(centre, tmp_path):
    write_sample(tmp_path, processes=60, seed=1)
    wanted = list(append_messages(tmp_path, "ocds", Summary(), wait=False))
    records, client = centre.services.records, wanted[0].client_id
    before = kept(centre)
    killed = await start(centre, tmp_path)
    while not records.last_sequence(client):
        await asyncio.sleep(0.005)
    killed.send_signal(signal.SIGKILL)
    await killed.wait()
    done = records.last_sequence(client)
    result = await load(centre, tmp_path)
    assert (result["messages_before"], result["messages"]) == (done, len(wanted) - done)
    assert records.last_sequence(client) == len(wanted)
    new = kept(centre) - before
    assert sum(new.values()) == sum(len(message.records) for message in wanted)
    assert set(new.values()) == {1}
    assert {thing.split("/")[0] for thing, _, _ in new} == {project for _, _, project in new}


async def test_whatever_was_taken_before_the_rest_follows_once(centre, tmp_path, monkeypatch):
    write_sample(tmp_path, processes=3, seed=2)
    monkeypatch.setattr(record_source, "MESSAGE_RECORDS", 20)
    wanted = list(append_messages(tmp_path, "ocds", Summary(), wait=False))
    for taken in range(1, len(wanted) + 1):
        last = centre.services.records.last_sequence(wanted[0].client_id)
        again = append_messages(tmp_path, "ocds", Summary(), wait=False, first=max(last, 1))
        sent = [next(again) for _ in range(taken - last + bool(last))]
        await append(centre, *sent)
        assert [message.sequence for message in sent] == list(range(max(last, 1), taken + 1))
    records, things = centre.services.records, Counter(r.thing for m in wanted for r in m.records)
    assert records.last_sequence(wanted[0].client_id) == len(wanted)
    assert Counter(thing for thing, _, _ in kept(centre) if thing in things) >= things


async def test_loading_the_same_again_stores_nothing_and_bad_items_are_parked(centre, tmp_path):
    write_sample(tmp_path, processes=1, seed=3)
    first = await load(centre, tmp_path)
    before, parked = kept(centre), centre.services.parking.count()
    assert first["parked"] > 0
    again = await load(centre, tmp_path)
    assert (again["messages"], again["records"], again["parked"]) == (0, 0, 0)
    assert (kept(centre), centre.services.parking.count()) == (before, parked)
