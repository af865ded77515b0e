"""The adapter against engines that answer badly, or are not the engine it knew."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from adapters.ledger.artifact import CONTRACT_NAMES
from adapters.ledger.deployment import DeployedContract, Deployment
from adapters.ledger.engine import Engine
from adapters.ledger.evm import EvmLedger
from node.domain.ledger import CastVote
from node.errors import ConfigError, LedgerRefusedError, LedgerUnavailableError, NonceTakenError
from tests.support.ledgers import new_account_key

GENESIS = "0x" + "00" * 31 + "01"
CHAIN_ID = 77
DEPLOYMENT = Deployment(
    alliance_id=bytes(32),
    chain_id=CHAIN_ID,
    genesis_hash=bytes.fromhex(GENESIS[2:]),
    block=1,
    contracts={
        name: DeployedContract(bytes(19) + bytes([index]), bytes(32))
        for index, name in enumerate(CONTRACT_NAMES, 1)
    },
)
Handler = Callable[[str, list[Any]], object]


class Refusal(Exception):
    """What the fake engine answers instead of a result."""

    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.body = {"code": code, "message": message} | ({"data": data} if data is not None else {})


class FakeEngine:
    """Answers what the test says; identity and head are the alliance's unless it says otherwise."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, Any] = {"eth_chainId": hex(CHAIN_ID), "eth_getBlockByNumber": self.block}
        self.asked: list[tuple[str, list[Any]]] = []
        self.respond: Callable[[], Awaitable[web.Response]] | None = None

    def block(self, number: str, _full: bool = False) -> object:
        value = 5_000 if number == "latest" else int(number, 16)
        return {"number": hex(value), "hash": f"0x{value + 1:064x}", "timestamp": "0x5"}

    async def handle(self, request: web.Request) -> web.Response:
        if self.respond is not None:
            return await self.respond()
        call = await request.json()
        self.asked.append((call["method"], call["params"]))
        answer = self.answers[call["method"]]
        try:
            result = answer(*call["params"]) if callable(answer) else answer
        except Refusal as refusal:
            return web.json_response({"jsonrpc": "2.0", "id": call["id"], "error": refusal.body})
        return web.json_response({"jsonrpc": "2.0", "id": call["id"], "result": result})


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    fake = FakeEngine()
    application = web.Application()
    application.router.add_post("/", fake.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    yield fake
    await runner.cleanup()


@pytest.fixture
async def ledger(engine: FakeEngine) -> AsyncIterator[EvmLedger]:
    ledger = EvmLedger(engine.url, new_account_key().account, DEPLOYMENT, timeout_seconds=0.5)
    yield ledger
    await ledger.close()


def raising(refusal: Refusal) -> Handler:
    def answer(*_: object) -> object:
        raise refusal

    return answer


async def test_another_chain_under_the_same_url_is_not_followed(
    engine: FakeEngine, ledger: EvmLedger
) -> None:
    engine.answers["eth_chainId"] = hex(CHAIN_ID + 1)
    with pytest.raises(LedgerUnavailableError, match="another chain"):
        await ledger.head()
    engine.answers["eth_chainId"] = hex(CHAIN_ID)
    assert (await ledger.head()).number == 5_000


async def test_identity_is_asked_again_after_a_failure_only(engine: FakeEngine, ledger: EvmLedger) -> None:
    async def crash() -> web.Response:
        return web.Response(status=502)

    for _ in range(3):
        await ledger.head()
    assert [method for method, _ in engine.asked].count("eth_chainId") == 1
    engine.respond = crash
    with pytest.raises(LedgerUnavailableError):
        await ledger.head()
    engine.respond = None
    engine.answers["eth_getBlockByNumber"] = lambda number, _: engine.block("0x9")
    with pytest.raises(LedgerUnavailableError, match="another chain"):
        await ledger.head()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b'{"jsonrpc":"2.0","id":1}',
        b'{"error":5}',
        b"\xff\xff",
        b"<html>",
        b"[" * 300_000,
        b'{"jsonrpc":"2.0","id":1,"result":' + b"[" * 300_000 + b"]" * 300_000 + b"}",
        b'{"jsonrpc":"2.0","id":1,"result":{"number":' + b"9" * 300_000 + b"}}",
    ],
    ids=lambda body: repr(body[:40]),
)
async def test_answers_that_are_not_json_rpc_mean_unavailable(
    engine: FakeEngine, ledger: EvmLedger, body: bytes
) -> None:
    async def garbage() -> web.Response:
        return web.Response(body=body, content_type="application/json")

    engine.respond = garbage
    with pytest.raises(LedgerUnavailableError):
        await ledger.head()


@pytest.mark.parametrize(
    "block",
    [
        None,
        5,
        [],
        {},
        {"number": "5", "hash": GENESIS, "timestamp": "0x1"},
        {"number": "0x1", "hash": "0x12"},
    ],
)
async def test_malformed_blocks_mean_unavailable(
    engine: FakeEngine, ledger: EvmLedger, block: object
) -> None:
    await ledger.head()
    engine.answers["eth_getBlockByNumber"] = block
    with pytest.raises(LedgerUnavailableError):
        await ledger.head()


