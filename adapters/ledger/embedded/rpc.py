"""JSON-RPC 2.0: from the bytes of a request to the bytes of its answer. Never raises, whatever comes in."""

import asyncio
import inspect
import logging
from collections.abc import Mapping

import orjson

from adapters.ledger.embedded.methods import Method
from adapters.ledger.embedded.rpc_error import (
    INTERNAL_ERROR,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    PARSE_ERROR,
    RpcError,
)

MAX_BATCH = 100

_log = logging.getLogger(__name__)
_VERSION = "2.0"
_Answer = dict[str, object]


class Dispatcher:
    """Answers requests from a table of methods."""

    def __init__(self, methods: Mapping[str, Method]) -> None:
        self._methods = methods
        self._signatures = {name: inspect.signature(method) for name, method in methods.items()}

    async def answer(self, body: bytes) -> bytes:
        """Answer one request or a batch of at most `MAX_BATCH`; notifications are answered like requests."""
        try:
            request = orjson.loads(body)
        except orjson.JSONDecodeError:
            return orjson.dumps(_failure(None, RpcError(PARSE_ERROR, "the request is not JSON")))
        if not isinstance(request, list):
            return orjson.dumps(await self._answer_one(request))
        if not 0 < len(request) <= MAX_BATCH:
            fault = RpcError(INVALID_REQUEST, f"a batch has 1 to {MAX_BATCH} requests")
            return orjson.dumps(_failure(None, fault))
        answers = []
        for one in request:
            answers.append(await self._answer_one(one))
            await asyncio.sleep(0)  # other connections get their turn
        return orjson.dumps(answers)

    async def _answer_one(self, request: object) -> _Answer:
        request_id = request.get("id") if isinstance(request, dict) else None
        if not isinstance(request_id, str | int | float | None):
            request_id = None
        try:
            return {"jsonrpc": _VERSION, "id": request_id, "result": await self._call(request)}
        except RpcError as error:
            return _failure(request_id, error)
        except Exception:  # noqa: BLE001
            # a bug or a broken disk: say so, log it, and go on with the next request
            _log.exception("a request failed inside the engine")
            return _failure(request_id, RpcError(INTERNAL_ERROR, "internal error"))

    async def _call(self, request: object) -> object:
        if not isinstance(request, dict) or request.get("jsonrpc") != _VERSION:
            raise RpcError(INVALID_REQUEST, "not a JSON-RPC 2.0 request")
        name, params = request.get("method"), request.get("params", [])
        if not isinstance(name, str) or not isinstance(params, list):
            raise RpcError(INVALID_REQUEST, "method must be a string, params a list")
        method = self._methods.get(name)
        if method is None:
            raise RpcError(METHOD_NOT_FOUND, f"the method {name[:64]} does not exist/is not available")
        try:
            self._signatures[name].bind(*params)
        except TypeError as error:
            raise RpcError.bad_params(f"wrong number of parameters for {name}") from error
        result = method(*params)
        return await result if inspect.isawaitable(result) else result


def _failure(request_id: object, error: RpcError) -> _Answer:
    return {"jsonrpc": _VERSION, "id": request_id, "error": error.as_object()}
