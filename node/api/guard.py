"""Around every call: authorisation first, and errors to the wire in one form.

A bug does not leak: it ends as INTERNAL with a number that stands beside the stack trace in the log.
"""

from __future__ import annotations  # the stubs of grpc have generics that its classes have not

import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from node.api.caller import Context
from node.errors import NodeError
from node.wire.status import to_rpc_status

logger = logging.getLogger(__name__)

Check = Callable[[str, Context], None]
"""(full method name, context) → nothing, or an error."""


class Guard(grpc.aio.ServerInterceptor):
    """Wraps the handler of every method."""

    def __init__(self, check: Check) -> None:
        self._check = check

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Replace the handler's behaviour by a guarded one of the same shape."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None  # an unknown method: gRPC answers UNIMPLEMENTED
        method = handler_call_details.method
        serialise = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": handler.response_serializer,
        }
        if handler.unary_unary:
            return grpc.unary_unary_rpc_method_handler(self._one(method, handler.unary_unary), **serialise)
        if handler.unary_stream:
            return grpc.unary_stream_rpc_method_handler(self._many(method, handler.unary_stream), **serialise)
        if handler.stream_stream:
            return grpc.stream_stream_rpc_method_handler(
                self._many(method, handler.stream_stream), **serialise
            )
        return grpc.stream_unary_rpc_method_handler(self._one(method, handler.stream_unary), **serialise)

    def _one(self, method: str, behaviour: Any) -> Any:
        async def guarded(request: Any, context: Context) -> Any:
            try:
                self._check(method, context)
                return await behaviour(request, context)
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, error)

        return guarded

    def _many(self, method: str, behaviour: Any) -> Any:
        async def guarded(request: Any, context: Context) -> AsyncIterator[Any]:
            try:
                self._check(method, context)
                responses = behaviour(request, context)
                if inspect.isawaitable(responses):  # gRPC's own health service writes to the context itself
                    await responses
                    return
                async for response in responses:
                    yield response
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, error)

        return guarded


async def _abort(context: Context, method: str, error: Exception) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, NodeError):
        logger.info("%s refused: %s", method, error.reason)
        await context.abort_with_status(to_rpc_status(error))
    number = secrets.token_hex(4)
    logger.error("bug %s in %s", number, method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, f"internal error {number}; the operator's log has it")
