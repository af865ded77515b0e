"""The centre's own systems: whom the operator has let in, in which role, until when, and whom no longer.

A certificate counts only while it stands here: one that the identity key has signed but this register does not
know, from a copy of the key or an old backup, opens nothing.
"""

import hmac
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from node.domain.act import ActKind
from node.domain.system import OPERATOR_NAME, SystemRole, check_system_name
from node.errors import (
    CertificateRevokedError,
    ConflictError,
    InvalidError,
    MissingError,
    UnknownCallerError,
)
from node.ports import Certifier, Clock, IssuedCertificate, Store
from node.services import layout
from node.services.acts import Acts, actor
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

DAY_SECONDS = 86_400
DEFAULT_DAYS, MAX_DAYS = 90, 397
MAX_REASON_LENGTH = 200


class SystemRow(msgspec.Struct, frozen=True):
    """One certificate of a system."""

    name: str
    role: SystemRole
    fingerprint: bytes
    """SHA-256 of the certificate in DER."""
    start: float
    """Seconds since 1970 UTC, like all times here."""
    end: float
    issuer: str
    """Who let it in: a system's name, or `node`."""
    revoked: float = 0.0
    """Zero while it is not."""
    revoker: str = ""
    reason: str = ""

    def is_live(self, now: float) -> bool:
        """Whether it opens anything."""
        return not self.revoked and now < self.end


@dataclass(frozen=True, slots=True)
class Registered:
    """A certificate and the serial by which it is known."""

    serial: str
    """Lower-case hexadecimal digits."""
    row: SystemRow


class Systems:
    """Lets systems in, and out."""

    def __init__(self, store: Store, acts: Acts, certifier: Certifier, clock: Clock) -> None:
        self._store, self._acts, self._certifier, self._clock = store, acts, certifier, clock
        self.on_revoked: list[Callable[[], None]] = []
        """Called after a revocation, before it is answered: what is open must be looked at again."""

    def issue(self, request_pem: bytes, name: str, role: SystemRole, days: int = 0) -> IssuedCertificate:
        """Issue a certificate for a key that the system has made itself.

        Args:
            request_pem: PKCS #10 signing request; only its key is taken from it.
            name: of the system. It may hold several certificates, all in one role, so that one follows another
                without a gap.
            role: what it may call.
            days: how long the certificate is good, at most 397; 0 means 90.

        Raises:
            CertificateRequestError: the request is malformed, not signed by its own key, or the key is weak.
            CodeFormatError: the name is not one for a system.
            InvalidError: the days are out of range.
            ConflictError: the name is in use in another role.
            StoreError: the database fails; then nothing was issued.
        """
        check_system_name(name)
        if not 0 <= days <= MAX_DAYS:
            raise InvalidError(f"a certificate is good for 1 to {MAX_DAYS} days, not {days}")
        now = self._clock.now()
        self._check_role(name, role, now)
        seconds = (days or DEFAULT_DAYS) * DAY_SECONDS
        issued = self._certifier.certify(request_pem, name, role.value, now, now + seconds)
        self._register(issued, name, role, now)
        return issued

    def adopt(self, certificate_pem: bytes) -> bool:
        """Take in the operator's certificate that was made with the node's folder, before there was a register.

        Returns:
            Whether it is live now; false for one that was revoked, has expired, or is not this node's work.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        try:
            issued = self._certifier.recognise(certificate_pem, SystemRole.OPERATOR.value)
            known = self._row(issued.serial)
        except UnknownCallerError:
            return False
        if known is None and issued.end > now:
            self._register(issued, OPERATOR_NAME, SystemRole.OPERATOR, now)
            return True
        return known is not None and known.is_live(now)

    def check(self, serial: str, fingerprint: bytes, role: str) -> SystemRow:
        """The system behind a certificate, if it may still come in.

        Args:
            serial: hexadecimal.
            fingerprint: SHA-256 of the certificate in DER.
            role: that the certificate names.

        Raises:
            UnknownCallerError: nobody was let in with it, or its time is over.
            CertificateRevokedError: it was revoked.
            StoreError: the database fails.
        """
        row = self._row(serial)
        if row is None or row.role.value != role or not hmac.compare_digest(row.fingerprint, fingerprint):
            raise UnknownCallerError("this node has let nobody in with the caller's certificate")
        if row.revoked:
            raise CertificateRevokedError(f"the certificate {serial[:16]} of {row.name} was revoked")
        if not row.is_live(self._clock.now()):
            raise UnknownCallerError(f"the certificate {serial[:16]} of {row.name} has expired")
        return row

    def all(self) -> Iterator[Registered]:
        """Every certificate ever issued, revoked and expired ones included.

        Raises:
            StoreError: the database fails.
        """
        for key, raw in self._store.scan(layout.SYSTEM):
            serial = key[len(layout.SYSTEM) :].decode()
            yield Registered(serial, msgspec.msgpack.decode(raw, type=SystemRow))

    def revoke(self, wanted: str, reason: str) -> list[Registered]:
        """Shut a system out, from its next call on and from streams that are open.

        Args:
            wanted: name of the system, for all its certificates, or one certificate's serial.
            reason: at most 200 printable characters, kept with it.

        Returns:
            What was revoked.

        Raises:
            MissingError: no live certificate has that name or serial.
            InvalidError: the reason is too long or not printable.
            StoreError: the database fails; then nothing was revoked.
        """
        if len(reason) > MAX_REASON_LENGTH or not reason.isprintable():
            raise InvalidError(f"a reason has at most {MAX_REASON_LENGTH} printable characters")
        now, transaction = self._clock.now(), Transaction(self._store)
        found = [one for one in self.all() if wanted in {one.serial, one.row.name} and one.row.is_live(now)]
        if not found:
            raise MissingError(f"no live certificate has the name or serial {wanted!r}")
        revoked = []
        for one in found:
            row = msgspec.structs.replace(one.row, revoked=now, revoker=actor(), reason=reason)
            self._put(transaction, one.serial, row)
            about = {"system": row.name, "role": row.role.value, "serial": one.serial}
            self._acts.record(
                transaction, ActKind.ACCESS_REVOKED, about | ({"reason": reason} if reason else {})
            )
            revoked.append(Registered(one.serial, row))
        transaction.commit()
        for one in revoked:
            logger.info("%s revoked the certificate %s of %s", actor(), one.serial[:16], one.row.name)
        for tell in self.on_revoked:
            tell()
        return revoked

    def _check_role(self, name: str, role: SystemRole, now: float) -> None:
        for one in self.all():
            if one.row.name == name and one.row.role is not role and one.row.is_live(now):
                raise ConflictError(
                    f"{name} is a {one.row.role.value}; revoke that first, or choose another name"
                )

    def _register(self, issued: IssuedCertificate, name: str, role: SystemRole, now: float) -> None:
        transaction = Transaction(self._store)
        row = SystemRow(name, role, issued.fingerprint, now, issued.end, actor())
        self._put(transaction, issued.serial, row)
        about = {"system": name, "role": role.value, "serial": issued.serial}
        self._acts.record(transaction, ActKind.ACCESS_ISSUED, about)
        transaction.commit()
        logger.info("%s let %s in as %s, certificate %s", actor(), name, role.value, issued.serial[:16])

    def _row(self, serial: str) -> SystemRow | None:
        raw = self._store.get(layout.SYSTEM + serial.encode())
        return None if raw is None else msgspec.msgpack.decode(raw, type=SystemRow)

    @staticmethod
    def _put(transaction: Transaction, serial: str, row: SystemRow) -> None:
        transaction.put(layout.SYSTEM + serial.encode(), msgspec.msgpack.encode(row))
