"""An identity key whose private half is elsewhere, as `cryptography` wants a key to sign X.509."""

from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from node.domain.signature import Sign


class RemoteP256(ec.EllipticCurvePrivateKey):
    """Signs ES256 through its holder, and nothing else."""

    def __init__(self, public: ec.EllipticCurvePublicKey, sign: Sign) -> None:
        """Args:
        public: on P-256.
        sign: message → r ‖ s over its SHA-256, 64 bytes; raises `KeyHolderError`.
        """
        self._public, self._sign = public, sign

    def __copy__(self) -> "RemoteP256":
        return self

    def __deepcopy__(self, memo: object) -> "RemoteP256":
        return self

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return ec.SECP256R1()

    @property
    def key_size(self) -> int:
        """Bits."""
        return 256

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half."""
        return self._public

    def sign(self, data: Any, signature_algorithm: ec.EllipticCurveSignatureAlgorithm) -> bytes:
        """DER of the signature.

        Raises:
            UnsupportedAlgorithm: not ECDSA over SHA-256.
            KeyHolderError: its holder does not answer, or refuses.
        """
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("this key signs ES256 only")
        raw = self._sign(bytes(data))
        return encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))

    def exchange(self, algorithm: ec.ECDH, peer_public_key: ec.EllipticCurvePublicKey) -> bytes:  # noqa: ARG002
        """Not for this key.

        Raises:
            UnsupportedAlgorithm: always.
        """
        raise UnsupportedAlgorithm("an identity key signs and does nothing else")

    def private_numbers(self) -> ec.EllipticCurvePrivateNumbers:
        """Not to be had.

        Raises:
            UnsupportedAlgorithm: always.
        """
        raise UnsupportedAlgorithm("the private key does not leave its holder")

    def private_bytes(
        self,
        encoding: serialization.Encoding,  # noqa: ARG002
        format: serialization.PrivateFormat,  # noqa: A002, ARG002  # the interface's name
        encryption_algorithm: serialization.KeySerializationEncryption,  # noqa: ARG002
    ) -> bytes:
        """Not to be had.

        Raises:
            UnsupportedAlgorithm: always.
        """
        raise UnsupportedAlgorithm("the private key does not leave its holder")
