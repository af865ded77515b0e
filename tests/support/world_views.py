"""What tests look at in a world where one reader has one access request."""

from node.domain.document import peek_document
from node.domain.reading import ReadRequest
from node.services.own_requests import OwnRequest
from tests.support.world import Shared, World


def own_request(world: World) -> OwnRequest:
    """The reader's only access request, as it keeps it."""
    [(_, request)] = world.reader.services.reading.requests()
    return request


def uses_shown(world: World, shared: Shared) -> list[bool]:
    """One entry for each use that the home counted: whether its receipt is there."""
    return [bool(entry.receipt) for entry in world.home.serving.history(shared.bidder.subject)]


def uses_asked(world: World) -> set[str]:
    """The uses that read requests on the network asked for, by their `jti`."""
    return {peek_document(token, ReadRequest).jti for token in world.network.reads}
