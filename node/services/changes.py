"""At a home: telling holders of live grants that what they read has a newer version.

Subjects of which something changed are gone over at fixed moments, and each holder is told once of all of it: neither
when a version came nor how many came in between shows, and of what a holder has not read it learns nothing.
"""

import asyncio
from collections import defaultdict

from node.domain.notice import NewerVersion, NewerVersions
from node.errors import MissingError
from node.ports import Clock, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.feed import Feed
from node.services.notices import Notices
from node.services.proving import Proving
from node.services.records import Records
from node.services.sharing import Sharing
from node.services.transaction import Transaction

EVERY_SECONDS = 600
_AT_ONCE = 100


class Changes:
    """Notices of newer versions."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        records: Records,
        sharing: Sharing,
        proving: Proving,
        notices: Notices,
        feed: Feed,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._records, self._sharing = store, alliance, records, sharing
        self._proving, self._notices, self._feed, self._clock = proving, notices, feed, clock
        self._next_round = 0.0

    async def step(self) -> None:
        """Go over the subjects of which something changed, if it is time for that.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        if now < self._next_round:
            return
        self._next_round = (now // EVERY_SECONDS + 1) * EVERY_SECONDS
        for count, (key, _) in enumerate(self._store.scan(layout.CHANGED)):
            self._go_over(key[len(layout.CHANGED) :].decode())
            if count % _AT_ONCE == 0:
                await asyncio.sleep(0)

    def _go_over(self, subject: str) -> None:
        through = self._proving.final_through()
        newest: dict[tuple[str, str], tuple[int, int]] = {}
        is_waiting = False
        transaction = Transaction(self._store)
        found: defaultdict[str, dict[tuple[str, str], int]] = defaultdict(dict)
        for member, grant_id, holding in self._notices.holdings(subject):
            if not self._is_live(grant_id, holding.expires):
                continue
            for position in holding.positions:
                try:
                    header = self._records.load(position).header
                except MissingError:
                    continue  # erased
                place = (header.category, header.thing)
                if place not in newest:
                    newest[place] = self._newest(subject, *place)
                last, version = newest[place]
                if version > header.version:
                    if last >= through:
                        is_waiting = True  # nobody can read it yet
                    elif self._store.get(_told(subject, member, last)) is None:
                        found[member][place] = version
                        transaction.put(_told(subject, member, last), b"")
        for member, versions in found.items():
            newer = [
                NewerVersion(name, thing, version) for (name, thing), version in sorted(versions.items())
            ]
            self._notices.tell(transaction, subject, NewerVersions(tuple(newer)), [member])
        if not is_waiting:
            transaction.delete(layout.CHANGED + subject.encode())
        transaction.commit()
        if found:
            self._feed.wake()

    def _is_live(self, grant_id: bytes, expires: int) -> bool:
        if expires <= self._clock.now() or self._alliance.projection.grant(grant_id).revoked:
            return False
        return not self._sharing.grant(grant_id).revoked

    def _newest(self, subject: str, name: str, thing: str) -> tuple[int, int]:
        """Position and version of the newest record of a thing; it need not be final."""
        for position in self._records.newest(subject, name, lambda _: True):
            header = self._records.load(position).header
            if header.thing == thing:
                return position, header.version
        return 0, 0


def _told(subject: str, member: str, position: int) -> bytes:
    return layout.TOLD + layout.text(subject, member) + layout.number(position)
