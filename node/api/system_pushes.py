"""What the guarantor's own e-guarantee system pushes, over HTTPS: decisions, files, answers to a surrender.

    POST /DlgOrderResult  /DlgFilePush  /DlgSurrenderResult

Each request is an envelope signed by the system's key, of this time and taken once; each answer is one signed by the
node's, with the nonce and the time of its request. Who cannot sign learns nothing, not even why.
"""

import asyncio
import logging
import math
import ssl
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from node.api.limits import PublicLimit
from node.errors import BankAnswerError, NodeError, ReplayError, StoreError, UnavailableError
from node.services.gate import Gate
from node.services.guarantee_system import SystemDesk
from node.wire.bank_manual import (
    FILE_PATH,
    MAX_PUSH_BYTES,
    OK,
    RESULT_PATH,
    SURRENDER_PATH,
    Acknowledged,
    read_push,
)
from node.wire.envelope import EnvelopeSuite, open_envelope, seal, time_of

logger = logging.getLogger(__name__)

_GRACE_SECONDS = 2.0
_IDLE_SECONDS = 15.0
_UNREADABLE = "0001"
_REFUSED = "0002"
_LATER = "0003"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class PushServer:
    """Listens until `close`."""

    def __init__(
        self,
        desk: SystemDesk,
        gate: Gate,
        suite: EnvelopeSuite,
        limit: PublicLimit,
        tls: ssl.SSLContext | None,
    ) -> None:
        """Args:
        desk: does what is pushed.
        gate: takes each envelope once.
        suite: how envelopes are signed.
        limit: how many requests.
        tls: the listener's certificate; None behind a proxy on this machine that ends TLS.
        """
        self._desk, self._gate, self._suite, self._limit, self._tls = desk, gate, suite, limit, tls
        application = web.Application(client_max_size=MAX_PUSH_BYTES, middlewares=[self._slow_down])
        for path in (RESULT_PATH, FILE_PATH, SURRENDER_PATH):
            application.router.add_post(path, self._take)
        self._runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=_GRACE_SECONDS, keepalive_timeout=_IDLE_SECONDS
        )

    async def listen(self, address: str) -> int:
        """Open the port; its number, which is new if the address asks for 0.

        Raises:
            UnavailableError: the address is in use or not this machine's.
        """
        host, _, port = address.rpartition(":")
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host.strip("[]"), int(port), ssl_context=self._tls).start()
        except OSError as error:
            raise UnavailableError(
                f"cannot listen on {address}: {error.strerror}; see guarantor.system.listen in heqi.toml"
            ) from error
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening; requests under way get a moment to finish."""
        await self._runner.cleanup()

    @web.middleware
    async def _slow_down(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        wait = self._limit.take()
        if wait:
            raise web.HTTPTooManyRequests(headers={"Retry-After": str(math.ceil(wait))})
        return await handler(request)

    async def _take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            asked = await asyncio.to_thread(open_envelope, self._suite, raw, MAX_PUSH_BYTES)
            self._gate.take_once(time_of(asked.time_stamp), asked.nonce_str.encode())
        except (BankAnswerError, ReplayError) as error:
            logger.warning("a push was turned away: %s", error)
            raise web.HTTPBadRequest from error
        except StoreError as error:
            logger.exception("cannot take a push")
            raise web.HTTPServiceUnavailable from error
        told = await self._done(request.path, asked.data)
        data = msgspec.json.encode(told).decode()
        return web.Response(
            body=seal(self._suite, data, asked.nonce_str, asked.time_stamp), content_type="application/json"
        )

    async def _done(self, path: str, data: str) -> Acknowledged:
        """The system is the guarantor's own: it is told what is wrong."""
        try:
            push = await asyncio.to_thread(read_push, path, data)
        except BankAnswerError as error:
            logger.warning("a push cannot be read: %s", error)
            return Acknowledged("", _UNREADABLE, str(error))
        try:
            self._desk.take(push)
        except (StoreError, UnavailableError) as error:
            logger.warning("a push about order %s has to come again: %s", push.about[:8], error)
            return Acknowledged(push.about, _LATER, "try again later")
        except NodeError as error:
            return Acknowledged(push.about, _REFUSED, f"{error.reason}: {error}")
        return Acknowledged(push.about, OK)
