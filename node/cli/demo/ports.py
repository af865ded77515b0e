"""Ports for servers that are started in a moment."""

import contextlib
import secrets
import socket


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now, and that no outgoing connection is given before somebody does.

    The kernel takes the near ends of connections from 32768 on (`ip_local_port_range`): a port that is free
    there may be gone by the time that its server starts.
    """
    ports: list[int] = []
    while len(ports) < count:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as tried, contextlib.suppress(OSError):
            tried.bind(("127.0.0.1", port))
            if port not in ports:
                ports.append(port)
    return ports
