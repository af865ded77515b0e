"""Certificate authorities' services in a world: handlers by address, and what goes wrong on the way."""

from collections.abc import Callable

from node.errors import AuthorityUnavailableError


class WorldAuthorities:
    """The `Authorities` port; a test says who answers what."""

    def __init__(self) -> None:
        self.handlers: dict[str, Callable[[bytes], bytes]] = {}
        self.asked: list[str] = []
        """Every address that was asked, also in vain."""
        self.tamper: Callable[[bytes], bytes] = lambda answer: answer
        """What somebody on the way does to an answer."""

    async def ocsp(self, address: str, request: bytes) -> bytes:
        return self._ask(address, request)

    async def crl(self, address: str) -> bytes:
        return self._ask(address, b"")

    async def timestamp(self, address: str, request: bytes) -> bytes:
        return self._ask(address, request)

    def _ask(self, address: str, request: bytes) -> bytes:
        self.asked.append(address)
        if address not in self.handlers:
            raise AuthorityUnavailableError(f"{address} does not answer")
        return self.tamper(self.handlers[address](request))
