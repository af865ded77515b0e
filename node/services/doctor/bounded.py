"""Running what may hang: every probe gets so much time and not more."""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from node.errors import NodeError
from node.services.doctor.finding import Unknown

T = TypeVar("T")


async def within(seconds: float, probe: Callable[[], Awaitable[T]]) -> T | Unknown:
    """What the probe brings, or why it brings nothing. Lets no error out."""
    try:
        async with asyncio.timeout(seconds):
            return await probe()
    except TimeoutError:
        return Unknown(f"{seconds:.0f} s", timed_out=True)
    except NodeError as error:
        return Unknown(str(error))
    except OSError as error:
        return Unknown(f"{error.filename or ''} {error.strerror or error}".strip())
    except Exception as error:  # noqa: BLE001  one probe that fails must not stop the others
        return Unknown(f"{type(error).__name__}: {error}")


async def aside(probe: Callable[[], T]) -> T:
    """Run blocking code in a thread that nothing waits for: a dead network disk blocks for ever.

    The thread pools of the standard library are joined when the process ends, and would hold it.
    """
    loop = asyncio.get_running_loop()
    outcome: asyncio.Future[T] = loop.create_future()

    def settle(put: Callable[[], None]) -> None:
        if not outcome.done():
            put()

    def run() -> None:
        try:
            put = partial(outcome.set_result, probe())
        except Exception as error:  # noqa: BLE001  handed on to whoever waits
            put = partial(outcome.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, put)

    threading.Thread(target=run, daemon=True, name="doctor").start()
    return await outcome
