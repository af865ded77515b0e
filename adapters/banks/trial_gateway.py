"""A trial gateway: what a bank would put before its books to speak the common envelope. For tests and trials only."""

from collections.abc import Awaitable, Callable
from functools import partial

import msgspec
from aiohttp import web

from adapters.banks.https import ORDERS_PATH, RECALLS_PATH, Recall
from adapters.banks.trial import TrialBank
from node.domain.bank_order import BankAnswer, BankOrder
from node.errors import BankAnswerError, BankUnavailableError
from node.wire.envelope import MAX_ENVELOPE_BYTES, EnvelopeSuite, open_envelope, seal

_CarryOut = Callable[[str], Awaitable[BankAnswer]]


def trial_gateway(bank: TrialBank, suite: EnvelopeSuite) -> web.Application:
    """The web application; it answers only what the node has signed."""

    async def answer_by(carry_out: _CarryOut, request: web.Request) -> web.Response:
        try:
            asked = open_envelope(suite, await request.read())
            answer = await carry_out(asked.data)
        except BankUnavailableError:
            return web.Response(status=503)
        except (BankAnswerError, msgspec.MsgspecError):
            return web.Response(status=400)
        data = msgspec.json.encode(answer).decode()
        return web.Response(
            body=seal(suite, data, asked.nonce_str, asked.time_stamp), content_type="application/json"
        )

    async def submit(data: str) -> BankAnswer:
        return await bank.submit(msgspec.json.decode(data, type=BankOrder))

    async def recall(data: str) -> BankAnswer:
        return await bank.recall(msgspec.json.decode(data, type=Recall).recall)

    application = web.Application(client_max_size=MAX_ENVELOPE_BYTES)
    application.router.add_post(ORDERS_PATH, partial(answer_by, submit))
    application.router.add_post(RECALLS_PATH, partial(answer_by, recall))
    return application