@pytest.mark.parametrize(
    "logs",
    [
        None,
        {},
        [5],
        [{"address": "0x12", "topics": []}],
        [{"address": "0x" + "00" * 19 + "04", "topics": ["0x12"], "data": "0x"}],
    ],
)
async def test_malformed_logs_mean_unavailable(engine: FakeEngine, ledger: EvmLedger, logs: object) -> None:
    engine.answers["eth_getLogs"] = logs
    with pytest.raises(LedgerUnavailableError):
        await ledger.events(0, 5)


async def test_an_engine_that_hangs_is_given_up_in_time(engine: FakeEngine, ledger: EvmLedger) -> None:
    async def hang() -> web.Response:
        await asyncio.sleep(2)
        return web.Response()

    engine.respond = hang
    with pytest.raises(LedgerUnavailableError, match="TimeoutError"):
        async with asyncio.timeout(1.5):
            await ledger.head()


async def test_long_ranges_are_asked_in_pieces_and_halved_when_refused(
    engine: FakeEngine, ledger: EvmLedger
) -> None:
    ranges: list[tuple[int, int]] = []

    def logs(wanted: dict[str, Any]) -> object:
        first, last = int(wanted["fromBlock"], 16), int(wanted["toBlock"], 16)
        if last - first >= 700:
            raise Refusal(-32005, "too many results")
        ranges.append((first, last))
        return []

    engine.answers["eth_getLogs"] = logs
    assert await ledger.events(10, 9_999) == []
    assert ranges[0][0] == 10
    assert ranges[-1][1] == 5_000  # the head
    assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(ranges))


async def test_one_block_with_too_many_logs_is_unavailable(engine: FakeEngine, ledger: EvmLedger) -> None:
    engine.answers["eth_getLogs"] = raising(Refusal(-32005, "too many results"))
    with pytest.raises(LedgerUnavailableError, match="too many"):
        await ledger.events(1, 10)


async def test_logs_of_strangers_and_removed_logs_are_left_out(engine: FakeEngine, ledger: EvmLedger) -> None:
    log = {
        "address": "0x" + "00" * 19 + "03",
        "topics": ["0x" + "ab" * 32],
        "data": "0x",
        "blockNumber": "0x1",
        "logIndex": "0x0",
    }
    engine.answers["eth_getLogs"] = [log | {"address": "0x" + "ee" * 20}, log | {"removed": True}, log]
    assert await ledger.events(0, 5) == []


@pytest.mark.parametrize(
    ("refusal", "problem"),
    [
        (Refusal(3, "execution reverted", "0x"), "Reverted"),
        (Refusal(-32000, "Execution reverted"), "Reverted"),
        (Refusal(-32000, "out of gas"), "Reverted"),
        (Refusal(-32015, "VM error", {"data": "0xdeadbeef"}), "Reverted"),
    ],
)
async def test_engines_tell_a_revert_in_their_own_ways(
    engine: FakeEngine, ledger: EvmLedger, refusal: Refusal, problem: str
) -> None:
    engine.answers["eth_call"] = raising(refusal)
    with pytest.raises(LedgerRefusedError) as refused:
        await ledger.dry_run(CastVote(1, True))
    assert refused.value.problem == problem


@pytest.mark.parametrize("message", ["header not found", "internal error", "rate limited"])
async def test_an_engines_own_trouble_is_not_the_contracts(
    engine: FakeEngine, ledger: EvmLedger, message: str
) -> None:
    engine.answers["eth_call"] = raising(Refusal(-32603, message))
    with pytest.raises(LedgerUnavailableError, match=message):
        await ledger.dry_run(CastVote(1, True))


@pytest.mark.parametrize("message", ["already known", "Known transaction", "transaction already imported"])
async def test_sending_again_is_fine_however_the_engine_says_it(
    engine: FakeEngine, ledger: EvmLedger, message: str
) -> None:
    engine.answers["eth_sendRawTransaction"] = raising(Refusal(-32000, message))
    await ledger.send(await ledger.sign(CastVote(1, True), 0))


@pytest.mark.parametrize("message", ["Nonce too low", "replacement transaction underpriced"])
async def test_a_used_nonce_is_told_unless_it_was_used_by_this_transaction(
    engine: FakeEngine, ledger: EvmLedger, message: str
) -> None:
    signed = await ledger.sign(CastVote(1, True), 0)
    engine.answers["eth_sendRawTransaction"] = raising(Refusal(-32000, message))
    engine.answers["eth_getTransactionByHash"] = {"hash": "0x" + signed.hash.hex()}
    await ledger.send(signed)
    engine.answers["eth_getTransactionByHash"] = None
    with pytest.raises(NonceTakenError):
        await ledger.send(signed)


async def test_other_refusals_to_take_a_transaction_mean_try_later(
    engine: FakeEngine, ledger: EvmLedger
) -> None:
    engine.answers["eth_sendRawTransaction"] = raising(Refusal(-32000, "txpool is full"))
    with pytest.raises(LedgerUnavailableError, match="txpool is full"):
        await ledger.send(await ledger.sign(CastVote(1, True), 0))


async def test_after_close_nothing_is_connected(ledger: EvmLedger) -> None:
    await ledger.head()
    await ledger.close()
    with pytest.raises(LedgerUnavailableError, match="closed"):
        await ledger.head()


@pytest.mark.parametrize("url", ["", "ws://x", "/path", "unix:", "ftp://x", "http:"])
def test_urls_of_other_kinds_are_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        Engine(url, 1.0)
