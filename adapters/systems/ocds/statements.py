"""The sections of a release one by one, each with the name of the thing it is about."""

from collections.abc import Iterator

from adapters.systems.ocds.convert import to_identifier
from adapters.systems.ocds.outcome import Parked, Reason
from adapters.systems.ocds.record import Statement
from adapters.systems.ocds.sections import AWARD, BID, CONTRACT, PARTY, PERFORMANCE, PLANNING, TENDER, Section
from adapters.systems.ocds.tree import Tree, Unusable, parked, parked_unusable, step
from node.domain.draft import MAX_THING_LENGTH


def find_statements(tree: dict[str, Tree], thing: str, source: str) -> Iterator[Statement | Parked]:
    """All statements of a release, in the order of a process.

    Args:
        tree: the release.
        thing: name of the process, escaped.
        source: where the release stands.
    """
    yield from _listed(PARTY, tree.get("parties"), f"{thing}/parties", f"{source}/parties")
    for key, section in (("planning", PLANNING), ("tender", TENDER)):
        if tree.get(key):
            yield Statement(section, tree[key], f"{thing}/{key}", f"{source}/{key}")
    bids = tree.get("bids")
    if isinstance(bids, dict):
        yield from _listed(BID, bids.get("details"), f"{thing}/bids", f"{source}/bids/details")
    else:
        yield from _listed(BID, bids, f"{thing}/bids", f"{source}/bids")
    yield from _listed(AWARD, tree.get("awards"), f"{thing}/awards", f"{source}/awards")
    for contract in _listed(CONTRACT, tree.get("contracts"), f"{thing}/contracts", f"{source}/contracts"):
        if isinstance(contract, Statement):
            yield from _contract(contract)
        else:
            yield contract


def _contract(contract: Statement) -> Iterator[Statement]:
    if not isinstance(contract.node, dict):
        yield contract
        return
    signed = {key: part for key, part in contract.node.items() if key != "implementation"}
    yield Statement(CONTRACT, signed, contract.thing, contract.source)
    # What is done under a contract changes long after it was signed: a thing of its own.
    performance = contract.node.get("implementation")
    if performance:
        thing, source = f"{contract.thing}/implementation", f"{contract.source}/implementation"
        yield Statement(PERFORMANCE, performance, thing, source)


def _listed(section: Section, nodes: Tree, thing: str, source: str) -> Iterator[Statement | Parked]:
    if isinstance(nodes, Unusable):
        yield parked_unusable(nodes, source)
    elif nodes and not isinstance(nodes, list):
        yield parked(Reason.WRONG_SHAPE, "a list belongs here", source, nodes)
    elif isinstance(nodes, list):
        for number, node in enumerate(nodes):
            if node is not None:
                yield _item(section, node, thing, f"{source}/{number}")


def _item(section: Section, node: Tree, thing: str, source: str) -> Statement | Parked:
    if isinstance(node, Unusable):
        return parked_unusable(node, source)
    if not isinstance(node, dict):
        return parked(Reason.WRONG_SHAPE, "an object belongs here", source, node)
    identifier = to_identifier(node.get("id"))
    if identifier is None:
        return parked(
            Reason.MISSING_ID, "without an id its next version could not be told from another", source, node
        )
    name = thing + step(identifier)
    if len(name) > MAX_THING_LENGTH or not name.isprintable():
        return parked(Reason.BAD_IDENTIFIER, "the id is too long or not printable", source, node)
    return Statement(section, node, name, source)
