"""`Catalogue.sol` in Python."""

from collections.abc import Sequence

from adapters.ledger.memory.state import State
from node.domain.alliance_life import DefinitionSet
from node.domain.catalogue.shipped import FoundingEntry, founding_entries
from node.errors import LedgerRefusedError


class CatalogueRules:
    """The catalogue's functions; only the alliance's rules call them."""

    def __init__(self, state: State) -> None:
        self._state = state

    def found(self, entries: Sequence[FoundingEntry] | None) -> list[DefinitionSet]:
        """What the constructor does; None for the definitions that come with this software.

        Raises:
            LedgerRefusedError: a category stands twice, or a definition is none.
        """
        founding = founding_entries() if entries is None else entries
        if len({one.category for one in founding}) != len(founding):
            raise LedgerRefusedError("CatalogueMalformedDefinition")
        for one in founding:
            if not one.version or not any(one.definition):
                raise LedgerRefusedError("CatalogueMalformedDefinition")
        return [self._set(one.category, one.version, one.definition) for one in founding]

    def check(self, category: str, version: int, definition: bytes) -> None:
        """Raises:
        LedgerRefusedError: as `Catalogue.check`.
        """
        if not any(definition):
            raise LedgerRefusedError("CatalogueMalformedDefinition")
        present: int = self._state.get("category", category, 0)
        if version != present + 1:
            raise LedgerRefusedError("CatalogueWrongVersion", f"expected={present + 1}")
        if present and self._state.get("definition", (category, present)) == definition:
            raise LedgerRefusedError("CatalogueUnchanged")

    def set(self, category: str, version: int, definition: bytes) -> DefinitionSet:
        """Raises:
        LedgerRefusedError: as `Catalogue.set`.
        """
        self.check(category, version, definition)
        return self._set(category, version, definition)

    def _set(self, category: str, version: int, definition: bytes) -> DefinitionSet:
        self._state.put("category", category, version)
        self._state.put("definition", (category, version), definition)
        return DefinitionSet(category, version, definition)
