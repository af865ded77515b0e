"""Signers on a PKCS #11 token: a hardware security module, a smart card, SoftHSM.

The token signs digests (CKM_ECDSA) or messages (CKM_EDDSA); the private key never leaves it. After a failure the
session is opened anew once: tokens are unplugged, and their daemons restarted.
Source: OASIS PKCS #11 3.0; RFC 7512.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from coincurve import PublicKey
from cryptography.hazmat.primitives.asymmetric import ec
from eth_hash.auto import keccak
from pkcs11.constants import Attribute, ObjectClass
from pkcs11.exceptions import PKCS11Error
from pkcs11.mechanisms import KeyType, Mechanism

from adapters.crypto.files import read_secret
from adapters.crypto.key_uri import TokenUri
from adapters.crypto.remote_p256 import RemoteP256
from node.errors import ConfigError, KeyHolderError

T = TypeVar("T")
_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_PARAMETERS = {
    "P-256": bytes.fromhex("06082a8648ce3d030107"),
    "secp256k1": bytes.fromhex("06052b8104000a"),
}
"""DER of the curves' object identifiers: CKA_EC_PARAMS."""


class TokenKey:
    """One private key on a token and its public half."""

    def __init__(self, uri: TokenUri, kind: KeyType) -> None:
        """Raises:
        ConfigError: the token, the PIN or the key is not there.
        """
        self._uri, self._kind = uri, kind
        self._key: Any = None
        try:
            self._session = self._open()
            public = self._find(ObjectClass.PUBLIC_KEY)
            self.parameters = bytes(public[Attribute.EC_PARAMS])
            self.point = _unwrap(bytes(public[Attribute.EC_POINT]))
            self._key = self._find(ObjectClass.PRIVATE_KEY)
        except (PKCS11Error, RuntimeError) as error:
            raise ConfigError(
                f"the key {uri.object or uri.id.hex()} of token {uri.token} cannot be used: {_tell(error)}"
            ) from error

    def sign(self, content: bytes, mechanism: Mechanism) -> bytes:
        """A raw signature.

        Raises:
            KeyHolderError: the token does not answer, or refuses.
        """
        try:
            return self._sign(content, mechanism)
        except PKCS11Error:
            return self._retry(lambda: self._sign(content, mechanism))

    def _sign(self, content: bytes, mechanism: Mechanism) -> bytes:
        if self._key is None:
            self._session = self._open()
            self._key = self._find(ObjectClass.PRIVATE_KEY)
        return bytes(self._key.sign(content, mechanism=mechanism))

    def _retry(self, work: Callable[[], T]) -> T:
        self._key = None
        try:
            return work()
        except (PKCS11Error, RuntimeError, ConfigError) as error:
            raise KeyHolderError(f"the token {self._uri.token} does not sign: {_tell(error)}") from error

    def _open(self) -> Any:
        library = pkcs11.lib(self._uri.module_path)
        token = library.get_token(token_label=self._uri.token)
        pin = read_secret(Path(self._uri.pin_source)).strip().decode()
        try:
            return token.open(user_pin=pin)
        except pkcs11.exceptions.UserAlreadyLoggedIn:
            # Login is per token and process: another key of the same token has it already.
            return token.open()

    def _find(self, kind: ObjectClass) -> Any:
        wanted: dict[Attribute, Any] = {Attribute.CLASS: kind, Attribute.KEY_TYPE: self._kind}
        if self._uri.object:
            wanted[Attribute.LABEL] = self._uri.object
        if self._uri.id:
            wanted[Attribute.ID] = self._uri.id
        found = list(self._session.get_objects(wanted))
        if len(found) != 1:
            raise ConfigError(
                f"the token {self._uri.token} has {len(found)} such keys; the URI must name one"
            )
        return found[0]


class TokenEd25519:
    """`Signer` for checkpoints."""

    def __init__(self, key: TokenKey) -> None:
        """Raises:
        ConfigError: it is no Ed25519 key.
        """
        if len(key.point) != 32:
            raise ConfigError("the token's key is no Ed25519 key")
        self._key = key

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._key.point

    def sign(self, message: bytes) -> bytes:
        """64 bytes.

        Raises:
            KeyHolderError: the token does not answer, or refuses.
        """
        return self._key.sign(message, Mechanism.EDDSA)


class TokenAccount:
    """`Account` on secp256k1."""

    def __init__(self, key: TokenKey) -> None:
        """Raises:
        ConfigError: it is no secp256k1 key.
        """
        check_curve(key, "secp256k1")
        self._key = key
        self._address = keccak(key.point[1:])[12:]

    @property
    def address(self) -> bytes:
        """20 bytes."""
        return self._address

    def sign(self, message: bytes) -> bytes:
        """65 bytes over keccak256 of the message, r ‖ s ‖ v; the token knows no low s and no v.

        Raises:
            KeyHolderError: the token does not answer, or signs by another key.
        """
        digest = keccak(message)
        raw = self._key.sign(digest, Mechanism.ECDSA)
        s = int.from_bytes(raw[32:], "big")
        low = min(s, _SECP256K1_ORDER - s)
        signature = raw[:32] + low.to_bytes(32, "big")
        for v in (0, 1):
            found = PublicKey.from_signature_and_message(signature + bytes([v]), digest, hasher=None)
            if found.format(compressed=False) == self._key.point:
                return signature + bytes([27 + v])
        raise KeyHolderError("the token signed by another key than its public one")


def token_p256(uri: TokenUri) -> RemoteP256:
    """The identity key on a token.

    Raises:
        ConfigError: it is not there, or no P-256 key.
    """
    key = TokenKey(uri, KeyType.EC)
    check_curve(key, "P-256")
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.point)
    return RemoteP256(public, lambda message: key.sign(hashlib.sha256(message).digest(), Mechanism.ECDSA))


def token_ed25519(uri: TokenUri) -> TokenEd25519:
    """The log key on a token.

    Raises:
        ConfigError: it is not there, or no Ed25519 key.
    """
    return TokenEd25519(TokenKey(uri, KeyType.EC_EDWARDS))


def token_account(uri: TokenUri) -> TokenAccount:
    """The account key on a token.

    Raises:
        ConfigError: it is not there, or no secp256k1 key.
    """
    return TokenAccount(TokenKey(uri, KeyType.EC))


def check_curve(key: TokenKey, name: str) -> None:
    """Raises:
    ConfigError: the key is on another curve.
    """
    if key.parameters != _PARAMETERS[name]:
        raise ConfigError(f"the token's key is not on the curve {name}")


def _unwrap(raw: bytes) -> bytes:
    """CKA_EC_POINT is the point in a DER OCTET STRING; some tokens leave the wrapping out."""
    is_wrapped = len(raw) > 2 and raw[0] == 0x04 and raw[1] == len(raw) - 2
    return raw[2:] if is_wrapped else raw


def _tell(error: Exception) -> str:
    return f"{type(error).__name__} {error}".strip()
