"""The definitions that come with this software, as package data; nothing here is believed to be in force.

A file is `<name>.<version>.json`, laid out for people; its canonical JSON is what the ledger knows by hash. A file
that was part of a release never changes: what is to change is a next version, and the members vote on it. What is in
them is checked by tests and not at every start, where it would cost more than all the rest of a command.
"""

import functools
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from node.domain.catalogue.definition import (
    Definition,
    definition_digest,
    encode_definition,
)
from node.domain.encoding import canonical_json


@dataclass(frozen=True, slots=True)
class FoundingEntry:
    """What a new alliance puts on its ledger for a category."""

    category: str
    version: int
    definition: bytes
    """32 bytes: SHA-256 of its canonical JSON."""


@functools.cache
def texts() -> Mapping[bytes, bytes]:
    """Every shipped definition's canonical JSON, by its SHA-256."""
    folder = importlib.resources.files("node.domain.catalogue").joinpath("definitions")
    found: dict[bytes, bytes] = {}
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        if file.name.endswith(".json"):
            raw = canonical_json(msgspec.json.decode(file.read_bytes()))
            found[definition_digest(raw)] = raw
    return found


@functools.cache
def definitions() -> Mapping[str, Definition]:
    """The newest shipped version of every category, in the order of `ORDER`, then by name."""
    newest: dict[str, Definition] = {}
    for raw in texts().values():
        definition = msgspec.json.decode(raw, type=Definition)
        if definition.name not in newest or newest[definition.name].version < definition.version:
            newest[definition.name] = definition
    places = {name: place for place, name in enumerate(ORDER)}
    return {name: newest[name] for name in sorted(newest, key=lambda one: (places.get(one, len(ORDER)), one))}


@functools.cache
def founding_entries() -> tuple[FoundingEntry, ...]:
    """What a new alliance begins with."""
    return tuple(
        FoundingEntry(one.name, one.version, definition_digest(encode_definition(one)))
        for one in definitions().values()
    )


ORDER = (
    "subject.base",
    "subject.qualification",
    "subject.performance",
    "subject.personnel",
    "subject.credit",
    "subject.evaluation",
    "subject.attestation",
    "subject.dispute",
    "trade.party",
    "trade.project",
    "trade.planning",
    "trade.tender",
    "trade.section",
    "trade.notice",
    "trade.bid",
    "trade.opening",
    "trade.award",
    "trade.contract",
    "trade.performance",
    "trade.guarantee",
    "guarantee.line",
    "expert.draw",
    "expert.evaluation",
    "evidence.item",
    "certificate.status",
    "supervision.matter",
    "archive.package",
    "access.read",
    "access.legal",
    "node.act",
)
"""As people read them."""
