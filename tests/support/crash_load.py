"""A centre's system as a client: appends over mutual TLS, remembers what it was told, goes on after every break."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import grpc
from heqi.v1 import record_service_pb2 as pb
from heqi.v1 import record_service_pb2_grpc

from node.errors import PeerError
from node.wire.status import from_rpc_error
from tests.support.crash_plan import planned

_WINDOW = 4
_BACKLOG_MESSAGES = 40
_RECONNECT_SECONDS = 0.02
_LOOK_SECONDS = 0.005

Report = Callable[[str, str], None]
"""(rule, what broke it)."""


@dataclass
class Told:
    """What the node has told one client; the harness holds the node to it."""

    client: str
    accepted: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    """First position, records, parked, by sequence."""
    final: dict[int, int] = field(default_factory=dict)
    """Size of the log, by sequence."""
    sent: int = 0
    """The last sequence that may have reached the node."""

    @property
    def through(self) -> int:
        """The last sequence that was acknowledged."""
        return max(self.accepted, default=0)

    def not_final(self) -> list[int]:
        return [sequence for sequence in sorted(self.accepted) if sequence not in self.final]


class Appender:
    """One client of one node."""

    def __init__(
        self,
        client: str,
        seed: str,
        connect: Callable[[], grpc.aio.Channel],
        rng: random.Random,
        report: Report,
    ) -> None:
        self.told = Told(client)
        self.is_draining = False
        """Set to send nothing new and wait until everything is final."""
        self._seed, self._connect, self._rng, self._report = seed, connect, rng, report

    @property
    def is_done(self) -> bool:
        return self.is_draining and self.told.sent == self.told.through and not self.told.not_final()

    async def run(self) -> None:
        while not self.is_done:
            try:
                async with self._connect() as channel:
                    await self._session(record_service_pb2_grpc.RecordServiceStub(channel))
            except grpc.aio.AioRpcError as error:
                report_refusal(error, self.told.client, self._report)
                await asyncio.sleep(_RECONNECT_SECONDS)

    async def _session(self, stub) -> None:
        if self._rng.random() < 0.5:  # some clients ask, others simply send again what was not answered
            request = pb.GetLastSequenceRequest(client_id=self.told.client)
            last = (await stub.GetLastSequence(request, timeout=5)).sequence
            if not self.told.through <= last <= self.told.sent:
                self._report("SEQUENCE", f"{self.told.client}: told {last}, acknowledged {self.told.through}")
        async for answer in stub.AppendRecords(self._messages()):
            self._take(answer)

    async def _messages(self) -> AsyncIterator[pb.AppendRecordsRequest]:
        told = self.told
        again = told.not_final() if self.is_draining or self._rng.random() < 0.3 else []
        if told.through and self._rng.random() < 0.3:
            again = again or [told.through]  # acknowledged already: must be answered the same
        for sequence in again:
            yield self._message(sequence)
        sequence = told.through + 1
        while not self.is_draining or sequence <= told.sent:
            is_full = sequence > told.through + _WINDOW or len(told.not_final()) > _BACKLOG_MESSAGES
            if is_full and sequence > told.sent:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            told.sent = max(told.sent, sequence)
            yield self._message(sequence)
            sequence += 1
            await asyncio.sleep(self._rng.random() * 0.03)

    def _message(self, sequence: int) -> pb.AppendRecordsRequest:
        message = pb.AppendRecordsRequest()
        message.CopyFrom(planned(self._seed, self.told.client, sequence).request)
        message.await_final = True
        return message

    def _take(self, answer: pb.AppendRecordsResponse) -> None:
        told, sequence = self.told, answer.sequence
        if answer.HasField("final"):
            if sequence not in told.accepted:
                self._report("FINAL", f"{told.client} {sequence} is final and was never accepted")
            told.final[sequence] = answer.final.log_size
            return
        accepted = (
            answer.accepted.first_position,
            answer.accepted.record_count,
            answer.accepted.parked_count,
        )
        if told.accepted.setdefault(sequence, accepted) != accepted:
            self._report(
                "DOUBLED", f"{told.client} {sequence} was accepted as {told.accepted[sequence]}, {accepted}"
            )


def report_refusal(error: grpc.aio.AioRpcError, who: str, report: Report) -> str:
    """The reason of a refusal; a killed node gives none, anything else is reported."""
    refusal = from_rpc_error(error, who)
    is_bug = error.code() is grpc.StatusCode.INTERNAL and "operator's log" in (error.details() or "")
    if is_bug or not isinstance(refusal, PeerError):
        report("REFUSED", f"{who}: {refusal.reason}: {refusal}")
    return refusal.reason
