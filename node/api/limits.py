"""How much each caller may ask for: calls and bytes a second, calls and streams at once.

Nothing here lasts: a restart begins anew. What is kept is bounded: buckets of the latest callers, and counters of
those who are being served.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from throttled import RateLimiterType, Throttled, per_sec
from throttled.store import MemoryStore

from node.api.authority import WALLET
from node.api.caller import Visitor
from node.config import LimitsConfig
from node.errors import RateLimitError, TooManyCallsError

_BURST_SECONDS = 2
"""What a caller may take at once after a pause."""
_KIB, _LARGEST_KIB = 1 << 10, 16 << 10


class Limits:
    """One listener's counters and buckets."""

    def __init__(self, config: LimitsConfig) -> None:
        self._config = config
        self._calls, self._streams = (
            _Open(config.calls, config.all_calls),
            _Open(config.streams, config.all_streams),
        )
        self._systems = _buckets(config.calls_per_second, config.calls_per_second, config)
        self._wallets = _buckets(config.wallet_calls_per_second, config.wallet_calls_per_second, config)
        kib = config.mebibytes_per_second * 1024
        # One message of the largest size must always fit.
        self._kib = _buckets(kib, max(kib, _LARGEST_KIB), config)

    @contextmanager
    def call(self, visitor: Visitor, size: int) -> Iterator[None]:
        """Count a call that is answered once, as long as it is served.

        Args:
            visitor: who calls.
            size: bytes of the request.

        Raises:
            RateLimitError: too many calls or bytes in too short a time.
            TooManyCallsError: too many at once.
        """
        self._take_call(visitor)
        wait = _take(self._kib, str(visitor), size // _KIB)
        if wait:
            raise RateLimitError(f"{visitor} sends more than {self._config.mebibytes_per_second} MiB/s", wait)
        with self._calls.one(visitor, "calls"):
            yield

    @contextmanager
    def stream(self, visitor: Visitor) -> Iterator[None]:
        """Count a stream, as long as it is open.

        Raises:
            RateLimitError: too many calls in too short a time.
            TooManyCallsError: too many at once.
        """
        self._take_call(visitor)
        with self._streams.one(visitor, "streams"):
            yield

    async def message(self, visitor: Visitor, size: int) -> None:
        """Count a message of a stream; waits until its caller may send it.

        While this waits nothing more is read from the stream, so that its sender is slowed down too.
        """
        for buckets, cost in ((self._rates(visitor), 1), (self._kib, size // _KIB)):
            while wait := _take(buckets, str(visitor), cost):  # noqa: ASYNC110
                await asyncio.sleep(wait)

    def _take_call(self, visitor: Visitor) -> None:
        wait = _take(self._rates(visitor), str(visitor), 1)
        if wait:
            raise RateLimitError(f"{visitor} calls too often", wait)

    def _rates(self, visitor: Visitor) -> Throttled:
        return self._wallets if visitor.party is WALLET else self._systems


class PublicLimit:
    """One bucket for all whom nobody knows."""

    def __init__(self, config: LimitsConfig) -> None:
        self._bucket = _buckets(config.tiles_per_second, config.tiles_per_second, config)

    def take(self) -> float:
        """Count a request; zero, or the seconds after which to come again."""
        return _take(self._bucket, "public", 1)


class _Open:
    """What is being served now, by caller."""

    def __init__(self, each: int, together: int) -> None:
        self._each, self._together = each, together
        self._of: Counter[Visitor] = Counter()
        self._count = 0

    @contextmanager
    def one(self, visitor: Visitor, what: str) -> Iterator[None]:
        if self._of[visitor] >= self._each:
            raise TooManyCallsError(f"{visitor} has {self._each} {what} open at this node")
        if self._count >= self._together:
            raise TooManyCallsError(f"this node serves {self._together} {what} already")
        self._of[visitor] += 1
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1
            self._of[visitor] -= 1
            if not self._of[visitor]:
                del self._of[visitor]


def _buckets(per_second: int, least_burst: int, config: LimitsConfig) -> Throttled:
    # GCRA is a token bucket kept as one moment of a monotonic clock; the store forgets the oldest callers.
    burst = max(per_second * _BURST_SECONDS, least_burst)
    return Throttled(
        using=RateLimiterType.GCRA.value,
        quota=per_sec(per_second, burst=burst),
        store=MemoryStore(options={"MAX_SIZE": config.callers}),
    )


def _take(buckets: Throttled, key: str, cost: int) -> float:
    """Take from a caller's bucket; zero, or the seconds until there will be enough."""
    if not cost:
        return 0.0
    result = buckets.limit(key, cost)
    return max(result.state.retry_after, 0.001) if result.limited else 0.0
