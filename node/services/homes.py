"""Whose home this node is."""

from node.ports import Store
from node.services import layout
from node.services.alliance import Alliance


class Homes:
    """Tells of a subject whether its records are kept here; all methods raise StoreError when the database fails."""

    def __init__(self, store: Store, alliance: Alliance) -> None:
        self._store, self._alliance = store, alliance

    def is_home_of(self, subject: str) -> bool:
        """Whether this node keeps the subject's records, and the ledger names no other home.

        Args:
            subject: id, 64 hex digits.
        """
        if not self.is_registered(subject):
            return False
        row = self._alliance.projection.subject(bytes.fromhex(subject))
        return row is None or row.home == self._alliance.me

    def is_registered(self, subject: str) -> bool:
        """Whether the subject was ever registered here, also if it has moved away since."""
        return self._store.get(layout.REGISTRATION + subject.encode()) is not None
