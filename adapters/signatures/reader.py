"""The `SignatureReader` port: a short-lived process for each file, forked from one that has only loaded the parsers.

That one was started anew and not forked from the node, so whoever takes over a parser finds no keys in its memory.
Nothing of this is loaded before the first file comes.
"""

import asyncio
import logging
import multiprocessing
import tempfile
from collections.abc import AsyncIterator, Coroutine, Sequence
from multiprocessing.connection import Connection
from typing import IO, Any

import msgspec

from adapters.signatures.job import BEGUN, BUG, TOO_LARGE, Answer, Job, Limits, OpenFile, run
from node.domain.signed_file import Finding, Format
from node.errors import BusyError, InvalidError, TooLargeError, UnavailableError

MAX_BYTES = 64 << 20
logger = logging.getLogger(__name__)

_MAX_ANSWER_BYTES = 16 << 20
_AT_ONCE, _WAITING = 2, 16
_START_SECONDS = 60.0  # the first time, the parsers are loaded
_WORKER = "adapters.signatures.worker"


class ProcessSignatureReader:
    """Reads signatures in processes with bounded time and memory."""

    def __init__(
        self,
        *,
        max_bytes: int = MAX_BYTES,
        memory_bytes: int = 1 << 30,
        cpu_seconds: int = 20,
        seconds: float = 60.0,
    ) -> None:
        """Args:
        max_bytes: largest file.
        memory_bytes: address space of a process.
        cpu_seconds: processor time for a file.
        seconds: time for a file, by the clock, on a machine that may be busy.
        """
        self._max_bytes, self._seconds = max_bytes, seconds
        self._memory_bytes, self._cpu_seconds = memory_bytes, cpu_seconds
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0

    async def read(
        self,
        content: AsyncIterator[bytes],
        form: Format | None,
        signature: bytes,
        roots: Sequence[bytes],
        at: int,
    ) -> Sequence[Finding]:
        """See the port."""
        if self._waiting >= _WAITING:
            raise BusyError("too many files are being checked")
        self._waiting += 1
        try:
            async with self._turns:
                with tempfile.TemporaryFile() as file:
                    async with asyncio.timeout(self._seconds + _START_SECONDS):
                        await self._spool(content, file, len(signature))
                    job = msgspec.msgpack.encode(Job(form, signature, tuple(roots), at))
                    return await _to_its_end(asyncio.to_thread(self._read, job, file))
        except TimeoutError as error:
            raise TooLargeError("the file did not arrive in time") from error
        finally:
            self._waiting -= 1

    async def _spool(self, content: AsyncIterator[bytes], file: IO[bytes], size: int) -> None:
        async for part in content:
            size += len(part)
            if size > self._max_bytes:
                raise TooLargeError(f"a file to check has at most {self._max_bytes >> 20} MiB")
            await asyncio.to_thread(file.write, part)
        file.flush()

    def _read(self, job: bytes, file: IO[bytes]) -> Sequence[Finding]:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_WORKER])
        ours, theirs = context.Pipe(duplex=False)
        limits = Limits(self._memory_bytes, self._cpu_seconds)
        process = context.Process(
            target=run, args=(job, OpenFile(file.fileno()), limits, theirs), daemon=True
        )
        process.start()
        theirs.close()
        try:
            self._await_begin(ours)
            answer = msgspec.msgpack.decode(self._receive(ours), type=Answer)
        except (EOFError, OSError, TimeoutError, msgspec.MsgspecError) as error:
            raise TooLargeError("checking the file takes more time or memory than is allowed") from error
        finally:
            process.kill()
            process.join()
            process.close()
            ours.close()
        if answer.refused == TOO_LARGE:
            raise TooLargeError("checking the file takes more memory than is allowed")
        if answer.refused.startswith(BUG):
            logger.warning("reading a signed file ended with %s", answer.refused)
            raise InvalidError(f"the file cannot be read ({answer.refused.removeprefix(BUG).strip()})")
        if answer.refused:
            raise InvalidError(answer.refused)
        return answer.findings

    @staticmethod
    def _await_begin(ours: Connection) -> None:
        """What goes wrong before the file is touched is no fault of the file."""
        try:
            if ours.poll(_START_SECONDS) and ours.recv_bytes(_MAX_ANSWER_BYTES) == BEGUN:
                return
        except EOFError:
            pass
        raise UnavailableError("no process can be started to read the file")

    def _receive(self, ours: Connection) -> bytes:
        if not ours.poll(self._seconds):
            raise TimeoutError
        return ours.recv_bytes(_MAX_ANSWER_BYTES)


async def _to_its_end(work: Coroutine[Any, Any, Sequence[Finding]]) -> Sequence[Finding]:
    """Wait for work that cannot be cancelled, so that a caller who leaves does not let another one in too early."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
