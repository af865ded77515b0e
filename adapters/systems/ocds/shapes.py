"""The shapes in which releases come, and the way from a document to its releases.

Release packages, record packages, bare records, bare releases, lists of any of these. A record gives its
embedded releases, which are the history; without them its compiled release; without that the newest values
of its versioned release.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from adapters.systems.ocds.convert import to_identifier
from adapters.systems.ocds.fault import FaultError
from adapters.systems.ocds.outcome import Parked, Reason
from adapters.systems.ocds.tree import Tree, Unusable, parked, parked_unusable
from adapters.systems.ocds.versioned import newest_release

SECTIONS = ("parties", "planning", "tender", "bids", "awards", "contracts")


@dataclass(frozen=True, slots=True)
class Release:
    """One release, not yet looked into."""

    tree: dict[str, Tree]
    ocid: str | None
    """Of the record around it; a release of its own names it itself."""
    source: str


Found: TypeAlias = Release | Parked


def find_releases(tree: Tree, source: str) -> Iterator[Found]:
    """All releases of a document, in its order."""
    if isinstance(tree, list) and tree:
        for node, place in _objects(tree, source):
            yield from _from_node(node, place)
    else:
        yield from _from_node(tree, source)


def _from_node(node: Tree, source: str) -> Iterator[Found]:
    if isinstance(node, Unusable):
        yield parked_unusable(node, source)
    elif not isinstance(node, dict):
        yield parked(Reason.NOT_OCDS, "neither a release nor a record nor a package of them", source, node)
    elif "compiledRelease" in node or "versionedRelease" in node or ("ocid" in node and "releases" in node):
        yield from _from_record(node, source)
    elif "releases" in node or "records" in node:
        yield from _from_package(node, source)
    elif "ocid" in node or any(section in node for section in SECTIONS):
        yield Release(node, None, source)
    else:
        yield parked(Reason.NOT_OCDS, "neither a release nor a record nor a package of them", source, node)


def _from_package(package: dict[str, Tree], source: str) -> Iterator[Found]:
    if not package.get("releases") and not package.get("records"):
        yield parked(Reason.EMPTY, "a package without releases and records", source, package)
    for node, place in _objects(package.get("releases"), source + "/releases"):
        yield _as_release(node, None, place)
    for node, place in _objects(package.get("records"), source + "/records"):
        if isinstance(node, dict):
            yield from _from_record(node, place)
        else:
            yield _as_release(node, None, place)


def _from_record(record: dict[str, Tree], source: str) -> Iterator[Found]:
    ocid = to_identifier(record.get("ocid"))
    history = [
        _as_release(node, ocid, place)
        for node, place in _objects(record.get("releases"), source + "/releases")
    ]
    yield from history
    if any(isinstance(release, Release) for release in history):
        return
    compiled = record.get("compiledRelease")
    if compiled is not None:
        yield _as_release(compiled, ocid, source + "/compiledRelease")
    elif record.get("versionedRelease") is not None:
        yield _newest(record["versionedRelease"], ocid, source + "/versionedRelease")
    elif not history:
        yield parked(Reason.EMPTY, "a record without releases", source, record)


def _newest(node: Tree, ocid: str | None, source: str) -> Found:
    if not isinstance(node, dict):
        return _as_release(node, ocid, source)
    try:
        return Release(newest_release(node), ocid, source)
    except FaultError as fault:
        return parked(fault.reason, str(fault), source, node)


def _as_release(node: Tree, ocid: str | None, source: str) -> Found:
    if isinstance(node, Unusable):
        return parked_unusable(node, source)
    if not isinstance(node, dict):
        return parked(Reason.WRONG_SHAPE, "an object belongs here", source, node)
    if "url" in node and "ocid" not in node and not any(section in node for section in SECTIONS):
        return parked(
            Reason.LINKED_RELEASE, "only the address of a release is given; nothing is fetched", source, node
        )
    return Release(node, ocid, source)


def _objects(node: Tree, source: str) -> Iterator[tuple[Tree, str]]:
    if isinstance(node, list):
        for number, item in enumerate(node):
            yield item, f"{source}/{number}"
    elif node is not None:
        # What is no list cannot be used as one: the caller parks it like a bad item.
        yield (node if isinstance(node, Unusable) else [node]), source
