"""When to try again: later each time, never all at once."""

from __future__ import annotations

import random
import time


class Backoff:
    """Waits 1, 2, 4 … up to 300 seconds, each 50 to 150 % of that, so that many clients spread out.

    ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015.)

    Examples
    --------
    >>> backoff = Backoff()
    >>> backoff.ready
    True
    >>> backoff.failed()
    >>> backoff.ready
    False
    >>> backoff.worked()
    >>> backoff.ready
    True
    """

    FIRST, LONGEST = 1.0, 300.0

    def __init__(self) -> None:
        self._failures = 0
        self._next = 0.0

    @property
    def ready(self) -> bool:
        """Whether it is time."""
        return time.monotonic() >= self._next

    def failed(self, wait: float | None = None) -> None:
        """Take note of a failure; the server may have said how long to wait."""
        delay = min(self.LONGEST, self.FIRST * 2**self._failures)
        self._failures = min(self._failures + 1, 20)
        spread = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
        self._next = time.monotonic() + max(wait or 0.0, delay * spread)

    def worked(self) -> None:
        """Take note of a success."""
        self._failures, self._next = 0, 0.0
