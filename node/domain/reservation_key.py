"""One-time keys that reservations of guarantee applications are signed with (docs/formats/sealed.md).

A nullifier is the address of such a key, and the contract `Reservations` takes a binding only from that key. Whoever
carries a reservation, or sees it on its way, can neither bind the nullifier to something else nor tell it from cover,
which random keys sign in the same way. secp256k1 because the ledger checks its signatures at the least cost.
"""

from dataclasses import dataclass, field

from coincurve import PrivateKey, PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from eth_hash.auto import keccak

from node.domain.ledger_ids import Eip712Domain, reserve_application_digest
from node.domain.sealing import SignedReservation

KEY_MATERIAL_BYTES = 48
"""So many that the bias modulo the order is nil (FIPS 186-5 A.2.1)."""

_NULLIFIER_TAG = b"heqi.nullifier.v2\0"
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of secp256k1. Source: SEC 2, 2.4.1."""


@dataclass(frozen=True, slots=True)
class ReservationKey:
    """A secp256k1 key that signs one binding."""

    secret: PrivateKey = field(repr=False)

    @property
    def nullifier(self) -> bytes:
        """What is reserved, 32 bytes."""
        return _nullifier(self.secret.public_key)

    def sign(self, domain: Eip712Domain, binding: bytes) -> SignedReservation:
        """Bind the nullifier; the same binding gives the same bytes (RFC 6979).

        Args:
            domain: of the contract `Alliance`.
            binding: 32 bytes, not all zero.
        """
        made = self.secret.sign_recoverable(reserve_application_digest(domain, binding), hasher=None)
        compact = made[:32] + bytes([made[32] | made[64] << 7]) + made[33:64]
        return SignedReservation(self.nullifier, binding, compact)


def reservation_key(code: str, generation: int) -> ReservationKey:
    """The key of the `generation`-th application under a code, counted from 0: known to who knows the code."""
    info = _NULLIFIER_TAG + generation.to_bytes(8, "big")
    return cover_key(HKDF(SHA256(), KEY_MATERIAL_BYTES, salt=None, info=info).derive(code.encode()))


def cover_key(material: bytes) -> ReservationKey:
    """A key made of `KEY_MATERIAL_BYTES` bytes; of random ones it signs cover."""
    scalar = int.from_bytes(material, "big") % (_ORDER - 1) + 1
    return ReservationKey(PrivateKey(scalar.to_bytes(32, "big")))


def is_reservation_signed(domain: Eip712Domain, one: SignedReservation) -> bool:
    """Whether the contract takes a reservation, as far as its bytes go: ECDSA.sol refuses the same.

    Args:
        domain: of the contract `Alliance`.
        one: from wherever.
    """
    if not any(one.binding) or len(one.signature) != 64:
        return False
    parity, rest = one.signature[32] >> 7, bytes([one.signature[32] & 0x7F]) + one.signature[33:]
    if int.from_bytes(rest, "big") > _ORDER // 2:
        return False
    digest = reserve_application_digest(domain, one.binding)
    try:
        key = PublicKey.from_signature_and_message(
            one.signature[:32] + rest + bytes([parity]), digest, hasher=None
        )
    except Exception:  # noqa: BLE001  coincurve raises bare Exception for what is no signature
        return False
    return one.nullifier == _nullifier(key)


def _nullifier(key: PublicKey) -> bytes:
    address: bytes = keccak(key.format(compressed=False)[1:])[12:]
    return address.rjust(32, b"\0")
