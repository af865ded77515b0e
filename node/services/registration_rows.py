"""What a home keeps of each subject: company, keys, certificates, and who has to sign what.

All of it is sealed under the subject's own key.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from node.domain.approval import Reserved, reserved_by
from node.domain.certified import chain_of, peek_certified
from node.domain.delegation import Delegation

_MOST_FURTHER = 3


@dataclass(frozen=True, slots=True)
class Office:
    """What a home knows about a subject's officers."""

    reserved: frozenset[Reserved] = frozenset()
    keys: tuple[str, ...] = ()
    """Controller keys of those that count as officers, whoever the ledger names; empty while nothing is reserved."""


class Voucher(msgspec.Struct, frozen=True, array_like=True):
    """A certificate's word for a wallet's key."""

    delegation: str
    """A compact JWS."""
    status: bytes
    """`StatusProof` beside it, canonical JSON; empty if there is none."""

    @property
    def certificate(self) -> bytes:
        """DER of the certificate that signed."""
        return chain_of(self.delegation, Delegation)[0]


class Registration(msgspec.Struct, frozen=True):
    """A subject at its home, at rest sealed under the subject's key."""

    subject: str
    credit_code: str
    organisation: str
    credentials: dict[str, tuple[Voucher, ...]]
    """By controller key: the certificates' words for it, the last one handed in first. A key that was removed keeps
    its own: what it signed before can still be shown."""
    reserved: tuple[str, ...] = ()
    """Acts that need two officers, ascending (`approval.Reserved`)."""
    officers: tuple[str, ...] = ()
    """Keys of those that count as officers; empty while nothing is reserved."""

    @property
    def vouchers(self) -> tuple[Voucher, ...]:
        """Those of all keys."""
        return tuple(one for vouchers in self.credentials.values() for one in vouchers)

    @property
    def office(self) -> Office:
        """What two officers have to sign, and who they are."""
        return Office(frozenset(map(Reserved, self.reserved)), self.officers)


def renewed(last: Registration, key: str, delegation: str, status: bytes) -> dict[str, tuple[Voucher, ...]]:
    """The credentials with a delegation that is handed in, beside those of other keys and certificates."""
    vouchers = last.credentials.get(key, ())
    # What was shown of a delegation when it first came shows the earliest time.
    status = next((one.status for one in vouchers if one.delegation == delegation), b"") or status
    new = Voucher(delegation, status)
    further = tuple(one for one in vouchers if one.certificate != new.certificate)[:_MOST_FURTHER]
    return {**last.credentials, key: (new, *further)}


def reserved_in(delegations: Iterable[str]) -> frozenset[Reserved]:
    """What delegations reserve that were checked."""
    return reserved_by(peek_certified(one, Delegation) for one in delegations)


def with_office(registration: Registration, office: Office) -> Registration:
    """A registration with another office."""
    words = tuple(sorted(one.value for one in office.reserved))
    return msgspec.structs.replace(registration, reserved=words, officers=office.keys)
