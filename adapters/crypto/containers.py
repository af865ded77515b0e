"""The two containers of keys at rest; other tools can open both.

private keys     PKCS #8 in PEM, encrypted by PBES2 (RFC 5958, RFC 8018): `openssl pkey -in FILE` opens it
symmetric keys   a JWK in a compact JWE under PBES2-HS256+A128KW and A256GCM (RFC 7517 section 7, RFC 7518 4.8)

Neither stretches the passphrase much, so that a node starts at once; `passphrase.py` sees to its strength.
"""

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import DecodeError, Struct, ValidationError, json

from node.domain.encoding import from_base64url, to_base64url
from node.errors import ConfigError, DocumentFormatError

_ALGORITHMS = ["PBES2-HS256+A128KW", "A256GCM"]
_ROUNDS = 2_048
KEY_BYTES = 32

Private = PrivateKeyTypes


class _Jwk(Struct, frozen=True, forbid_unknown_fields=True):
    kty: str
    k: str


def encrypt_private(key: PrivateKeyTypes, passphrase: bytes) -> bytes:
    """PEM."""
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase),
    )


def decrypt_private(pem: bytes, passphrase: bytes, name: str) -> PrivateKeyTypes:
    """The key.

    Args:
        pem: the file's content.
        passphrase: of all key files.
        name: of the file, for messages.

    Raises:
        ConfigError: the passphrase is wrong, or it is no encrypted key.
    """
    try:
        return serialization.load_pem_private_key(pem, passphrase)
    except TypeError as error:
        raise ConfigError(f"{name} is not encrypted; keys at rest are") from error
    except ValueError as error:
        raise ConfigError(f"{name} does not open: wrong passphrase, or not a private key") from error


def encrypt_symmetric(key: bytes, passphrase: bytes) -> bytes:
    """Compact JWE."""
    jwk = json.encode(_Jwk("oct", to_base64url(key)))
    header = {"alg": _ALGORITHMS[0], "enc": _ALGORITHMS[1], "cty": "jwk+json", "p2c": _ROUNDS}
    return jwe.encrypt_compact(header, jwk, OctKey.import_key(passphrase), algorithms=_ALGORITHMS).encode()


def decrypt_symmetric(token: bytes, passphrase: bytes, name: str) -> bytes:
    """32 bytes; arguments and errors as `decrypt_private`.

    Raises:
        ConfigError: the passphrase is wrong, or it is no encrypted key.
    """
    try:
        opened = jwe.decrypt_compact(token.strip(), OctKey.import_key(passphrase), algorithms=_ALGORITHMS)
        key = from_base64url(json.decode(opened.plaintext or b"", type=_Jwk).k)
    except (JoseError, DecodeError, ValidationError, DocumentFormatError, ValueError) as error:
        raise ConfigError(f"{name} does not open: wrong passphrase, or not a key") from error
    if len(key) != KEY_BYTES:
        raise ConfigError(f"{name} does not hold {KEY_BYTES} bytes")
    return key
