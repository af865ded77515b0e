"""Messages prepared beside the node's process: the same records, and no worker's death loses or doubles one."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest
from heqi.v1 import record_service_pb2 as pb

from adapters.crypto.clock import SystemClock
from node.api.preparing import PreparingBeside
from node.config import RecordsConfig
from node.errors import BusyError, RecordFormatError
from node.services.preparing import MAX_MESSAGE_RECORDS, StoredRecord
from tests.integration.test_records_over_grpc import append, message, record
from tests.support.network import open_network

KEY, ALLIANCE, ME = b"k" * 32, "0" * 64, "centre-a"


@pytest.fixture
def beside():
    started = PreparingBeside(1, KEY, ALLIANCE, ME, SystemClock())
    yield started
    started.close()


def things(prepared) -> list[str]:
    return [msgspec.msgpack.decode(one.body, type=StoredRecord).header.thing for one in prepared.records]


async def test_a_node_with_workers_takes_every_message_in_its_order_and_parks_what_is_bad(tmp_path):
    async with open_network(tmp_path, ("centre-a",), records=RecordsConfig(workers=2)) as network:
        a = network["centre-a"]
        bad = record("bad", title="x")
        bad.category = "trade.nothing"
        sent = [message("many", n, record(f"a-{n}", title="x"), bad, record(f"b-{n}")) for n in range(1, 13)]
        first = a.services.status.now().records
        answers = await append(a, *sent, message("many", 12, *sent[-1].records))
        assert [answer.sequence for answer in answers] == [*range(1, 13), 12]
        assert answers[-1].accepted == answers[-2].accepted
        assert [(x.accepted.record_count, x.accepted.parked_count) for x in answers] == [(1, 2)] * 13
        assert [x.accepted.first_position for x in answers[:12]] == list(range(first, first + 12))
        for n in range(12):
            assert a.services.records.load(first + n).header.thing == f"a-{n + 1}"
        again = await append(a, message("again", 1, record("a-1", title="y")))
        assert a.services.records.load(again[0].accepted.first_position).header.version == 2


async def test_a_message_whose_worker_is_killed_is_prepared_by_another(beside):
    await beside.prepare(message("c", 1, record("warm", title="b")))
    [worker] = beside._pool._processes
    many = [record(f"t-{n}", title="b" * 1000) for n in range(2000)]
    waiting = [asyncio.ensure_future(beside.prepare(message("c", n, *many))) for n in range(3)]
    await asyncio.sleep(0)
    os.kill(worker, signal.SIGKILL)
    for prepared in await asyncio.gather(*waiting):
        assert things(prepared) == [f"t-{n}" for n in range(2000)]
    assert worker not in beside._pool._processes


class Deadly:
    """What ends every process that takes it in."""

    def __reduce__(self):
        return os._exit, (1,)


async def test_a_message_that_ends_every_worker_is_refused_and_the_next_one_taken(beside):
    sound, beside._about = beside._about, (Deadly(), ALLIANCE, ME)
    with pytest.raises(BusyError):
        await beside.prepare(message("c", 1, record("t", title="b")))
    beside._about = sound
    assert things(await beside.prepare(message("c", 1, record("t", title="b")))) == ["t"]


async def test_too_many_records_are_refused_before_a_worker_sees_them(beside):
    request = pb.AppendRecordsRequest(records=[record("t", title="b")] * (MAX_MESSAGE_RECORDS + 1))
    with pytest.raises(RecordFormatError, match="at most"):
        await beside.prepare(request)


_NODE = """
import os, time
from adapters.crypto.clock import SystemClock
from node.api.preparing import PreparingBeside
if __name__ == "__main__":
    pool = PreparingBeside(1, b"k" * 32, "0" * 64, "a", SystemClock())._pool
    print(pool.submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


def test_workers_end_with_a_node_that_is_killed_and_no_key_is_in_their_arguments(tmp_path):
    script = tmp_path / "node_to_kill.py"
    script.write_text(_NODE)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as node:
        worker = int(node.stdout.readline())
        for about in ("cmdline", "environ"):
            with open(f"/proc/{worker}/{about}", "rb") as file:
                assert b"kkkk" not in file.read()
        node.kill()
    deadline = time.monotonic() + 60
    while os.path.exists(f"/proc/{worker}"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
