"""The engine as a process: killed, locked out, asked rudely, left alone."""

import asyncio
import io
import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import aiohttp
import pytest

from adapters.ledger.embedded.server import MAX_REQUEST_BYTES, check_loopback
from adapters.ledger.engine import Engine, EngineRefusal
from adapters.ledger.signing import sign_free
from node.cli.demo.ports import free_ports
from node.errors import ConfigError, LedgerUnavailableError
from tests.support.embedded_chains import TOY_CREATION
from tests.support.ledgers import ROOT, EmbeddedEngine, new_account_key

KILLS = 15


MakeEngine = Callable[..., EmbeddedEngine]


@pytest.fixture
def make_engine(tmp_path: Path) -> Iterator[MakeEngine]:
    """Engines that are stopped in the end, however the test ends."""
    made: list[EmbeddedEngine] = []

    def make(**options: object) -> EmbeddedEngine:
        made.append(EmbeddedEngine(tmp_path, **options))
        return made[-1]

    yield make
    for engine in made:
        engine.stop()


@pytest.fixture
def engine(make_engine: MakeEngine) -> EmbeddedEngine:
    return make_engine()


async def send_load(engine: EmbeddedEngine, chain_id: int, kept: dict[str, tuple[str, str]]) -> None:
    """Send from fresh accounts until the engine dies; note every receipt that was answered."""
    rpc = Engine(engine.url, 30.0)
    sent: list[str] = []
    try:
        while True:
            signer = new_account_key().account
            for nonce in range(3):
                signed = sign_free(signer, chain_id, nonce, to=b"", data=TOY_CREATION, gas=200_000)
                sent.append(await rpc.request("eth_sendRawTransaction", "0x" + signed.raw.hex()))
            for digest in sent[-12:]:
                receipt = await rpc.request("eth_getTransactionReceipt", digest)
                if receipt is not None:
                    kept[digest] = (receipt["blockHash"], receipt["contractAddress"])
    except LedgerUnavailableError:
        pass
    finally:
        await rpc.close()


async def test_what_was_answered_survives_being_killed_at_any_moment(engine: EmbeddedEngine) -> None:
    kept: dict[str, tuple[str, str]] = {}
    identity, highest = None, 0
    for _ in range(KILLS):
        engine.start()
        rpc = Engine(engine.url, 30.0)
        chain_id = int(await rpc.request("eth_chainId"), 16)
        genesis = (await rpc.request("eth_getBlockByNumber", "0x0"))["hash"]
        identity = identity or (chain_id, genesis)
        assert (chain_id, genesis) == identity
        head = await rpc.request("eth_getBlockByNumber", "latest")
        assert int(head["number"], 16) >= highest
        for digest, (block_hash, contract) in kept.items():
            assert (await rpc.request("eth_getTransactionReceipt", digest))["blockHash"] == block_hash
            assert len(await rpc.request("eth_getCode", contract)) > 2
        kept = dict(list(kept.items())[-40:])
        load = asyncio.create_task(send_load(engine, chain_id, kept))
        await asyncio.sleep(secrets.randbelow(300) / 1000)
        highest = int(await rpc.request("eth_blockNumber"), 16)
        await rpc.close()
        engine.kill()
        await load
    assert highest > KILLS
    assert kept


async def test_a_second_engine_on_the_folder_is_refused(engine: EmbeddedEngine, tmp_path: Path) -> None:
    engine.start()
    arguments = {"folder": str(engine.folder / "db"), "socket": str(tmp_path / "other.sock")}
    second = run_engine(arguments)
    assert second.returncode != 0
    assert "StoreError: cannot open the chain" in second.stderr
    rpc = Engine(engine.url, 30.0)
    assert await rpc.request("eth_syncing") is False
    await rpc.close()


async def test_a_socket_in_use_is_not_taken_over(engine: EmbeddedEngine, tmp_path: Path) -> None:
    engine.start()
    arguments = {"folder": str(tmp_path / "other"), "socket": str(engine.socket)}
    second = run_engine(arguments)
    assert "StoreError: another process listens" in second.stderr
    rpc = Engine(engine.url, 30.0)
    assert await rpc.request("eth_syncing") is False
    await rpc.close()


async def test_it_is_for_its_owner_only_and_prints_nothing(engine: EmbeddedEngine) -> None:
    engine.start()
    assert engine.socket.stat().st_mode & 0o777 == 0o600
    assert engine.socket.parent.stat().st_mode & 0o777 == 0o700
    engine.stop()
    assert (engine.folder / "engine.out").read_bytes() == b""
    assert "stops at block" in engine.log()


