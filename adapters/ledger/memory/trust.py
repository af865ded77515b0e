"""`TrustList.sol` in Python."""

from collections.abc import Sequence

from eth_hash.auto import keccak

from adapters.ledger.memory.state import State
from node.domain.ledger import TrustSet
from node.domain.trust import MAX_ENTRY_BYTES, TrustAnchor, encode_anchor
from node.errors import LedgerRefusedError


class TrustRules:
    """The trust list's functions; only the alliance's rules call them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def found(self, anchors: Sequence[TrustAnchor]) -> list[TrustSet]:
        """What the constructor does.

        Raises:
            LedgerRefusedError: an authority stands twice.
        """
        if len({anchor.id for anchor in anchors}) != len(anchors):
            raise LedgerRefusedError("TrustListMalformedEntry")
        return [self.set(anchor.id, encode_anchor(anchor)) for anchor in anchors]

    def check(self, anchor: str, entry: bytes) -> None:
        """Raises:
        LedgerRefusedError: as `TrustList.check`.
        """
        if not 0 < len(entry) <= MAX_ENTRY_BYTES:
            raise LedgerRefusedError("TrustListMalformedEntry")
        if self._state.get("trust", anchor) == keccak(entry):
            raise LedgerRefusedError("TrustListUnchanged")

    def set(self, anchor: str, entry: bytes) -> TrustSet:
        """Raises:
        LedgerRefusedError: as `TrustList.set`.
        """
        self.check(anchor, entry)
        version: int = self._state.get("count", "trust", 0) + 1
        self._state.put("count", "trust", version)
        self._state.put("trust", anchor, keccak(entry))
        return TrustSet(anchor, version, entry)
