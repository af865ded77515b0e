"""Signers as ERC-7913 knows them, and EIP-712 digests by eth-account: an implementation that is not ours."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from eth_account.messages import encode_typed_data
from eth_utils import keccak

from tests.support.evm import Account

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_DOMAIN = {
    "name": "string",
    "version": "string",
    "chainId": "uint256",
    "verifyingContract": "address",
    "salt": "bytes32",
}


@dataclass(frozen=True)
class AddressSigner:
    """A secp256k1 key, as an Ethereum wallet uses it."""

    account: Account

    @property
    def signer(self) -> bytes:
        return self.account.address

    def sign(self, digest: bytes) -> bytes:
        return bytes(self.account.keys.unsafe_sign_hash(digest).signature)


@dataclass(frozen=True)
class ES256Signer:
    """A P-256 key under a verifier contract, as WebCrypto uses it: it hashes what it is given."""

    verifier: bytes
    key: ec.EllipticCurvePrivateKey

    @property
    def public(self) -> bytes:
        numbers = self.key.public_key().public_numbers()
        return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")

    @property
    def signer(self) -> bytes:
        return self.verifier + self.public

    def sign(self, digest: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(digest, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def mirror(signature: bytes) -> bytes:
    """The same ES256 signature with s in the other half."""
    return signature[:32] + (P256_ORDER - int.from_bytes(signature[32:], "big")).to_bytes(32, "big")


def typed_digest(
    domain: dict[str, Any], primary: str, fields: dict[str, str], message: dict[str, Any]
) -> bytes:
    """What a wallet signs: keccak256(0x1901 ‖ domain separator ‖ struct hash)."""
    signable = encode_typed_data(
        full_message={
            "types": {
                "EIP712Domain": [{"name": field, "type": kind} for field, kind in _DOMAIN.items()],
                primary: [{"name": field, "type": kind} for field, kind in fields.items()],
            },
            "domain": domain,
            "primaryType": primary,
            "message": message,
        }
    )
    return keccak(b"\x19\x01" + signable.header + signable.body)
