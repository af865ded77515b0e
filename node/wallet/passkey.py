"""Passkeys: a wallet's key in an authenticator, which signs only what its user agrees to.

`Authenticator` is the port; in a browser it is `navigator.credentials`. `trial_authenticator.py` stands in for one.
"""

import hashlib
from dataclasses import dataclass
from typing import Protocol

from node.domain.controller import PASSKEY
from node.domain.webauthn import Assertion, encode_assertion


class Authenticator(Protocol):
    """Holds one credential for one relying party."""

    @property
    def public_key(self) -> bytes:
        """X ‖ y, 64 bytes, of the credential."""
        ...

    def get_assertion(self, challenge: bytes) -> Assertion:
        """Have the user verified, and sign.

        Args:
            challenge: as the page hands it to `navigator.credentials.get`.

        Returns:
            What the browser returns, r and s taken out of their DER form, s brought into the lower half.

        Raises:
            ConfigError: the user did not agree, or the credential is not there.
        """
        ...


@dataclass(frozen=True, slots=True)
class Passkey:
    """Signs documents and digests by an authenticator; a `ControllerSigner`."""

    authenticator: Authenticator

    @property
    def name(self) -> str:
        """As documents name it, a `ControllerKey`."""
        return PASSKEY + self.authenticator.public_key.hex()

    def sign(self, message: bytes) -> bytes:
        """Sign a document's signing input: the challenge is its SHA-256."""
        return self.sign_digest(hashlib.sha256(message).digest())

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign 32 bytes for a contract: they are the challenge."""
        return encode_assertion(self.authenticator.get_assertion(digest))
