"""What checking evidence comes to: the steps that held, what they rest on, and what was let pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Gap(StrEnum):
    """Something that a bundle may lack if the verifier's owner lets it; without that it is refused."""

    STATUS = "status"
    """No word on whether the certificate was revoked."""
    WITNESSES = "witnesses"
    """Too few members have cosigned the log."""
    LEDGER = "ledger"
    """No proof of what the ledger held."""
    CUSTODY = "custody"
    """Nobody signs for how the records were kept."""


class StepKind(StrEnum):
    """What was checked; `docs/formats/bundle.md` and `guarantee-file.md` name the rules behind each."""

    ROOTS = "roots"
    CHECKPOINT = "checkpoint"
    RECORDS = "records"
    WITNESSED = "witnessed"
    NOT_WITNESSED = "not-witnessed"
    ANCHORED = "anchored"
    NOT_ANCHORED = "not-anchored"
    CERTIFICATE = "certificate"
    NOT_REVOKED = "not-revoked"
    NO_STATUS_SERVICE = "no-status-service"
    STATUS_UNKNOWN = "status-unknown"
    GRANTED = "granted"
    LEGAL_BASIS = "legal-basis"
    GRANT_ON_LEDGER = "grant-on-ledger"
    GRANT_NOT_SHOWN = "grant-not-shown"
    CONSENTED = "consented"
    ANSWERED = "answered"
    KEPT = "kept"
    NOT_KEPT = "not-kept"
    GUARANTEED = "guaranteed"
    FILE_WHOLE = "file-whole"
    SEALED = "sealed"
    SEAL_STAMPED = "seal-stamped"
    SEAL_NOT_STAMPED = "seal-not-stamped"
    SEAL_STATUS_OPEN = "seal-status-open"
    GUARANTEE_STATE_OPEN = "guarantee-state-open"
    GUARANTEE_OVER = "guarantee-over"


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was checked, or knowingly not."""

    kind: StepKind
    about: Mapping[str, str | int]

    @property
    def is_gap(self) -> bool:
        """Whether this is something that was let pass, or that nobody can know without asking."""
        return self.kind in _GAPS


@dataclass(frozen=True, slots=True)
class Roots:
    """All that the verdict rests on."""

    descriptor: str
    """Digest of the alliance descriptor, hex."""
    founders: Sequence[str]
    cards: Sequence[str]
    """Members whose cards the verifier's owner added."""
    witnesses: Sequence[str]
    """Members whose cosignatures counted, be they enough or not."""
    trust: str
    """Which list of authorities counted: `founding` or `given`; empty if none was needed."""


_GAPS = frozenset(
    {
        StepKind.NOT_WITNESSED,
        StepKind.NOT_ANCHORED,
        StepKind.STATUS_UNKNOWN,
        StepKind.GRANT_NOT_SHOWN,
        StepKind.NOT_KEPT,
        StepKind.SEAL_NOT_STAMPED,
        StepKind.SEAL_STATUS_OPEN,
        StepKind.GUARANTEE_STATE_OPEN,
        StepKind.GUARANTEE_OVER,
    }
)
