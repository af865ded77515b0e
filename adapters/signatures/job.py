"""What a reader hands to a process of its own, and what that process does first. Loads no parser by itself."""

import logging
import resource
from multiprocessing.connection import Connection
from multiprocessing.reduction import DupFd
from typing import Any, Self

import msgspec

from node.domain.signed_file import Finding, Format
from node.errors import InvalidError

TOO_LARGE = "TOO_LARGE"
BUG = "BUG"
BEGUN = b"begun"


class Limits(msgspec.Struct, frozen=True):
    """What one file may cost."""

    memory_bytes: int = 1 << 30
    """Of address space."""
    cpu_seconds: int = 20


class Job(msgspec.Struct, frozen=True):
    """One file to read."""

    form: Format | None
    signature: bytes
    roots: tuple[bytes, ...]
    at: int


class Answer(msgspec.Struct, frozen=True):
    """What came of it."""

    findings: tuple[Finding, ...] = ()
    refused: str = ""
    """Why the file is none of that form; or TOO_LARGE, or BUG."""


class OpenFile:
    """An open file that another process inherits: it has no name that could be left behind."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self)._inherit, (DupFd(self.number),)  # noqa: SLF001

    @classmethod
    def _inherit(cls, duplicate: Any) -> Self:
        return cls(duplicate.detach())


def run(job: bytes, content: OpenFile, limits: Limits, answer: Connection) -> None:
    """The process: say that it has begun, read, answer, end."""
    answer.send_bytes(BEGUN)
    from adapters.signatures import worker  # noqa: PLC0415  # loaded before the fork, and never in the node

    logging.disable()  # pyHanko logs what it finds; the answer tells it
    _confine(limits)
    try:
        found = Answer(tuple(worker.read(msgspec.msgpack.decode(job, type=Job), content.number)))
    except InvalidError as error:
        found = Answer(refused=str(error))
    except MemoryError:
        found = Answer(refused=TOO_LARGE)
    except Exception as error:  # noqa: BLE001  # whatever a parser raises must not be taken for an answer
        found = Answer(refused=f"{BUG} {type(error).__name__}")
    answer.send_bytes(msgspec.msgpack.encode(found))


def _confine(limits: Limits) -> None:
    bounds = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        _, hard = resource.getrlimit(kind)
        allowed = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        resource.setrlimit(kind, (allowed, allowed))
