"""What every company register behind the port must do."""

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from adapters.registries.trial import MAX_FILE_BYTES, MemoryRegistry, TrialFileRegistry
from adapters.systems.sample import credit_code
from node.domain.registry import RegistryEntry, RegistryState
from node.errors import RegistryAnswerError, RegistryUnavailableError
from node.ports import Registry

NAME = "示例市市场监督管理局（试用）"
CODE, OTHER = credit_code(1), credit_code(2)
ENTRY = RegistryEntry(
    credit_code=CODE,
    name="虚构建设第1有限公司",
    state=RegistryState.IN_OPERATION,
    as_of="2026-03-01T00:00:00Z",
    source="试用文件第 1 行",
    legal_representative="示例人张三",
    kind="有限责任公司",
    address="示例市虚构路 1 号",
    registered_capital="50000000.00",
    currency="CNY",
)


@dataclass
class Made:
    """An implementation, and how its register is changed."""

    registry: Registry
    hold: Callable[[str, RegistryEntry], None]
    """Answer for a code with an entry."""
    vanish: Callable[[], None]


@pytest.fixture(params=["memory", "file"])
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Made]:
    if request.param == "memory":
        memory = MemoryRegistry(NAME)
        yield Made(memory, memory.entries.__setitem__, lambda: setattr(memory, "is_absent", True))
        return
    path = tmp_path / "registry.jsonl"
    path.write_bytes(b"# trial\n\n")
    file = TrialFileRegistry(path, NAME)
    yield Made(file, lambda _, entry: add_line(path, msgspec.json.encode(entry)), path.unlink)
    file.close()


def add_line(path: Path, line: bytes) -> None:
    path.write_bytes(path.read_bytes() + line + b"\n")


async def test_it_answers_all_that_it_has(made: Made) -> None:
    made.hold(CODE, ENTRY)
    assert await made.registry.look_up(CODE) == ENTRY
    assert made.registry.name == NAME


async def test_it_says_when_it_has_nothing(made: Made) -> None:
    made.hold(CODE, ENTRY)
    assert await made.registry.look_up(OTHER) is None


async def test_it_is_asked_anew_each_time(made: Made) -> None:
    assert await made.registry.look_up(CODE) is None
    made.hold(CODE, ENTRY)
    assert await made.registry.look_up(CODE) == ENTRY
    gone = msgspec.structs.replace(ENTRY, state=RegistryState.LICENCE_REVOKED)
    made.hold(CODE, gone)
    assert await made.registry.look_up(CODE) == gone


async def test_an_absent_register_is_not_an_empty_one(made: Made) -> None:
    made.hold(CODE, ENTRY)
    made.vanish()
    with pytest.raises(RegistryUnavailableError) as refusal:
        await made.registry.look_up(CODE)
    assert type(refusal.value) is RegistryUnavailableError


async def test_an_entry_that_cannot_be_right_is_not_handed_out(made: Made) -> None:
    broken = msgspec.structs.replace(ENTRY, as_of="yesterday")
    made.hold(CODE, broken)
    with pytest.raises(RegistryAnswerError):
        await made.registry.look_up(CODE)


async def test_many_ask_at_once(made: Made) -> None:
    made.hold(CODE, ENTRY)
    answers = await asyncio.gather(*(made.registry.look_up(code) for code in [CODE, OTHER] * 20))
    assert answers == [ENTRY, None] * 20


async def test_the_memory_register_can_answer_for_another_code() -> None:
    memory = MemoryRegistry()
    memory.entries[OTHER] = ENTRY
    with pytest.raises(RegistryAnswerError, match="another credit code"):
        await memory.look_up(OTHER)


@pytest.mark.parametrize(
    "line",
    [
        b"{",
        b'{"credit_code": "%s"}' % CODE.encode(),
        json.dumps({**msgspec.to_builtins(ENTRY), "state": "alive"}).encode(),
        json.dumps({**msgspec.to_builtins(ENTRY), "registered_capital": "5000万"}).encode(),
        json.dumps({**msgspec.to_builtins(ENTRY), "registered_capital": 50000000.0}).encode(),
        json.dumps({**msgspec.to_builtins(ENTRY), "more": "x"}).encode(),
        b'{"name": "a", "name": "b"}',
        b"\xff\xfe",
        b'{"name": "' + b"x" * 20_000 + b'"}',
    ],
)
async def test_a_line_that_cannot_be_read_hides_nobody_and_invents_nobody(
    tmp_path: Path, line: bytes
) -> None:
    path = tmp_path / "registry.jsonl"
    path.write_bytes(line + b"\n" + msgspec.json.encode(ENTRY) + b"\n")
    file = TrialFileRegistry(path, NAME)
    assert await file.look_up(CODE) == ENTRY
    with pytest.raises(RegistryAnswerError, match="line 1"):
        await file.look_up(OTHER)
    file.close()


async def test_a_file_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "registry.jsonl"
    path.touch()
    os.truncate(path, MAX_FILE_BYTES + 1)
    file = TrialFileRegistry(path, NAME)
    with pytest.raises(RegistryAnswerError, match="at most"):
        await file.look_up(CODE)
    file.close()


async def test_a_disk_that_hangs_holds_up_nobody_but_those_who_ask(tmp_path: Path) -> None:
    fifo = tmp_path / "registry.jsonl"
    os.mkfifo(fifo)  # opening it for reading waits for somebody who writes
    file = TrialFileRegistry(fifo, NAME)
    asked = asyncio.create_task(file.look_up(CODE))
    assert await asyncio.to_thread(lambda: "others go on") == "others go on"
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    os.close(os.open(fifo, os.O_WRONLY))  # let the thread go
    file.close()
