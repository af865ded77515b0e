"""A member's keys, and what vouches for others'."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from node.domain.keys import KeyInfo, KeyKind


class Signer(Protocol):
    """A private key that signs and never leaves its holder: a file, a token, an agent.

    `sign` raises `KeyHolderError` when the holder does not answer, and nothing else. It is called from the event loop
    and MUST answer or fail within seconds.
    """

    @property
    def public_key(self) -> bytes:
        """64 bytes for P-256, 32 for Ed25519."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes: ES256 as r ‖ s, or Ed25519."""
        ...


class Account(Protocol):
    """A secp256k1 key that signs for an account of the ledger; as `Signer` otherwise."""

    @property
    def address(self) -> bytes:
        """20 bytes."""
        ...

    def sign(self, message: bytes) -> bytes:
        """65 bytes over keccak256 of the message: r ‖ s ‖ v with s in the lower half and v of 27 or 28."""
        ...


class Keys(Protocol):
    """The keys of one node. Each but `index` has generations, of which one is present; newer ones wait for others to
    learn of them, older ones are kept for what they alone can open.
    """

    @property
    def identity(self) -> Signer:
        """P-256: signs this member's documents; always by the present generation."""
        ...

    @property
    def account(self) -> Account:
        """secp256k1: signs ledger transactions; always by the present generation."""
        ...

    @property
    def log(self) -> Signer:
        """Ed25519, the present generation."""
        ...

    @property
    def log_signers(self) -> Sequence[Signer]:
        """Those that sign checkpoints now: the present generation, then newer ones."""
        ...

    @property
    def data(self) -> Sequence[bytes]:
        """32 bytes each, newest first: the first wraps the keyring, the others open what they wrapped."""
        ...

    @property
    def index(self) -> bytes:
        """32 bytes."""
        ...

    def newest(self, kind: KeyKind) -> bytes:
        """Public key (account: address) of the newest generation of a key that the ledger holds."""
        ...

    def present(self, kind: KeyKind) -> bytes:
        """Public key (account: address) of the present generation."""
        ...

    def make(self, kind: KeyKind, holder: str = "") -> None:
        """Add a generation. MUST be durable on return; MUST NOT change which one is present.

        Args:
            kind: of which key; not `INDEX`.
            holder: URI of a key that is made elsewhere already; empty for a new encrypted file.

        Raises:
            ConfigError: it cannot be written, or the URI leads to no such key.
        """
        ...

    def prove(self, kind: KeyKind, public: bytes, message: bytes) -> bytes:
        """Sign by the generation of the account or identity key that has this public key (account: address).

        Raises:
            KeyHolderError: there is none, or its holder does not answer.
        """
        ...

    def use(self, kind: KeyKind, public: bytes) -> bool:
        """Make the generation with this public key present; False if there is none.

        Raises:
            ConfigError: that cannot be written down.
        """
        ...

    def forget(self, kind: KeyKind) -> None:
        """Destroy all generations older than the present one.

        Raises:
            ConfigError: a file cannot be removed.
        """
        ...

    def list(self) -> Sequence[KeyInfo]:
        """All generations of all keys."""
        ...


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A certificate of one of the centre's own systems."""

    serial: str
    """Lower-case hexadecimal digits, without leading zeros."""
    fingerprint: bytes
    """SHA-256 of the certificate in DER."""
    end: float
    """Seconds since 1970 UTC."""
    pem: bytes


class Certifier(Protocol):
    """Issues certificates to the centre's own systems, in the name of this member's identity key."""

    def certify(
        self, request_pem: bytes, name: str, role: str, start: float, end: float
    ) -> IssuedCertificate:
        """Sign a certificate for the key of a PKCS #10 request.

        MUST check that the request is signed by its own key, MUST refuse weak keys, MUST take nothing but the key
        from the request, and MUST give every certificate a serial of at least 64 random bits.

        Args:
            request_pem: the request.
            name: of the system, for people.
            role: what the certificate says that its holder is.
            start: seconds since 1970 UTC.
            end: the same.

        Raises:
            CertificateRequestError: the request will not be signed.
        """
        ...

    def recognise(self, certificate_pem: bytes, role: str) -> IssuedCertificate:
        """A certificate of this node's own making, in that role.

        Raises:
            UnknownCallerError: it is not.
        """
        ...
