"""JSON-RPC over HTTP on a Unix socket and, if wished, on a loopback port.

Who may write is decided by the socket's file permissions and by the loopback interface; a web page that a
browser on this machine shows must not get in, hence the checks of `Content-Type` and `Host`.
"""

import ipaddress
import os
import socket
from pathlib import Path

from aiohttp import web

from adapters.ledger.embedded.rpc import Dispatcher
from node.errors import ConfigError, StoreError

MAX_REQUEST_BYTES = 4 * 1024 * 1024

_GRACE_SECONDS = 2.0


class RpcServer:
    """Listens until `close`."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        application = web.Application(client_max_size=MAX_REQUEST_BYTES)
        application.router.add_post("/", self._answer)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE_SECONDS)

    async def listen(self, unix: Path | None, tcp: tuple[str, int] | None) -> None:
        """Open the socket (mode 0600, its folder 0700 if it has to be made) and the port.

        Raises:
            ConfigError: neither is given, or the address is not loopback.
            StoreError: the socket or the port is taken.
        """
        if unix is None and tcp is None:
            raise ConfigError("give a socket path or a loopback address to listen on")
        if tcp is not None:
            check_loopback(tcp[0])
        await self._runner.setup()
        try:
            if unix is not None:
                await self._listen_unix(unix)
            if tcp is not None:
                await web.TCPSite(self._runner, *tcp).start()
        except OSError as error:
            raise StoreError(f"cannot listen: {error}") from error

    async def close(self) -> None:
        """Stop listening; requests under way get a moment to finish."""
        await self._runner.cleanup()

    async def _listen_unix(self, path: Path) -> None:
        _clear_place(path)
        mask = os.umask(0o177)
        try:
            await web.UnixSite(self._runner, path).start()
        finally:
            os.umask(mask)

    async def _answer(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send application/json")
        if not _is_local_host(request.host):
            raise web.HTTPForbidden(text="the Host header must name this machine")
        answer = await self._dispatcher.answer(await request.read())
        return web.Response(body=answer, content_type="application/json")


def _clear_place(path: Path) -> None:
    """Make the folder, and remove the socket that a killed engine has left behind.

    Raises:
        StoreError: somebody listens on it.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.is_socket():
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            path.unlink()
            return
    raise StoreError(f"another process listens on {path}")


def check_loopback(address: str) -> None:
    """Let only loopback addresses pass, written as numbers: a name could change its meaning.

    Raises:
        ConfigError: anything else.
    """
    try:
        is_loopback = ipaddress.ip_address(address).is_loopback
    except ValueError:
        is_loopback = False
    if not is_loopback:
        raise ConfigError(f"{address} is not a loopback address: the engine is for this machine only")


def _is_local_host(host: str) -> bool:
    """Whether the `Host` header is one that no foreign web page can make a browser send (DNS rebinding)."""
    name = host.rsplit(":", 1)[0] if host.count(":") == 1 or host.startswith("[") else host
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False
