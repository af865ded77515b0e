"""Signatures, glyphs and seals of files."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from node.domain.guarantee_page import Glyph
from node.domain.signed_file import Finding, Format


class SignatureReader(Protocol):
    """Reads the signatures on a file and checks what needs no trust: structure, digests, signatures, timestamps."""

    async def read(
        self,
        content: AsyncIterator[bytes],
        form: Format | None,
        signature: bytes,
        roots: Sequence[bytes],
        at: int,
    ) -> Sequence[Finding]:
        """All signatures, in order; none if the file has none.

        MUST NOT let hostile content end, block or exhaust the process; MUST NOT fetch anything; MUST leave nothing
        of the content behind.

        Args:
            content: the file in parts.
            form: how it is signed; told from the content if None.
            signature: of a detached signature; empty if it is in the content.
            roots: DER of the authorities whose timestamps count.
            at: as of when these are judged, seconds since 1970 UTC.

        Raises:
            InvalidError: the file is none of that form.
            TooLargeError: too large, or too costly to read.
            BusyError: too many files are being read.
            UnavailableError: there is no room to read it in.
        """
        ...


class Typeface(Protocol):
    """The glyphs that stand on guarantee files.

    Every implementation MUST give the same glyphs for ever: those of the typeface that the format names. It MUST be
    safe for concurrent calls from threads.
    """

    def glyph(self, character: str) -> Glyph | None:
        """How a character is drawn; None if the typeface has no glyph for it, or one that draws nothing.

        Raises:
            ConfigError: the typeface is not there, or is another.
        """
        ...


class OrganisationSeal(Protocol):
    """The electronic seal 电子签章 of the member's organisation: a key and its certificate."""

    def chain(self) -> Sequence[bytes]:
        """DER of its certificate, then of those that lead to the authority; empty if the member has no seal.

        Raises:
            ConfigError: what is kept of it is malformed.
        """
        ...

    async def seal(self, content: bytes, stamp: Callable[[bytes], Awaitable[bytes]] | None) -> bytes:
        """A detached CMS signature over content in SHA-256 with the signing-certificate attribute, DER.

        Args:
            content: what is sealed.
            stamp: time-stamp request → answer (RFC 3161, DER), for PAdES B-T; None for B-B. What it raises MUST come
                out of this method.

        Raises:
            MissingError: the member has no seal.
            ConfigError: as `chain`, or the key does not belong to the certificate.
            KeyHolderError: the key's holder does not answer.
        """
        ...
