"""Waiting for something that other processes bring about."""

import time
from collections.abc import Callable
from typing import TypeVar

from node.errors import NodeError, UnavailableError

R = TypeVar("R")
_PAUSE_SECONDS = 0.2


def retry(attempt: Callable[[], R], seconds: float, *transient: type[NodeError]) -> R:
    """The first result of `attempt` that is not an error named transient.

    Args:
        attempt: tried at least once.
        seconds: how long to go on trying.
        transient: errors that may pass.

    Raises:
        NodeError: another error at once, or the last transient one when the time is over.
    """
    deadline = time.monotonic() + seconds
    while True:
        try:
            return attempt()
        except transient:
            if time.monotonic() > deadline:
                raise
        time.sleep(_PAUSE_SECONDS)


def wait_for(
    what: str, is_there: Callable[[], bool], seconds: float, check: Callable[[], None] = lambda: None
) -> None:
    """Wait until something is so.

    Args:
        what: for the message if it is not.
        is_there: asked again and again.
        seconds: how long.
        check: run between the questions; raises if waiting is in vain.

    Raises:
        UnavailableError: it is not so within the time.
    """
    deadline = time.monotonic() + seconds
    while not is_there():
        check()
        if time.monotonic() > deadline:
            raise UnavailableError(f"{what} is not there after {seconds:.0f} s")
        time.sleep(_PAUSE_SECONDS / 2)
