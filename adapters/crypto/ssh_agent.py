"""Signers behind an SSH agent: the existing protocol for "sign this, keep the key", over a Unix socket.

OpenSSH's own agent, gpg-agent and the agents of hardware keys speak it, so whatever holds the key runs as another
user, or on another machine behind a forwarded socket. It has the curves of identity (P-256) and log (Ed25519).

    request   uint32 length ‖ 0x0d ‖ string key blob ‖ string message ‖ uint32 flags 0
    answer    uint32 length ‖ 0x0e ‖ string signature, which is string algorithm ‖ string value

Source: RFC 9987 (SSH agent protocol), RFC 5656 (ecdsa-sha2-nistp256), RFC 8709 (ssh-ed25519).
"""

import base64
import hashlib
import socket
import struct
from collections.abc import Iterator

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from adapters.crypto.key_uri import AgentUri
from adapters.crypto.remote_p256 import RemoteP256
from node.errors import ConfigError, KeyHolderError

_REQUEST_IDENTITIES, _IDENTITIES_ANSWER = 11, 12
_SIGN_REQUEST, _SIGN_RESPONSE = 13, 14
_TIMEOUT_SECONDS = 5.0
_MAX_ANSWER_BYTES = 256 * 1024

AgentPublicKey = ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


class AgentKey:
    """One key of an agent."""

    def __init__(self, uri: AgentUri) -> None:
        """Raises:
        ConfigError: the agent does not answer, or has no such key.
        """
        self._socket = uri.socket
        try:
            blobs = list(self._identities())
        except KeyHolderError as error:
            raise ConfigError(str(error)) from error
        self._blob = next((blob for blob in blobs if _fingerprint(blob) == uri.fingerprint), b"")
        if not self._blob:
            raise ConfigError(f"the agent at {uri.socket} has no key {uri.fingerprint}")
        self.public = _public_key(self._blob)

    def sign(self, message: bytes) -> tuple[bytes, bytes]:
        """Algorithm and value of the signature.

        Raises:
            KeyHolderError: the agent does not answer, or refuses.
        """
        answer = self._ask(_SIGN_REQUEST, _SIGN_RESPONSE, _string(self._blob) + _string(message) + bytes(4))
        parts = list(_strings(answer))
        inner = list(_strings(parts[0])) if len(parts) == 1 else []
        if len(inner) != 2:
            raise KeyHolderError(f"the agent at {self._socket} answers what is no signature")
        return inner[0], inner[1]

    def _identities(self) -> Iterator[bytes]:
        answer = self._ask(_REQUEST_IDENTITIES, _IDENTITIES_ANSWER, b"")
        yield from list(_strings(answer[4:]))[::2]  # key blob, comment, key blob, comment …

    def _ask(self, request: int, wanted: int, content: bytes) -> bytes:
        message = bytes([request]) + content
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(_TIMEOUT_SECONDS)
                connection.connect(self._socket)
                connection.sendall(struct.pack(">I", len(message)) + message)
                (length,) = struct.unpack(">I", _receive(connection, 4))
                if not 1 <= length <= _MAX_ANSWER_BYTES:
                    raise KeyHolderError(f"the agent at {self._socket} answers too much or nothing")
                answer = _receive(connection, length)
        except OSError as error:
            raise KeyHolderError(f"the agent at {self._socket} does not answer: {error}") from error
        if answer[0] != wanted:
            raise KeyHolderError(f"the agent at {self._socket} refuses; it may be locked")
        return answer[1:]


def agent_p256(uri: AgentUri) -> RemoteP256:
    """The identity key of an agent.

    Raises:
        ConfigError: it is not there, or no P-256 key.
    """
    key = AgentKey(uri)
    if not isinstance(key.public, ec.EllipticCurvePublicKey):
        raise ConfigError("the agent's key is no P-256 key")

    def sign(message: bytes) -> bytes:
        algorithm, value = key.sign(message)
        numbers = [int.from_bytes(one, "big") for one in _strings(value)]
        if algorithm != b"ecdsa-sha2-nistp256" or len(numbers) != 2 or max(numbers) >= 1 << 256:
            raise KeyHolderError("the agent answers another signature than ES256")
        return b"".join(number.to_bytes(32, "big") for number in numbers)

    return RemoteP256(key.public, sign)


class AgentEd25519:
    """`Signer` for checkpoints."""

    def __init__(self, key: AgentKey) -> None:
        """Raises:
        ConfigError: it is no Ed25519 key.
        """
        if not isinstance(key.public, ed25519.Ed25519PublicKey):
            raise ConfigError("the agent's key is no Ed25519 key")
        self._key = key
        self._public_key = key.public.public_bytes_raw()

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """64 bytes.

        Raises:
            KeyHolderError: the agent does not answer, or refuses.
        """
        algorithm, value = self._key.sign(message)
        if algorithm != b"ssh-ed25519" or len(value) != 64:
            raise KeyHolderError("the agent answers another signature than Ed25519")
        return value


def _public_key(blob: bytes) -> AgentPublicKey:
    kind = next(_strings(blob), b"")
    line = kind + b" " + base64.b64encode(blob)
    try:
        key = serialization.load_ssh_public_key(line)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ConfigError("the agent's key is of an unknown kind") from error
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1)
    ):
        return key
    raise ConfigError("the agent's key is neither P-256 nor Ed25519")


def _fingerprint(blob: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _string(content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + content


def _strings(raw: bytes) -> Iterator[bytes]:
    """RFC 4251 strings one after the other; ends early at what is none."""
    while len(raw) >= 4:
        (length,) = struct.unpack(">I", raw[:4])
        if len(raw) < 4 + length:
            return
        yield raw[4 : 4 + length]
        raw = raw[4 + length :]


def _receive(connection: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        part = connection.recv(length - len(content))
        if not part:
            raise ConnectionError("closed in the middle of an answer")
        content += part
    return content
