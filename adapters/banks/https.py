"""A core banking system behind the common envelope, over HTTPS."""

import os
import ssl
from collections.abc import Callable
from datetime import UTC, datetime

import aiohttp
import msgspec

from adapters.banks.envelope import MAX_ENVELOPE_BYTES, EnvelopeSuite, open_envelope, seal
from node.domain.bank_order import BankAnswer, BankOrder
from node.errors import BankAnswerError, BankUnavailableError
from node.ports import Clock

ORDERS_PATH = "/heqi/orders"
RECALLS_PATH = "/heqi/orders/recall"


class Recall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Asks to take an order back."""

    recall: BankOrder


class HttpsBank:
    """The `CoreBanking` port."""

    def __init__(
        self,
        url: str,
        suite: EnvelopeSuite,
        clock: Clock,
        *,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = 10.0,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        """Args:
        url: of the gateway, without path.
        suite: how envelopes are signed.
        clock: dates them.
        tls: whom to believe that it is the gateway; the system's authorities if None.
        timeout_seconds: for each order, from connecting to the last byte.
        entropy: makes nonces.
        """
        self._url, self._suite, self._clock, self._entropy = url, suite, clock, entropy
        self._tls, self._timeout = tls, aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def submit(self, order: BankOrder) -> BankAnswer:
        """See `CoreBanking.submit`."""
        return await self._ask(ORDERS_PATH, order)

    async def recall(self, order: BankOrder) -> BankAnswer:
        """See `CoreBanking.recall`."""
        # Signed as what it is: whoever passes it on cannot make an order of it.
        return await self._ask(RECALLS_PATH, Recall(order))

    async def _ask(self, path: str, asked: BankOrder | Recall) -> BankAnswer:
        nonce = self._entropy(16).hex()
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y%m%d%H%M%S")
        raw = await self._post(path, seal(self._suite, msgspec.json.encode(asked).decode(), nonce, stamp))
        answered = open_envelope(self._suite, raw)
        if (answered.nonce_str, answered.time_stamp) != (nonce, stamp):
            raise BankAnswerError("the answer belongs to another request")
        try:
            return msgspec.json.decode(answered.data, type=BankAnswer)
        except msgspec.MsgspecError as error:
            raise BankAnswerError(f"the answer cannot be read: {error}") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, path: str, body: bytes) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        try:
            async with self._session.post(
                self._url + path,
                data=body,
                headers={"Content-Type": "application/json"},
                allow_redirects=False,
                ssl=True if self._tls is None else self._tls,
            ) as answer:
                if answer.status != 200:
                    raise BankUnavailableError(f"the bank's gateway answers {answer.status}")
                content = await answer.content.read(MAX_ENVELOPE_BYTES + 1)
                while len(content) <= MAX_ENVELOPE_BYTES and not answer.content.at_eof():
                    content += await answer.content.read(MAX_ENVELOPE_BYTES + 1)
                return content
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            raise BankUnavailableError(
                f"the bank's gateway does not answer: {type(error).__name__}"
            ) from error
