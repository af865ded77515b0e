"""This member's part in changing the catalogue: what is proposed, and proposing."""

from collections.abc import Iterator
from dataclasses import dataclass

from node.domain.act import ActKind
from node.domain.alliance_life import ProposeDefinition
from node.domain.catalogue.checking import checker_of
from node.domain.catalogue.definition import definition_digest
from node.domain.catalogue.rules import check_follows
from node.domain.ledger import Action
from node.errors import ConflictError, DefinitionError, MissingError
from node.ports import Clock, Store
from node.services.acts import Acts
from node.services.alliance import Alliance
from node.services.catalogue import Catalogue
from node.services.membership import DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS
from node.services.outbox import Outbox
from node.services.transaction import Transaction


@dataclass(frozen=True, slots=True)
class ProposedDefinition:
    """A definition that members vote on."""

    proposal: int
    category: str
    digest: bytes
    """SHA-256."""
    text: bytes
    """Canonical JSON; empty while it is not here."""
    problem: str
    """Why no node could use it; empty if it can be used, or is not here yet."""


class CatalogueVotes:
    """Queues what this member proposes; the contract counts."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        alliance: Alliance,
        catalogue: Catalogue,
        outbox: Outbox,
        acts: Acts,
        clock: Clock,
    ) -> None:
        self._store, self._alliance, self._catalogue = store, alliance, catalogue
        self._outbox, self._acts, self._clock = outbox, acts, clock

    def proposed(self) -> Iterator[ProposedDefinition]:
        """Definitions under open proposals, oldest first.

        Raises:
            StoreError: the database fails.
        """
        now = self._clock.now()
        for number, row in self._alliance.projection.proposals():
            if row.action is Action.SET_DEFINITION and not row.passed and row.expires >= now:
                text = self._text(row.entry)
                yield ProposedDefinition(number, row.about, row.entry, text, self._problem(row.about, text))

    def propose(self, text: bytes, valid_seconds: int = 0) -> bytes:
        """Propose a definition, and keep its text for those who ask; its SHA-256.

        Args:
            text: canonical JSON.
            valid_seconds: how long members can vote; 0 for the default.

        Raises:
            DefinitionError: no node could use it.
            ConflictError: another version is next, or it is in force already.
            StoreError: the database fails.
        """
        definition = checker_of(text).definition
        present = self._alliance.projection.catalogue().get(definition.name)
        if present is not None and present.definition == definition_digest(text):
            raise ConflictError(f"just this definition of {definition.name} is in force")
        following = 1 if present is None else present.version + 1
        if definition.version != following:
            raise ConflictError(
                f"the next version of {definition.name} is {following}, not {definition.version}"
            )
        check_follows(definition, self._catalogue.earlier(definition.name))
        digest = self._catalogue.keep(text)
        valid = min(valid_seconds or DEFAULT_VALID_SECONDS, MAX_VALID_SECONDS - 3600)
        transaction = Transaction(self._store)
        call = ProposeDefinition(definition.name, following, digest, int(self._clock.now()) + valid)
        self._outbox.add(transaction, f"catalogue/{definition.name}", call)
        about = {
            "category": definition.name,
            "version": str(following),
            "definition_sha256": digest.hex(),
        }
        self._acts.record(transaction, ActKind.DEFINITION_PROPOSED, about)
        transaction.commit()
        return digest

    def _text(self, digest: bytes) -> bytes:
        try:
            return self._catalogue.text(digest)
        except MissingError:
            return b""

    def _problem(self, name: str, text: bytes) -> str:
        if not text:
            return ""
        try:
            definition = checker_of(text).definition
            if definition.name != name:
                return "its text is of another category"
            check_follows(definition, self._catalogue.earlier(name))
        except DefinitionError as error:
            return str(error)
        return ""
