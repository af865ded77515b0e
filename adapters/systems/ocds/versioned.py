"""The newest values of a versioned release, in which every value is a list of what it has been."""

from adapters.systems.ocds.dates import order_key
from adapters.systems.ocds.fault import FaultError
from adapters.systems.ocds.outcome import Reason
from adapters.systems.ocds.tree import Tree

_VERSION_KEYS = frozenset({"releaseDate", "releaseID", "releaseTag", "value"})
_MAX_DEPTH = 32


def newest_release(versioned: dict[str, Tree]) -> dict[str, Tree]:
    """A plain release with the newest value of everything, under id and date of the newest version in it.

    Raises:
        FaultError: too deep, or a version has an impossible date.
    """
    newest: dict[str, Tree] = {}
    found = {key: _newest(part, newest, 0) for key, part in versioned.items()}
    found["date"] = newest.get("releaseDate")
    found["id"] = newest.get("releaseID")
    found["tag"] = newest.get("releaseTag")
    return found


def _newest(node: Tree, newest: dict[str, Tree], depth: int) -> Tree:
    if depth > _MAX_DEPTH:
        raise FaultError(Reason.TOO_DEEP, f"a versioned release more than {_MAX_DEPTH} deep")
    if isinstance(node, dict):
        return {key: _newest(part, newest, depth + 1) for key, part in node.items()}
    if not isinstance(node, list):
        return node
    versions = [item for item in node if isinstance(item, dict) and _is_version(item)]
    if not versions or len(versions) < len(node):
        return [_newest(item, newest, depth + 1) for item in node]
    # max keeps the first of equals; the last one stated is the one that holds.
    last = max(reversed(versions), key=_order)
    if not newest or _order(last) > _order(newest):
        newest.update(last)
    return last.get("value")


def _is_version(item: dict[str, Tree]) -> bool:
    return "releaseDate" in item and item.keys() <= _VERSION_KEYS


def _order(version: dict[str, Tree]) -> str:
    stated = version.get("releaseDate")
    return order_key(stated) if isinstance(stated, str) else ""
