"""Those who are asked about certificates and companies."""

from typing import Protocol

from node.domain.registry import RegistryEntry


class Authorities(Protocol):
    """The services of certificate authorities: who says what is revoked, and what existed when.

    All methods raise `AuthorityUnavailableError` when there is no answer of the right kind and size in time, and
    nothing else. They MUST ask exactly the address given (from the voted list), MUST NOT follow redirects to
    another, and MUST NOT believe what they bring: it is checked by whoever asked.
    """

    async def ocsp(self, address: str, request: bytes) -> bytes:
        """The DER answer to a DER question, RFC 6960."""
        ...

    async def crl(self, address: str) -> bytes:
        """A revocation list, DER."""
        ...

    async def timestamp(self, address: str, request: bytes) -> bytes:
        """The DER answer to a DER request, RFC 3161."""
        ...


class Registry(Protocol):
    """A company register 市场监管, asked about one company at a time.

    It MUST ask the register anew each time: how long an answer is good for is the caller's to decide. It MUST NOT
    block the event loop, MUST be safe for concurrent calls, and MUST leave nothing open when a call is cancelled, for
    that is how a slow register is given up.
    """

    @property
    def name(self) -> str:
        """The register's name, as attestations give it: 1 to 200 printable characters. Never changes."""
        ...

    async def look_up(self, credit_code: str) -> RegistryEntry | None:
        """What the register has under a credit code; None where, and only where, it says that it has nothing.

        Raises:
            RegistryUnavailableError: it does not answer.
            RegistryAnswerError: it answers something that cannot be read, or about another code.
        """
        ...
