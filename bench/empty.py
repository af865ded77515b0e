"""A gRPC server that answers nothing, behind the same mutual TLS as a node: what a call costs at least."""

import grpc

from adapters.crypto.clock import SystemClock
from adapters.crypto.leaves import LeafSource
from node.api.authority import OPERATOR, RULES, Rule
from node.api.caller import Callers, Visitor
from node.api.guard import Guard
from node.api.limits import Limits
from node.api.server import member_credentials
from node.api.streams import OpenStreams
from node.config import LimitsConfig
from node.wire.tls import anchor_pem
from tests.support.network import Centre

EMPTY_METHOD = "/bench.Empty/Call"


UNLIMITED = LimitsConfig(*[1_000_000] * len(LimitsConfig.__struct_fields__))


def guard_of(centre: Centre, *, is_checking: bool) -> Guard:
    """What stands before every call of a node; if it does not check, every caller is believed to be the operator."""
    RULES[EMPTY_METHOD] = Rule(OPERATOR)
    services = centre.services
    callers = Callers(
        services.projection, services.systems, services.clock, centre.name, centre.keys.identity
    )
    believed = (Visitor(OPERATOR, "operator"), RULES[EMPTY_METHOD])
    check = callers.check if is_checking else lambda _method, _context: believed
    return Guard(check, Limits(UNLIMITED), OpenStreams())


async def serve_empty(centre: Centre, guard: Guard | None = None) -> tuple[grpc.aio.Server, int]:
    """Start it with a centre's keys and let all founders in; the server and its port."""

    async def answer(_request: bytes, _context: object) -> bytes:
        return b""

    leaves = LeafSource(centre.name, centre.keys.identity, SystemClock())
    members = [row.member for row in centre.services.projection.members()]
    anchors = b"".join(anchor_pem(member.name, member.identity_key) for member in members)
    server = grpc.aio.server()
    (guard.over(server) if guard else server).add_registered_method_handlers(
        "bench.Empty", {"Call": grpc.unary_unary_rpc_method_handler(answer)}
    )
    credentials = member_credentials(lambda: leaves.leaf().pair, lambda: anchors)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    return server, port
