"""By which definition new records are checked, all categories together; immutable, and small enough for a worker.

A category whose definition in force is not here, or cannot be used, takes no new record and says why; others go on.
"""

import contextlib
import functools
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from node.domain.catalogue import shipped
from node.domain.catalogue.checking import Checker, Mistake, checker_of, told
from node.domain.catalogue.definition import (
    Definition,
    check_successor,
    definition_digest,
    encode_definition,
)
from node.errors import DefinitionError, DefinitionMissingError, RecordFieldsError, RecordFormatError

MISSING = "its text is not here yet"


class InForce(msgspec.Struct, frozen=True, array_like=True):
    """What is in force for one category."""

    category: str
    version: int
    digest: bytes
    """SHA-256 of the definition, as the ledger has it."""
    text: bytes = b""
    """Canonical JSON, where it did not come with the software; empty also where it is not here."""
    problem: str = ""
    """Why no node can use it; empty if it can be used, or is not here."""


class Rules:
    """The definitions in force."""

    def __init__(self, entries: Iterable[InForce]) -> None:
        self.entries = tuple(entries)
        self._versions: dict[str, int] = {}
        self._checkers: dict[str, Checker] = {}
        self.lacking: dict[str, str] = {}
        """Why new records of a category are not taken, by category."""
        for entry in self.entries:
            self._versions[entry.category] = entry.version
            text = entry.text or shipped.texts().get(entry.digest, b"")
            if entry.problem or not text:
                self.lacking[entry.category] = entry.problem or MISSING
            else:
                self._checkers[entry.category] = checker_of(text)

    def definitions(self) -> list[Definition]:
        """Those that can be used."""
        return [checker.definition for checker in self._checkers.values()]

    def definition(self, category: str) -> Definition:
        """The definition that new records of a category are checked by.

        Raises:
            RecordFormatError: there is no such category.
            DefinitionMissingError: it is not here, or cannot be used.
        """
        return self._checker(category).definition

    def version(self, category: str) -> int:
        """Version in force; zero if there is no such category on the ledger."""
        return self._versions.get(category, 0)

    def check(self, category: str, fields: Mapping[str, object]) -> int:
        """Check a new record's fields; the version of the definition that they were checked by.

        Args:
            category: its name.
            fields: plain JSON values by name.

        Raises:
            RecordFormatError: there is no such category.
            RecordFieldsError: with every mistake.
            DefinitionMissingError: the definition in force is not here, or cannot be used.
        """
        checker = self._checkers.get(category)
        if checker is None or not checker.is_valid(fields):
            raise RecordFieldsError(told(self._checker(category).mistakes(fields)))
        return checker.definition.version

    def mistakes(self, category: str, fields: Mapping[str, object]) -> list[Mistake]:
        """As `check`, for who collects the mistakes of several documents.

        Raises:
            RecordFormatError: there is no such category.
            DefinitionMissingError: as for `check`.
        """
        return self._checker(category).mistakes(fields)

    def _checker(self, category: str) -> Checker:
        checker = self._checkers.get(category)
        if checker is not None:
            return checker
        if category in self.lacking:
            raise DefinitionMissingError(
                f"{category} takes no new record: of the definition in force, version {self.version(category)}, "
                f"{self.lacking[category]}"
            )
        raise RecordFormatError(f"unknown category {category!r}; known are {', '.join(self._versions)}")


def judge(entry: InForce, earlier: Sequence[bytes]) -> InForce:
    """Say of a definition in force whether it can be used.

    Args:
        entry: with its text, shipped or not, if that is here.
        earlier: texts of the category's definitions before, oldest first, as far as they are here.
    """
    text = entry.text or shipped.texts().get(entry.digest, b"")
    if not text:
        return entry
    try:
        definition = checker_of(text).definition
        check_follows(definition, earlier)
    except DefinitionError as error:
        return msgspec.structs.replace(entry, problem=f"it cannot be used: {error}")
    stated = (definition_digest(text), definition.name, definition.version)
    if stated != (entry.digest, entry.category, entry.version):
        return msgspec.structs.replace(entry, problem="it cannot be used: the text is of another definition")
    return entry


def check_follows(definition: Definition, earlier: Iterable[bytes]) -> None:
    """Check that a definition can follow those before it; of these, what no node could use counts for nothing.

    Args:
        definition: checked.
        earlier: texts of the category's definitions before, oldest first, as far as they are here.

    Raises:
        DefinitionError: it changes what earlier records rest on.
    """
    standing: list[Definition] = []
    for text in earlier:
        with contextlib.suppress(DefinitionError):
            before = checker_of(text).definition
            for one in standing:
                check_successor(one, before)
            standing.append(before)
    for one in standing:
        check_successor(one, definition)


@functools.cache
def shipped_rules() -> Rules:
    """The rules of an alliance that has changed nothing."""
    return Rules(
        InForce(one.name, one.version, definition_digest(encode_definition(one)))
        for one in shipped.definitions().values()
    )


@functools.lru_cache(maxsize=4)
def rules_from(raw: bytes) -> Rules:
    """Rules from another process.

    Args:
        raw: `encode_rules`.
    """
    return Rules(msgspec.msgpack.decode(raw, type=list[InForce]))


def encode_rules(rules: Rules) -> bytes:
    """Rules for another process: MessagePack, only what did not come with the software spelt out."""
    return msgspec.msgpack.encode(rules.entries)
