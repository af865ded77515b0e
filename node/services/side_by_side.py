"""Work for several members at once: who does not answer delays nobody else's."""

import asyncio
from collections.abc import Coroutine, Iterable

AT_ONCE = 8


async def side_by_side(work: Iterable[Coroutine[None, None, None]], at_once: int = AT_ONCE) -> None:
    """Run to the end, a few at a time; an error ends its own piece of work alone, and the first is raised at the end.

    Args:
        work: pieces that wait for nobody but their own member.
        at_once: this many.
    """
    turns = asyncio.Semaphore(at_once)

    async def in_turn(one: Coroutine[None, None, None]) -> None:
        async with turns:
            await one

    outcomes = await asyncio.gather(*map(in_turn, work), return_exceptions=True)
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
