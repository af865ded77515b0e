"""Starts a node beside this process and appends to it over gRPC; prints records a second, durable ones."""

import asyncio
import multiprocessing
import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path

from bench.empty import UNLIMITED
from bench.sample import MESSAGE_RECORDS, message
from tests.support.network import Stubs, open_network


def _serve(folder: Path, pipe: Connection) -> None:
    async def run() -> None:
        async with open_network(folder, ("centre-a",), limits=UNLIMITED) as network:
            a = network["centre-a"]
            pipe.send((a.member, a.home))
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


async def _append(folder: Path, count: int) -> float:
    from tests.support.network import channel, operator_pair  # noqa: PLC0415

    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(folder, there))
    server.start()
    there.close()  # so that the end of a server that fails is noticed here
    member, home = await asyncio.to_thread(here.recv)
    pair = operator_pair(home)
    requests = [message("bench", n + 1) for n in range(count)]
    async with channel(member, *pair) as connection:
        stub = Stubs(connection).records
        await stub.GetLastSequence(message_free())
        start = time.perf_counter()
        accepted = 0
        async for answer in stub.AppendRecords(iter(requests)):
            accepted += answer.accepted.record_count
        seconds = time.perf_counter() - start
    here.send("stop")
    await asyncio.to_thread(server.join)
    assert accepted == count * MESSAGE_RECORDS
    return accepted / seconds


def message_free() -> object:
    """A small call that opens the connection before the clock starts."""
    from heqi.v1.record_service_pb2 import GetLastSequenceRequest  # noqa: PLC0415

    return GetLastSequenceRequest(client_id="bench")


if __name__ == "__main__":
    print(asyncio.run(_append(Path(sys.argv[1]), int(sys.argv[2]))))
