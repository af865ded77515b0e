"""What runs out: certificates, leaves, trust anchors, overlaps of keys; said 60, 30 and 7 days before.

One list for everybody who tells people: the log, the status, the doctor.
"""

import enum
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from cryptography import x509

from node.domain.trust import TrustAnchor
from node.ports import Clock

logger = logging.getLogger(__name__)

_DAY_SECONDS = 86_400


class Level(enum.IntEnum):
    """How near the end is."""

    FINE = 0
    NOTICE = 1
    """Less than 60 days."""
    WARNING = 2
    """Less than 30 days."""
    URGENT = 3
    """Less than 7 days."""
    EXPIRED = 4


_DAYS = ((7, Level.URGENT), (30, Level.WARNING), (60, Level.NOTICE))
_LOGGED = {
    Level.NOTICE: logging.INFO,
    Level.WARNING: logging.WARNING,
    Level.URGENT: logging.ERROR,
    Level.EXPIRED: logging.ERROR,
}


@dataclass(frozen=True, slots=True)
class Deadline:
    """When something runs out."""

    what: str
    """One line for people, the same at every call."""
    expires: float
    """Seconds since 1970 UTC."""
    lead_days: int = 60
    """Told from so many days before; fewer for what renews itself, which is worth a word only when it did not."""


@dataclass(frozen=True, slots=True)
class Expiry:
    """A deadline as it stands now."""

    what: str
    expires: int
    level: Level


Source = Callable[[], Iterable[Deadline]]


def level_of(expires: float, now: float, lead_days: int = 60) -> Level:
    """How near the end is."""
    if now >= expires:
        return Level.EXPIRED
    left = expires - now
    if left >= lead_days * _DAY_SECONDS:
        return Level.FINE
    return next((level for days, level in _DAYS if left < days * _DAY_SECONDS), Level.FINE)


def anchor_deadlines(anchors: Sequence[TrustAnchor]) -> list[Deadline]:
    """The end of each trust anchor's certificate, where the members still recognise it."""
    return [
        Deadline(f"trust anchor {anchor.name}", anchor_end(anchor))
        for anchor in anchors
        if anchor.suspended is None
    ]


def anchor_end(anchor: TrustAnchor) -> float:
    """When a trust anchor's certificate ends, seconds since 1970 UTC."""
    return x509.load_der_x509_certificate(anchor.der).not_valid_after_utc.timestamp()


def certificate_deadline(what: str, pem: bytes, lead_days: int = 60) -> Deadline:
    """The end of a certificate in PEM."""
    return Deadline(what, _not_after(pem), lead_days)


class Expiries:
    """All deadlines of one node."""

    def __init__(self, clock: Clock, sources: Sequence[Source]) -> None:
        """Args:
        clock: tells how near they are.
        sources: each is asked at every call.
        """
        self._clock, self.sources = clock, list(sources)
        self._told: dict[tuple[str, float], Level] = {}

    def list(self) -> list[Expiry]:
        """All, the nearest first.

        Raises:
            StoreError: a source reads the database, and that fails.
        """
        now = self._clock.now()
        deadlines = sorted((one for source in self.sources for one in source()), key=lambda one: one.expires)
        return [
            Expiry(one.what, int(one.expires), level_of(one.expires, now, one.lead_days)) for one in deadlines
        ]

    def tell(self) -> None:
        """Say in the log what has come nearer since the last call: once per level.

        Raises:
            StoreError: as `list`.
        """
        now = self._clock.now()
        for one in self.list():
            place = (one.what, one.expires)
            if one.level > self._told.get(place, Level.FINE):
                days = (one.expires - now) / _DAY_SECONDS
                told = f"runs out in {days:.1f} days" if days > 0 else f"ran out {-days:.1f} days ago"
                logger.log(_LOGGED[one.level], "%s %s", one.what, told)
            self._told[place] = one.level


def _not_after(pem: bytes) -> float:
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc.timestamp()
