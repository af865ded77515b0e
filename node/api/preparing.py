"""Where append messages are prepared: in the node's process, or beside it.

Decoding, checking and committing is most of what a record costs, and it needs nothing of the node but the index key.
With `records.workers` in `heqi.toml` it is done in processes of their own, and what gives records their place stays
alone in the node's: one writer, whose order nobody disturbs.

The workers are started anew and not forked: a fork would copy the node's keys and gRPC's threads. They hold no state:
the index key comes with each message through a pipe, and a message whose worker has died is prepared by another one.
Nothing of it was stored by then, so it is neither lost nor doubled.
"""

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Protocol

import msgspec
from heqi.v1.record_service_pb2 import AppendRecordsRequest

from node.domain.catalogue.rules import Rules, encode_rules, rules_from, shipped_rules
from node.domain.category import learn
from node.errors import BusyError
from node.ports import Clock
from node.services.preparing import Prepared, Preparer, check_count
from node.wire.incoming import incoming_of

logger = logging.getLogger(__name__)

_ATTEMPTS = 3


class Preparing(Protocol):
    """Prepares messages of append streams."""

    ahead: int
    """How many messages of a stream are worth being prepared at once."""

    async def prepare(self, request: AppendRecordsRequest) -> Prepared:
        """A message, ready to be written.

        Raises:
            RecordFormatError: it has too many records.
            BusyError: no worker could prepare it.
        """
        ...

    def close(self) -> None:
        """End whatever was started."""
        ...


class PreparingHere:
    """In the node's own process."""

    ahead = 1

    def __init__(self, preparer: Preparer, clock: Clock) -> None:
        self._preparer, self._clock = preparer, clock

    async def prepare(self, request: AppendRecordsRequest) -> Prepared:
        """See `Preparing`."""
        return self._preparer.message(incoming_of(request), self._clock.now())

    def close(self) -> None:
        """See `Preparing`."""


class PreparingBeside:
    """In worker processes."""

    def __init__(  # noqa: PLR0917
        self,
        count: int,
        index_key: bytes,
        alliance: str,
        member: str,
        clock: Clock,
        rules: Callable[[], Rules] = shipped_rules,
    ) -> None:
        """Args:
        count: of processes.
        index_key: of the node.
        alliance: its id.
        member: the node's name.
        clock: dates messages.
        rules: the definitions in force, sent with each message.
        """
        self._count, self._clock, self._rules = count, clock, rules
        self._about = (index_key, alliance, member)
        self.ahead = 2 * count + 1
        self._turns = asyncio.Semaphore(self.ahead)
        self._pool = self._start()

    async def prepare(self, request: AppendRecordsRequest) -> Prepared:
        """See `Preparing`."""
        check_count(len(request.records) + len(request.rejected_items))
        now = self._clock.now()
        async with self._turns:
            raw, rules = request.SerializeToString(), encode_rules(self._rules())
            for _ in range(_ATTEMPTS):
                pool = self._pool
                try:
                    prepared = await asyncio.wrap_future(
                        pool.submit(prepare_raw, *self._about, raw, now, rules)
                    )
                    return msgspec.msgpack.decode(prepared, type=Prepared)
                except BrokenProcessPool:
                    self._replace(pool)
        raise BusyError("the worker processes end before they have prepared the message")

    def close(self) -> None:
        """See `Preparing`."""
        self._pool.shutdown(cancel_futures=True)

    def process_ids(self) -> list[int]:
        """The workers that run now."""
        return list(self._pool._processes)  # noqa: SLF001

    def _replace(self, broken: ProcessPoolExecutor) -> None:
        if self._pool is broken:
            logger.warning("a worker process has died; all of them are started again")
            broken.shutdown(wait=False, cancel_futures=True)
            self._pool = self._start()

    def _start(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(self._count, multiprocessing.get_context("spawn"), begin_worker)
        for _ in range(self._count):
            pool.submit(os.getpid)  # so that they load while the node starts
        return pool


def begin_worker() -> None:
    """What a worker does first: it leaves signals to its node, and ends when that does, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    node = multiprocessing.parent_process()
    if node is not None:
        threading.Thread(target=_end_with, args=(node,), daemon=True).start()


def _end_with(node: multiprocessing.process.BaseProcess) -> None:
    node.join()
    os._exit(1)


def prepare_raw(  # noqa: PLR0917
    index_key: bytes, alliance: str, member: str, raw: bytes, now: float, rules: bytes
) -> bytes:
    """The work of a worker: a message in protobuf to `Prepared` in MessagePack.

    Args:
        index_key: of the node.
        alliance: its id.
        member: the node's name.
        raw: `AppendRecordsRequest`.
        now: seconds since 1970 UTC.
        rules: the definitions in force.
    """
    in_force = rules_from(rules)
    for definition in in_force.definitions():
        learn(definition)
    preparer = Preparer(index_key, os.urandom, alliance, member, lambda: in_force)
    items = incoming_of(AppendRecordsRequest.FromString(raw))
    return msgspec.msgpack.encode(preparer.message(items, now))
