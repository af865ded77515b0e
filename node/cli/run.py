"""`heqi run`: the node, in the foreground until SIGINT or SIGTERM."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from node.errors import NodeError
from node.services.expiries import Deadline, certificate_deadline
from node.setup import follow_keys, operator_certificate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command."""
    parser.add_argument("--home", type=Path, required=True, help="节点目录 | folder of the node")
    parser.add_argument("--log-level", default="INFO", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run until stopped."""
    set_up_logging(args.log_level)
    return run_until_signal(_serve(args.home))


async def _serve(home: Path) -> None:
    from adapters.crypto.keys import open_keys  # noqa: PLC0415
    from node.app import open_node  # noqa: PLC0415
    from node.config import load_config  # noqa: PLC0415

    config, keys = load_config(home), open_keys(home)

    def operator_deadlines() -> list[Deadline]:
        pem = operator_certificate(home)
        return [] if pem is None else [certificate_deadline("operator's certificate", pem, lead_days=30)]

    async with open_node(home, keys, lambda: follow_keys(home, config, keys)) as node:
        follow_keys(home, config, keys)  # after the node has taken up the keys that the ledger names
        node.services.expiries.sources.append(operator_deadlines)
        await node.run()


def set_up_logging(level: str) -> None:
    """Log lines with time and level on standard error."""
    logging.basicConfig(level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")


def run_until_signal(work: Coroutine[Any, Any, None]) -> int:
    """Run a coroutine; SIGINT and SIGTERM cancel it and count as a good end."""

    async def supervise() -> None:
        loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        await task

    try:
        asyncio.run(supervise())
    except asyncio.CancelledError:
        return 0
    except BaseExceptionGroup as group:
        # A task group wraps what its tasks raise; one cause is what people need.
        errors, others = group.split(NodeError)
        if errors is not None and others is None:
            raise _first(errors) from group
        raise
    return 0


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    inner = group.exceptions[0]
    return _first(inner) if isinstance(inner, BaseExceptionGroup) else inner
