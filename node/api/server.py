"""The two listeners: members and own systems over mutual TLS, wallets over server-authenticated TLS."""

from collections.abc import Callable, Sequence

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from node.api.guard import Check, Guard
from node.errors import UnavailableError

MEMBER_MESSAGE_BYTES = 16 << 20
WALLET_MESSAGE_BYTES = 1 << 20

Pair = tuple[bytes, bytes]
"""Private key and certificate, PEM."""
Register = Callable[[grpc.aio.Server], None]


def member_credentials(leaf: Callable[[], Pair], anchors: Callable[[], bytes]) -> grpc.ServerCredentials:
    """Mutual TLS; leaf and trust anchors are asked for at every handshake, so that both may change."""

    def configuration() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([leaf()], root_certificates=anchors())

    return grpc.dynamic_ssl_server_credentials(
        configuration(), configuration, require_client_authentication=True
    )


def wallet_credentials(leaf: Callable[[], Pair]) -> grpc.ServerCredentials:
    """TLS where only the server shows a certificate."""

    def configuration() -> grpc.ServerCertificateConfiguration:
        return grpc.ssl_server_certificate_configuration([leaf()])

    return grpc.dynamic_ssl_server_credentials(
        configuration(), configuration, require_client_authentication=False
    )


async def serve(  # noqa: PLR0917
    address: str,
    credentials: grpc.ServerCredentials,
    check: Check,
    services: Sequence[Register],
    names: Sequence[str],
    message_bytes: int,
) -> tuple[grpc.aio.Server, int]:
    """Start a listener with health and reflection.

    Args:
        address: host:port; port 0 takes a free one.
        credentials: from the functions above.
        check: who may call what.
        services: adds the servicers.
        names: full service names, for health and reflection.
        message_bytes: largest message taken.

    Returns:
        The running server and its port.

    Raises:
        UnavailableError: the address is in use or not this machine's.
    """
    server = grpc.aio.server(
        interceptors=[Guard(check)],
        options=[
            ("grpc.max_receive_message_length", message_bytes),
            ("grpc.max_send_message_length", message_bytes),
            ("grpc.so_reuseport", 0),
        ],
    )
    for register in services:
        register(server)
    status = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(status, server)
    for name in ("", *names):
        await status.set(name, health_pb2.HealthCheckResponse.SERVING)
    reflection.enable_server_reflection([*names, health.SERVICE_NAME, reflection.SERVICE_NAME], server)
    try:
        port = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise UnavailableError(
            f"cannot listen on {address}: the port is in use, or the address is not this machine's; see "
            "[listen] in heqi.toml"
        ) from error
    await server.start()
    return server, port
