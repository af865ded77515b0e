"""One engine behind its URL: JSON-RPC requests, and answers checked before anybody relies on them.

`http://…` and `https://…` are taken as they are; `unix:///path` is the same HTTP over a Unix socket, as the
embedded engine speaks it. web3's IPC provider is not used: it does not find its way back after the engine was
restarted. Nor are web3's middlewares and formatters: they add requests, follow links that a contract names
(CCIP-Read), and refuse the long extra data of QBFT blocks.
"""

import re
from typing import Any, cast
from urllib.parse import urlsplit

import aiohttp
import orjson
from web3.exceptions import Web3Exception
from web3.providers.rpc.async_rpc import AsyncHTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from node.errors import ConfigError, LedgerUnavailableError

_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_MAX_CONNECTIONS = 16


class EngineRefusal(Exception):  # noqa: N818  an answer, not a failure
    """A well-formed error answer of the engine."""

    def __init__(self, code: int, message: str, data: bytes | None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        """What the contract reverted with, if that is the reason."""


class _Provider(AsyncHTTPProvider):
    """Reads answers by a parser that bounds how deep they are nested.

    Python's own ends in a RecursionError that web3 does not expect; where py-evm, which lifts Python's bound, is in
    the same process, it overruns the stack and ends the process.
    """

    @staticmethod
    def decode_rpc_response(raw_response: bytes) -> RPCResponse:
        return cast("RPCResponse", orjson.loads(raw_response))


class Engine:
    """Requests to one engine. Connects when it is first asked, and again whenever it has to."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        """Raises:
        ConfigError: the URL is neither http, https nor unix.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https", "unix") or not (parts.netloc or parts.path):
            raise ConfigError(f"{url!r} is no ledger URL: give http://host:port or unix:///path")
        self.url = url
        self._socket_path = parts.path if parts.scheme == "unix" else None
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
        self._provider = _Provider(
            "http://localhost/" if self._socket_path else url,
            request_kwargs={"timeout": self._timeout},
            exception_retry_configuration=None,  # the outbox decides when to try again
        )
        self._session: aiohttp.ClientSession | None = None
        self._is_closed = False

    async def request(self, method: str, *params: object) -> Any:
        """The result member of the answer.

        Raises:
            LedgerUnavailableError: no answer in time, or not one of JSON-RPC.
            EngineRefusal: the engine answers with an error.
        """
        await self._open_session()
        try:
            answer: Any = await self._provider.make_request(RPCEndpoint(method), list(params))
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, Web3Exception) as error:
            raise LedgerUnavailableError(f"no answer from {self.url} to {method}: {error!r}") from error
        if not isinstance(answer, dict):
            raise self.malformed(method)
        if answer.get("error") is not None:
            raise self._read_refusal(answer["error"], method)
        if "result" not in answer:
            raise self.malformed(method)
        return answer["result"]

    async def close(self) -> None:
        """Release the connections."""
        self._is_closed = True
        await self._provider.disconnect()

    def malformed(self, what: str) -> LedgerUnavailableError:
        """The error for an answer that is not what the method returns."""
        return LedgerUnavailableError(f"{self.url} answers {what} with something malformed")

    def read_number(self, value: object, what: str) -> int:
        """A quantity of an answer.

        Raises:
            LedgerUnavailableError: it is none.
        """
        if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
            raise self.malformed(what)
        return int(value, 16)

    def read_bytes(self, value: object, what: str, length: int | None = None) -> bytes:
        """Bytes of an answer, exactly `length` of them if it is given.

        Raises:
            LedgerUnavailableError: they are not there.
        """
        raw = _hex_or_none(value)
        if raw is None or (length is not None and len(raw) != length):
            raise self.malformed(what)
        return raw

    def read_object(self, value: object, what: str) -> dict[str, Any]:
        """An object of an answer.

        Raises:
            LedgerUnavailableError: it is none.
        """
        if not isinstance(value, dict):
            raise self.malformed(what)
        return value

    async def _open_session(self) -> None:
        if self._is_closed:
            raise LedgerUnavailableError(f"the connection to {self.url} was closed by this node")
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._socket_path, limit=_MAX_CONNECTIONS)
                if self._socket_path
                else aiohttp.TCPConnector(limit=_MAX_CONNECTIONS),
                timeout=self._timeout,
                trust_env=False,
            )
            await self._provider.cache_async_session(self._session)

    def _read_refusal(self, error: object, method: str) -> Exception:
        if not isinstance(error, dict):
            return self.malformed(method)
        code, message = error.get("code"), error.get("message")
        if not isinstance(code, int) or not isinstance(message, str):
            return self.malformed(method)
        data = error.get("data")
        if isinstance(data, dict):  # some engines wrap what the contract answered
            data = data.get("data")
        return EngineRefusal(code, message, _hex_or_none(data))


def _hex_or_none(value: object) -> bytes | None:
    if not isinstance(value, str) or not value.startswith("0x"):
        return None
    try:
        return bytes.fromhex(value[2:])
    except ValueError:
        return None
