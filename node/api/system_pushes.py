"""What the guarantor's own e-guarantee system pushes, over HTTPS: decisions, files, answers to a surrender.

    POST /DlgOrderResult  /DlgFilePush  /DlgSurrenderResult

Each request is an envelope signed by the system's key, of this time and taken once; each answer is one signed by the
node's, with the nonce and the time of its request. Who cannot sign learns nothing, not even why.
"""

import asyncio
import logging
import ssl

import msgspec
from aiohttp import web

from node.api.http_port import HttpPort
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

_UNREADABLE = "0001"
_REFUSED = "0002"
_LATER = "0003"


class PushServer(HttpPort):
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
        self._desk, self._gate, self._suite = desk, gate, suite
        routes = [web.post(path, self._take) for path in (RESULT_PATH, FILE_PATH, SURRENDER_PATH)]
        super().__init__(routes, limit, "guarantor.system.listen", max_bytes=MAX_PUSH_BYTES, tls=tls)

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
