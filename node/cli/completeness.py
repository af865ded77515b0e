"""Evidence that is complete only after a while: cosignatures and the proof of the ledger come after the record."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

from node.cli.waiting import retry
from node.errors import EvidencePendingError

R = TypeVar("R")
WAIT_SECONDS = 60.0


def add_completeness(parser: argparse.ArgumentParser) -> None:
    """Options of every command that writes bundles."""
    parser.add_argument(
        "--incomplete",
        action="store_true",
        help="不等共签与账本证明 | do not wait for cosignatures and the proof of the ledger",
    )


def when_complete(args: argparse.Namespace, attempt: Callable[[], R]) -> R:
    """The result of `attempt` once the node has all that belongs to it; says so if that takes a while.

    Raises:
        EvidencePendingError: it is still not complete after `WAIT_SECONDS`.
        NodeError: what `attempt` raises besides.
    """
    try:
        return attempt()
    except EvidencePendingError as error:
        if args.incomplete:
            raise
        print(f"等待共签与账本证明……  waiting: {error}", file=sys.stderr, flush=True)
    return retry(attempt, WAIT_SECONDS, EvidencePendingError)