async def test_heartbeats_tell_quiet_from_down(make_engine: MakeEngine) -> None:
    engine = make_engine(heartbeat_seconds=0.2)
    engine.start()
    rpc = Engine(engine.url, 30.0)
    started = time.monotonic()
    first = int(await rpc.request("eth_blockNumber"), 16)
    beats = 0
    while beats < 3:
        beats = int(await rpc.request("eth_blockNumber"), 16) - first
        await asyncio.sleep(0.02)
    await rpc.close()
    assert beats <= 1 + (time.monotonic() - started) / 0.2


async def test_block_time_does_not_run_ahead_of_the_clock(make_engine: MakeEngine) -> None:
    engine = make_engine(seal_seconds=1.0)
    engine.start()
    rpc = Engine(engine.url, 30.0)
    chain_id = int(await rpc.request("eth_chainId"), 16)
    signer = new_account_key().account
    nonce, started, head = 0, time.monotonic(), {"number": "0x0"}
    while int(head["number"], 16) < 3:
        signed = sign_free(signer, chain_id, nonce, to=bytes(19) + b"\x99", data=b"", gas=21_000)
        await rpc.request("eth_sendRawTransaction", "0x" + signed.raw.hex())
        nonce += 1
        await asyncio.sleep(0.05)
        head = await rpc.request("eth_getBlockByNumber", "latest")
    await rpc.close()
    assert int(head["number"], 16) <= 1 + time.monotonic() - started
    assert int(head["timestamp"], 16) <= time.time()


async def test_bad_http_stops_nobody(make_engine: MakeEngine) -> None:
    engine = make_engine(tcp=["127.0.0.1", free_ports(1)[0]])
    engine.start()
    url = "http://127.0.0.1:{}/".format(engine._options["tcp"][1])
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []})
    json_type = {"Content-Type": "application/json"}
    async with aiohttp.ClientSession() as session:

        async def status(data: object, headers: dict[str, str], method: str = "POST") -> int:
            async with session.request(method, url, data=data, headers=headers) as answer:
                return answer.status

        assert await status(io.BytesIO(b"x" * (MAX_REQUEST_BYTES + 1)), json_type) == 413
        assert await status(body, {"Content-Type": "text/plain"}) == 415
        assert await status(body, json_type | {"Host": "evil.example"}) == 403
        assert await status(None, {}, "GET") == 405
        assert await status(b"not JSON", json_type) == 200
        with socket.create_connection(("127.0.0.1", engine._options["tcp"][1])) as raw:
            raw.sendall(b"\x16\x03\x01 this is not HTTP\r\n\r\n")
            raw.recv(100)
        assert await status(body, json_type) == 200
        assert await status(body, json_type | {"Host": "localhost:8545"}) == 200


async def test_answers_keep_coming_while_a_full_block_is_sealed(engine: EmbeddedEngine) -> None:
    engine.start()
    rpc = Engine(engine.url, 30.0)
    chain_id = int(await rpc.request("eth_chainId"), 16)
    signers = [new_account_key().account for _ in range(2)]
    raws = [
        "0x" + sign_free(signer, chain_id, nonce, to=b"", data=TOY_CREATION, gas=200_000).raw.hex()
        for nonce in range(100)
        for signer in signers
    ]
    load = asyncio.gather(*(rpc.request("eth_sendRawTransaction", raw) for raw in raws))
    answers = 0
    while int(await rpc.request("eth_getTransactionCount", signers[0].address), 16) < 100:
        await rpc.request("eth_blockNumber")
        answers += 1
    await load
    await rpc.close()
    assert answers > 5, "the engine was silent while it sealed"


async def test_an_error_answer_is_a_refusal_with_code_and_data(engine: EmbeddedEngine) -> None:
    engine.start()
    rpc = Engine(engine.url, 30.0)
    with pytest.raises(EngineRefusal) as refusal:
        await rpc.request("eth_accounts")
    assert refusal.value.code == -32601
    await rpc.close()


@pytest.mark.parametrize("address", ["0.0.0.0", "192.168.1.1", "::", "example.org", "localhost", ""])
def test_only_loopback_addresses_are_listened_on(address: str) -> None:
    with pytest.raises(ConfigError):
        check_loopback(address)


def test_loopback_addresses_pass() -> None:
    check_loopback("127.0.0.1")
    check_loopback("::1")


def run_engine(arguments: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """An engine that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, str(ROOT / "tests/support/run_engine.py"), json.dumps(arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
