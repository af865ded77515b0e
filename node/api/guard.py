"""Around every call: authorisation first, and errors to the wire in one form.

A bug does not leak: it ends as INTERNAL with a number that stands beside the stack trace in the log.
"""

from __future__ import annotations  # the stubs of grpc have generics that its classes have not

import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from node.api.caller import Context
from node.errors import InvalidError, NodeError
from node.wire.status import to_rpc_status

logger = logging.getLogger(__name__)

Check = Callable[[str, Context], None]
"""(full method name, context) → nothing, or an error."""
Parse = Callable[[Any], Any]
"""Bytes, or a stream of them → message, or a stream of them."""


class Guard:
    """The server as generated code sees it: what is added here is guarded, and nothing is added elsewhere.

    Not an interceptor: what that does at every call, this does once, when a service is added.
    """

    def __init__(self, server: grpc.aio.Server, check: Check) -> None:
        self._server, self._check = server, check

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Generated code names its methods here, too; the other way is the one that counts."""

    def add_registered_method_handlers(
        self, service: str, handlers: Mapping[str, grpc.RpcMethodHandler[Any, Any]]
    ) -> None:
        """Add the methods of a service, by their names."""
        guarded = {name: self._guarded(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_registered_method_handlers(service, guarded)

    def _guarded(
        self, method: str, handler: grpc.RpcMethodHandler[Any, Any]
    ) -> grpc.RpcMethodHandler[Any, Any]:
        """A handler of the same shape."""
        deserialise = handler.request_deserializer or bytes
        parse, parse_each = partial(_parse, deserialise), partial(_parse_each, deserialise)
        # Requests are parsed below: gRPC itself would answer malformed ones without a reason, and before asking
        # who sends them.
        serialise = {"request_deserializer": None, "response_serializer": handler.response_serializer}
        if handler.unary_unary:
            one = self._one(method, handler.unary_unary, parse)
            return grpc.unary_unary_rpc_method_handler(one, **serialise)
        if handler.unary_stream:
            many = self._many(method, handler.unary_stream, parse)
            return grpc.unary_stream_rpc_method_handler(many, **serialise)
        if handler.stream_stream:
            many = self._many(method, handler.stream_stream, parse_each)
            return grpc.stream_stream_rpc_method_handler(many, **serialise)
        one = self._one(method, handler.stream_unary, parse_each)
        return grpc.stream_unary_rpc_method_handler(one, **serialise)

    def _one(self, method: str, behaviour: Any, read: Parse) -> Any:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                self._check(method, context)
                return await behaviour(read(request), context)
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, error)

        return guarded

    def _many(self, method: str, behaviour: Any, read: Parse) -> Any:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                self._check(method, context)
                responses = behaviour(read(request), context)
                if inspect.isawaitable(responses):  # gRPC's own health service writes to the context itself
                    await responses
                    return
                async for response in responses:
                    yield response
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, error)

        return guarded


def _parse(deserialise: Parse, raw: bytes) -> Any:
    try:
        return deserialise(raw)
    except DecodeError as error:
        raise InvalidError("the request is not a message of the kind that this method takes") from error


async def _parse_each(deserialise: Parse, raws: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    async for raw in raws:
        yield _parse(deserialise, raw)


async def _abort(context: Context, method: str, error: Exception) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, NodeError):
        logger.info("%s refused: %s", method, error.reason)
        await context.abort_with_status(to_rpc_status(error))
    number = secrets.token_hex(4)
    logger.error("bug %s in %s", number, method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, f"internal error {number}; the operator's log has it")
