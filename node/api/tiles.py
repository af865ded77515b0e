"""The log over HTTP, for anybody: no caller, no state, nothing but hashes.

    GET /checkpoint
    GET /tile/<level>/<index>[.p/<width>]       hashes
    GET /tile/entries/<index>[.p/<width>]       entries

Plain HTTP: what is read proves itself by the checkpoint's signature. A reverse proxy in front may add TLS and keep
tiles, which never change.

Source: C2SP tlog-tiles.
"""

import logging
import re

from aiohttp import web

from node.api.http_port import HttpPort
from node.api.limits import PublicLimit
from node.errors import MissingError, StoreError
from node.services.tiles import TILE_WIDTH, Tiles

logger = logging.getLogger(__name__)

_TILE = re.compile(
    r"(?P<level>entries|0|[1-5]?[0-9]|6[0-3])/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)
_ALWAYS = {
    "Access-Control-Allow-Origin": "*",  # pages of others may verify too: there is nothing to steal
    "X-Content-Type-Options": "nosniff",
}
_FOR_EVER = _ALWAYS | {"Cache-Control": "public, max-age=31536000, immutable"}
_NEVER = _ALWAYS | {"Cache-Control": "no-cache"}


class TileServer(HttpPort):
    """Listens until `close`."""

    def __init__(self, tiles: Tiles, limit: PublicLimit) -> None:
        self._tiles = tiles
        routes = [web.get("/checkpoint", self._checkpoint), web.get("/tile/{path:.+}", self._tile)]
        super().__init__(routes, limit, "[listen]", headers=_NEVER)

    async def _checkpoint(self, _: web.Request) -> web.Response:
        try:
            note = self._tiles.checkpoint()
        except MissingError as error:
            raise web.HTTPNotFound(text="nothing was published yet", headers=_NEVER) from error
        except StoreError as error:
            raise _failure(error) from error
        return web.Response(text=note, headers=_NEVER)

    async def _tile(self, request: web.Request) -> web.Response:
        wanted = _TILE.fullmatch(request.match_info["path"])
        if wanted is None or wanted["index"].startswith("x000/"):
            raise web.HTTPNotFound(text="no such tile")
        index = int(wanted["index"].replace("x", "").replace("/", ""))
        width = int(wanted["width"] or TILE_WIDTH)
        try:
            if wanted["level"] == "entries":
                body = self._tiles.entries(index, width)
            else:
                body = self._tiles.hashes(int(wanted["level"]), index, width)
        except MissingError as error:
            # It may be there in the next period.
            raise web.HTTPNotFound(text="the log is not as large as that", headers=_NEVER) from error
        except StoreError as error:
            raise _failure(error) from error
        return web.Response(body=body, content_type="application/octet-stream", headers=_FOR_EVER)


def _failure(error: StoreError) -> web.HTTPException:
    logger.error("cannot read the log: %s", error)
    return web.HTTPServiceUnavailable(text="the log cannot be read now")
