"""At a reader: evidence under a checkpoint of its home's log that the ledger holds."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from node.domain.evidence import VerifiedEvidence, parse_evidence, verify_evidence
from node.domain.member import Member
from node.errors import AnchorError
from node.services.alliance import Alliance

T = TypeVar("T")

_TRIES = 50
_PAUSE_SECONDS = 0.2


def verify_anchored(alliance: Alliance, raw: bytes, home: Member) -> VerifiedEvidence:
    """Check evidence of a member's log, and the log's checkpoint against the ledger.

    Raises:
        AnchorError: this node's view of the ledger does not have the checkpoint.
        InvalidError: the evidence is malformed.
        VerificationError: a proof or a signature in it is false.
        StoreError: the database fails.
    """
    evidence = verify_evidence(
        parse_evidence(raw), alliance=alliance.id, member=home.name, log_key=home.log_key_at
    )
    anchor = alliance.projection.anchor(home.name, evidence.checkpoint.size)
    if anchor is None or anchor.root != evidence.checkpoint.root:
        raise AnchorError(f"the ledger holds no such checkpoint of {home.name}")
    return evidence


async def when_anchored(check: Callable[[], T]) -> T:
    """What a check gives, once this node has seen the anchor: its home may have seen a block before this node.

    Raises:
        AnchorError: ten seconds later this node's view of the ledger still does not have it.
        NodeError: the check fails otherwise.
    """
    for _ in range(_TRIES):
        try:
            return check()
        except AnchorError:
            await asyncio.sleep(_PAUSE_SECONDS)
    return check()
