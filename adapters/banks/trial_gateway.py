"""A trial gateway: what a bank would put before its books to speak the common envelope. For tests and trials only."""

import msgspec
from aiohttp import web

from adapters.banks.envelope import MAX_ENVELOPE_BYTES, EnvelopeSuite, open_envelope, seal
from adapters.banks.https import ORDERS_PATH
from adapters.banks.trial import TrialBank
from node.domain.bank_order import BankOrder
from node.errors import BankAnswerError, BankUnavailableError


def trial_gateway(bank: TrialBank, suite: EnvelopeSuite) -> web.Application:
    """The web application; it answers only what the node has signed."""

    async def orders(request: web.Request) -> web.Response:
        try:
            asked = open_envelope(suite, await request.read())
            answer = await bank.submit(msgspec.json.decode(asked.data, type=BankOrder))
        except BankUnavailableError:
            return web.Response(status=503)
        except (BankAnswerError, msgspec.MsgspecError):
            return web.Response(status=400)
        data = msgspec.json.encode(answer).decode()
        return web.Response(
            body=seal(suite, data, asked.nonce_str, asked.time_stamp), content_type="application/json"
        )

    application = web.Application(client_max_size=MAX_ENVELOPE_BYTES)
    application.router.add_post(ORDERS_PATH, orders)
    return application
