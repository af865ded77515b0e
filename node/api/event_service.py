"""`EventService`: systems watch what happens at this node."""

from collections.abc import AsyncIterator

from heqi.v1 import event_service_pb2 as pb
from heqi.v1 import event_service_pb2_grpc as rpc

from node.api.caller import Context
from node.domain.encoding import to_rfc3339
from node.services.feed import Feed


class EventService(rpc.EventServiceServicer):
    """Streams the feed."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def Watch(self, request: pb.WatchRequest, context: Context) -> AsyncIterator[pb.WatchResponse]:
        """See the proto."""
        async for number, entry in self._feed.watch(max(0, request.first)):
            yield pb.WatchResponse(
                number=number, kind=entry.kind, time=to_rfc3339(entry.time), about=entry.about
            )
