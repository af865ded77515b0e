"""The engine as a service: what `heqi chain` runs in its own process."""

import asyncio
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

_log = logging.getLogger(__name__)


async def serve(
    folder: Path,
    *,
    socket: Path | None,
    tcp: tuple[str, int] | None = None,
    chain_id: int | None = None,
    seal_seconds: float = 1.0,
    heartbeat_seconds: float = 15.0,
    on_ready: Callable[[int], None] | None = None,
) -> None:
    """Open or found the chain in `folder` and answer until cancelled.

    Args:
        folder: holds the database and nothing else; one process at a time.
        socket: path of the Unix socket, made with mode 0600; at most about 100 bytes long.
        tcp: loopback address and port to listen on too; port 0 picks a free one.
        chain_id: of a new chain; random if None.
        seal_seconds: least time between two blocks.
        heartbeat_seconds: most time between two blocks.
        on_ready: called once with the chain id when requests are answered.

    Raises:
        StoreError: the database is held by another process, damaged, or cannot be written; or the port is
            taken.
        ConfigError: the address is not loopback, or the folder holds a chain with another id.
    """
    # eth-hash decides at the first hash and would take pycryptodome, which is seven times slower; hence also
    # the imports here, below, and not at the top
    os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")
    from adapters.ledger.embedded.accounts import Nonces  # noqa: PLC0415
    from adapters.ledger.embedded.chain import open_chain  # noqa: PLC0415
    from adapters.ledger.embedded.methods import Methods  # noqa: PLC0415
    from adapters.ledger.embedded.pool import Pool  # noqa: PLC0415
    from adapters.ledger.embedded.rpc import Dispatcher  # noqa: PLC0415
    from adapters.ledger.embedded.sealer import Pace, Sealer  # noqa: PLC0415
    from adapters.ledger.embedded.server import RpcServer  # noqa: PLC0415

    chain = open_chain(folder, now=int(time.time()), chain_id=chain_id)
    try:
        nonces = Nonces(chain)
        pool = Pool(nonces.read)
        sealer = Sealer(chain, pool, Pace(seal_seconds, heartbeat_seconds))
        server = RpcServer(Dispatcher(Methods(chain, pool, sealer.wake).table()))
        try:
            await server.listen(socket, tcp)
            _log.info("chain %d at block %d is served", chain.chain_id, chain.head.block_number)
            if on_ready is not None:
                on_ready(chain.chain_id)
            await sealer.run()
        finally:
            await server.close()
    except asyncio.CancelledError:
        _log.info("chain %d stops at block %d", chain.chain_id, chain.head.block_number)
        raise
    finally:
        chain.close()
