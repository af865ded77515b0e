"""Record categories: who owns records of a kind, and how many digests each carries.

The number of slots is fixed per category so that optional fields do not show in a record's size; it bounds the
number of fields. The facts are those of the definitions (`catalogue/`): the shipped ones, and whatever definition of
a vote this process has read besides. What records rest on never changes for a name, and marks only accumulate
(`check_successor`), so that it makes no difference in which order definitions are learnt, and a record made under an
early definition is protected by a later one. What a new record must be is not said here: `services/catalogue.py`.
Source: the owner rule is 广州公共资源交易区块链 (party-private data belongs to the party, all else to the centre);
the field tables are those of 公共资源交易平台系统数据规范 V2.0.
"""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, replace

from node.domain.catalogue import shipped
from node.domain.catalogue.definition import Definition, OwnerRule
from node.errors import DefinitionError, RecordFormatError

__all__ = ["Categories", "Category", "OwnerRule", "categories", "category", "learn"]


@dataclass(frozen=True, slots=True)
class Category:
    """One kind of record."""

    name: str
    chinese: str
    owner: OwnerRule
    slots: int
    """Digests in every record of this category, decoys included."""
    is_own: bool = False
    """Whether only the node itself writes such records: no system and no wallet can append them."""
    personal: frozenset[str] = frozenset()
    """Fields about a natural person: a reader needs that person's own consent too (PIPL art. 23)."""
    sensitive: frozenset[str] = frozenset()
    """Those of `personal` that need a consent apart from any other (PIPL art. 28 and 29)."""
    sealed: frozenset[str] = frozenset()
    """Fields that nobody reads before opening; they answer like fields that are not there."""
    is_stated_by_authority: bool = False
    """Whether an authority's word is what such a record rests on: about a subject and read as its own, but handed in
    by the centre's systems, and never by the subject."""

    @property
    def is_from_wallet(self) -> bool:
        """Whether subjects hand in such records themselves."""
        return self.owner is OwnerRule.SUBJECT and not self.is_own and not self.is_stated_by_authority


class Categories:
    """What is known of categories; it only grows."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self._known: dict[str, Category] = {}
        for definition in definitions:
            self.learn(definition)

    def learn(self, definition: Definition) -> None:
        """Take in what a checked definition says.

        Raises:
            DefinitionError: it contradicts what records of the category rest on.
        """
        new = _category(definition)
        known = self._known.get(new.name)
        if known is not None:
            if _structure(known) != _structure(new):
                raise DefinitionError(f"{new.name}: owner and slots of a category never change")
            new = replace(
                known,
                personal=known.personal | new.personal,
                sensitive=known.sensitive | new.sensitive,
                sealed=known.sealed | new.sealed,
            )
        self._known[new.name] = new

    def category(self, name: str) -> Category:
        """The category by that name.

        Raises:
            RecordFormatError: there is none.
        """
        found = self._known.get(name)
        if found is None:
            raise RecordFormatError(f"unknown category {name!r}; known are {', '.join(self._known)}")
        return found

    def all(self) -> tuple[Category, ...]:
        """All categories, in the order in which they became known."""
        return tuple(self._known.values())


def category(name: str) -> Category:
    """The category by that name.

    Raises:
        RecordFormatError: there is none.
    """
    return _known().category(name)


def categories() -> tuple[Category, ...]:
    """All categories, the shipped ones first."""
    return _known().all()


def learn(definition: Definition) -> None:
    """Take in what a checked definition says, for the rest of this process.

    Raises:
        DefinitionError: it contradicts what records of the category rest on.
    """
    _known().learn(definition)


@functools.cache
def _known() -> Categories:
    return Categories(shipped.definitions().values())


def _category(definition: Definition) -> Category:
    return Category(
        name=definition.name,
        chinese=definition.chinese,
        owner=definition.rule,
        slots=definition.slots,
        is_own=definition.own,
        personal=definition.marked("personal"),
        sensitive=definition.marked("sensitive"),
        sealed=definition.marked("sealed"),
        is_stated_by_authority=definition.owner == "authority",
    )


def _structure(known: Category) -> tuple[object, ...]:
    return known.owner, known.slots, known.is_own, known.is_stated_by_authority
