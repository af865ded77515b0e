"""One section of a release to one record, or to what is parked of it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from adapters.systems.ocds.convert import Converter
from adapters.systems.ocds.fault import FaultError
from adapters.systems.ocds.outcome import Accepted, Outcome, Parked, Reason, Summary
from adapters.systems.ocds.rules import Draft, Rule, take, within
from adapters.systems.ocds.sections import Section
from adapters.systems.ocds.tree import Tree, Unusable, parked, parked_unusable
from node.domain.draft import MAX_DRAFT_BYTES, RecordDraft, check_draft
from node.domain.values import Value, check_value, is_object_key, to_json_value
from node.errors import RecordFormatError


@dataclass(frozen=True, slots=True)
class Origin:
    """What all records of one release have in common."""

    source_system: str
    source_version: str
    occurred: str | None
    parties: Mapping[str, dict[str, Tree]]
    converter: Converter
    project: str
    """The ocid: one contracting process."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A section of a release: what it says about which thing."""

    section: Section
    node: Tree
    thing: str
    source: str


def make_record(statement: Statement, origin: Origin, extra: Mapping[str, Value]) -> Iterator[Outcome]:
    """The record of one statement, after what had to be parked of it.

    Args:
        statement: the section as it stands in the source.
        origin: its release.
        extra: further fields, added to a record that states something of its own.
    """
    node, source = statement.node, statement.source
    if isinstance(node, Unusable):
        yield parked_unusable(node, source)
        return
    if not isinstance(node, dict):
        yield parked(Reason.WRONG_SHAPE, "an object belongs here", source, node)
        return
    draft = Draft(origin.converter, origin.parties, source)
    try:
        rest = take(node, statement.section.rules, draft)
        draft.put("details", collect(rest, draft) or None)
    except FaultError as fault:
        yield parked(fault.reason, str(fault), source + fault.pointer, node)
        return
    if not draft.fields:
        yield parked(Reason.EMPTY, "the section states nothing", source, node)
        return
    content = _content(node, draft.fields)
    draft.fields.update(extra)
    yield from _checked(draft, statement, origin, content)


def collect(rest: Mapping[str, Tree], draft: Draft) -> dict[str, Value]:
    """What no rule took, under the source's own keys.

    Raises:
        FaultError: something in it is unusable.
    """
    found: dict[str, Value] = {}
    for key, part in rest.items():
        within(key, part, draft, _keep(key, found))
    return found


def _keep(key: str, found: dict[str, Value]) -> Rule:
    def rule(part: Tree, draft: Draft) -> Tree:
        if not is_object_key(key):
            raise FaultError(Reason.BAD_KEY, f"{key[:64]!a} cannot be a key of a record's object")
        value = draft.converter.to_value(part, key)
        if value is not None:
            found[key] = value
        return None

    return rule


def _content(node: Tree, fields: Mapping[str, Value]) -> bytes:
    # Digested as it stands, not as fields: those also hold what the organisations' own sections say, which is
    # there in one release and not in the next. Nothing is counted a second time.
    value: Value | None
    try:
        value = Converter(Summary()).to_value(node)
    except FaultError:
        value = fields
    return hashlib.sha256(json.dumps(to_json_value(value or {}), sort_keys=True).encode()).digest()


def _checked(draft: Draft, statement: Statement, origin: Origin, content: bytes) -> Iterator[Outcome]:
    try:
        heavy = list(_drop_heaviest(draft.fields, statement.source))
        record = RecordDraft(
            category=statement.section.category,
            thing=statement.thing,
            owner=None,
            source_system=origin.source_system,
            source_version=origin.source_version,
            occurred=origin.occurred,
            fields=draft.fields,
            project=origin.project,
        )
        check_draft(record)
    except RecordFormatError as error:
        yield parked(Reason.RECORD_FORMAT, str(error), statement.source, statement.node)
        return
    yield from draft.parked
    yield from heavy
    yield Accepted(record, statement.source, content)


def _drop_heaviest(fields: dict[str, Value], source: str) -> Iterator[Parked]:
    # Each part is small enough, but not all of them together: the heaviest ones go, as few as possible.
    weights = {name: check_value(value, name) for name, value in fields.items()}
    while sum(weights.values()) > MAX_DRAFT_BYTES:
        name = max(weights, key=weights.__getitem__)
        message = f"the field {name} has {weights.pop(name)} bytes: too much for one record with all the rest"
        del fields[name]
        yield parked(Reason.TOO_LARGE, message, source, name, part=True)
