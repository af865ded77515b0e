"""A port that speaks HTTP: opened at an address, closed with a moment's grace, and slowed down as a whole."""

import math
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web

from node.api.limits import PublicLimit
from node.errors import UnavailableError

_GRACE_SECONDS = 2.0
_IDLE_SECONDS = 15.0

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpPort:
    """Listens from `listen` until `close`."""

    def __init__(
        self,
        routes: Sequence[web.RouteDef],
        limit: PublicLimit,
        setting: str,
        *,
        max_bytes: int = 1024,
        tls: ssl.SSLContext | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Args:
        routes: methods, path patterns, and what answers there.
        limit: how many requests; who comes beyond it gets 429 and when to come again.
        setting: of `heqi.toml` that names the address, for errors.
        max_bytes: the largest body.
        tls: the listener's certificate; None for plain HTTP.
        headers: of the answer to who comes too often.
        """
        self._limit, self._setting, self._tls, self._headers = limit, setting, tls, headers or {}
        application = web.Application(client_max_size=max_bytes, middlewares=[self._slow_down])
        application.add_routes(routes)
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
                f"cannot listen on {address}: {error.strerror}; see {self._setting} in heqi.toml"
            ) from error
        return int(self._runner.addresses[0][1])

    async def close(self) -> None:
        """Stop listening; requests under way get a moment to finish."""
        await self._runner.cleanup()

    @web.middleware
    async def _slow_down(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Strangers must not take the node's time from its members."""
        wait = self._limit.take()
        if wait:
            later = {"Retry-After": str(math.ceil(wait))}
            raise web.HTTPTooManyRequests(text="too many requests now", headers={**self._headers, **later})
        return await handler(request)
