"""The two listeners: members and own systems over mutual TLS, wallets over server-authenticated TLS."""

import time
from collections.abc import Callable, Sequence
from typing import cast

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from node.api.guard import Guard
from node.errors import UnavailableError

MEMBER_MESSAGE_BYTES = 16 << 20
WALLET_MESSAGE_BYTES = 1 << 20
_STREAMS_OF_CONNECTION = 256
_KEEPALIVE_MS = 60_000
_SETTLE_SECONDS = 0.02

Pair = tuple[bytes, bytes]
"""Private key and certificate, PEM."""
Register = Callable[[grpc.aio.Server], None]


def member_credentials(leaf: Callable[[], Pair], anchors: Callable[[], bytes]) -> grpc.ServerCredentials:
    """Mutual TLS; leaf and trust anchors are asked for at every handshake, so that both may change."""
    shown = _Shown(leaf, anchors)
    return grpc.dynamic_ssl_server_credentials(shown.first(), shown.next, require_client_authentication=True)


def wallet_credentials(leaf: Callable[[], Pair]) -> grpc.ServerCredentials:
    """TLS where only the server shows a certificate."""
    shown = _Shown(leaf, lambda: None)
    return grpc.dynamic_ssl_server_credentials(shown.first(), shown.next, require_client_authentication=False)


class _Shown:
    """What one listener shows and trusts in handshakes.

    gRPC frees the old configuration while other handshakes may just be taking it up, and then its memory is corrupt
    (grpc/grpc#36693, open): with a new one for every handshake, any stranger ends the process with a thousand
    connections. So a new one is given only when something has changed, and after a pause in which gRPC, which holds
    its lock around `next`, lets no further handshake begin and those that have begun get past that place.
    """

    def __init__(self, leaf: Callable[[], Pair], anchors: Callable[[], bytes | None]) -> None:
        self._leaf, self._anchors = leaf, anchors
        self._known = (leaf(), anchors())

    def first(self) -> grpc.ServerCertificateConfiguration:
        """The configuration to begin with."""
        pair, anchors = self._known
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=anchors)

    def next(self) -> grpc.ServerCertificateConfiguration:
        """The configuration from now on, or None (which the stubs do not know of) if it is still the same."""
        wanted = (self._leaf(), self._anchors())
        if wanted == self._known:
            return cast("grpc.ServerCertificateConfiguration", None)
        time.sleep(_SETTLE_SECONDS)
        self._known = wanted
        return self.first()


async def serve(  # noqa: PLR0917
    address: str,
    credentials: grpc.ServerCredentials,
    guard: Guard,
    services: Sequence[Register],
    names: Sequence[str],
    message_bytes: int,
) -> tuple[grpc.aio.Server, int]:
    """Start a listener with health and reflection.

    Args:
        address: host:port; port 0 takes a free one.
        credentials: from the functions above.
        guard: stands before every call.
        services: adds the servicers.
        names: full service names, for health and reflection.
        message_bytes: largest message taken.

    Returns:
        The running server and its port.

    Raises:
        UnavailableError: the address is in use or not this machine's.
    """
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", message_bytes),
            ("grpc.max_send_message_length", message_bytes),
            ("grpc.so_reuseport", 0),
            # What one connection may have open; the guard counts by caller, and says why it refuses.
            ("grpc.max_concurrent_streams", _STREAMS_OF_CONNECTION),
            # Connections whose other end is gone are noticed, and their streams end.
            ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ],
    )
    guarded = guard.over(server)
    for register in services:
        register(guarded)
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, guarded)
    for name in ("", *names):
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflected = reflection.aio.ReflectionServicer([*names, health.SERVICE_NAME, reflection.SERVICE_NAME])
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, guarded)
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise UnavailableError(
            f"cannot listen on {address}: the port is in use, or the address is not this machine's; see "
            "[listen] in heqi.toml"
        ) from error
    await server.start()
    return server, port
