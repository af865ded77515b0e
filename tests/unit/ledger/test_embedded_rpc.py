"""Requests that are not what they should be."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ledger.embedded.rpc import MAX_BATCH, Dispatcher
from adapters.ledger.embedded.rpc_error import (
    INTERNAL_ERROR,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
)
from tests.support.embedded_chains import Bench


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("chain"))


@pytest.fixture
def dispatcher(bench: Bench) -> Dispatcher:
    return Dispatcher(bench.methods)


async def ask(dispatcher: Dispatcher, request: object) -> Any:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return json.loads(await dispatcher.answer(body))


def request(method: object, *params: object, **changes: object) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)} | changes


async def test_a_request_is_answered_under_its_id(dispatcher: Dispatcher) -> None:
    for request_id in (7, "seven", None):
        answer = await ask(dispatcher, request("eth_blockNumber", id=request_id))
        assert answer == {"jsonrpc": "2.0", "id": request_id, "result": "0x0"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", PARSE_ERROR),
        (b"{", PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[" * 100_000, PARSE_ERROR),
        ([], INVALID_REQUEST),
        ([1] * (MAX_BATCH + 1), INVALID_REQUEST),
        (7, INVALID_REQUEST),
        ({}, INVALID_REQUEST),
        (request("eth_blockNumber", jsonrpc="1.0"), INVALID_REQUEST),
        (request(5), INVALID_REQUEST),
        (request("eth_blockNumber", params={"a": 1}), INVALID_REQUEST),
        (request("eth_accounts"), METHOD_NOT_FOUND),
        (request("__init__"), METHOD_NOT_FOUND),
        (request("eth_blockNumber", 1), INVALID_PARAMS),
        (request("eth_getLogs"), INVALID_PARAMS),
        (request("eth_getBlockByNumber", "newest"), INVALID_PARAMS),
        (request("eth_getBlockByNumber", 5), INVALID_PARAMS),
        (request("eth_getCode", "0x12"), INVALID_PARAMS),
        (request("eth_getCode", "0x" + "zz" * 20), INVALID_PARAMS),
        (request("eth_sendRawTransaction", "0x0"), INVALID_PARAMS),
        (request("eth_getProof", "0x" + "00" * 20, ["0x1"] * 101), INVALID_PARAMS),
        (request("eth_call", {"to": "0x" + "00" * 20, "data": 5}), INVALID_PARAMS),
    ],
)
async def test_bad_requests_are_told_apart(dispatcher: Dispatcher, body: object, code: int) -> None:
    answer = await ask(dispatcher, body)
    assert answer["error"]["code"] == code


async def test_one_bad_request_does_not_spoil_its_batch(dispatcher: Dispatcher) -> None:
    answers = await ask(dispatcher, [request("eth_chainId"), 5, request("nonsense"), request("eth_syncing")])
    assert ["result" in answer for answer in answers] == [True, False, False, True]


async def test_a_bug_in_a_method_is_an_internal_error(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    answer = await ask(Dispatcher({"broken": broken}), request("broken"))
    assert answer["error"] == {"code": INTERNAL_ERROR, "message": "internal error"}
    assert "ZeroDivisionError" in caplog.text


HEX = st.one_of(
    st.binary(max_size=40).map(lambda raw: "0x" + raw.hex()),
    st.integers(0, 2**260).map(hex),
    st.sampled_from(["0x", "0X1", "latest", "pending", "earliest", "", "0x" + "00" * 20, "0x" + "11" * 32]),
)
NAMES = st.sampled_from(
    ["to", "from", "data", "input", "gas", "value", "fromBlock", "toBlock", "address", "topics", "blockHash"]
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), HEX),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=5)),
    max_leaves=8,
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
async def test_no_parameters_whatever_are_an_internal_error(
    dispatcher: Dispatcher, data: st.DataObject
) -> None:
    method = data.draw(st.sampled_from(sorted(dispatcher._methods)))
    params = data.draw(st.lists(JSON, max_size=3))
    answer = await ask(dispatcher, request(method, *params))
    assert answer.get("error", {}).get("code") != INTERNAL_ERROR, (method, params)


def test_the_methods_are_those_that_are_needed_and_no_others(bench: Bench) -> None:
    assert len(bench.methods) == 19
    assert not [name for name in bench.methods if not name.startswith(("eth_", "net_", "web3_"))]
