"""Checking signatures on files for the centre's own systems (验签); keeps nothing of what it is shown."""

from collections.abc import AsyncIterator, Sequence

from node.domain.certificate import check_certificate
from node.domain.signed_file import Format, Verdict, judge
from node.errors import InvalidError
from node.ports import Clock, SignatureReader
from node.services.recognition import Recognition

MAX_SIGNATURE_BYTES = 1 << 20
_CLOCK_SKEW_SECONDS = 300


class Verifying:
    """Reads signatures apart from the node, and judges them by the alliance's authorities."""

    def __init__(self, reader: SignatureReader, recognition: Recognition, clock: Clock) -> None:
        self._reader, self._recognition, self._clock = reader, recognition, clock

    async def verify(
        self,
        content: AsyncIterator[bytes],
        *,
        form: Format | None = None,
        signature: bytes = b"",
        at: int | None = None,
    ) -> Sequence[Verdict]:
        """What every signature on a file is worth; nothing if it has none.

        Args:
            content: the file in parts.
            form: how it is signed; told from the content if None.
            signature: of a detached signature; empty if it is in the content.
            at: as of when to judge signatures without a timestamp, for example when the file was received; now if
                None. Seconds since 1970 UTC.

        Raises:
            InvalidError: the file is none of that form, or `at` is to come.
            TooLargeError: too large, or too costly to read.
            BusyError: too many files are being read.
            UnavailableError: there is no room to read it in.
        """
        now = int(self._clock.now())
        at = now if at is None else at
        if at > now + _CLOCK_SKEW_SECONDS:
            raise InvalidError("a signature cannot be judged as of a time to come")
        if len(signature) > MAX_SIGNATURE_BYTES:
            raise InvalidError(f"a detached signature has at most {MAX_SIGNATURE_BYTES} bytes")
        trust = self._recognition.trust()
        found = await self._reader.read(content, form, signature, trust.stampers(at), at)
        return [
            judge(one, lambda chain, moment: check_certificate(chain, trust, moment), at) for one in found
        ]
