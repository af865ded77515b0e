"""Connections by the thousand, as a port scanner or an enemy opens them, do not end a node.

In a process of its own: what this guards against is memory corruption inside gRPC, which takes the process along.
"""

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import threading
import time

import grpc
from cryptography.hazmat.primitives.asymmetric import ec

from adapters.crypto.leaves import issue_leaf
from node.api.server import wallet_credentials

_HANDSHAKES = 6_000
_THREADS = 8
_CHANGE_SECONDS = 0.25


def test_a_flood_of_handshakes_does_not_end_the_node():
    done = subprocess.run(
        [sys.executable, __file__], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert int(done.stdout) > 1, "the leaf was to change under the flood"


async def _serve_under_flood() -> int:
    """How often the leaf was changed meanwhile."""
    changes, began = 0, time.monotonic()
    leaf = _leaf()

    def current():
        nonlocal changes, began, leaf
        if time.monotonic() - began > _CHANGE_SECONDS:
            changes, began, leaf = changes + 1, time.monotonic(), _leaf()
        return leaf

    server = grpc.aio.server()
    port = server.add_secure_port("127.0.0.1:0", wallet_credentials(current))
    await server.start()
    await asyncio.to_thread(_flood, port)
    await server.stop(None)
    return changes


def _leaf():
    return issue_leaf("centre-a", ec.generate_private_key(ec.SECP256R1()), time.time()).pair


def _flood(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])

    def shake() -> None:
        for _ in range(_HANDSHAKES // _THREADS):
            with (
                contextlib.suppress(OSError),
                context.wrap_socket(socket.create_connection(("127.0.0.1", port))),
            ):
                pass

    threads = [threading.Thread(target=shake) for _ in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    print(asyncio.run(_serve_under_flood()))
