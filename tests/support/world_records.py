"""Records as a centre's own systems hand them in."""

import hashlib
from typing import Any

from node.domain.draft import RecordDraft
from node.services.preparing import Incoming, Problem


def draft(thing: str = "GC-2026-001", **changes: Any) -> RecordDraft:
    """A tender of the centre's own."""
    values: dict[str, Any] = {
        "category": "trade.tender",
        "thing": thing,
        "owner": None,
        "source_system": "etrading",
        "source_version": "",
        "occurred": None,
        "fields": {"title": f"虚构路道路改造工程 {thing}", "lots": 2},
        **changes,
    }
    return RecordDraft(**values)


def incoming(thing: str = "GC-2026-001", **changes: Any) -> Incoming:
    """The draft as it came in a message."""
    made = draft(thing, **changes)
    return Incoming(repr(made).encode(), made)


def faulty(text: str = "not a record") -> Incoming:
    """An item that the client itself could not make sense of."""
    return Incoming(hashlib.sha256(text.encode()).digest(), Problem("SOURCE_FORMAT", text))
