"""Open streams: looked at again whenever authority may have changed, and ended when it has."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from node.errors import NodeError

logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class OpenStream:
    """One stream and the task that serves it."""

    task: asyncio.Task[object]
    check: Callable[[], object]
    refusal: NodeError | None = None
    """Why it was ended."""


class OpenStreams:
    """All open streams of a listener."""

    def __init__(self) -> None:
        self._open: set[OpenStream] = set()

    @contextmanager
    def opened(self, check: Callable[[], object]) -> Iterator[OpenStream]:
        """Keep the stream that this task serves, as long as it is open.

        Args:
            check: asked again and again whether its caller still may; raises if not.
        """
        task = asyncio.current_task()
        assert task is not None
        stream = OpenStream(task, check)
        self._open.add(stream)
        try:
            yield stream
        finally:
            self._open.discard(stream)

    def look_again(self) -> None:
        """End every stream whose caller may no longer have it."""
        for stream in list(self._open):
            try:
                stream.check()
            except NodeError as error:
                # The task is interrupted before it does anything more, whatever it waits for.
                stream.refusal = error
                stream.task.cancel()
                self._open.discard(stream)
