"""What tests look at in a world where one reader has one access request."""

from node.services.own_requests import OwnRequest
from tests.support.world import Shared, World


def own_request(world: World) -> OwnRequest:
    """The reader's only access request, as it keeps it."""
    [(_, request)] = world.reader.services.reading.requests()
    return request


def uses_shown(world: World, shared: Shared) -> list[bool]:
    """One entry for each use that the home counted: whether its receipt is there."""
    return [bool(entry.receipt) for entry in world.home.serving.history(shared.bidder.subject)]
