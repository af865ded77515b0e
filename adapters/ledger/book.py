"""Which contracts a ledger sends to and listens to: the founding ones, and those that votes put in their place."""

from collections.abc import Sequence

from adapters.ledger.artifact import ALLIANCE, BOOK_NAMES
from adapters.ledger.calls import Invocation
from adapters.ledger.deployment import Deployment
from node.domain.alliance_life import BookEntry
from node.errors import ContractUnknownError


class Book:
    """Knows only what it is told: what a block can change is the follower's to say."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._founding = frozenset(deployment.address_of(name) for name in (ALLIANCE, *BOOK_NAMES))
        self.use(())

    def use(self, entries: Sequence[BookEntry]) -> None:
        """Take in what votes have put in force since the founding, oldest first."""
        self._newest = {entry.name: entry for entry in entries}
        self.sources = self._founding | {entry.address for entry in entries if entry.is_known}
        """Contracts whose reports this software can read."""

    def target(self, invocation: Invocation) -> bytes:
        """20 bytes: the contract that a call is for.

        Raises:
            ContractUnknownError: the one in force is of a version that this software does not know.
        """
        if invocation.at:
            return invocation.at
        entry = self._newest.get(invocation.contract)
        if entry is None:
            return self._deployment.address_of(invocation.contract)
        if not entry.is_known:
            raise ContractUnknownError(entry.name)
        return entry.address
