"""Work that goes on beside the calls: repeated for ever, slowed down by trouble, stopped only with the node."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from node.errors import StoreError, UnavailableError

logger = logging.getLogger(__name__)

_MAX_PAUSE_SECONDS = 5.0


async def repeat(name: str, step: Callable[[], Awaitable[object]], pause_seconds: float) -> None:
    """Run `step` again and again.

    What is away (the engine, a peer) is told once and tried again with growing pauses. A bug is logged with its
    stack and tried again too, because the rest of the node goes on. A failing database ends the task, and with
    it the node: going on would promise what cannot be kept.

    Args:
        name: for the log.
        step: one round; a true result asks for the next round at once.
        pause_seconds: between rounds.

    Raises:
        StoreError: the database fails.
    """
    failures = 0
    while True:
        try:
            again = await step()
        except StoreError:
            raise
        except UnavailableError as error:
            if not failures:
                logger.warning("%s: %s", name, error)
            failures += 1
            again = False
        except Exception:
            failures += 1
            again = False
            logger.exception("%s: a bug", name)
        else:
            if failures:
                logger.warning("%s: works again", name)
            failures = 0
        longest = max(pause_seconds, _MAX_PAUSE_SECONDS)
        # Even a step that asks for the next one at once lets others have a turn.
        await asyncio.sleep(0 if again is True else min(pause_seconds * 2 ** min(failures, 16), longest))


async def every(period_seconds: float, step: Callable[[], object], name: str) -> None:
    """Run `step` at fixed moments, one period apart, whatever the last one took.

    Raises:
        StoreError: the database fails.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        try:
            step()
        except StoreError:
            raise
        except Exception:
            logger.exception("%s: a bug", name)
        due = max(due + period_seconds, loop.time())
        await asyncio.sleep(due - loop.time())
