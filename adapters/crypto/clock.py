"""The operating system's clock."""

import time


class SystemClock:
    """The `Clock` port."""

    def now(self) -> float:
        """Seconds since 1970 UTC."""
        return time.time()
