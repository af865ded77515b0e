"""Around every call: authorisation first, then limits, then the request; and errors to the wire in one form.

A stream is looked at again while it is open, and ends when its caller may no longer have it. A bug does not leak:
it ends as INTERNAL with a number that stands beside the stack trace in the log.
"""

from __future__ import annotations  # the stubs of grpc have generics that its classes have not

import asyncio
import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, TypeAlias, cast

import grpc
from google.protobuf.message import DecodeError

from node.api.authority import Rule
from node.api.caller import Check, Context, Visitor
from node.api.limits import Limits
from node.api.streams import OpenStreams
from node.errors import InvalidError, NodeError, TooLargeError
from node.services.acts import act_as
from node.wire.status import to_rpc_status

logger = logging.getLogger(__name__)

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Parse = Callable[[Any], Any]
"""Bytes → message."""


class Guard:
    """What every listener asks before it serves a call."""

    def __init__(self, check: Check, limits: Limits, streams: OpenStreams) -> None:
        self._check, self._limits, self._streams = check, limits, streams

    def over(self, server: grpc.aio.Server) -> grpc.aio.Server:
        """The server as generated code sees it: what is added there is guarded. Nothing is added elsewhere."""
        return cast("grpc.aio.Server", _GuardedServer(server, self.guarded))

    def guarded(self, method: str, handler: Handler) -> Handler:
        """A handler of the same shape."""
        parse = handler.request_deserializer or bytes
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
            many = self._many(method, handler.stream_stream, parse)
            return grpc.stream_stream_rpc_method_handler(many, **serialise)
        gathering = self._gathering(method, handler.stream_unary, parse)
        return grpc.stream_unary_rpc_method_handler(gathering, **serialise)

    def _one(self, method: str, behaviour: Any, parse: Parse) -> Any:
        async def guarded(request: bytes, context: Context) -> Any:
            visitor = None
            try:
                visitor, rule = self._check(method, context)
                act_as(visitor.actor)
                with self._limits.call(visitor, len(request)):
                    return await behaviour(_parse(parse, rule, request), context)
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, visitor, error)

        return guarded

    def _many(self, method: str, behaviour: Any, parse: Parse) -> Any:
        # It writes by itself instead of yielding: so that it stands here, and can be told, while a slow client
        # leaves it waiting for room.
        async def guarded(request: Any, context: Context) -> None:
            visitor = None
            try:
                visitor, rule = self._check(method, context)
                act_as(visitor.actor)
                with (
                    self._limits.stream(visitor),
                    self._streams.opened(lambda: self._check(method, context)) as stream,
                ):
                    try:
                        taken = (
                            _parse(parse, rule, request)
                            if isinstance(request, bytes)
                            else self._parse_each(parse, rule, visitor, request)
                        )
                        await _answer(behaviour(taken, context), context)
                    except asyncio.CancelledError:
                        if stream.refusal is None:
                            raise
                        stream.task.uncancel()  # it goes on: to say why the stream ends
                        raise stream.refusal from None
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, visitor, error)

        return guarded

    def _gathering(self, method: str, behaviour: Any, parse: Parse) -> Any:
        async def guarded(requests: Any, context: Context) -> Any:
            visitor = None
            try:
                visitor, rule = self._check(method, context)
                act_as(visitor.actor)
                with self._limits.stream(visitor):
                    return await behaviour(self._parse_each(parse, rule, visitor, requests), context)
            except Exception as error:  # noqa: BLE001
                await _abort(context, method, visitor, error)

        return guarded

    async def _parse_each(
        self, parse: Parse, rule: Rule, visitor: Visitor, raws: AsyncIterator[bytes]
    ) -> AsyncIterator[Any]:
        async for raw in raws:
            await self._limits.message(visitor, len(raw))
            yield _parse(parse, rule, raw)


class _GuardedServer:
    """Not an interceptor: what that does at every call, this does once, when a service is added."""

    def __init__(self, server: grpc.aio.Server, guard: Callable[[str, Handler], Handler]) -> None:
        self._server, self._guard = server, guard

    def add_generic_rpc_handlers(self, handlers: Sequence[grpc.GenericRpcHandler]) -> None:
        """Generated code names its methods here, too; the other way is the one that counts."""

    def add_registered_method_handlers(self, service: str, handlers: Mapping[str, Handler]) -> None:
        """Add the methods of a service, by their names.

        To gRPC as a generic handler: for every call its server waits anew for each method that is registered one by
        one, which makes a call the dearer the more methods there are (grpcio 1.85, `_server_main_loop`).
        """
        guarded = {name: self._guard(f"/{service}/{name}", handler) for name, handler in handlers.items()}
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, guarded),))


async def _answer(responses: Any, context: Context) -> None:
    if inspect.isawaitable(responses):  # gRPC's own health service writes to the context too
        await responses
        return
    async with aclosing(responses):
        async for response in responses:
            await context.write(response)


def _parse(parse: Parse, rule: Rule, raw: bytes) -> Any:
    if len(raw) > rule.size:
        raise TooLargeError(f"the message has {len(raw)} bytes; this method takes at most {rule.size}")
    try:
        return parse(raw)
    except DecodeError as error:
        raise InvalidError("the request is not a message of the kind that this method takes") from error


async def _abort(context: Context, method: str, visitor: Visitor | None, error: Exception) -> None:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    if isinstance(error, NodeError):
        logger.info("%s refused to %s: %s", method, visitor or "somebody unknown", error.reason)
        await context.abort_with_status(to_rpc_status(error))
    number = secrets.token_hex(4)
    logger.error("bug %s in %s", number, method, exc_info=error)
    await context.abort(grpc.StatusCode.INTERNAL, f"internal error {number}; the operator's log has it")
