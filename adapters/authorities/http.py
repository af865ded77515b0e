"""OCSP, revocation lists and time stamps over HTTP, as authorities offer them.

Plain HTTP is usual here and no weakness: everything that comes is signed. What an answer may do is bounded: its
size, its time, its kind; no redirect is followed, no proxy or cookie of the surroundings is used.

Source: RFC 6960 appendix A; RFC 5280 4.2.1.13; RFC 3161 3.4.
"""

import aiohttp

from node.domain.status import MAX_CRL_BYTES, MAX_OCSP_BYTES
from node.domain.timestamp import MAX_TIMESTAMP_BYTES
from node.errors import AuthorityUnavailableError

_CHUNK_BYTES = 64 * 1024


class HttpAuthorities:
    """The `Authorities` port."""

    def __init__(self, timeout_seconds: float = 5.0) -> None:
        """Args:
        timeout_seconds: for each question, from connecting to the last byte.
        """
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._session: aiohttp.ClientSession | None = None

    async def ocsp(self, address: str, request: bytes) -> bytes:
        """See `Authorities.ocsp`."""
        kind = "application/ocsp-"
        return await self._ask(address, request, f"{kind}request", f"{kind}response", MAX_OCSP_BYTES)

    async def crl(self, address: str) -> bytes:
        """See `Authorities.crl`."""
        return await self._ask(address, None, "", "", MAX_CRL_BYTES)

    async def timestamp(self, address: str, request: bytes) -> bytes:
        """See `Authorities.timestamp`."""
        kinds = ("application/timestamp-query", "application/timestamp-reply")
        return await self._ask(address, request, *kinds, MAX_TIMESTAMP_BYTES)

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _ask(self, address: str, body: bytes | None, sent: str, wanted: str, most: int) -> bytes:
        """POST the body, or GET where there is none.

        Args:
            address: from the trust list.
            body: what is asked.
            sent: its media type.
            wanted: media type of the answer; any if empty, because list servers state all kinds.
            most: bytes.
        """
        if self._session is None:
            # A cookie or a proxy from the environment would make one member's question differ from another's.
            self._session = aiohttp.ClientSession(
                timeout=self._timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        headers = {"Content-Type": sent, "Accept": wanted} if body is not None else {}
        method = "GET" if body is None else "POST"
        try:
            async with self._session.request(
                method, address, data=body, headers=headers, allow_redirects=False
            ) as answer:
                if answer.status != 200 or (wanted and answer.content_type != wanted):
                    raise AuthorityUnavailableError(
                        f"{address} answers {answer.status} {answer.content_type}"
                    )
                return await _read(answer, address, most)
        except (aiohttp.ClientError, TimeoutError, ValueError, OSError) as error:
            raise AuthorityUnavailableError(f"{address} does not answer: {type(error).__name__}") from error


async def _read(answer: aiohttp.ClientResponse, address: str, most: int) -> bytes:
    content = bytearray()
    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
        content += chunk
        if len(content) > most:
            raise AuthorityUnavailableError(f"{address} answers with more than {most} bytes")
    return bytes(content)
