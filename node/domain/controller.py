"""Controllers: the keys that speak for a subject, as documents name them and as the ledger has them.

    a P-256 key of a wallet    128 hex digits, x ‖ y                     signs ES256
    a passkey                  "passkey:" and 128 hex digits, x ‖ y      signs WebAuthn assertions (`webauthn.py`)

The kind is part of the key's name, so a certificate that vouches for a key vouches for its kind too, and a signature
of one kind never passes for the other. On the ledger a controller is an ERC-7913 signer: a verifier's address ‖ key.

Source: `docs/formats/documents.md`; ERC-7913; `contracts/src/Subjects.sol`.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol

import msgspec
from eth_hash.auto import keccak

from node.domain.signature import verify_p256
from node.domain.webauthn import MAX_ASSERTION_BYTES, verify_assertion
from node.errors import ConflictError

PASSKEY = "passkey:"
MAX_CONTROLLERS = 5
"""Of one subject, as `Subjects.sol` has it."""
ControllerKey = Annotated[str, msgspec.Meta(pattern=r"^(passkey:)?[0-9a-f]{128}\Z")]
OtherKey = Annotated[str, msgspec.Meta(pattern=r"^((passkey:)?[0-9a-f]{128})?\Z")]
"""A `ControllerKey`, or nothing."""
ControllerSignature = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9a-f]{2})+\Z", min_length=128, max_length=2 * MAX_ASSERTION_BYTES)
]
"""Hex of what a controller signed for a contract: 64 bytes r ‖ s, or the ABI bytes of an assertion."""


class ControllerSigner(Protocol):
    """A controller's key where it can sign: in a wallet's file, or in an authenticator."""

    @property
    def name(self) -> str:
        """A `ControllerKey`."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Sign a document's signing input.

        Raises:
            NodeError: its holder did not agree, or it cannot be used.
        """
        ...

    def sign_digest(self, digest: bytes) -> bytes:
        """Sign 32 bytes for a contract; raises as `sign`."""
        ...


@dataclass(frozen=True, slots=True)
class Verifiers:
    """Where the alliance's verifiers of controllers are, 20 bytes each."""

    es256: bytes
    webauthn: bytes

    def signer_of(self, key: str) -> bytes:
        """ERC-7913 signer of a controller key."""
        return (self.webauthn if is_passkey(key) else self.es256) + raw_key(key)

    def key_of(self, signer: bytes) -> str:
        """The controller key of an ERC-7913 signer; `0x` and hex of one that is neither kind."""
        if len(signer) == 84 and signer[:20] in {self.es256, self.webauthn}:
            return (PASSKEY if signer[:20] == self.webauthn else "") + signer[20:].hex()
        return "0x" + signer.hex()


def is_passkey(key: str) -> bool:
    """Whether a controller key is a passkey."""
    return key.startswith(PASSKEY)


def raw_key(key: str) -> bytes:
    """64 bytes, x ‖ y."""
    return bytes.fromhex(key.removeprefix(PASSKEY))


def verify_message(key: str, message: bytes, signature: bytes) -> None:
    """Check a controller's signature on a document's signing input.

    Raises:
        SignatureError: it is not by this key over this content.
        CodeFormatError: the key is malformed.
    """
    if is_passkey(key):
        verify_assertion(raw_key(key), hashlib.sha256(message).digest(), signature)
    else:
        verify_p256(raw_key(key), message, signature)


def verify_digest(key: str, digest: bytes, signature: bytes) -> None:
    """Check a controller's signature for a contract over an EIP-712 digest, 32 bytes.

    Raises:
        SignatureError: it is not by this key over this digest.
        CodeFormatError: the key is malformed.
    """
    if is_passkey(key):
        verify_assertion(raw_key(key), digest, signature)
    else:
        verify_p256(raw_key(key), digest, signature)


def exchange(present: Sequence[bytes], removed: bytes, added: bytes) -> tuple[bytes, ...]:
    """The controllers after a change, as `Subjects.changeController` has them.

    Args:
        present: ERC-7913 signers, in order.
        removed: one of them, or empty.
        added: a new one, or empty; it takes the place of the removed one, or comes last.

    Raises:
        ConflictError: nothing would change, there would be none or too many, or there is no such controller.
    """
    if removed and removed not in present:
        raise ConflictError("the key that is to be removed does not speak for this subject")
    if (not removed and not added) or added in present:
        raise ConflictError("the key speaks for this subject already")
    count = len(present) - bool(removed) + bool(added)
    if not 0 < count <= MAX_CONTROLLERS:
        raise ConflictError(f"a subject has between one and {MAX_CONTROLLERS} keys, not {count}")
    if removed:
        return tuple(one for key in present for one in ([added] if key == removed else [key]) if one)
    return (*present, added)


def controllers_digest(controllers: Sequence[bytes]) -> bytes:
    """What the ledger holds beside the controllers: keccak256 of the keccak256 of each, in order."""
    return keccak(b"".join(map(keccak, controllers)))


def drawn_members(controllers: Sequence[bytes], eligible: Sequence[bytes]) -> list[bytes]:
    """The three members that may confirm a recovery, as `Subjects.isDrawn` has it.

    Args:
        controllers: of the subject, ERC-7913 signers.
        eligible: ids of the active members other than its home, 32 bytes each.
    """
    digest = controllers_digest(controllers)

    return sorted(eligible, key=lambda member: keccak(digest + member))[:3]
