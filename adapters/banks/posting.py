"""Sending an envelope over HTTPS and opening the one that answers it: the same for every system of the bank's own."""

import io
import os
import ssl
from collections.abc import Callable

import aiohttp

from node.errors import BankAnswerError, BankUnavailableError
from node.ports import Clock
from node.wire.envelope import MAX_ENVELOPE_BYTES, EnvelopeSuite, open_envelope, seal, stamp_of


class EnvelopePost:
    """A connection to one system."""

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
        url: without path.
        suite: how envelopes are signed.
        clock: dates them.
        tls: whom to believe that it is the system; the machine's authorities if None.
        timeout_seconds: for each message, from connecting to the last byte.
        entropy: makes nonces.
        """
        self._url, self._suite, self._clock, self._entropy = url, suite, clock, entropy
        self._tls, self._timeout = tls, aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, path: str, data: str) -> str:
        """Send a JSON text, and return the one that answers it.

        Raises:
            BankUnavailableError: no answer in time.
            BankAnswerError: the answer is not the system's, or not to this message.
        """
        nonce, stamp = self._entropy(16).hex(), stamp_of(self._clock.now())
        raw = await self._post(path, seal(self._suite, data, nonce, stamp))
        answered = open_envelope(self._suite, raw)
        if (answered.nonce_str, answered.time_stamp) != (nonce, stamp):
            raise BankAnswerError("the answer belongs to another request")
        return answered.data

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
                data=io.BytesIO(body),
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
