"""An officer of the centre: the folder that `heqi access issue --role officer` made, its name and its own key."""

import re
from collections.abc import Callable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import NameOID

from node.cli.client import SYSTEM_CERTIFICATE, SYSTEM_KEY
from node.domain.signature import p256_bytes
from node.domain.system import SystemRole
from node.errors import ConfigError

_TITLE = re.compile(rf"\S+ {SystemRole.OFFICER.value} (\S+)")
"""Common name of the certificate: member, role, name."""


class OfficerKey:
    """Signs as the officer with a folder; the key never leaves it."""

    def __init__(self, folder: Path) -> None:
        """Raises:
        ConfigError: a file is missing or malformed, or it is not an officer's.
        """
        certificate_path, key_path = folder / SYSTEM_CERTIFICATE, folder / SYSTEM_KEY
        try:
            certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
        except OSError as error:
            raise ConfigError(f"cannot read {error.filename}: {error.strerror}") from error
        except (ValueError, TypeError) as error:
            raise ConfigError(f"{folder} holds no certificate and key that open") from error
        names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        title = _TITLE.fullmatch(str(names[0].value)) if names else None
        if title is None:
            raise ConfigError(
                f"{folder} is not an officer's: `heqi access issue NAME --role officer` makes one"
            )
        if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
            raise ConfigError(f"{key_path} is not a P-256 key, and officers sign with one")
        self.name = title[1]
        self.sign: Callable[[bytes], bytes] = _signing(key)
        self.public_key = p256_bytes(key.public_key())
        """64 bytes, x ‖ y."""


def _signing(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(message: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign
