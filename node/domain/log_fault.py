"""What a log can be caught at by whoever follows it, and the rule that finds it."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from node.domain.checkpoint import Checkpoint
from node.domain.merkle import verify_consistency
from node.errors import InclusionError


class LogFault(enum.Enum):
    """The values are stored and shown."""

    FORKED = "FORKED"
    """Two signed checkpoints of one size have different roots. Both notes together prove it to anybody."""
    SHRANK = "SHRANK"
    """The log shows a smaller size than it has signed, or anchored, before."""
    UNPROVEN = "UNPROVEN"
    """The log cannot prove that its newer checkpoint contains the older one."""
    OFF_ANCHOR = "OFF_ANCHOR"
    """The log shows another tree than it has anchored on the ledger. Note and anchor together prove it to anybody."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A size and root that the log is bound to."""

    size: int
    root: bytes
    """32 bytes."""


def find_fault(
    shown: Checkpoint,
    known: Seen | None,
    anchor: Seen | None,
    from_known: Sequence[bytes] = (),
    from_anchor: Sequence[bytes] = (),
) -> LogFault | None:
    """Judge a checkpoint that its log has signed.

    Args:
        shown: what the log shows now.
        known: what this witness cosigned last.
        anchor: the log's last final anchor, read before the log was asked.
        from_known: the log's consistency proof from `known`.
        from_anchor: the log's consistency proof from `anchor`.

    Returns:
        The first fault found, or None.
    """
    for bound, proof, differs in (
        (anchor, from_anchor, LogFault.OFF_ANCHOR),
        (known, from_known, LogFault.FORKED),
    ):
        if bound is None:
            continue
        if shown.size < bound.size:
            return LogFault.SHRANK
        if shown.size == bound.size:
            if shown.root != bound.root:
                return differs
            continue
        try:
            verify_consistency(bound.size, shown.size, bound.root, shown.root, proof)
        except InclusionError:
            return LogFault.UNPROVEN
    return None
