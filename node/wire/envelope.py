"""The envelope of the common bank interface: JSON with `data`, `encrypt`, `nonceStr`, `timeStamp`, `sign`.

`sign` is over the values of the other four in the order of their names; an answer repeats nonce and time of its
request. The manual has SM2 with SM3 for `sign`, and SM2 for `data`. How is signed is a suite of its own here: ES256;
`data` stays in the clear inside TLS (`encrypt` 0). Format: `docs/formats/bank-envelope.md`. Source:
非融资性分离式投标保函接入手册 V1.0.
"""

import base64
import binascii
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal, Protocol

import msgspec

from node.domain.signature import Sign, verify_p256
from node.errors import BankAnswerError, SignatureError

MAX_ENVELOPE_BYTES = 64 * 1024
STAMP = "%Y%m%d%H%M%S"
_TAG = b"heqi.bank-envelope.v1\0"


class Envelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What travels, either way."""

    data: str
    """JSON text."""
    encrypt: Literal["0"]
    nonce_str: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    time_stamp: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{14}\Z")]
    """yyyyMMddHHmmss, UTC."""
    sign: str


class EnvelopeSuite(Protocol):
    """How envelopes are signed: one implementation for each algorithm."""

    def sign(self, message: bytes) -> str:
        """The own signature, as text."""
        ...

    def verify(self, message: bytes, signature: str) -> None:
        """Check the other side's signature.

        Raises:
            SignatureError: it is not the other side's.
        """
        ...


@dataclass(frozen=True, slots=True)
class Es256Suite:
    """P-256 with SHA-256; a signature is base64 of r ‖ s, over a tag and the message: the keys sign other things."""

    own: Sign
    other: bytes
    """Public key of the other side, 64 bytes."""

    def sign(self, message: bytes) -> str:
        """See `EnvelopeSuite.sign`."""
        return base64.b64encode(self.own(_TAG + message)).decode("ascii")

    def verify(self, message: bytes, signature: str) -> None:
        """See `EnvelopeSuite.verify`."""
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError) as error:
            raise SignatureError("the signature is not base64") from error
        verify_p256(self.other, _TAG + message, raw)


def seal(suite: EnvelopeSuite, data: str, nonce: str, time_stamp: str) -> bytes:
    """An envelope around a JSON text."""
    message = _signed(data, nonce, time_stamp)
    return msgspec.json.encode(Envelope(data, "0", nonce, time_stamp, suite.sign(message)))


def open_envelope(suite: EnvelopeSuite, raw: bytes, most_bytes: int = MAX_ENVELOPE_BYTES) -> Envelope:
    """An envelope that the other side signed.

    Raises:
        BankAnswerError: it is malformed, or not signed by the other side.
    """
    if len(raw) > most_bytes:
        raise BankAnswerError("the envelope is too large")
    try:
        envelope = msgspec.json.decode(raw, type=Envelope)
        suite.verify(_signed(envelope.data, envelope.nonce_str, envelope.time_stamp), envelope.sign)
    except (msgspec.MsgspecError, UnicodeDecodeError, SignatureError) as error:
        raise BankAnswerError(f"not an envelope of the bank: {error}") from error
    return envelope


def stamp_of(time: float) -> str:
    """A moment, seconds since 1970 UTC, as an envelope has it."""
    return datetime.fromtimestamp(time, UTC).strftime(STAMP)


def time_of(stamp: str) -> int:
    """The inverse of `stamp_of`.

    Raises:
        BankAnswerError: there is no such moment.
    """
    try:
        return int(datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise BankAnswerError("the time stamp is no time") from error


def _signed(data: str, nonce: str, time_stamp: str) -> bytes:
    # In the order of the names: data, encrypt, nonceStr, timeStamp. The last three have fixed lengths.
    return f"{data}0{nonce}{time_stamp}".encode()
