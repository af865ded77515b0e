"""Refusals that must tell nothing take the same time, whatever they hide.

A read that is not granted and one of something that is not there do the same work (`services/serving.py`). What is
left is how long a database takes to find a row, or that there is none; so the answer waits for a fixed moment.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from node.errors import GrantMissingError, MissingError

REFUSAL_SECONDS = 0.005
"""After its call such a refusal leaves. Many times what the work takes."""


@asynccontextmanager
async def even_refusals() -> AsyncIterator[None]:
    """Around the work of a call: what succeeds passes at once, such a refusal at a fixed moment after the begin."""
    loop = asyncio.get_running_loop()
    due = loop.time() + REFUSAL_SECONDS
    try:
        yield
    except (GrantMissingError, MissingError):
        await asyncio.sleep(due - loop.time())
        raise
