"""Finding a node's own records: by category, owner, project and time, page by page, oldest first.

Every list is read from an index whose keys end in time and position, from where the last page ended: a page costs the
same however many records there are. What its caller may not see is passed over as if it did not exist. What belongs
to a subject is listed to the operator by its place alone: neither its fields nor its name, which may be a
certificate's number.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from node.domain.category import Category, OwnerRule, categories
from node.domain.encoding import canonical_json
from node.errors import InvalidError, MissingError
from node.ports import Store
from node.services import layout
from node.services.filing import PageTokens, project_key
from node.services.preparing import StoredRecord
from node.services.records import Records

_PLACE_BYTES = 16
_MOST_LOOKED_AT = 20_000
"""Index keys for one page: a page may have fewer items than were asked for, or none, and still not be the last."""
_MOST_CONTENT_BYTES = 4 << 20
MAX_TIME = 253_402_300_799_999
"""Milliseconds since 1970 UTC; the end of the year 9999."""


class Query(msgspec.Struct, frozen=True):
    """What a list holds; what is empty does not restrict it."""

    is_operator: bool
    """Whether the node's operator asks, who may see more than a reader."""
    category: str = ""
    owner: str = ""
    """Subject id or this member's name."""
    project: str = ""
    since: int = 0
    """Captured at or after; milliseconds since 1970 UTC."""
    until: int = MAX_TIME
    """Captured before."""
    has_content: bool = False
    """Whether fields are shown."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One record of a list."""

    position: int
    category: str
    owner: str
    captured: int
    """Milliseconds since 1970 UTC."""
    record: StoredRecord | None
    """None if it belongs to a subject."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list."""

    items: list[Listed]
    next_token: str
    """Empty at the end of the list."""


@dataclass(frozen=True, slots=True)
class _Found:
    place: bytes
    """Captured and position."""
    category: str


class Listing:
    """Lists records."""

    def __init__(self, store: Store, records: Records, tokens: PageTokens, index_key: bytes, me: str) -> None:
        self._store, self._records, self._tokens = store, records, tokens
        self._index_key, self._me = index_key, me

    def page(self, query: Query, size: int, token: str) -> Page:
        """One page.

        Args:
            query: the same for all pages of a list.
            size: most items.
            token: from the last page; empty for the first.

        Raises:
            InvalidError: the token is not of this list; times that contradict each other.
            StoreError: the database fails.
        """
        if not 0 <= query.since < query.until <= MAX_TIME:
            raise InvalidError("since must lie before until")
        asked = msgspec.msgpack.encode(query)
        start = self._tokens.open(asked, token) or layout.number(query.since)
        seen = {kind.name for kind in categories() if _may_see(query, kind, self._me)}
        items: list[Listed] = []
        weight, last = 0, b""
        for looked_at, found in enumerate(self._found(query, seen, start)):
            if looked_at == _MOST_LOOKED_AT or len(items) == size or weight >= _MOST_CONTENT_BYTES:
                return Page(items, self._tokens.make(asked, last + b"\0"))
            last = found.place
            listed = self._listed(query, found) if found.category in seen else None
            if listed is not None:
                items.append(listed)
                if query.has_content and listed.record is not None:
                    weight += len(canonical_json(listed.record.fields))
        return Page(items, "")

    def _found(self, query: Query, seen: Iterable[str], start: bytes) -> Iterator[_Found]:
        """From the index that restricts most, in order."""
        if query.project:
            prefixes = [layout.OF_PROJECT + project_key(self._index_key, query.project)]
        elif query.owner and query.owner != self._me:
            prefixes = [layout.OF_OWNER + layout.text(query.owner)]
        else:
            prefixes = [layout.of_category(name) for name in seen]
        stop = layout.number(query.until)
        scans = [self._scan(prefix, start, stop) for prefix in prefixes]
        return heapq.merge(*scans, key=lambda found: found.place)

    def _scan(self, prefix: bytes, start: bytes, stop: bytes) -> Iterator[_Found]:
        name = prefix[len(layout.OF_CATEGORY) : -1].decode() if prefix.startswith(layout.OF_CATEGORY) else ""
        for key, value in self._store.scan(prefix, start=start, stop=stop):
            yield _Found(key[-_PLACE_BYTES:], name or value.decode())

    def _listed(self, query: Query, found: _Found) -> Listed | None:
        captured, position = (layout.from_number(found.place[n : n + 8]) for n in (0, 8))
        try:
            owner = self._records.owner(position)
            if query.owner and owner != query.owner:
                return None
            record = self._records.load(position) if owner == self._me else None
        except MissingError:  # erased or blocked
            return None
        return Listed(position, found.category, owner, captured, record)


def _may_see(query: Query, kind: Category, me: str) -> bool:
    if query.category and kind.name != query.category:
        return False
    if query.owner and (query.owner == me) is not (kind.owner is OwnerRule.CENTRE):
        return False
    # A reader has other calls for what was done with privileges, and grants for what belongs to subjects.
    return query.is_operator or (kind.owner is OwnerRule.CENTRE and not kind.is_own)
