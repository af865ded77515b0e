"""The catalogue in force at this node: what the ledger says by hash, and the texts that belong to the hashes.

A text is known by its SHA-256, so it is asked of whichever member answers, and nobody has to be believed. Texts that
are voted on are fetched too: whoever votes must have read what it votes on.
"""

import logging
from collections.abc import Iterator

from node.domain import category
from node.domain.catalogue import shipped
from node.domain.catalogue.definition import MAX_DEFINITION_BYTES, definition_digest, parse_definition
from node.domain.catalogue.rules import InForce, Rules, judge, shipped_rules
from node.domain.ledger import Action
from node.errors import DefinitionError, MissingError, NodeError
from node.ports import Clock, Peers, Store
from node.services import layout
from node.services.alliance import Alliance
from node.services.projection import CategoryRow, Projection
from node.services.transaction import Transaction

logger = logging.getLogger(__name__)

_MAX_WANTED = 64
"""So many texts are asked for in one round, whatever members have proposed."""


class Catalogue:
    """Definitions by hash, and the rules that follow."""

    def __init__(self, store: Store, alliance: Alliance, peers: Peers, clock: Clock) -> None:
        self._store, self._alliance, self._peers, self._clock = store, alliance, peers, clock
        self._texts = 0
        """How often a text came in: the rules follow from the ledger and from this."""
        self._seen: tuple[int, int] | None = None
        self._rules = shipped_rules()
        for _, raw in store.scan(layout.DEFINITION):
            _learn(raw)

    def rules(self) -> Rules:
        """The rules in force: the ledger's, or the shipped definitions until this node has seen the ledger's.

        Raises:
            StoreError: the database fails.
        """
        seen = (self._alliance.projection.catalogue_changes(), self._texts)
        if seen != self._seen:
            self._rules, self._seen = rules_of(self._store, self._alliance.projection), seen
        return self._rules

    def text(self, digest: bytes) -> bytes:
        """The text of a definition, in force or not.

        Args:
            digest: SHA-256.

        Raises:
            MissingError: it is not here.
            StoreError: the database fails.
        """
        found = self._text(digest)
        if not found:
            raise MissingError("the text of this definition is not here")
        return found

    def keep(self, raw: bytes) -> bytes:
        """Keep the text of a definition; its SHA-256.

        Args:
            raw: canonical JSON.

        Raises:
            DefinitionError: it is longer than a definition can be.
            StoreError: the database fails.
        """
        if len(raw) > MAX_DEFINITION_BYTES:
            raise DefinitionError(f"a definition has at most {MAX_DEFINITION_BYTES} bytes")
        digest = definition_digest(raw)
        if not self._text(digest):
            transaction = Transaction(self._store)
            transaction.put(layout.DEFINITION + digest, raw)
            transaction.commit()
            self._texts += 1
            _learn(raw)
        return digest

    def wanted(self) -> list[bytes]:
        """SHA-256 of the definitions that were in force or are voted on, and whose text is not here.

        Raises:
            StoreError: the database fails.
        """
        return list(dict.fromkeys(one for one in self._named() if not self._text(one)))[:_MAX_WANTED]

    def earlier(self, name: str) -> list[bytes]:
        """Texts of a category's definitions up to the one in force, oldest first, as far as they are here.

        Raises:
            StoreError: the database fails.
        """
        row = self._alliance.projection.catalogue().get(name)
        return [] if row is None else _texts_before(self._store, row, row.version + 1)

    async def step(self) -> bool:
        """Ask the members for what is wanted; whether anything came.

        Raises:
            StoreError: the database fails.
        """
        wanted, came = self.wanted(), False
        for digest in wanted:
            came = await self._fetch(digest) or came
        return came

    async def _fetch(self, digest: bytes) -> bool:
        for row in list(self._alliance.projection.members()):
            if row.member.name == self._alliance.me or not row.active or not row.member.endpoint:
                continue
            try:
                raw = await self._peers.definition(row.member, digest)
            except NodeError:
                continue
            if len(raw) <= MAX_DEFINITION_BYTES and definition_digest(raw) == digest:
                self.keep(raw)
                return True
            logger.warning("%s hands over another definition than it was asked for", row.member.name)
        return False

    def _named(self) -> Iterator[bytes]:
        projection, now = self._alliance.projection, self._clock.now()
        for row in projection.catalogue().values():
            yield row.definition
            yield from row.definitions.values()
        for _, proposal in projection.proposals():
            if proposal.action is Action.SET_DEFINITION and not proposal.passed and proposal.expires >= now:
                yield proposal.entry

    def _text(self, digest: bytes) -> bytes:
        return _text(self._store, digest)


def rules_of(store: Store, projection: Projection) -> Rules:
    """The rules in force by what a database holds; the shipped ones before it knows the ledger's.

    Raises:
        StoreError: the database fails.
    """
    if not projection.catalogue_changes():
        return shipped_rules()
    entries = []
    for name, row in projection.catalogue().items():
        text = b"" if row.definition in shipped.texts() else _text(store, row.definition)
        entry = InForce(name, row.version, row.definition, text)
        entries.append(judge(entry, _texts_before(store, row, row.version)))
    return Rules(entries)


def _texts_before(store: Store, row: CategoryRow, version: int) -> list[bytes]:
    texts = (_text(store, one) for at, one in sorted(row.definitions.items()) if at < version)
    return [text for text in texts if text]


def _text(store: Store, digest: bytes) -> bytes:
    return shipped.texts().get(digest) or store.get(layout.DEFINITION + digest) or b""


def _learn(raw: bytes) -> None:
    try:
        category.learn(parse_definition(raw))
    except DefinitionError as error:
        logger.error("a definition cannot be used: %s", error)  # noqa: TRY400
